"""Quotients of counts, of which some have nothing below the line."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def ratio(part: ArrayLike, whole: ArrayLike) -> NDArray[np.float64]:
    """`part / whole`, element by element, of equally shaped counts; NaN where `whole` is 0."""
    part, whole = np.asarray(part, np.float64), np.asarray(whole, np.float64)
    quotient: NDArray[np.float64] = np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole != 0)
    return quotient


def mean_of_defined(values: ArrayLike) -> NDArray[np.float64]:
    """The mean over the last axis of what is not NaN; NaN where nothing is."""
    values = np.asarray(values, np.float64)
    defined = ~np.isnan(values)
    return ratio(np.where(defined, values, 0.0).sum(-1), defined.sum(-1))
