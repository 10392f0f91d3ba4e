"""How large a picture is once it is upright, where nothing else of it is wanted."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from hypsegcli.budget import MAX_PIXELS
from hypsegcli.files.regular import state_of
from hypsegcli.images.identify import identify
from hypsegcli.images.open_image import open_upright
from hypsegcli.images.orientation import Orientation, read_orientation
from hypsegcli.images.picture_file import check_size, image_errors, read_file

_REMEMBERED = 4096  # pictures
_TURNED = (5, 6, 7, 8)  # orientations that exchange height and width


def upright_size(path: Path) -> tuple[int, int]:
    """(height, width) that `decode_image` gives; it is remembered as long as the file stays the same.

    The header of a JPEG says it; of others, which may say how they are turned behind their pixels, all is read. Raises
    ImageError as `open_upright` does.
    """
    with image_errors(path):
        state = state_of(path.stat())
    return _size(path, state)


@lru_cache(maxsize=_REMEMBERED)
def _size(path: Path, _: tuple[int, ...]) -> tuple[int, int]:
    data = read_file(path, max_pixels=MAX_PIXELS)
    with image_errors(path):
        image = identify(path, data)
    if image.format != "JPEG":
        width, height = open_upright(path).image.size
        return height, width
    width, height = image.size
    check_size(path, height, width, max_pixels=MAX_PIXELS)
    try:
        turn = read_orientation(image)
    except Exception:  # damaged EXIF data, of which decoding leaves a note
        turn = Orientation()
    return (width, height) if turn.number in _TURNED else (height, width)
