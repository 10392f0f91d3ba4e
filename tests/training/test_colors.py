"""Colour files and their errors; invented colours."""

import itertools
from pathlib import Path

import pytest

from hypsegcli.errors import TreeError
from hypsegcli.training.colors import read_colors


def colors(tmp_path: Path, text: str, *names: str) -> tuple[tuple[int, int, int], ...]:
    path = tmp_path / "colors.txt"
    path.write_bytes(text.encode())
    return read_colors(path, names)


def test_colours_follow_the_order_of_the_names(tmp_path: Path) -> None:
    text = "\ufeffroad:#804080\n\nsky: 4682B4\r\nratio 1:2:#ffffff\nnot asked for:#000000\n"
    assert colors(tmp_path, text, "sky", "ratio 1:2", "road") == ((70, 130, 180), (255, 255, 255), (128, 64, 128))


@pytest.mark.parametrize("line", ["sky", "sky:", "sky:#12345", "sky:#1234567", "sky:#12345g", "sky:red", "sky:1,2"])
def test_a_line_that_is_no_colour(tmp_path: Path, line: str) -> None:
    with pytest.raises(
        TreeError, match=rf"colors\.txt, line 2: expected 'name:#rrggbb' or 'name: r g b', found '{line}'"
    ):
        colors(tmp_path, f"road:#000000\n{line}\n", "sky", "road")


def test_classes_without_a_colour_are_named(tmp_path: Path) -> None:
    with pytest.raises(TreeError, match=r"colors\.txt: no colour for sky, car$"):
        colors(tmp_path, "road:#000000\n", "sky", "road", "car")


def test_a_colour_given_twice(tmp_path: Path) -> None:
    with pytest.raises(TreeError, match="line 3: 'sky' is given a colour a second time"):
        colors(tmp_path, "sky:#000000\nroad:#000000\nsky:#ffffff\n", "sky")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(TreeError, match=r"none\.txt: cannot read the colours"):
        read_colors(tmp_path / "none.txt", ["sky"])
    with pytest.raises(TreeError, match="cannot read the colours"):
        read_colors(tmp_path, ["sky"])
    (tmp_path / "latin.txt").write_bytes("stra\xdfe:#000000".encode("latin-1"))
    with pytest.raises(TreeError, match=r"latin\.txt: cannot read the colours"):
        read_colors(tmp_path / "latin.txt", ["straße"])


def test_invented_colours_are_bytes_and_differ_from_their_neighbours() -> None:
    found = read_colors(None, [str(index) for index in range(200)])
    assert len(set(found)) == 200
    assert all(0 <= channel <= 255 for color in found for channel in color)
    for one, two in itertools.pairwise(found):
        assert sum(abs(a - b) for a, b in zip(one, two, strict=True)) > 60
    assert found[:3] == read_colors(None, ["a", "b", "c"])


def test_the_background_is_grey_where_colours_are_invented_and_as_given_where_not(tmp_path: Path) -> None:
    assert len(set(read_colors(None, ["a", "b"], background=1)[1])) == 1
    (tmp_path / "colors.txt").write_text("a:#ff0000\nb:#00ff00\n")
    assert read_colors(tmp_path / "colors.txt", ["a", "b"], background=1) == ((255, 0, 0), (0, 255, 0))
