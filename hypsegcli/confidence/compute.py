"""From distances and class probabilities to the values of a measure of confidence."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from hypsegcli.confidence.calibration import Calibration
from hypsegcli.confidence.measures import MEASURES


def compute_confidence(
    name: str, *, distance: Tensor, c: float, probabilities: Tensor | None, calibration: Calibration | None = None
) -> Tensor:
    """(B, H, W) float32 confidence from distance (B, H, W) float32, without gradient.

    Where the measure needs them, from class probabilities (B, K, H, W) or a calibration.
    """
    if name == "distance":
        return distance
    if name == "norm":
        return torch.tanh(math.sqrt(c) / 2.0 * distance)
    if name == "calibrated":
        if calibration is None:
            raise ValueError("the measure calibrated needs a calibration")
        return _interpolate(distance, calibration)
    if probabilities is None:
        raise ValueError(f"the measure {name} needs class probabilities")
    if name == "entropy":
        entropy = torch.special.entr(probabilities).sum(1)
        certainty: Tensor = 1.0 - entropy / math.log(probabilities.shape[1])
        return certainty.clamp(0.0, 1.0)
    if name == "margin":
        best = probabilities.topk(2, dim=1).values
        return best[:, 0] - best[:, 1]
    if name == "max-probability":
        return probabilities.amax(1)
    raise ValueError(f"unknown measure {name}; known are {', '.join(MEASURES)}")


def _interpolate(values: Tensor, calibration: Calibration) -> Tensor:
    knots = (calibration.distances, calibration.probabilities)
    if values.is_cpu:  # several times as fast as the same in torch
        return torch.from_numpy(np.interp(values.numpy(), *knots).astype(np.float32)).to(values.dtype)
    x, y = (torch.tensor(points, dtype=values.dtype, device=values.device) for points in knots)
    above = torch.bucketize(values.contiguous(), x).clamp(1, len(x) - 1)
    share = ((values - x[above - 1]) / (x[above] - x[above - 1])).clamp(0.0, 1.0)
    return torch.lerp(y[above - 1], y[above], share)
