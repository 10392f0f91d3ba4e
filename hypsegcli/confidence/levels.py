"""A share of full scale as one of 65,536 levels: what a 16-bit map stores and scores count."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LEVELS = 65_536  # 0 is nothing, LEVELS - 1 full scale


def to_levels(plane: NDArray[np.float32]) -> NDArray[np.uint16]:
    """A plane in [0, 1] as levels 0..65535; what lies outside is cut."""
    levels: NDArray[np.uint16] = np.rint(np.clip(plane, 0.0, 1.0) * np.float32(LEVELS - 1)).astype(np.uint16)
    return levels
