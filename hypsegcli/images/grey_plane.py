"""A plane of measured values in a picture: grey from black, the least, to white, the most."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hypsegcli.errors import ColorError, ImageError
from hypsegcli.images.exact import inexact, one_channel
from hypsegcli.images.open_image import Opened, open_upright
from hypsegcli.images.picture_file import image_errors

_FORM = "a PNG of one grey channel with 8 or 16 bits"


def decode_grey_plane(path: Path) -> NDArray[np.uint16]:
    """The values of a grey picture of 8 or 16 bits, (H, W), from 0 for black to 65535 for white; upright.

    Three equal channels of 8 bits are grey too. Raises ColorError for a picture in colour, ImageError for a palette,
    whose indices are no greys, for any other depth, for several frames, and for values that are not exact.
    """
    opened = open_upright(path)
    with image_errors(path):
        if reason := inexact(path, opened, of="values", form=_FORM):
            raise ImageError(f"{path}: {reason}", "unsupported")
        image = one_channel(opened.image)
        if image.mode not in ("1", "P", "L", "I", "F") and not image.mode.startswith("I;16"):
            raise ColorError(f"{path}: this is a colour picture (mode {image.mode}); save it as {_FORM}", "unsupported")
        if found := _strange(opened):
            raise ImageError(
                f"{path}: a plane is grey of 8 or 16 bits, this is {found}; save it as {_FORM}", "unsupported"
            )
        values = np.array(image)
        return values.astype(np.uint16) * np.uint16(257 if image.mode == "L" else 1)


def _strange(opened: Opened) -> str | None:
    """What else a picture of one channel is than grey of 8 or 16 bits; None where it is that."""
    mode, rawmode = opened.image.mode, opened.rawmode
    bits = "1" if mode == "1" else rawmode[2:].rstrip("RI")
    kinds = (
        (opened.frames > 1, f"a file of {opened.frames} frames"),
        (mode == "P", "one with a palette, whose indices are no greys"),
        (opened.signed or "S" in rawmode.partition(";")[2], "one whose values have a sign"),
        (opened.white_is_zero, "a TIFF whose zero means white"),
        (opened.maxval not in (None, 255, 65535), f"one whose largest value is {opened.maxval}"),
        (mode == "1" or rawmode.startswith(("L;2", "L;4", "I;12")), f"one of {bits}-bit values"),
        (mode == "F" or (mode == "I" and not rawmode.startswith("I;16")), "one of 32-bit values"),
    )
    return next((what for found, what in kinds if found), None)
