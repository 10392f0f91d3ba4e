"""The images that teach the radius alone: what goes wrong there goes wrong on images that were not learned."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_PLACES = 4  # that the fold is taken from


def radius_fold(count: int, share: float) -> NDArray[np.bool_]:
    """(count,) which of `count` images, in the order of their names, are the fold: `share` of them.

    It is the end of every quarter, not images here and there: neighbours by name are often neighbours in a drive or
    on a slide, and a network that has learned one knows the other.
    """
    held = np.zeros(count, np.bool_)
    for quarter in np.array_split(np.arange(count), _PLACES):
        held[quarter[len(quarter) - round(share * len(quarter)) :]] = True
    return held
