"""The places of a run that its regions.csv lists: which there are, and which of them are asked for."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from hypsegcli.errors import PlanError, setting
from hypsegcli.files.books import REGIONS
from hypsegcli.files.regular import open_regular
from hypsegcli.files.table import read_csv
from hypsegcli.files.words import count_of, first_of
from hypsegcli.run.regions_csv import COLUMNS

_LISTED = 3  # lines

Show = Literal["open", "all", "wrong", "right"]
SHOWS: tuple[Show, ...] = get_args(Show)
VERDICTS = ("", "right", "wrong")  # none, and those there are


class Mark(NamedTuple):
    """What a place is known by: the image, as tables have its key, and its box in pixels of the map."""

    key: str
    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Place:
    """A row of regions.csv."""

    rank: int
    image: str
    mark: Mark
    area: int  # pixels
    expected: float  # of them, how many are wrong
    name: str  # of its most frequent class
    classes: str  # all of them with their pixels, `car 120; road 80`


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which places are asked for."""

    name: str = ""  # of the most frequent class; empty: any
    beginning: str = ""  # of the key
    show: Show = "all"


class Places(Sequence[Place]):
    """All places of a run, in the order of their ranks."""

    def __init__(self, places: Sequence[Place]) -> None:
        self._places = sorted(places, key=lambda place: place.rank)
        self.number_of = {place.mark: number for number, place in enumerate(self._places)}
        names = sorted({place.name for place in self._places})
        code_of = {name: code for code, name in enumerate(names)}
        self._code_of = code_of
        self._codes = np.array([code_of[place.name] for place in self._places], np.int32)
        self._keys = np.array([place.mark.key for place in self._places], dtype=object)
        self._beginnings: tuple[str, NDArray[np.bool_]] = ("", np.ones(len(self._places), bool))

    def __getitem__(self, number):  # type: ignore[no-untyped-def]
        """The place of a number from 0 on, or several."""
        return self._places[number]

    def __len__(self) -> int:
        return len(self._places)

    def class_counts(self) -> list[tuple[str, int]]:
        """Most frequent classes, and of how many places each is that."""
        return Counter(place.name for place in self._places).most_common()

    def folder_counts(self, most: int) -> list[tuple[str, int]]:
        """Folders of keys, and how many places lie in each; at most so many, those with the most."""
        folders = Counter(place.mark.key.rpartition("/")[0] for place in self._places)
        folders.pop("", None)
        return sorted(folders.most_common(most))

    def select(self, wanted: Wanted, verdicts: NDArray[np.int8]) -> NDArray[np.intp]:
        """The numbers of the places that are wanted, rising; `verdicts` (N,) has 0 where there is none."""
        chosen = self._that_begin(wanted.beginning)
        if wanted.name:
            chosen = chosen & (self._codes == self._code_of.get(wanted.name, -1))
        if wanted.show != "all":
            chosen = chosen & (verdicts == VERDICTS.index("" if wanted.show == "open" else wanted.show))
        return np.flatnonzero(chosen)

    def _that_begin(self, beginning: str) -> NDArray[np.bool_]:
        """Whether the key of each begins so; it is asked page by page, and remembered."""
        known, chosen = self._beginnings
        if known != beginning:
            chosen = np.fromiter((key.startswith(beginning) for key in self._keys), bool, len(self._keys))
            self._beginnings = beginning, chosen
        return chosen


def read_places(out: Path) -> tuple[Places, list[str]]:
    """The places of a run's folder, and a sentence on each thing that is wrong with their file.

    Raises PlanError where there is no such file, where it is none, and where it lists nothing.
    """
    path = out / REGIONS
    try:
        with open_regular(path) as file:
            data = file.read()
    except FileNotFoundError:
        raise PlanError(
            f"{out}: holds no {REGIONS}, the list of the places to look at; hypseg uncertainty with "
            f"{setting('out', out)} and {setting('resume')} writes it"
        ) from None
    except OSError as error:
        raise PlanError(f"{path}: cannot be read ({error.strerror}); check its permissions") from None
    try:
        table = read_csv(data, COLUMNS)
    except ValueError as error:
        raise PlanError(
            f"{path}: is no list of places, for {error}; have it written again by hypseg uncertainty with "
            f"{setting('resume')}"
        ) from None
    places, damaged = [], list(table.damaged)
    for line, row in zip(table.lines, table.rows, strict=True):
        if (place := _parse(row)) is None:
            damaged.append(line)
        else:
            places.append(place)
    if not places:
        why = _unread(damaged) if damaged else f"look for them with a higher {setting('below')}, or smaller ones"
        raise PlanError(f"{path}: lists no place, for nothing in these images is doubtful enough; {why}")
    return Places(places), [f"{path}: {_unread(damaged)}"] if damaged else []


def _unread(damaged: Sequence[int]) -> str:
    numbers = first_of([str(line) for line in sorted(damaged)], _LISTED)
    are = "is" if len(damaged) == 1 else "are"
    return f"{count_of(len(damaged), 'line')} cannot be read and {are} left out: {numbers}"


def _parse(row: tuple[str, ...]) -> Place | None:
    rank, image, key, *box, area, expected, name, classes = row
    try:
        mark = Mark(key, *map(int, box))
        place = Place(int(rank), image, mark, int(area), float(expected), name, classes)
    except ValueError:
        return None
    is_sound = min(mark.x, mark.y) >= 0 and min(mark.width, mark.height) > 0 and math.isfinite(place.expected)
    return place if is_sound else None
