"""Isotonic regression: the non-falling sequence nearest to another one."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def isotonic(values: ArrayLike, weights: ArrayLike) -> NDArray[np.float64]:
    """The non-falling sequence (N,) nearest to `values` (N,) in least squares under `weights` (N,) > 0.

    Neighbours that fall are replaced by their mean, again and again (pool adjacent violators).
    """
    values, weights = np.asarray(values, np.float64), np.asarray(weights, np.float64)
    pools: list[tuple[float, float, int]] = []  # weighted sum, weight, members
    for value, weight in zip((values * weights).tolist(), weights.tolist(), strict=True):
        total, mass, members = value, weight, 1
        while pools and pools[-1][0] / pools[-1][1] > total / mass:
            before = pools.pop()
            total, mass, members = total + before[0], mass + before[1], members + before[2]
        pools.append((total, mass, members))
    return np.repeat([total / mass for total, mass, _ in pools], [members for _, _, members in pools])
