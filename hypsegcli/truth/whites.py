"""Masks in which white stands for a class, among others in which its id does."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

WHITE = 255  # which means void too, unless something else is said to


class Whites:
    """Counts over all masks of a set in which white means void."""

    def __init__(self) -> None:
        self._black_and_white: list[Path] = []
        self._classes = 0  # masks that hold a class but the first, and no void
        self._both = 0  # masks that hold such a class and void: there white is what it says

    def add(self, path: Path, counts: Mapping[int, int]) -> None:
        """Take in a mask, by its pixels of each id."""
        if counts.keys() == {0, WHITE}:
            self._black_and_white.append(path)
        elif counts.keys() - {0, WHITE}:
            self._both += WHITE in counts
            self._classes += WHITE not in counts

    def doubt(self, kind: str) -> str | None:
        """What to say where some are black and white and all others hold classes and no void; None of other sets."""
        some = self._black_and_white
        if not some or not self._classes or self._both:
            return None
        return (
            f"{len(some)} of the {kind}, such as {some[0]}, hold nothing but 0 and {WHITE}, which means void, and no "
            "other one holds void; if white is a class there, save its id in place of it"
        )
