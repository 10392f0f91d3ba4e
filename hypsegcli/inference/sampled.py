"""Images sampled where a first pass saw boundaries, and how the answer to them lies over the image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from numpy.typing import NDArray

from hypsegcli.budget import BUDGET
from hypsegcli.hierarchy.softmax import class_log_probabilities
from hypsegcli.hierarchy.tree import ClassTree
from hypsegcli.images.shrink import shrink_image, shrunk_size
from hypsegcli.inference.prediction import RGB
from hypsegcli.inference.upsample import Placement, Size, lay_cells
from hypsegcli.network.config import ModelConfig
from hypsegcli.network.model import NetworkOutput
from hypsegcli.sampling.back import Scattered
from hypsegcli.sampling.warp import Warp, sample_image, warp_to


class Samples:
    """Of images (H, W, 3) of one size, after a first pass over smaller copies of them."""

    def __init__(self, images: Sequence[RGB], *, longest_side: int) -> None:
        """`longest_side` is how many samples the longer side of an image shall have."""
        self._images = images
        self._longest_side = longest_side
        self._image: Size = images[0].shape[0], images[0].shape[1]
        self.size: Size = shrunk_size(*self._image, longest_side)
        self._warps: list[Warp | None] = [None] * len(images)

    def place(self, labels: Sequence[NDArray[Any]], *, void: int | None = None) -> None:
        """By the edges of labels of every image, of `size`, in which nobody knows what is `void`."""
        self._warps = [warp_to(own, void=void, longest_side=self._longest_side) for own in labels]

    def pixels(self) -> list[RGB]:
        """The samples of every image, of `size`; evenly where no boundary was seen."""
        each = zip(self._images, self._warps, strict=True)
        return [
            shrink_image(image, self._longest_side) if warp is None else sample_image(image, warp)
            for image, warp in each
        ]

    def placement(self, index: int, config: ModelConfig, *, grid: Size, padded: Size) -> Placement:
        """How the network's grid lies over an image whose samples were `padded` on their way into it."""
        warp = self._warps[index]
        if warp is None:
            return lay_cells(config.kind, grid, padded, self.size, self._image)
        rows, columns = lay_cells(config.kind, grid, padded, self.size, self.size).middles(grid)
        return Scattered(warp, rows, columns, *self._image)


@torch.inference_mode()
def labels_seen(
    output: NetworkOutput, config: ModelConfig, tree: ClassTree, *, guide: Size, padded: Size, size: Size
) -> list[NDArray[Any]]:
    """The classes, of `size`, that a network sees in images of size `guide`, which were `padded` on their way in."""
    scores = class_log_probabilities(output.logits, tree, config.factors)
    cell = lay_cells(config.kind, (scores.shape[2], scores.shape[3]), padded, guide, size)
    return list(cell.best(scores, *size, budget=BUDGET.band_bytes).cpu().numpy())
