"""A checkpoint that TensorFlow 2.15 wrote, with 65 variables, one of them a text."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch

from hypsegcli.checkpoint.converters.tensorflow_bundle import find_index, read_bundle
from hypsegcli.errors import CheckpointError

WRITTEN = Path(__file__).parent / "tensorflow"
INDEX = WRITTEN / "model.ckpt-7.index"


def test_the_numbers_are_those_that_were_written() -> None:
    found = read_bundle(INDEX)
    kernel = torch.arange(24.0).reshape(1, 2, 3, 4)
    torch.testing.assert_close(found["block/unit_1/weights"], kernel, rtol=0, atol=0)
    torch.testing.assert_close(found["block/unit_1/biases"], torch.linspace(-1, 1, 4, dtype=torch.float64))
    assert found["curvature"].shape == ()
    assert float(found["curvature"]) == pytest.approx(0.7, rel=1e-7)
    assert int(found["global_step"]) == 7
    assert found["empty"].shape == (0, 3)
    assert [float(found[f"many/of/them_{number:03}"]) for number in range(60)] == list(range(60))
    assert len(found) == 65, "a text is no number"


@pytest.mark.parametrize("name", ["model.ckpt-7.index", "model.ckpt-7", "."])
def test_it_is_found_by_its_index_its_name_or_its_folder(name: str) -> None:
    assert find_index(WRITTEN / name) == INDEX


def test_where_there_is_none_none_is_found(tmp_path: Path) -> None:
    (tmp_path / "weights.pth").write_bytes(b"")
    assert find_index(tmp_path) is None
    assert find_index(tmp_path / "weights.pth") is None
    assert find_index(tmp_path / "gone") is None


def copied(tmp_path: Path) -> tuple[Path, Path]:
    for file in WRITTEN.iterdir():
        shutil.copy(file, tmp_path)
    return tmp_path / INDEX.name, tmp_path / "model.ckpt-7.data-00000-of-00001"


def test_a_part_that_is_missing_or_cut_off_is_named(tmp_path: Path) -> None:
    index, data = copied(tmp_path)
    data.write_bytes(data.read_bytes()[:-40])
    with pytest.raises(CheckpointError, match=r"data-00000-of-00001: ends too early"):
        read_bundle(index)
    data.unlink()
    with pytest.raises(CheckpointError, match=r"data-00000-of-00001: cannot be read \(No such file"):
        read_bundle(index)


@pytest.mark.parametrize("seed", range(20))
def test_a_damaged_index_is_refused_or_read_and_nothing_else(seed: int, tmp_path: Path) -> None:
    index, _ = copied(tmp_path)
    random = np.random.default_rng(seed)
    whole = index.read_bytes()
    for _ in range(40):
        data = bytearray(whole)
        for at in random.integers(0, len(data), random.integers(1, 8)):
            data[at] = random.integers(256)
        index.write_bytes(data[: random.integers(1, len(data) + 1)] if random.random() < 0.3 else data)
        with suppress(CheckpointError):
            read_bundle(index)
