"""Videos to frames, by OpenCV's FFmpeg: upright RGB, one after the other, each by its number from 0.

A frame is what the decoder gives out; its number is how many came before. OpenCV's seeking is not exact to the frame,
and not used. What a container claims of its frames is compared with them, and believed for nothing else.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import cv2
import numpy as np

from hypsegcli.budget import MAX_PIXELS
from hypsegcli.errors import ImageError
from hypsegcli.files.digest import digest_shared
from hypsegcli.files.regular import state_of
from hypsegcli.files.words import count_of
from hypsegcli.images.decode import DecodedImage
from hypsegcli.images.picture_file import check_size, image_errors
from hypsegcli.images.video_container import read_container

_SETTINGS = {
    # A packet of which a cut file has a part is no frame: an AVI's would be grey below.
    "OPENCV_FFMPEG_CAPTURE_OPTIONS": "fflags;discardcorrupt",
    "OPENCV_FFMPEG_READ_ATTEMPTS": str(2**30),  # packets of sound that may lie between two frames
    "OPENCV_FFMPEG_LOGLEVEL": "-8",  # what is wrong with a file is told by its ImageError
}
_NO_LIMIT = (cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, 0, cv2.CAP_PROP_READ_TIMEOUT_MSEC, 0)  # a disk may be slow
_SILENT = 0  # level of what OpenCV says itself
_USUAL_RATE, _FASTEST = 25.0, 1000.0  # frames a second, where the container says none, and beyond which it means none


@dataclass(frozen=True)
class Counted:
    """How many frames of a video can be decoded, from the first on."""

    frames: int
    claimed: int | None  # as the container has it; None where it says nothing that can be
    is_whole: bool  # else there were more, or there is none
    rate: float  # frames a second, as the container has it


class Video:
    """An open video, whose frames are read in rising order."""

    def __init__(self, path: Path, *, max_pixels: int = MAX_PIXELS) -> None:
        """ImageError where it cannot be opened, and for frames of more than `max_pixels` pixels."""
        self._path, self._max_pixels = path, max_pixels
        self._next = 0
        self._is_over = False
        with image_errors(path):
            self._state = state_of(path.stat())
            self._container = read_container(path)
            self._capture = _open(path)
        try:
            if not self._capture.isOpened():
                raise self._ended()
            self._check_size()
        except ImageError:
            self.close()
            raise

    @property
    def next(self) -> int:
        """The number of the frame that comes next; those before it can no longer be read."""
        return self._next

    def close(self) -> None:
        """Close the file."""
        self._capture.release()

    def frame(self, number: int) -> DecodedImage:
        """The frame of a number from `next` on; its digest is that of the whole file, which is read once.

        Raises ImageError for one that is not there, and where the file is no longer what it was.
        """
        if number < self._next:
            raise ValueError(f"frame {number} has been passed; {self._next} is next")
        with image_errors(self._path):
            while self._next <= number:
                if not self._grab():
                    self._check_unchanged()
                    raise self._ended()
            self._check_size()
            is_found, pixels = self._capture.retrieve()
            time = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            digest = digest_shared(self._path)
            self._check_unchanged()
            if not is_found:
                raise ImageError(f"{self._path}: frame {number} cannot be decoded; replace the file", "damaged")
            return DecodedImage(np.ascontiguousarray(pixels[:, :, ::-1]), self._notes(), digest, time=time)

    def count(self) -> Counted:
        """Go through the rest of the video: every frame is decoded, and none is turned into a picture."""
        while self._grab():
            pass
        return Counted(self._next, self._claimed(), not self._lacks_frames(), self._rate())

    def _grab(self) -> bool:
        self._is_over = self._is_over or not self._capture.grab()
        self._next += not self._is_over
        return not self._is_over

    def _check_size(self) -> None:
        height, width = (int(self._capture.get(side)) for side in (cv2.CAP_PROP_FRAME_HEIGHT, cv2.CAP_PROP_FRAME_WIDTH))
        check_size(self._path, height, width, max_pixels=self._max_pixels)

    def _check_unchanged(self) -> None:
        if state_of(self._path.stat()) != self._state:
            raise ImageError(f"{self._path}: it changed while it was read; segment it again", "changed")

    def _notes(self) -> tuple[str, ...]:
        turned = int(self._capture.get(cv2.CAP_PROP_ORIENTATION_META)) % 360
        return (f"turned by {turned} degrees, as the video says",) if turned else ()

    def _claimed(self) -> int | None:
        claimed = self._capture.get(cv2.CAP_PROP_FRAME_COUNT)
        return int(claimed) if 0 < claimed <= self._container.most_frames else None  # damaged ones name any number

    def _lacks_frames(self) -> bool:
        """Whether there were more than have been grabbed, or are none."""
        claimed = self._claimed() if self._container.counts else None
        return self._container.is_cut or self._next == 0 or (claimed is not None and self._next < claimed)

    def _rate(self) -> float:
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        return float(rate) if 0 < rate <= _FASTEST else _USUAL_RATE

    def _ended(self) -> ImageError:
        """What is said of a frame behind the last one."""
        claimed, code = self._claimed(), "truncated" if self._container.is_cut else "damaged"
        what = "was cut off" if self._container.is_cut else "is damaged"
        of = f" of the {claimed} that it claims" if claimed is not None else ""
        if not self._next:
            return ImageError(
                f"{self._path}: none of the frames{of} can be decoded; the video {what}, or of a kind that OpenCV does "
                "not read; replace the file",
                code,  # type: ignore[arg-type]  # one of two
            )
        return ImageError(
            f"{self._path}: the video {what} and ends after {count_of(self._next, 'frame')}{of}; those are whole; "
            "replace the file for the rest",
            code,  # type: ignore[arg-type]
        )


def count_frames(path: Path, *, max_pixels: int = MAX_PIXELS) -> Counted:
    """Go through a video and count; of one that cannot be opened, none."""
    try:
        video = Video(path, max_pixels=max_pixels)
    except ImageError:
        return Counted(0, None, is_whole=False, rate=_USUAL_RATE)
    try:
        return video.count()
    finally:
        video.close()


def quieten() -> None:
    """Let OpenCV, from now on, say nothing on standard error of videos, unless its own variables ask it to."""
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    if "OPENCV_LOG_LEVEL" not in os.environ:
        set_level = cv2.setLogLevel if hasattr(cv2, "setLogLevel") else cv2.utils.logging.setLogLevel  # 4, and 5
        set_level(_SILENT)


def name_for_opencv(path: Path) -> str:
    """A path as OpenCV takes it: the whole of it, for FFmpeg would take what stands before a colon for a protocol."""
    whole = str(path.absolute())
    try:
        whole.encode()
    except UnicodeEncodeError:  # at a name that is no text OpenCV ends the process; as bytes it takes it
        return cast(str, os.fsencode(whole))
    return whole


def _open(path: Path) -> cv2.VideoCapture:
    quieten()
    return cv2.VideoCapture(name_for_opencv(path), cv2.CAP_FFMPEG, _NO_LIMIT)
