"""Larger images, and their masks, to a longest side: the same pixels for training and for prediction."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray


def shrunk_size(height: int, width: int, longest_side: int | None) -> tuple[int, int]:
    """(height, width) whose longer one is at most `longest_side`, in the same proportion; None leaves them."""
    if longest_side is None or max(height, width) <= longest_side:
        return height, width
    share = longest_side / max(height, width)
    return max(1, round(height * share)), max(1, round(width * share))


def shrink_image(pixels: NDArray[np.uint8], longest_side: int | None) -> NDArray[np.uint8]:
    """RGB (H, W, 3), or a plane (H, W), uint8, each pixel the mean of those that it stands for."""
    size = shrunk_size(pixels.shape[0], pixels.shape[1], longest_side)
    if size == pixels.shape[:2]:
        return pixels
    return cv2.resize(pixels, size[::-1], interpolation=cv2.INTER_AREA).astype(np.uint8)


def shrink_mask(mask: NDArray[Any], longest_side: int | None) -> NDArray[Any]:
    """Ids (H, W), each pixel that of the one in its middle: ids are never blended."""
    size = shrunk_size(mask.shape[0], mask.shape[1], longest_side)
    if size == mask.shape:
        return mask
    rows, columns = (nearest(old, new) for new, old in zip(size, mask.shape, strict=True))
    shrunk: NDArray[Any] = mask[rows[:, None], columns[None, :]]
    return shrunk


def nearest(old: int, new: int) -> NDArray[np.intp]:
    """(new,) the pixel among `old` ones in which the middle of each of `new` ones lies.

    Many libraries take the pixel in which the corner lies, which moves a mask by up to half a pixel against its image.
    """
    return ((np.arange(new) + 0.5) * old / new).astype(np.intp)
