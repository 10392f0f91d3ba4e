"""Where videos and stacks end: frames and pages that an earlier run had beyond that are gone, as a file may be."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from pathlib import Path, PurePosixPath

from hypsegcli.files.place import is_gone_from
from hypsegcli.images.stack import find_pages
from hypsegcli.run.manifest import Line, input_of, part_of, real_place


class Ends:
    """The ends of the videos and stacks among the files that a run names.

    `frames` are how many a video has, by its key; `named` are the run's images, each its key and file.
    """

    def __init__(self, frames: Mapping[str, int], named: Callable[[], Iterable[tuple[str, Path]]]) -> None:
        self._frames, self._named = frames, named
        self._folders: dict[Path, str] = {}
        self._pages: dict[str, int | None] = {}

    def is_beyond(self, line: Line) -> bool:
        """Whether an image is a frame or page that its file, which is one of those named, does not have any more."""
        number = _number_of(line)
        if number is None:
            return False
        source = input_of(line)
        place = real_place(source, self._folders)
        if (key := self._keys.get(place)) is None:
            return False
        if (frames := self._frames.get(key.rpartition("/")[0])) is not None:
            return number >= frames or line.get("code") == "truncated"  # which stood for frames that were missing
        if place not in self._pages:
            pages = find_pages(source)
            self._pages[place] = None if pages is None else pages.total if pages.total > 1 else 0
        most = self._pages[place]
        return "frame" not in line and most is not None and number > most

    def is_gone(self, line: Line) -> bool:
        """Whether an image is beyond the end of its file, or this is no longer in its folder."""
        return self.is_beyond(line) or is_gone_from(input_of(line))

    @cached_property
    def _keys(self) -> dict[str, str]:
        """Of each file that is named, the key of an image of it; hardly any run is asked for them."""
        return {real_place(path, self._folders): key for key, path in self._named()}


def _number_of(line: Line) -> int | None:
    """Which frame or page an image is; where nothing but its key says so, by that: `clip/000123` of `clip.mp4`."""
    if (part := part_of(line)) is not None:
        return part
    file, _, number = line["key"].rpartition("/")
    is_part = number.isascii() and number.isdigit() and PurePosixPath(file).name == input_of(line).stem
    return int(number) if is_part else None
