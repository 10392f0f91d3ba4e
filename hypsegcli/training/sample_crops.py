"""Crops sampled densely at the edges of their masks, as `predict` samples images at those of a first pass."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hypsegcli.images.shrink import nearest, shrunk_size
from hypsegcli.sampling.warp import FINER, warp_to


class CropSampler:
    """From images, to crops of twice the size in pixels, to crops of samples."""

    def __init__(self, *, longest_side: int, void: int) -> None:
        """Of a whole image, the longer side is to have `longest_side` samples."""
        self.longest_side = longest_side
        self._void = void

    @property
    def finer_side(self) -> int:
        """Pixels of the longer side of an image that crops are cut from."""
        return FINER * self.longest_side

    def enlarge(
        self, pixels: NDArray[np.uint8], mask: NDArray[np.int64]
    ) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """An image (H, W, 3) and its mask (H, W) at the size that crops are cut from; ids are never blended."""
        rows, columns = shrunk_size(mask.shape[0], mask.shape[1], self.longest_side)
        size = FINER * rows, FINER * columns
        way = cv2.INTER_AREA if size[0] < mask.shape[0] else cv2.INTER_LINEAR
        return cv2.resize(pixels, size[::-1], interpolation=way).astype(np.uint8), _pick(mask, size)

    def sample(self, image: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """A crop (3, h, w) uint8 and its mask (h, w) int64 of half the size; evenly where the mask has no edges."""
        pixels, ids = np.ascontiguousarray(image.permute(1, 2, 0).numpy()), mask.numpy()
        size = ids.shape[0] // FINER, ids.shape[1] // FINER
        even = _pick(ids, size)
        warp = warp_to(even, void=self._void, longest_side=self.longest_side)
        if warp is None:
            samples = cv2.resize(pixels, size[::-1], interpolation=cv2.INTER_AREA).astype(np.uint8)
        else:
            samples, even = warp.image(pixels), warp.mask(ids)
        return torch.from_numpy(samples).permute(2, 0, 1).contiguous(), torch.from_numpy(even)


def _pick(mask: NDArray[np.int64], size: tuple[int, int]) -> NDArray[np.int64]:
    rows, columns = (nearest(old, new) for old, new in zip(mask.shape, size, strict=True))
    picked: NDArray[np.int64] = mask[rows[:, None], columns[None, :]]
    return picked
