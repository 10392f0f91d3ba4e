"""Places of samples, held against those that are least bent."""

from __future__ import annotations

import numpy as np

from hypsegcli.sampling.energy import Places


def uniform_places(height: int, width: int) -> Places:
    """Those evenly spaced, what strength infinity gives."""
    rows, columns = np.meshgrid(np.linspace(0, 1, height), np.linspace(0, 1, width), indexing="ij")
    return np.stack([rows, columns], -1)


def energy(places: Places, nearest: Places, strength: float) -> float:
    """What `best_places` makes least."""
    steps = (np.diff(places, axis=axis) for axis in (0, 1))
    return float(np.square(places - nearest).sum() + strength * sum(np.square(step).sum() for step in steps))
