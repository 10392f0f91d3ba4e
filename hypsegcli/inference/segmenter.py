"""Segmenter: images in, Predictions out. The only place where a network meets an image."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from hypsegcli.checkpoint.format import Calibration
from hypsegcli.hierarchy.tree import ClassTree
from hypsegcli.images.shrink import shrink_image
from hypsegcli.inference.engines.base import Engine
from hypsegcli.inference.prediction import RGB, Answer, Labels, Prediction
from hypsegcli.inference.reduce import Reducer
from hypsegcli.inference.tiling import ALIGNMENT, axis_windows
from hypsegcli.network.model import GRID


@dataclass(frozen=True)
class Tiling:
    """Windows for images with more than `above` pixels."""

    tile: int  # side of a window in pixels, a multiple of 16
    overlap: int  # pixels, a multiple of 16
    above: int  # pixels of the image


class Segmenter:
    """Holds one engine; `predict` may be called any number of times."""

    def __init__(
        self,
        engine: Engine,
        tree: ClassTree,
        *,
        answer: Answer | None = None,
        tiling: Tiling | None = None,
        calibration: Calibration | None = None,
    ) -> None:
        self.engine = engine
        self.tree = tree
        self.answer = answer or Answer()
        self.tiling = tiling
        self.forward_seconds = 0.0  # spent in the engine so far
        self._reduce = Reducer(tree, engine.config, self.answer, calibration=calibration)

    def predict(self, images: Sequence[RGB], truths: Sequence[Labels] | None = None) -> list[Prediction]:
        """Segment images (H, W, 3) of one size together; large ones go one by one, window by window.

        With `truths`, (H, W) class ids of each image, predictions carry the probability of the true class; ids that
        are no class, void ones say, may hold any number there.
        """
        height, width = images[0].shape[:2]
        limit = self.answer.longest_side
        if limit is not None and max(height, width) > limit:
            small = [shrink_image(image, limit) for image in images]
            return self._predict_whole(small, truths, height=height, width=width)
        if self.tiling is not None and height * width > self.tiling.above:
            every = truths if truths is not None else [None] * len(images)
            return [self._predict_tiled(image, truth, self.tiling) for image, truth in zip(images, every, strict=True)]
        return self._predict_whole(images, truths, height=height, width=width)

    def predict_tiled(self, image: RGB, tiling: Tiling) -> Prediction:
        """Segment one image (H, W, 3) in windows, however small it is: where it does not fit into memory whole."""
        return self._predict_tiled(image, None, tiling)

    def _predict_whole(
        self, images: Sequence[RGB], truths: Sequence[Labels] | None, *, height: int, width: int
    ) -> list[Prediction]:
        """Planes of height x width pixels, whatever the size of the images that go in."""
        rows, columns = images[0].shape[:2]
        batch = np.stack(images)
        # Whole cells of the coarsest grid, so that a grid point means the same pixel in every image and tile.
        bottom, right = -rows % ALIGNMENT, -columns % ALIGNMENT
        if bottom or right:
            batch = np.pad(batch, ((0, 0), (0, bottom), (0, right), (0, 0)), mode="edge")
        started = time.perf_counter()
        output = self.engine(batch)
        if not (torch.isfinite(output.logits).all() and torch.isfinite(output.distance).all()):
            raise FloatingPointError("its answer holds NaN or infinity; try --precision fp32")
        self.forward_seconds += time.perf_counter() - started  # after the check, which waits for the device
        truth = None if truths is None else torch.from_numpy(np.stack(truths).astype(np.int64))
        return self._reduce(output, truth, height, width, cell=(GRID * height / rows, GRID * width / columns))

    def _predict_tiled(self, image: RGB, truth: Labels | None, tiling: Tiling) -> Prediction:
        height, width = image.shape[:2]
        down = axis_windows(height, tile=tiling.tile, overlap=tiling.overlap)
        across = axis_windows(width, tile=tiling.tile, overlap=tiling.overlap)
        labels = np.zeros((height, width), self._reduce.label_type)
        planes = {name: np.zeros((height, width), np.float32) for name in self.answer.measures}
        stack: NDArray[np.float16] | None = None
        if self.answer.probabilities:
            stack = np.zeros((self.tree.classes, height, width), np.float16)
        proper = None if truth is None else np.zeros((2, height, width), np.float32)
        for y in down:
            for x in across:
                window = np.s_[y.start : y.stop, x.start : x.stop]
                seen = None if truth is None else [truth[window]]
                part = self._predict_whole([image[window]], seen, height=y.stop - y.start, width=x.stop - x.start)[0]
                weight = y.weight[:, None] * x.weight[None, :]
                owned = y.owned[:, None] & x.owned[None, :]
                labels[window][owned] = part.labels[owned]
                for name, plane in planes.items():
                    plane[window] += weight * part.confidence[name]
                if stack is not None and part.probabilities is not None:
                    stack[(slice(None), *window)] += (weight * part.probabilities).astype(np.float16)
                if proper is not None and part.proper is not None:
                    proper[(slice(None), *window)][:, owned] = part.proper[:, owned]
        return Prediction(labels, planes, stack, proper)


def round_to_alignment(pixels: float) -> int:
    """The next multiple of 16 above."""
    return ALIGNMENT * math.ceil(pixels / ALIGNMENT)
