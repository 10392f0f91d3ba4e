"""From distances and class probabilities to the values of a measure of confidence.

Where an answer is an inner node of the class tree, what is a probability is that of the node. The softmax says it
itself. The calibration says how likely the class is right, p(d) at the distance d; what is missing is divided among the
other classes as the softmax divides it. With s the softmax probabilities, k the most probable class and n the answer,

    P(n) = w (q [k is in n] + (1 - q) (s_n - s_k [k is in n]) / (1 - s_k)),   q = max(p, p_least),   w = p / q

where p_least is the least that the calibration says of the network's own world. Nearer to the origin than that world
ever is, w falls to 0: of other worlds nothing is known, in coarse words neither. Of a class it is p(d) itself.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from hypsegcli.confidence.calibration import Calibration
from hypsegcli.confidence.measures import MEASURES

_ROUNDING = 1e-6  # of float32 sums of probabilities: where the other classes have less, nobody can divide it


class AnswerChances(NamedTuple):
    """How probable answers are that may be inner nodes, (B, H, W) each."""

    answer: Tensor  # probability of the answer, the sum of the classes below it
    best: Tensor  # probability of the most probable class
    holds: Tensor  # bool: that class is the answer or lies below it


def compute_confidence(
    name: str,
    *,
    distance: Tensor,
    c: float,
    probabilities: Tensor | None,
    calibration: Calibration | None = None,
    chances: AnswerChances | None = None,
) -> Tensor:
    """(B, H, W) float32 confidence from distance (B, H, W) float32, without gradient.

    Where the measure needs them, from class probabilities (B, K, H, W) or a calibration. With `chances`, measures that
    are probabilities are those of the answers; without them, of the most probable class.
    """
    if name == "distance":
        return distance
    if name == "norm":
        return torch.tanh(math.sqrt(c) / 2.0 * distance)
    if name == "calibrated":
        if calibration is None:
            raise ValueError("the measure calibrated needs a calibration")
        values = distance
        if calibration.measure != "distance":
            values = compute_confidence(calibration.measure, distance=distance, c=c, probabilities=probabilities)
        of_class = _interpolate(values, calibration)
        return of_class if chances is None else _of_answer(of_class, chances, calibration.least)
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
        return probabilities.amax(1) if chances is None else chances.answer.clamp(max=1.0)
    raise ValueError(f"unknown measure {name}; known are {', '.join(MEASURES)}")


def _of_answer(of_class: Tensor, chances: AnswerChances, least: float) -> Tensor:
    """See above."""
    answer, best, holds = chances
    of_others = torch.where(holds, answer - best, answer) / (1.0 - best).clamp_min(_ROUNDING)
    q = of_class.clamp_min(least)
    inside = torch.where(holds, q, 0.0) + (1.0 - q) * of_others.clamp(0.0, 1.0)
    return of_class / q * inside


def _interpolate(values: Tensor, calibration: Calibration) -> Tensor:
    knots = (calibration.distances, calibration.probabilities)
    if values.is_cpu:  # several times as fast as the same in torch
        return torch.from_numpy(np.interp(values.numpy(), *knots).astype(np.float32)).to(values.dtype)
    x, y = (torch.tensor(points, dtype=values.dtype, device=values.device) for points in knots)
    above = torch.bucketize(values.contiguous(), x).clamp(1, len(x) - 1)
    share = ((values - x[above - 1]) / (x[above] - x[above - 1])).clamp(0.0, 1.0)
    return torch.lerp(y[above - 1], y[above], share)
