"""Which pages of which files become images."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import numpy as np
import pytest
import tifffile
from support import photograph

from hypsegcli.errors import PlanError, UsageError
from hypsegcli.files.place import locate
from hypsegcli.images.discover import Input, Inputs, find_inputs
from hypsegcli.images.pages import PageChoice, take_pages


def stack(path: Path, pages: int) -> Path:
    tifffile.imwrite(path, np.zeros((pages, 8, 6, 3), np.uint8), photometric="rgb")
    return path


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("all", [1, 2, 3, 4, 5]), ("1,3-5", [1, 3, 4, 5]), (" 4 , 2-3,3", [2, 3, 4]), ("2-", [2, 3, 4, 5]), ("5", [5])],
)
def test_numbers_count_from_one(tmp_path: Path, text: str, wanted: list[int]) -> None:
    stack(tmp_path / "a.tif", 5)
    found = take_pages(find_inputs([str(tmp_path)]), PageChoice.parse(text)).images
    assert [image.page for image in found] == wanted
    assert [str(image.key) for image in found] == [f"a/{number:04d}" for number in wanted]


@pytest.mark.parametrize("text", ["", "0", "1,", "3-1", "a", "-2", "1-2-3", "0-4"])
def test_what_names_no_pages_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="expected all, or numbers of pages from 1 on"):
        PageChoice.parse(text)


def test_what_has_one_page_stays_what_it_is(tmp_path: Path) -> None:
    stack(tmp_path / "b.tif", 2)
    photograph(tmp_path / "a.png")
    photograph(tmp_path / "c.tif")
    inputs = find_inputs([str(tmp_path)])
    assert take_pages(inputs, None) is inputs
    found = take_pages(inputs, PageChoice.parse("all")).images
    assert [(str(image.key), image.page) for image in found] == [
        ("a", None),
        ("b/0001", 1),
        ("b/0002", 2),
        ("c", None),
    ]


def test_a_page_that_is_not_there_is_refused_and_so_are_pages_of_nothing(tmp_path: Path) -> None:
    stack(tmp_path / "a.tif", 2)
    with pytest.raises(PlanError, match=r"a\.tif: has 2 pages, and pages=1,3 names page 3"):
        take_pages(find_inputs([str(tmp_path)]), PageChoice.parse("1,3"))
    with pytest.raises(UsageError, match="no input is one"):
        take_pages(find_inputs([str(photograph(tmp_path / "b.png"))]), PageChoice.parse("all"))


def test_one_in_a_store_is_refused() -> None:
    place = Input(locate("s3://bucket/a.tif"), PurePosixPath("a"))
    with pytest.raises(PlanError, match="copy the file there"):
        take_pages(Inputs((place,), ()), PageChoice.parse("all"))
