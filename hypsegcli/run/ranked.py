"""Lines of a manifest by rank, of which there may be a million: only some numbers of each are held."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypsegcli.files.kinds import RANKED
from hypsegcli.run.manifest import Line, input_from_here, part_of
from hypsegcli.run.ordering import Ordering
from hypsegcli.run.plan import name_of

MEAN, WRONG = "mean", "expected_wrong"  # of a line's summary
_NO_SIGNATURE = bytes(64)
_HELD = 50_000  # rows, of some hundred bytes

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Entries:
    """What is to be ranked: N images, or regions of images, those of one image one after the other."""

    keys: Sequence[str]  # of the lines that have some, rising
    owners: NDArray[np.int32]  # (N,) the numbers of their keys
    places: NDArray[np.int16]  # (N,) the how manieth of its line each is, from 0 on
    scores: NDArray[np.float64]  # (N,) 0 or more
    kinds: NDArray[np.int32]  # (N,) the numbers of their classes
    numbers: Mapping[str, int]  # of the classes, by name

    @classmethod
    def of(cls, lines: Mapping[str, Line], find: Callable[[Line], Iterable[tuple[float, str]]]) -> Entries:
        """Those of lines in which `find` finds some, each a score and the name of a class."""
        keys: list[str] = []
        numbers: dict[str, int] = {}
        owners, places, scores, kinds = array("i"), array("h"), array("d"), array("i")
        for key in sorted(lines):
            before = len(scores)
            for place, (score, name) in enumerate(find(lines[key])):
                owners.append(len(keys))
                places.append(place)
                scores.append(max(score, 0.0))
                kinds.append(numbers.setdefault(name, len(numbers)))
            if len(scores) > before:
                keys.append(key)
        return cls(keys, np.asarray(owners), np.asarray(places), np.asarray(scores), np.asarray(kinds), numbers)

    def __len__(self) -> int:
        return len(self.scores)

    def quotas(self, ordering: Ordering) -> float | dict[int, float] | None:
        """The largest share of each class, by its number; or one for all."""
        if isinstance(ordering.quota, Mapping):
            return {self.numbers[name]: share for name, share in ordering.quota.items() if name in self.numbers}
        return ordering.quota

    def rows(
        self,
        lines: Mapping[str, Line],
        order: NDArray[np.intp],
        row_of: Callable[[Line, int], Row],
        *,
        most: int = _HELD,
    ) -> Iterator[Row]:
        """In an order (N,), what `row_of` makes of the line of each, and its place there, after the rank from 1 on.

        Of `most` rows at a time, each line is read once.
        """
        for start in range(0, len(order), most):
            part = order[start : start + most]
            found: dict[int, Row] = {}
            by_line = part[np.argsort(self.owners[part], kind="stable")].tolist()
            for owner, numbers in groupby(by_line, key=self.owners.__getitem__):
                line = lines[self.keys[int(owner)]]
                found |= {number: row_of(line, int(self.places[number])) for number in numbers}
            yield from ((rank, *found[number]) for rank, number in enumerate(part.tolist(), start=start + 1))


def signatures_of(lines: Mapping[str, Line], keys: Sequence[str]) -> NDArray[np.uint8]:
    """(N, 64) of images, by the keys of their lines."""
    found = bytearray()
    for key in keys:
        line = lines[key]
        found += bytes.fromhex(line["signature"]) if "signature" in line else _NO_SIGNATURE
    return np.frombuffer(found, np.uint8).reshape(len(keys), len(_NO_SIGNATURE))


def score_of(line: Line, ordering: Ordering) -> float:
    """By which an image is ranked; see Ordering."""
    return float(line["summary"].get(MEAN if ordering.rank == "mean" else WRONG, 0.0))


def class_of(line: Line) -> str:
    """The name of the class that most of an image's expected wrong pixels have; empty where that is not known."""
    return str(line.get("class", ""))


def is_by(line: Line, recipe: str) -> bool:
    """Whether a line is of an image that is done, by a recipe, and has a heatmap."""
    return is_ranked(line) and line["recipe"] == recipe


def is_ranked(line: Line) -> bool:
    """Whether a line is of an image that is done and has a heatmap."""
    return bool(line["status"] == "done" and RANKED in line["outputs"])


def called(line: Line) -> str:
    """What an image is called in tables: a path that means it from the present directory."""
    return name_of(input_from_here(line), part_of(line))
