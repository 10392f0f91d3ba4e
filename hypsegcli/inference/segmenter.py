"""Segmenter: images in, Predictions out. The only place where a network meets an image."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from hypsegcli.checkpoint.format import Calibration, InputSpec
from hypsegcli.hierarchy.softmax import class_log_probabilities, decide_as_deep_as_sure, decide_at_level
from hypsegcli.hierarchy.tree import ClassTree
from hypsegcli.images.shrink import shrink_image
from hypsegcli.inference.device import Device
from hypsegcli.inference.points import blend_distance, points_to_blend
from hypsegcli.inference.tiling import ALIGNMENT, axis_windows
from hypsegcli.inference.upsample import bands, upsample_rows
from hypsegcli.maps.measures import MEASURES, Knots
from hypsegcli.maps.uncertainty import confidence
from hypsegcli.network.model import GRID, HyperbolicDeepLab, NetworkOutput

RGB = NDArray[np.uint8]
Labels = NDArray[np.uint8 | np.uint16]


@dataclass(frozen=True)
class Answer:
    """What is asked of the network for every pixel."""

    measures: tuple[str, ...] = ("distance",)
    level: int | Literal["auto"] | None = None  # depth in the class tree; None: classes
    threshold: float = 0.5  # of level auto
    probabilities: bool = False
    among: tuple[int, ...] | None = None  # the classes that may be answered; None: all
    longest_side: int | None = None  # pixels; longer images are shrunk to it on their way into the network
    # How the ball reaches the image's pixels: `scalar` interpolates the distance; `points` interpolates the
    # points of the ball and measures the blend, as the reference does: its map also dips where neighbouring
    # pixels are both certain and merely point apart.
    interpolate: Literal["scalar", "points"] = "scalar"


@dataclass(frozen=True)
class Tiling:
    """Windows for images with more than `above` pixels."""

    tile: int  # side of a window in pixels, a multiple of 16
    overlap: int  # pixels, a multiple of 16
    above: int  # pixels of the image


@dataclass(frozen=True, eq=False)
class Prediction:
    """Planes of one image, all of its height and width."""

    labels: Labels  # (H, W) node ids; classes are 0..K-1, M means undecided
    confidence: Mapping[str, NDArray[np.float32]]  # measure to (H, W), in the measure's unit
    probabilities: NDArray[np.float16] | None = field(default=None)  # (K, H, W), only on request
    # (2, H, W), only where the truth was given: the probability of the true class, and the sum of the squares of all
    # classes' probabilities; what NLL and Brier score are made from.
    proper: NDArray[np.float32] | None = field(default=None)


def normalise(images: Tensor, spec: InputSpec) -> Tensor:
    """(B, 3, H, W) uint8 RGB to the network's float32 input, in channels-last memory."""
    mean = torch.tensor(spec.mean, device=images.device)[:, None, None]
    std = torch.tensor(spec.std, device=images.device)[:, None, None]
    scaled = images.to(torch.float32, memory_format=torch.channels_last) * (spec.pixel_range / 255.0)
    return (scaled - mean) / std


