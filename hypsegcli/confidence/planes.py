"""A plane of confidence, which carries its measure and its scale. Imports no torch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hypsegcli.confidence.levels import to_levels


@dataclass(frozen=True, eq=False)
class Plane:
    """A measure of confidence over an image, high where the network is sure, never stretched per image."""

    values: NDArray[np.float32]  # (H, W), in the measure's own unit
    measure: str  # its name, such as "distance"
    full_scale: float  # the largest value that the measure can take, of which values are shares

    def share(self) -> NDArray[np.float32]:
        """(H, W) float32 shares of full scale, in [0, 1] but for rounding."""
        return self.values / np.float32(self.full_scale)

    def levels(self) -> NDArray[np.uint16]:
        """(H, W) levels, 65535 at full scale."""
        return to_levels(self.share())

    def doubt(self) -> NDArray[np.float32]:
        """(H, W) float32 uncertainty in [0, 1]: what is missing to full scale."""
        doubt: NDArray[np.float32] = np.clip(np.float32(1.0) - self.share(), 0.0, 1.0)
        return doubt
