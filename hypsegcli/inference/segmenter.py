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

from hypsegcli.checkpoint.format import InputSpec
from hypsegcli.geometry.poincare import distance_to_origin, exp_map_zero
from hypsegcli.hierarchy.softmax import class_log_probabilities, decide_as_deep_as_sure, decide_at_level
from hypsegcli.hierarchy.tree import ClassTree
from hypsegcli.inference.device import Device
from hypsegcli.inference.tiling import ALIGNMENT, axis_windows
from hypsegcli.inference.upsample import bands, upsample_rows
from hypsegcli.maps.uncertainty import MEASURES, confidence
from hypsegcli.network.model import GRID, HyperbolicDeepLab, NetworkOutput

RGB = NDArray[np.uint8]


@dataclass(frozen=True)
class Answer:
    """What is asked of the network for every pixel."""

    measures: tuple[str, ...] = ("distance",)
    level: int | Literal["auto"] | None = None  # depth in the class tree; None: classes
    threshold: float = 0.5  # of level auto
    probabilities: bool = False
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

    labels: NDArray[np.uint8] | NDArray[np.uint16]  # (H, W) node ids; classes are 0..K-1, M means undecided
    confidence: Mapping[str, NDArray[np.float32]]  # measure to (H, W), in the measure's unit
    probabilities: NDArray[np.float16] | None = field(default=None)  # (K, H, W), only on request


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
    ) -> None:
        self.model = model.to(device.torch).to(memory_format=torch.channels_last).eval()
        self.tree = tree
        self.spec = spec
        self.device = device
        self.answer = answer or Answer()
        self.tiling = tiling
        self.label_type = np.uint8 if tree.nodes < 256 else np.uint16

    def predict(self, images: Sequence[RGB]) -> list[Prediction]:
        """Segment images (H, W, 3) of one size together; large ones go one by one, window by window."""
        height, width = images[0].shape[:2]
        if self.tiling is not None and height * width > self.tiling.above:
            return [self._predict_tiled(image, self.tiling) for image in images]
        return self._predict_whole(images)

    @torch.inference_mode()
    def _predict_whole(self, images: Sequence[RGB]) -> list[Prediction]:
        height, width = images[0].shape[:2]
        batch = torch.from_numpy(np.stack(images)).to(self.device.torch).permute(0, 3, 1, 2)
        image = normalise(batch, self.spec)
        # Whole cells of the coarsest grid, so that a grid point means the same pixel in every image and tile.
        bottom, right = -height % ALIGNMENT, -width % ALIGNMENT
        if bottom or right:
            image = F.pad(image, (0, right, 0, bottom), mode="replicate")
        with torch.autocast(self.device.torch.type, torch.bfloat16, enabled=self.device.bf16):
            output = self.model(image)
        return self._reduce(output, height, width)

    def _reduce(self, output: NetworkOutput, height: int, width: int) -> list[Prediction]:
        answer, count = self.answer, output.logits.shape[0]
        scores = class_log_probabilities(output.logits, self.tree)
        ball = self._ball(output) if answer.interpolate == "points" else None
        need = answer.level is not None or answer.probabilities
        need = need or any(MEASURES[name].needs_probabilities for name in answer.measures)
        labels = np.empty((count, height, width), self.label_type)
        planes = {name: np.empty((count, height, width), np.float32) for name in answer.measures}
        stacks = np.empty((count, scores.shape[1], height, width), np.float16) if answer.probabilities else None
        channels = count * max(scores.shape[1], ball.shape[1] if ball is not None else 0)
        for start, stop in bands(height, width, channels=channels):

            def rows(grid: Tensor, start: int = start, stop: int = stop) -> Tensor:
                return upsample_rows(grid, factor=GRID, start=start, stop=stop, width=width)

            logits = rows(scores)
            probabilities = logits.softmax(1) if need else None
            labels[:, start:stop] = self._decide(logits, probabilities).cpu().numpy()
            if ball is None:
                distance = rows(output.distance[:, None])[:, 0]
            else:
                distance = distance_to_origin(rows(ball), c=self.model.config.curvature, dim=1)
            for name, plane in planes.items():
                values = confidence(name, distance=distance, c=self.model.config.curvature, probabilities=probabilities)
                plane[:, start:stop] = values.cpu().numpy()
            if stacks is not None and probabilities is not None:
                stacks[:, :, start:stop] = probabilities.cpu().numpy()
        return [
            Prediction(
                labels[index],
                {name: plane[index] for name, plane in planes.items()},
                None if stacks is None else stacks[index],
            )
            for index in range(count)
        ]

    def _ball(self, output: NetworkOutput) -> Tensor:
        c = self.model.config.curvature
        length = output.embedding.norm(dim=1, keepdim=True).clamp_min(1e-15)
        # The tangent vector whose length the head held below t_max: |v| = distance / 2.
        held = output.embedding * (output.distance[:, None] / 2.0 / length)
        return exp_map_zero(held, c=c, dim=1)

    def _decide(self, logits: Tensor, probabilities: Tensor | None) -> Tensor:
        level = self.answer.level
        if level is None or probabilities is None:
            return logits.argmax(1)
        if level == "auto":
            return decide_as_deep_as_sure(probabilities, self.tree, self.answer.threshold)
        return decide_at_level(probabilities, self.tree, level)

    def _predict_tiled(self, image: RGB, tiling: Tiling) -> Prediction:
        height, width = image.shape[:2]
        down = axis_windows(height, tile=tiling.tile, overlap=tiling.overlap)
        across = axis_windows(width, tile=tiling.tile, overlap=tiling.overlap)
        labels = np.zeros((height, width), self.label_type)
        planes = {name: np.zeros((height, width), np.float32) for name in self.answer.measures}
        stack: NDArray[np.float16] | None = None
        if self.answer.probabilities:
            stack = np.zeros((self.tree.classes, height, width), np.float16)
        for y in down:
            for x in across:
                window = np.s_[y.start : y.stop, x.start : x.stop]
                part = self._predict_whole([image[window]])[0]
                weight = y.weight[:, None] * x.weight[None, :]
                owned = y.owned[:, None] & x.owned[None, :]
                labels[window][owned] = part.labels[owned]
                for name, plane in planes.items():
                    plane[window] += weight * part.confidence[name]
                if stack is not None and part.probabilities is not None:
                    stack[(slice(None), *window)] += (weight * part.probabilities).astype(np.float16)
        return Prediction(labels, planes, stack)


def round_to_alignment(pixels: float) -> int:
    """The next multiple of 16 above."""
    return ALIGNMENT * math.ceil(pixels / ALIGNMENT)
