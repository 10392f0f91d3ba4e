"""The two-dimensional ball as a picture: the Poincaré disk scaled to radius 1, whatever its curvature.

A point z of the ball {z : c |z|^2 < 1} is drawn at `u = sqrt(c) z`. All arrays are float64: a float32 cannot tell
points near the rim, where most of the disk's room is, from the rim itself.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]

_RINGS = 5  # at most
_RING_GAP = 0.02  # of the disk's radius, between rings: what can be told apart


def disk_points(v: NDArray[np.floating], distance: NDArray[np.floating], *, c: float) -> Points:
    """(..., 2) points of the unit disk in the direction of v (..., 2), at geodesic distances (...) from the origin.

    The distance is the held one, which the head's limit made shorter than 2 |v|. Where v is 0 so is the point.
    """
    v = np.asarray(v, np.float64)
    length = np.linalg.norm(v, axis=-1, keepdims=True)
    unit = np.divide(v, length, out=np.zeros_like(v), where=length > 0.0)
    points: Points = unit * np.tanh(0.5 * math.sqrt(c) * np.asarray(distance, np.float64))[..., None]
    return points


def ring_radius(distance: float, *, c: float) -> float:
    """Radius, in the unit disk, of the circle of points at a geodesic distance from the origin."""
    return math.tanh(0.5 * math.sqrt(c) * distance)


def ring_distances(max_distance: float, *, c: float) -> tuple[float, ...]:
    """Up to five multiples of 1, 2 or 5 times a power of ten, below `max_distance`, whose rings can be told apart."""
    steps = [factor * 10.0**power for power in range(-6, 7) for factor in (1, 2, 5)]
    step = min(steps, key=lambda candidate: abs(math.log(candidate * math.sqrt(c))))
    chosen: list[float] = []
    for index in range(1, _RINGS + 1):
        distance = float(f"{index * step:.6g}")
        last = ring_radius(chosen[-1], c=c) if chosen else 0.0
        if distance >= max_distance or ring_radius(distance, c=c) - last < _RING_GAP:
            break
        chosen.append(distance)
    return tuple(chosen)


def geodesic(W: NDArray[np.floating], w0: float, *, count: int = 129) -> Points:
    """(count, 2) points of the unit disk on a gyroplane in Lorentz form, from rim to rim; the ends lie on the rim.

    The gyroplane is `2 <W, u> = w0 (1 + |u|^2)` with W (2,) and |W|^2 - w0^2 = 1: a diameter where w0 = 0, else the
    part inside the disk of the circle around W / w0 with radius 1 / |w0|. Seen along W it runs from right to left.

    With `s` the distance along it from its point next to the origin, in units of 1 / sqrt(c), its Lorentz coordinates
    are `cosh(s) (|W|, w0 W / |W|) + sinh(s) (0, W' / |W|)`, where W' is W turned by a quarter. In `tanh(s / 2)` that is
    a quotient of polynomials, which knows no difference between straight and curved.
    """
    W = np.asarray(W, np.float64)
    length = float(np.linalg.norm(W))
    along = np.array([-W[1], W[0]]) / length
    half = np.linspace(-1.0, 1.0, count)[:, None]  # tanh(s / 2)
    points: Points = ((1.0 + half**2) * (w0 / length) * W + 2.0 * half * along) / (
        (1.0 - half**2) + (1.0 + half**2) * length
    )
    return points


def positive_side(W: NDArray[np.floating], w0: float, points: Points) -> Points:
    """(n, 2) unit normals of a gyroplane at points (n, 2) on it, into the half of the disk with positive logits.

    `W - w0 u` is the gradient of `2 <W, u> - w0 (1 + |u|^2)` halved; on the gyroplane its length is 1.
    """
    return np.asarray(W, np.float64) - w0 * points
