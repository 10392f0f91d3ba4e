"""Videos among the inputs to their frames, each an image of its own.

A plan has to be exact, and what a container claims of its frames may be wrong, or a guess: so they are counted, for
which all of them are decoded once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from hypsegcli.budget import MAX_PIXELS
from hypsegcli.errors import PlanError, UsageError, setting
from hypsegcli.files.place import StorePath
from hypsegcli.images.discover import Input, Inputs
from hypsegcli.images.formats import SUFFIXES

_DIGITS = 6  # of a frame's number, or more


@dataclass(frozen=True)
class Clip:
    """A video among the inputs, and which of its frames are images of a run."""

    path: Path
    key: PurePosixPath  # of the video; its frames lie below
    frames: int  # that can be decoded
    claimed: int | None  # as the container has it
    is_whole: bool  # else one more image stands for the frames that are missing, and fails
    rate: float  # frames a second, as the container has it
    every: int  # how many frames lie between two that are images, and one

    def numbers(self) -> range:
        """Those of the frames that are images."""
        return range(0, self.frames, self.every)

    def images(self) -> Iterator[Input]:
        """An image a frame, and one more where frames are missing, which says so."""
        numbers = [*self.numbers(), *([] if self.is_whole else [self.frames])]
        return (Input(self.path, key_of_frame(self.key, number), number) for number in numbers)


def key_of_frame(clip: PurePosixPath | str, number: int) -> PurePosixPath:
    """`clip/000123`."""
    return PurePosixPath(clip, f"{number:0{_DIGITS}d}")


def take_frames(
    inputs: Inputs,
    *,
    every: int | None = None,
    max_pixels: int = MAX_PIXELS,
    before: Callable[[Path], None] = lambda path: None,
) -> tuple[Inputs, Sequence[Clip]]:
    """Put the frames of videos, every how-manieth, in their places, in order; and these videos.

    `before` is called with the path of each, which is then gone through. Files that are called as pictures are stay
    what they are. UsageError for an `every` where there is no video.
    """
    found = [_take(item, every or 1, max_pixels, before) for item in inputs.images]
    clips = [each for each in found if isinstance(each, Clip)]
    if every is not None and not clips:
        raise UsageError(f"{setting('every', every)} is about videos, and no input is one; leave it out")
    images = (image for each in found for image in (each.images() if isinstance(each, Clip) else (each,)))
    return replace(inputs, images=tuple(images)) if clips else inputs, clips


def _take(item: Input, every: int, max_pixels: int, before: Callable[[Path], None]) -> Input | Clip:
    if item.path.suffix.lower() in SUFFIXES:
        return item
    from hypsegcli.images.video_container import holds_video

    if not holds_video(item.path):
        return item
    from hypsegcli.images.video import count_frames

    if isinstance(item.path, StorePath):
        raise PlanError(
            f"{item.path}: is a video, and these are read from a disk of this machine; copy it there, and name "
            "pictures alone of the store, such as by a pattern"
        )
    before(item.path)
    counted = count_frames(item.path, max_pixels=max_pixels)
    return Clip(item.path, item.key, counted.frames, counted.claimed, counted.is_whole, counted.rate, every)
