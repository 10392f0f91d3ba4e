"""Label maps as MATLAB keeps them, written by SciPy."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from hypsegcli.errors import ImageError
from hypsegcli.truth.masks import decode_ids
from hypsegcli.truth.matlab import decode_matlab

MASK = np.arange(12, dtype=np.uint8).reshape(3, 4) * 15


@pytest.mark.parametrize("compressed", [False, True])
def test_the_segmentation_of_sbd(tmp_path: Path, compressed: bool) -> None:
    record = {"Boundaries": [np.eye(3)], "Segmentation": MASK, "CategoriesPresent": [[3]]}
    savemat(tmp_path / "a.mat", {"GTcls": record}, do_compression=compressed)
    for decode in (decode_matlab, decode_ids):
        ids = decode(tmp_path / "a.mat")
        np.testing.assert_array_equal(ids, MASK)
        assert ids.dtype == np.uint8


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int32, np.float64])
def test_the_map_of_coco_stuff_10k(tmp_path: Path, kind: type[np.generic]) -> None:
    savemat(tmp_path / "a.MAT", {"S": MASK.astype(kind), "captions": ["a dog"], "regionMapStuff": MASK})
    ids = decode_ids(tmp_path / "a.MAT")
    np.testing.assert_array_equal(ids, MASK)
    assert ids.dtype == (np.uint8 if kind is np.uint8 else np.uint16)


@pytest.mark.parametrize("value", [-1.0, 0.5, 65536.0, np.nan, np.inf])
def test_values_that_are_no_ids(tmp_path: Path, value: float) -> None:
    savemat(tmp_path / "a.mat", {"S": np.array([[0.0, value], [1.0, 2.0]])})
    with pytest.raises(ImageError, match=r"a\.mat: holds values from .* that are no ids"):
        decode_matlab(tmp_path / "a.mat")


@pytest.mark.parametrize("content", [{"x": MASK}, {"S": "text"}, {"S": np.zeros((2, 2, 2))}, {"GTcls": {"x": MASK}}])
def test_a_file_without_a_map(tmp_path: Path, content: dict[str, object]) -> None:
    savemat(tmp_path / "a.mat", content)
    with pytest.raises(ImageError, match=r"a\.mat: holds no label map; SBD's is GTcls\.Segmentation"):
        decode_matlab(tmp_path / "a.mat")


def test_a_file_that_is_damaged_or_missing(tmp_path: Path) -> None:
    savemat(tmp_path / "a.mat", {"S": np.random.default_rng(0).integers(0, 9, (40, 40))}, do_compression=True)
    whole = (tmp_path / "a.mat").read_bytes()
    for content in (b"", b"no MATLAB at all", whole[: len(whole) // 2], b"\x89HDF\r\n\x1a\n" * 40):
        (tmp_path / "a.mat").write_bytes(content)
        with pytest.raises(ImageError, match=r"a\.mat: (cannot be read as a MATLAB file|holds no label map)"):
            decode_matlab(tmp_path / "a.mat")
    with pytest.raises(ImageError, match=r"none\.mat: cannot be read as a MATLAB file \(.*No such file"):
        decode_matlab(tmp_path / "none.mat")


def test_without_scipy_the_sentence_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    savemat(tmp_path / "a.mat", {"S": MASK})
    monkeypatch.setitem(sys.modules, "scipy.io", None)
    with pytest.raises(ImageError, match=r"a\.mat: .* SciPy, which is not installed: pip install 'hypseg\[train\]'$"):
        decode_matlab(tmp_path / "a.mat")
