"""What is minimised: cross-entropy over class paths, and a loss that makes the radius a confidence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from hypsegcli.hierarchy.softmax import class_log_probabilities
from hypsegcli.hierarchy.tree import ClassTree
from hypsegcli.network.config import KINDS, Kind
from hypsegcli.network.imported.reference import resize
from hypsegcli.network.model import NetworkOutput
from hypsegcli.training.targets import OTHER, inner_node


class Losses(NamedTuple):
    """Scalars; `total` is what is differentiated."""

    total: Tensor
    classification: Tensor
    radius: Tensor


def class_weights(pixels: NDArray[np.int64], kind: Literal["none", "root", "inverse"], *, largest: float) -> Tensor:
    """(K,) weights: `inverse` is median frequency over frequency, `root` its root; within [1 / largest, largest].

    The root is the default, because full balancing costs pixel accuracy and calibration more than it gives rare
    classes. Classes without pixels get 1.
    """
    weights, present = np.ones(len(pixels)), pixels > 0
    if kind != "none":
        frequency = pixels[present] / pixels.sum()
        power = 0.5 if kind == "root" else 1.0
        weights[present] = ((np.median(frequency) / frequency) ** power).clip(1.0 / largest, largest)
    return torch.from_numpy(weights).float()


class SegmentationLoss(nn.Module):
    """Weighted cross-entropy plus binary cross-entropy of `softplus(k) (d - d0)` against being right.

    Left alone, the distance d to the origin ranks a network's errors badly; the second loss teaches it, with two
    learned scalars. Both are taken at the masks' resolution, where predictions are judged.
    """

    def __init__(
        self,
        tree: ClassTree,
        weights: Tensor,
        *,
        ignore_index: int,
        radius_weight: float,
        other_weight: float = 1.0,
        kind: Kind = KINDS["hypseg"],
    ) -> None:
        super().__init__()
        self.tree = tree
        self.kind = kind  # of network, which says where in the image the points of its grid lie
        self.ignore_index = ignore_index
        self.radius_weight = radius_weight  # may change from step to step
        self.other_weight = other_weight
        self.weights: Tensor
        self.register_buffer("weights", weights)
        self.slope = nn.Parameter(torch.tensor(0.5))
        self.middle = nn.Parameter(torch.tensor(3.0))

    def divisors(self, target: Tensor, in_fold: Tensor | None = None) -> Tensor:
        """(3,) float64 on the CPU: what the sums over a batch's pixels are divided by, which its masks alone say.

        The weight of those that are classified, and how many teach the radius by being right or wrong, and by being of
        another world. Those of a batch are the sums of those of its parts.
        """
        other, inner = target == OTHER, target < OTHER
        classified = judged = (target != self.ignore_index) & ~other
        if in_fold is not None:
            classified, judged = classified & ~in_fold[:, None, None], judged & in_fold[:, None, None]
        pixels = torch.bincount(target[classified & ~inner], minlength=len(self.weights)).double().cpu()
        weight = pixels @ self.weights.double().cpu() + (classified & inner).sum().cpu()
        return torch.stack([weight, judged.sum().double().cpu(), other.sum().double().cpu()])

    def forward(
        self,
        output: NetworkOutput,
        target: Tensor,
        in_fold: Tensor | None = None,
        divisors: Tensor | None = None,
    ) -> Losses:
        """Losses of a batch; target is (B, H, W) int64.

        `in_fold` (B,) bool tells the images that teach the radius and nothing else; the others then teach it nothing.
        Where the target is `OTHER`, the radius is taught that nothing there is right; where it is an inner node, the
        probability of all classes below it counts, and any of them is right.
        Given the `divisors` of a larger batch, of which this is a part, the losses of all parts add up to its own.
        """
        weight, judges, others = (self.divisors(target, in_fold) if divisors is None else divisors).tolist()
        size = target.shape[1:]
        scores = class_log_probabilities(output.logits, self.tree)
        scores = self._at_pixels(scores, size)
        other, inner = target == OTHER, target < OTHER
        labelled = (target != self.ignore_index) & ~other
        target = target.masked_fill(other, self.ignore_index)
        distance = self._at_pixels(output.distance[:, None], size)
        classified = target if in_fold is None else target.masked_fill(in_fold[:, None, None], self.ignore_index)
        # Crops can fall on void alone, and a batch on the fold alone or on none of it; the mean of nothing is NaN.
        classification = radius = 0.0 * (scores.sum() + distance.sum())
        belief = F.softplus(self.slope) * (distance[:, 0] - self.middle)
        if weight:
            classification = self._classification(scores, classified) / weight
        judged = labelled if in_fold is None else labelled & in_fold[:, None, None]
        if judges:
            best = scores.detach().argmax(1)
            is_right = best == target
            for value in target[inner].unique().tolist():
                is_right |= (target == value) & self._below(value)[best]
            right = is_right[judged].float()
            radius = F.binary_cross_entropy_with_logits(belief[judged], right, reduction="sum") / judges
        if others:
            radius = radius + self.other_weight * F.softplus(belief[other]).sum() / others
        return Losses(classification + self.radius_weight * radius, classification, radius)

    def _at_pixels(self, grid: Tensor, size: Sequence[int]) -> Tensor:
        """(B, C, H, W) of a grid (B, C, h, w)."""
        if self.kind.upsampling == "first corners":
            return resize(grid, size[0], size[1])
        aligned = self.kind.upsampling == "corners"
        return F.interpolate(grid, size=tuple(size), mode="bilinear", align_corners=aligned)

    def _classification(self, scores: Tensor, target: Tensor) -> Tensor:
        """Weighted sum of -log P over the labelled pixels; an inner node weighs 1."""
        inner = target < OTHER
        leaves = target.masked_fill(inner, self.ignore_index)
        total = F.cross_entropy(scores, leaves, self.weights, ignore_index=self.ignore_index, reduction="sum")
        log_probabilities = scores.log_softmax(1).movedim(1, -1) if inner.any() else scores
        for value in target[inner].unique().tolist():
            total = total - log_probabilities[target == value][:, self._below(value)].logsumexp(1).sum()
        return total

    def _below(self, target: int) -> Tensor:
        """(K,) bool: the classes below the inner node that a target stands for."""
        node = inner_node(target, self.tree.classes)
        return torch.from_numpy(self.tree.leaves_below()[node]).to(self.weights.device)
