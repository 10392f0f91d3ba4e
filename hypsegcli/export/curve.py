"""A calibration as a graph can hold it."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from hypsegcli.confidence.calibration import Calibration


class Curve(nn.Module):
    """The probability of being right for distances of any shape, float32, as `compute_confidence` gives it.

    ONNX has no `searchsorted`: the knot before a distance is found by halving, in as many steps as the table of knots
    has bits. It is padded to a power of two with knots that no distance reaches.
    """

    x: Tensor
    y: Tensor
    width: Tensor
    rise: Tensor

    def __init__(self, calibration: Calibration) -> None:
        super().__init__()
        x = np.asarray(calibration.distances, np.float32)
        y = np.asarray(calibration.probabilities, np.float32)
        apart = np.append(x[1:] != x[:-1], True)  # of knots that float32 does not tell apart, the last
        x, y = x[apart], y[apart]
        self.bits = (len(x) - 1).bit_length()
        beyond = 2**self.bits - len(x)
        tables = {
            "x": np.append(x, np.full(beyond, np.inf)),
            "y": np.append(y, np.ones(beyond)),
            "width": np.append(np.diff(x).clip(np.finfo(np.float32).tiny), np.ones(beyond + 1)),
            "rise": np.append(np.diff(y), np.zeros(beyond + 1)),
        }
        for name, table in tables.items():
            self.register_buffer(name, torch.from_numpy(table.astype(np.float32)))

    def forward(self, distance: Tensor) -> Tensor:
        """Distances to probabilities, as far as the first and the last knot linear between knots."""
        at = torch.zeros_like(distance, dtype=torch.int64)
        for bit in reversed(range(self.bits)):
            further = at + 2**bit
            at = torch.where(self.x[further] <= distance, further, at)
        share = ((distance - self.x[at]) / self.width[at]).clamp(0.0, 1.0)
        return self.y[at] + share * self.rise[at]