class Segmenter:
    """Holds one network on one device; `predict` may be called any number of times."""

    def __init__(
        self,
        model: HyperbolicDeepLab,
        tree: ClassTree,
        spec: InputSpec,
        *,
        device: Device,
        answer: Answer | None = None,
        tiling: Tiling | None = None,
        calibration: Calibration | None = None,
    ) -> None:
        self.model = model.to(device.torch).to(memory_format=torch.channels_last).eval()
        self.tree = tree
        self.spec = spec
        self.device = device
        self.answer = answer or Answer()
        self.tiling = tiling
        self.knots = Knots(calibration.distances, calibration.probabilities) if calibration else None
        self.label_type = np.uint8 if tree.nodes < 256 else np.uint16

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

    @torch.inference_mode()
    def _predict_whole(
        self, images: Sequence[RGB], truths: Sequence[Labels] | None, *, height: int, width: int
    ) -> list[Prediction]:
        """Planes of height x width pixels, whatever the size of the images that go in."""
        rows, columns = images[0].shape[:2]
        batch = torch.from_numpy(np.stack(images)).to(self.device.torch).permute(0, 3, 1, 2)
        image = normalise(batch, self.spec)
        # Whole cells of the coarsest grid, so that a grid point means the same pixel in every image and tile.
        bottom, right = -rows % ALIGNMENT, -columns % ALIGNMENT
        if bottom or right:
            image = F.pad(image, (0, right, 0, bottom), mode="replicate")
        with torch.autocast(self.device.torch.type, torch.bfloat16, enabled=self.device.bf16):
            output = self.model(image)
        if not (torch.isfinite(output.logits).all() and torch.isfinite(output.distance).all()):
            raise FloatingPointError("its answer holds NaN or infinity; try --precision fp32")
        truth = None if truths is None else torch.from_numpy(np.stack(truths).astype(np.int64))
        return self._reduce(output, truth, height, width, cell=(GRID * height / rows, GRID * width / columns))

    def _reduce(
        self, output: NetworkOutput, truth: Tensor | None, height: int, width: int, *, cell: tuple[float, float]
    ) -> list[Prediction]:
        answer, count = self.answer, output.logits.shape[0]
        scores = class_log_probabilities(output.logits, self.tree)
        config = self.model.config
        points = points_to_blend(output, config) if answer.interpolate == "points" else None
        need = answer.level is not None or answer.probabilities or truth is not None
        need = need or any(MEASURES[name].needs_probabilities for name in answer.measures)
        labels = np.empty((count, height, width), self.label_type)
        planes = {name: np.empty((count, height, width), np.float32) for name in answer.measures}
        stacks = np.empty((count, scores.shape[1], height, width), np.float16) if answer.probabilities else None
        proper = None if truth is None else np.empty((2, count, height, width), np.float32)
        channels = count * max(scores.shape[1], points.shape[1] if points is not None else 0)
        for start, stop in bands(height, width, channels=channels):

            def rows(grid: Tensor, start: int = start, stop: int = stop) -> Tensor:
                return upsample_rows(grid, cell=cell, start=start, stop=stop, width=width)

            logits = rows(scores)
            probabilities = logits.softmax(1) if need else None
            labels[:, start:stop] = self._decide(logits, probabilities).cpu().numpy()
            distance = rows(output.distance[:, None])[:, 0] if points is None else blend_distance(rows(points), config)
            for name, plane in planes.items():
                values = confidence(
                    name, distance=distance, c=config.curvature, probabilities=probabilities, knots=self.knots
                )
                plane[:, start:stop] = values.cpu().numpy()
            if stacks is not None and probabilities is not None:
                stacks[:, :, start:stop] = probabilities.cpu().numpy()
            if proper is not None and truth is not None and probabilities is not None:
                true = truth[:, start:stop].clamp(0, probabilities.shape[1] - 1).to(probabilities.device)
                proper[0, :, start:stop] = probabilities.gather(1, true[:, None])[:, 0].cpu().numpy()
                proper[1, :, start:stop] = probabilities.square().sum(1).cpu().numpy()
        return [
            Prediction(
                labels[index],
                {name: plane[index] for name, plane in planes.items()},
                None if stacks is None else stacks[index],
                None if proper is None else proper[:, index],
            )
            for index in range(count)
        ]

    def _decide(self, logits: Tensor, probabilities: Tensor | None) -> Tensor:
        level = self.answer.level
        if self.answer.among is not None:
            among = torch.tensor(self.answer.among, device=logits.device)
            return among[logits.index_select(1, among).argmax(1)]
        if level is None or probabilities is None:
            return logits.argmax(1)
        if level == "auto":
            return decide_as_deep_as_sure(probabilities, self.tree, self.answer.threshold)
        return decide_at_level(probabilities, self.tree, level)

    def _predict_tiled(self, image: RGB, truth: Labels | None, tiling: Tiling) -> Prediction:
        height, width = image.shape[:2]
        down = axis_windows(height, tile=tiling.tile, overlap=tiling.overlap)
        across = axis_windows(width, tile=tiling.tile, overlap=tiling.overlap)
        labels = np.zeros((height, width), self.label_type)
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
