"""Lines of a manifest by rank, of which there may be a million: only a few numbers of each are held."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy as np

from hypsegcli.files.kinds import RANKED
from hypsegcli.run.manifest import Line, input_from_here
from hypsegcli.run.plan import name_of


class Ranked:
    """From the largest score on: its rank from 1 on, the line that has it, and its place among those of the line.

    Of equal ones, that of the first key, and there the first. `scores_of` a line may have none.
    """

    def __init__(self, lines: Mapping[str, Line], scores_of: Callable[[Line], Iterable[float]]) -> None:
        self._lines = lines
        self._keys: list[str] = []
        scores, owners, places = array("d"), array("q"), array("i")
        for key in sorted(lines):
            before = len(scores)
            scores.extend(scores_of(lines[key]))
            if count := len(scores) - before:
                owners.extend([len(self._keys)] * count)
                places.extend(range(count))
                self._keys.append(key)
        order = np.argsort(-np.asarray(scores), kind="stable")
        self._owners, self._places = np.asarray(owners)[order], np.asarray(places)[order]

    def __len__(self) -> int:
        return len(self._owners)

    def __iter__(self) -> Iterator[tuple[int, Line, int]]:
        for at, (owner, place) in enumerate(zip(self._owners, self._places, strict=True)):
            yield at + 1, self._lines[self._keys[owner]], int(place)


def is_by(line: Line, recipe: str) -> bool:
    """Whether a line is of an image that is done, by a recipe, and has a heatmap."""
    return is_ranked(line) and line["recipe"] == recipe


def is_ranked(line: Line) -> bool:
    """Whether a line is of an image that is done and has a heatmap."""
    return bool(line["status"] == "done" and RANKED in line["outputs"])


def called(line: Line) -> str:
    """What an image is called in tables: a path that means it from the present directory."""
    return name_of(input_from_here(line), line.get("frame"))
