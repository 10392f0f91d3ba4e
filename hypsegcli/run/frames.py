"""Frames of videos for the threads that decode ahead: one video is open at a time, and read from its beginning on.

Pages of TIFFs are frames here, which come in any order.

Threads may come for their frames in any order, a decoder gives them out in one. So the images of a plan line up as they
are taken, and each that is a frame waits for the one before.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from hypsegcli.images.decode import DecodedImage
from hypsegcli.images.stack import Stack
from hypsegcli.images.video import Video
from hypsegcli.run.plan import PlannedImage


@dataclass(frozen=True, eq=False)
class InLine:
    """An image; `before` is set once the turn of the frame before it is over, and `over` is for the one behind it."""

    planned: PlannedImage
    before: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)


class Frames:
    """Decodes the frames of a run's videos, and pages; close it when no thread reads any more."""

    def __init__(self, *, max_pixels: int) -> None:
        self._max_pixels = max_pixels
        self._path: Path | None = None
        self._video: Video | Stack | None = None

    def line_up(self, plan: Iterable[PlannedImage]) -> Iterator[InLine]:
        """The images of a plan in its order, in which whoever takes one has to begin with it."""
        before = threading.Event()
        before.set()
        for planned in plan:
            if planned.part is None:
                yield InLine(planned)
                continue
            image = InLine(planned, before)
            before = image.over
            yield image

    def decode(self, image: InLine) -> DecodedImage:
        """The frame, once those before it are over; raises ImageError as Video does.

        Frames that nobody asks for are grabbed on the way, and the video begun anew for one that has been passed.
        """
        planned, number = image.planned, image.planned.part
        assert number is not None, "it is a frame"
        image.before.wait()
        try:
            if self._video is None or self._path != planned.source or self._video.next > number:
                self.close()
                kind = Video if planned.page is None else Stack
                self._video, self._path = kind(planned.source, max_pixels=self._max_pixels), planned.source
            return self._video.frame(number)
        finally:
            image.over.set()

    def close(self) -> None:
        """Close the video that is open."""
        if self._video is not None:
            self._video.close()
        self._video = None
