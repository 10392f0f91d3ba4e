"""TIFFs of several pages among the inputs to their pages, each an image of its own, where that is asked for."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from hypsegcli.errors import PlanError, UsageError, setting
from hypsegcli.files.place import StorePath
from hypsegcli.files.words import count_of
from hypsegcli.images.discover import Input, Inputs
from hypsegcli.images.formats import FORMATS
from hypsegcli.images.stack import find_pages

_DIGITS = 4  # of a page's number, or more
_RANGE = re.compile(r"([0-9]{1,7})(-([0-9]{1,7})?)?")


@dataclass(frozen=True)
class PageChoice:
    """Which pages of every file of several are wanted, counted from 1."""

    text: str  # as it was given
    ranges: tuple[tuple[int, int | None], ...]  # from, to; None: to the last page

    @classmethod
    def parse(cls, text: str) -> PageChoice:
        """`all`, or numbers and ranges with commas between, such as 1,3-5,8-; UsageError for anything else."""
        if text.strip() == "all":
            return cls(text, ((1, None),))
        ranges = []
        for part in text.split(","):
            found = _RANGE.fullmatch(part.strip())
            first = int(found[1]) if found else 0
            last = (int(found[3]) if found[3] else None) if found and found[2] else first
            if first < 1 or (last is not None and last < first):
                raise UsageError(
                    f"{setting('pages', text)}: expected all, or numbers of pages from 1 on, such as 1,3-5 or 8-"
                )
            ranges.append((first, last))
        return cls(text, tuple(ranges))

    def of(self, item: Input, count: int) -> list[int]:
        """Those of a file of so many pages, rising; PlanError where it lacks one that is named."""
        last = max(max(first, last or 0) for first, last in self.ranges)
        if last > count:
            raise PlanError(
                f"{item.path}: has {count_of(count, 'page')}, and {setting('pages', self.text)} names page {last}; "
                "name others, such as 2- for all from the second on, or run this file by itself"
            )
        chosen = {number for first, last in self.ranges for number in range(first, (last or count) + 1)}
        return sorted(chosen)


def key_of_page(file: PurePosixPath, number: int) -> PurePosixPath:
    """`stack/0003`."""
    return PurePosixPath(file, f"{number:0{_DIGITS}d}")


def take_pages(inputs: Inputs, choice: PageChoice | None) -> Inputs:
    """Put the pages of TIFFs of several in their places, in order; None: each such file stays one image.

    Raises UsageError where there is no such file, and PlanError as `PageChoice.of` does, and for one in a store.
    """
    if choice is None:
        return inputs
    images: list[Input] = []
    for item in inputs.images:
        images += _take(item, choice)
    if not any(image.page is not None for image in images):
        raise UsageError(
            f"{setting('pages', choice.text)} is about TIFFs of several pages, and no input is one; leave it out"
        )
    return replace(inputs, images=tuple(images))


def _take(item: Input, choice: PageChoice) -> list[Input]:
    if item.frame is not None:
        return [item]
    if isinstance(item.path, StorePath):
        if item.path.suffix.lower() not in FORMATS["TIFF"]:
            return [item]
        raise PlanError(
            f"{item.path}: pages are read from a disk of this machine; copy the file there, or leave out "
            f"{setting('pages')}"
        )
    pages = find_pages(item.path)
    if pages is None or pages.total < 2:
        return [item]
    return [replace(item, key=key_of_page(item.key, number), page=number) for number in choice.of(item, pages.total)]
