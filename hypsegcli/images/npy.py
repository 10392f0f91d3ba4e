"""Arrays to NumPy files, alone and several together, and from them."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypsegcli.errors import DataError
from hypsegcli.files.regular import open_regular


def encode_npy(array: NDArray[Any]) -> bytes:
    """Encode an array of numbers of any shape as a NumPy file; ValueError for Python objects."""
    buffer = BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def encode_npz(**arrays: Any) -> bytes:
    """Encode arrays under their names as a NumPy archive, uncompressed; the same arrays give the same bytes."""
    buffer = BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def read_npy(path: Path) -> NDArray[Any]:
    """The array in a NumPy file; DataError for a damaged one, and for one that holds Python objects."""
    try:
        with open_regular(path) as file:
            return np.asarray(np.lib.format.read_array(file, allow_pickle=False))
    except Exception as error:  # a damaged header raises nearly every kind there is
        raise DataError(f"{path}: is no NumPy array ({error})") from error
