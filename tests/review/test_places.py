"""Places of a regions.csv, and which of them are wanted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.reviewed import Row, rows_of

from hypsegcli.errors import PlanError
from hypsegcli.files.table import encode_csv
from hypsegcli.review.places import Mark, Places, Wanted, read_places
from hypsegcli.run.regions_csv import COLUMNS

KEYS = ("a", "sub/b", "sub/c")
ROWS = rows_of(KEYS)


def places_of(tmp_path: Path, rows: list[Row] = ROWS) -> Places:
    (tmp_path / "regions.csv").write_bytes(encode_csv(COLUMNS, rows))
    return read_places(tmp_path)[0]


def test_places_are_in_the_order_of_their_ranks(tmp_path: Path) -> None:
    places = places_of(tmp_path, ROWS[::-1])
    assert [place.rank for place in places] == list(range(1, 10))
    assert places[0].mark == Mark("a", 0, 16, 40, 24)
    assert (places[0].area, places[0].expected, places[0].name) == (500, 399.0, "road")


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (Wanted(), range(9)),
        (Wanted(name="sky"), [2, 5, 8]),
        (Wanted(name="nothing"), []),
        (Wanted(beginning="sub/"), [1, 2, 4, 5, 7, 8]),
        (Wanted(beginning="sub/c", name="sky"), [2, 5, 8]),
        (Wanted(show="open"), [0, 2, 3, 5, 6, 7, 8]),
        (Wanted(show="wrong"), [4]),
        (Wanted(show="right", beginning="sub"), [1]),
    ],
)
def test_those_that_are_wanted(tmp_path: Path, wanted: Wanted, numbers: list[int]) -> None:
    given = np.zeros(9, np.int8)
    given[1], given[4] = 1, 2  # right, wrong
    assert places_of(tmp_path).select(wanted, given).tolist() == list(numbers)


def test_classes_and_folders_are_counted(tmp_path: Path) -> None:
    places = places_of(tmp_path)
    assert dict(places.class_counts()) == {"sky": 3, "road": 3, "car": 3}
    assert places.folder_counts(10) == [("sub", 6)]
    assert places.folder_counts(0) == []


@pytest.mark.parametrize(
    "damaged",
    [
        "10,photos/a.png,a,0,16,40",
        "x,photos/a.png,a,0,16,40,24,500,1.0,sky,sky 500",
        "10,photos/a.png,a,0,16,0,24,500,1.0,sky,sky 500",
        "10,photos/a.png,a,-1,16,40,24,500,1.0,sky,sky 500",
        "10,photos/a.png,a,0,16,40,24,500,nan,sky,sky 500",
        '10,photos/a.png,"a,0,16,40,24,500,1.0,sky,sky 500',
    ],
)
def test_a_damaged_line_costs_itself_alone_and_is_told(tmp_path: Path, damaged: str) -> None:
    first, rest = encode_csv(COLUMNS, ROWS).split(b"\r\n", 1)
    (tmp_path / "regions.csv").write_bytes(first + b"\r\n" + damaged.encode() + b"\r\n" + rest)
    places, notices = read_places(tmp_path)
    assert len(places) == 9
    assert notices == [f"{tmp_path / 'regions.csv'}: 1 line cannot be read and is left out: 2"]


def test_a_run_without_the_list_is_told_which_command_makes_it(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match=r"holds no regions.csv, .*; hypseg uncertainty with .* writes it"):
        read_places(tmp_path)


def test_what_is_no_list_and_what_lists_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "regions.csv").write_bytes(b"name,age\r\n")
    with pytest.raises(PlanError, match="is no list of places, for its first line names no columns rank, image"):
        read_places(tmp_path)
    (tmp_path / "regions.csv").write_bytes(encode_csv(COLUMNS, []))
    with pytest.raises(PlanError, match=r"lists no place, .* doubtful enough; look for them with a higher below"):
        read_places(tmp_path)
