"""Arrays to and from NumPy files."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray


def encode_npy(array: NDArray[Any]) -> bytes:
    """Encode an array of numbers of any shape as a NumPy file; ValueError for Python objects."""
    buffer = BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()
