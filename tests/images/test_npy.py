"""NumPy files: what is written is read, and nothing else is."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import DTypeLike, NDArray

from hypsegcli.errors import DataError
from hypsegcli.images.npy import encode_npy, encode_npz, read_npy


@pytest.mark.parametrize("dtype", ["u1", "<f2", "<f4", ">f8", "?"])
@pytest.mark.parametrize("shape", [(3, 5), (2, 3, 5), (0, 5)])
def test_arrays_survive(tmp_path: Path, dtype: DTypeLike, shape: tuple[int, ...]) -> None:
    values = (np.random.default_rng(0).random(shape) * 9).astype(dtype)
    (tmp_path / "a.npy").write_bytes(encode_npy(values))
    found = read_npy(tmp_path / "a.npy")
    assert found.dtype == values.dtype
    np.testing.assert_array_equal(found, values)


def test_nan_and_any_memory_layout_survive() -> None:
    arrays: list[NDArray[Any]] = [np.array([[0.25, np.nan]], np.float32), np.arange(24).reshape(2, 3, 4).T]
    for array in arrays:
        assert np.array_equal(np.load(io.BytesIO(encode_npy(array))), array, equal_nan=True)


def test_archives_hold_each_array_under_its_name() -> None:
    arrays = {"a": np.arange(6, dtype="f2").reshape(2, 3), "b": np.array(0.5), "c": np.array("Bäume")}
    with np.load(io.BytesIO(encode_npz(**arrays))) as found:
        assert sorted(found) == ["a", "b", "c"]
        for name, array in arrays.items():
            np.testing.assert_array_equal(found[name], array)
            assert found[name].dtype == array.dtype


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no array",
        b"\x93NUMPY\x01\x00\x10\x00",
        b'\x93NUMPY\x01\x00\x10\x00{"descr": (((\n  ',
        b"\x93NUMPY\x01\x00\x76\x00{'descr': '<f4', 'fortran_order': False, 'shape': (9, 9)}".ljust(127) + b"\n\0\0",
        b"PK\x03\x04 cut off",
    ],
)
def test_damaged_arrays_are_one_error(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.npy"
    path.write_bytes(data)
    with pytest.raises(DataError, match="is no NumPy array") as caught:
        read_npy(path)
    assert str(path) in str(caught.value)


def test_python_objects_are_never_loaded(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([[{}]], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match=r"a\.npy: is no NumPy array"):
        read_npy(tmp_path / "a.npy")
    with pytest.raises(ValueError, match="Object arrays"):
        encode_npy(np.array([{}], dtype=object))


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.npy")
    with pytest.raises(DataError, match="it is a pipe"):
        read_npy(tmp_path / "a.npy")
