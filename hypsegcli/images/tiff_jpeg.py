"""JPEGs in a TIFF that are whole by themselves, and not what the TIFF says of them.

Where a JPEG has fewer pixels than its strip or tile, libtiff leaves the rest what it was.
"""

from __future__ import annotations

from pathlib import Path

from hypsegcli.errors import ImageError
from hypsegcli.images.jpeg_markers import SOF, read_frame, segments


def check_jpeg_piece(path: Path | str, data: bytes, shape: tuple[int, int]) -> None:
    """Raise ImageError for a whole JPEG of fewer pixels than `shape`, height and width."""
    for kind, _, body in segments(data):
        if kind in SOF:
            frame = read_frame(body)
            if frame.height < shape[0] or frame.width < shape[1]:
                raise ImageError(
                    f"{path}: the picture is damaged (a part of this TIFF has {frame.width} x {frame.height} of its "
                    f"{shape[1]} x {shape[0]} pixels); replace the file",
                    "damaged",
                )
