"""Whatever a caller in Python has of an image: its file, a Pillow image or an array."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hypsegcli.budget import MAX_PIXELS
from hypsegcli.errors import ImageError
from hypsegcli.files.place import locate
from hypsegcli.images.decode import DecodedImage, decode_image, decode_pillow
from hypsegcli.images.picture_file import check_size

ImageLike = str | os.PathLike[str] | Image.Image | NDArray[np.uint8]


def image_path(image: object) -> Path | None:
    """The file that an image is, or was opened from; None where nothing is known of it."""
    if isinstance(image, Image.Image):
        name = getattr(image, "filename", "")
        return Path(name) if isinstance(name, str) and name else None
    return locate(image) if isinstance(image, str | os.PathLike) else None


def decode_image_like(image: object, name: str, *, max_pixels: int = MAX_PIXELS) -> DecodedImage:
    """Take a path, a Pillow image, or an array (H, W, 3) of uint8, which is taken for RGB and copied.

    Files and Pillow images are decoded, turned upright and converted as `decode_image` does it. Raises ImageError,
    which calls what is no file `name`, for anything else: of other arrays nobody can tell what their values mean.
    """
    if isinstance(image, str | os.PathLike):
        return decode_image(locate(image), max_pixels=max_pixels)
    if isinstance(image, Image.Image):
        return decode_pillow(image, name, max_pixels=max_pixels)
    if not isinstance(image, np.ndarray):
        raise ImageError(
            f"{name}: expected a path, a Pillow image or an array (H, W, 3) of uint8 RGB, not {type(image).__name__}",
            "unsupported",
        )
    if reason := _why_not_rgb(image):
        raise ImageError(f"{name}: {reason}", "unsupported")
    check_size(name, image.shape[0], image.shape[1], max_pixels=max_pixels)
    return DecodedImage(np.array(image, order="C"), ())


def _why_not_rgb(array: NDArray[Any]) -> str | None:
    """What keeps an array from being (H, W, 3) uint8; BGR cannot be told from RGB."""
    shape = f"({', '.join(map(str, array.shape))})"
    if array.ndim == 2:
        return (
            f"an array {shape} is grey, and (H, W, 3) is expected; repeat it, np.repeat(array[:, :, None], 3, axis=2)"
        )
    if array.ndim == 3 and array.shape[2] == 4:
        return f"an array {shape} has a fourth channel, and (H, W, 3) is expected; leave it out, array[:, :, :3]"
    if array.ndim == 3 and array.shape[0] == 3 and array.shape[2] != 3:
        return f"an array {shape} has its channels first, and (H, W, 3) is expected; array.transpose(1, 2, 0)"
    if array.ndim != 3 or array.shape[2] != 3:
        return f"an array {shape} is no image (H, W, 3)"
    if array.dtype != np.uint8:
        return f"an array of {array.dtype} does not tell how bright its values are; give uint8, 0 to 255"
    return None
