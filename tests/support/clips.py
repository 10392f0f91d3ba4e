"""Videos, made by OpenCV, and what is done to them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

CODES = {".avi": "MJPG", ".mp4": "mp4v", ".mov": "mp4v", ".mkv": "mp4v", ".webm": "VP80"}


def film(path: Path, *, frames: int = 12, size: tuple[int, int] = (64, 48), rate: float = 25.0, seed: int = 0) -> Path:
    """Write a video of smooth pictures of some (width, height), each another; its suffix says of what kind."""
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    picture = cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC)
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*CODES[path.suffix]), rate, size)
    assert writer.isOpened()
    for number in range(frames):
        writer.write(np.roll(picture, 3 * number, axis=1))
    writer.release()
    return path


def decoded(path: Path) -> list[NDArray[np.uint8]]:
    """All frames as OpenCV reads them in one go, RGB."""
    capture, found = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG), []
    while (read := capture.read())[0]:
        found.append(np.asarray(read[1], np.uint8)[:, :, ::-1])
    capture.release()
    return found


def cut(path: Path, share: float = 0.605) -> Path:
    """Leave the first bytes of a file alone."""
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


def claiming(path: Path, frames: int) -> Path:
    """Let an AVI claim another number of frames."""
    data = bytearray(path.read_bytes())
    for place in (data.find(b"avih") + 24, data.find(b"strh") + 40):
        data[place : place + 4] = (frames % 2**32).to_bytes(4, "little")
    path.write_bytes(data)
    return path


def lying_on_its_side(path: Path) -> Path:
    """Let an MP4 say that it is to be turned by 90 degrees."""
    data = bytearray(path.read_bytes())
    place = data.find(b"tkhd") + 4 + 4 + 20 + 16
    matrix = (0, 1 << 16, 0, -1 << 16, 0, 0, 48 << 16, 0, 1 << 30)
    data[place : place + 36] = b"".join(value.to_bytes(4, signed=True) for value in matrix)
    path.write_bytes(data)
    return path


def with_a_slow_end(path: Path, *, quick: int, edited: bool = False) -> Path:
    """Let frames of an MP4 from one on come at a third of the rate; `edited` leaves out what is later than it was."""
    data = path.read_bytes()
    place = data.find(b"stts")
    frames, step = (int.from_bytes(data[place + at : place + at + 4]) for at in (12, 16))
    table = b"".join(each.to_bytes(4) for each in (2, quick, step, frames - quick, 3 * step))
    data = data[: place + 8] + table + data[place + 20 :]
    for box in (b"stts", b"stbl", b"minf", b"mdia", b"trak", b"moov"):
        at = data.find(box) - 4
        data = data[:at] + (int.from_bytes(data[at : at + 4]) + 8).to_bytes(4) + data[at + 4 :]
    path.write_bytes(data if edited else data.replace(b"elst", b"free"))
    return path


def with_its_index_first(path: Path) -> Path:
    """An MP4 as for the web: that is whole as far as it has come."""
    data = path.read_bytes()
    place = data.find(b"moov") - 4
    before, index = data[:place], bytearray(data[place:].replace(b"edts", b"free"))
    table = index.find(b"stco")
    for at in range(table + 12, table + 12 + 4 * int.from_bytes(index[table + 8 : table + 12]), 4):
        index[at : at + 4] = (int.from_bytes(index[at : at + 4]) + len(index)).to_bytes(4)
    head = 28  # of what kind it is
    path.write_bytes(before[:head] + index + before[head:])
    return path
