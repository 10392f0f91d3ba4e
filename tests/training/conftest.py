"""Data folders of the training tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from support.tiny_data import make_data, put


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Six pairs to train on and two to validate."""
    return make_data(tmp_path / "data")


@pytest.fixture
def pairs(tmp_path: Path) -> Callable[..., Path]:
    """Write pairs (stem, photograph, mask) to `train` of a data folder, which is returned."""

    def write(*entries: tuple[str, NDArray[np.uint8] | None, NDArray[np.integer] | None]) -> Path:
        for entry in entries:
            put(tmp_path / "pairs" / "train", *entry)
        return tmp_path / "pairs"

    return write
