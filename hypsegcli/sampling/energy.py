"""The places at which an image is sampled: near edges, and smoothly so.

Marin et al., "Efficient Segmentation: Learning Downsampling Near Semantic Boundaries", ICCV 2019, whose energy

    E(phi) = sum |phi - b|^2 + lambda sum over neighbours |phi - phi'|^2

of places phi (h, w, 2) in [0, 1]^2, with b the nearest edge of each node, is quadratic: its least value under pinned
borders has a closed form. Rows and columns do not meet in it. With the evenly spaced places taken off, a coordinate is
0 on the two sides where it is pinned and free on the others, and the neighbours' term is diagonal in the sine transform
of the first kind along it and the cosine transform of the second kind across.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.float64]  # (h, w, 2) row and column in [0, 1], from the first corner of an image to the last


def best_places(nearest: Places, strength: float) -> Places:
    """The places (h, w, 2), three nodes or more a side, of least energy, for nearest edges and lambda.

    Rows are 0 and 1 on the first and last row of nodes, columns on the first and last column. Along its own axis no
    coordinate falls.
    """
    rows = _solve(nearest[..., 0], strength)
    columns = _solve(nearest[..., 1].T, strength).T
    return np.stack([rows, columns], -1)


def _solve(target: NDArray[np.float64], strength: float) -> NDArray[np.float64]:
    """One coordinate (h, w), pinned to 0 and 1 on the first and last of its rows."""
    from scipy.fft import dct, dst, idct

    h, w = target.shape
    ramp = np.linspace(0, 1, h)[:, None]
    rest = (target - ramp)[1:-1]
    waves = dct(dst(rest, type=1, axis=0, norm="ortho"), type=2, axis=1, norm="ortho")
    along = 2 - 2 * np.cos(np.pi * np.arange(1, h - 1) / (h - 1))
    across = 2 - 2 * np.cos(np.pi * np.arange(w) / w)
    waves /= 1 + strength * (along[:, None] + across)
    solved = np.repeat(ramp, w, axis=1)
    solved[1:-1] += dst(idct(waves, type=2, axis=1, norm="ortho"), type=1, axis=0, norm="ortho")  # its own inverse
    return solved
