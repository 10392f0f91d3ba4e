"""Pictures to a video, by OpenCV's FFmpeg: MPEG-4 Part 2 in an MP4, which its packages encode on every system.

The same pictures give the same bytes.
"""

from __future__ import annotations

import contextlib
import errno
import math
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np
from numpy.typing import NDArray

from hypsegcli.files.atomic import replacing
from hypsegcli.files.digest import Digest, digest_file
from hypsegcli.files.place import StorePath
from hypsegcli.files.regular import open_regular
from hypsegcli.images.video import count_frames, name_for_opencv, quieten

_LONGEST = 8190  # pixels of a side that the format has room for
_SLOWEST = 1.0  # pictures a second: who takes one a minute wants to see them, not to wait


def write_video(path: Path, pictures: Iterable[Path], *, rate: float) -> Digest:
    """Write picture files as a video of so many a second, whole or not at all; what it holds then.

    All get the size of the first, and even sides. Faster than `rate` where that is less than one a second. OSError
    where it cannot be written, or a picture cannot be read.
    """
    with replacing(path) as file, _beside(path, file) as made:
        written = _write(made, pictures, max(rate, _SLOWEST))
        if count_frames(made, max_pixels=_LONGEST**2).frames != written:  # of a full disk OpenCV says nothing
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        digest = digest_file(made)
        if isinstance(path, StorePath):
            with made.open("rb") as whole:
                shutil.copyfileobj(whole, file)
        else:
            made.replace(file.name)
    assert digest is not None, "it has just been read"
    return digest


@contextlib.contextmanager
def _beside(path: Path, file: BinaryIO) -> Iterator[Path]:
    """A path for FFmpeg, which knows files by name alone, and formats by suffix: beside a file, or on this machine."""
    with contextlib.ExitStack() as opened:
        if isinstance(path, StorePath):
            made = Path(opened.enter_context(tempfile.TemporaryDirectory()), path.name)
        else:
            made = Path(file.name).with_suffix(path.suffix)
        try:
            yield made
        finally:
            made.unlink(missing_ok=True)


def _write(path: Path, pictures: Iterable[Path], rate: float) -> int:
    """Write them; how many there were."""
    quieten()
    writer, size, written = None, (0, 0), 0
    try:
        for picture in pictures:
            pixels = _read(picture)
            if writer is None:
                size = _even(pixels)
                code = cv2.VideoWriter.fourcc(*"mp4v")
                writer = cv2.VideoWriter(name_for_opencv(path), cv2.CAP_FFMPEG, code, rate, size)
                if not writer.isOpened():
                    raise OSError(errno.EIO, "OpenCV cannot encode such a video", str(path))
            writer.write(_fitted(pixels, size))
            written += 1
    finally:
        if writer is not None:
            writer.release()
    return written


def _read(path: Path) -> NDArray[np.uint8]:
    """A picture, (H, W, 3) in OpenCV's order of colours; OSError where it cannot be read."""
    with open_regular(path) as file:
        pixels = cv2.imdecode(np.frombuffer(file.read(), np.uint8), cv2.IMREAD_COLOR)
    if pixels is None:
        raise OSError(errno.EIO, "it cannot be read as a picture", str(path))
    return np.asarray(pixels, np.uint8)


def _even(pixels: NDArray[np.uint8]) -> tuple[int, int]:
    """Width and height of the video for a picture: even, and no longer than the format has room for."""
    height, width = pixels.shape[:2]
    scale = min(1.0, _LONGEST / max(height, width))
    return 2 * math.ceil(width * scale / 2), 2 * math.ceil(height * scale / 2)


def _fitted(pixels: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """A picture at some width and height: one pixel more at a side is that at its edge again."""
    height, width = pixels.shape[:2]
    if (below := size[1] - height) in {0, 1} and (right := size[0] - width) in {0, 1}:
        return np.pad(pixels, ((0, below), (0, right), (0, 0)), mode="edge")
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
