"""An .npz as it is read: whatever the file says of itself is looked at before anything is unpacked."""

from __future__ import annotations

import io
from typing import Any
from zipfile import ZipFile

import numpy as np
from numpy.typing import DTypeLike, NDArray

_HEADER = 2**16  # bytes, which that of a member may have at most


def read_array(archive: ZipFile, name: str, dtype: DTypeLike, *, most: int) -> NDArray[Any]:
    """The array of a name, of that type and at most so many bytes, in the order of C; it cannot be written into.

    Raises ValueError where it is anything else, KeyError where it is not there, and as `zipfile` does where the archive
    is damaged.
    """
    member = archive.getinfo(f"{name}.npy")
    if member.file_size > most + _HEADER:
        raise ValueError(f"{name} has {member.file_size:,} bytes, more than the {most:,} expected")
    data = archive.read(member)
    file = io.BytesIO(data[:_HEADER])
    if np.lib.format.read_magic(file) != (1, 0):
        raise ValueError(f"{name} has another version of NumPy's format")
    shape, by_columns, found = np.lib.format.read_array_header_1_0(file)
    values = np.frombuffer(data, np.uint8, offset=file.tell())
    if found != np.dtype(dtype) or found.hasobject or (by_columns and len(shape) > 1):
        raise ValueError(f"{name} holds {found} of shape {shape}, expected {np.dtype(dtype)}")
    return values.view(found).reshape(shape)
