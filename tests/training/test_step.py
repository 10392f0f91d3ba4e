"""A batch in parts teaches what it teaches whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from support.ranks import SMALL, run_ranks, trained
from support.tiny_data import make_data

from hypsegcli.checkpoint.torch_file import read_plain
from hypsegcli.errors import UsageError
from hypsegcli.training.config_file import check_settings
from hypsegcli.training.ranks import ALONE

FROZEN: dict[str, Any] = {"batch_size": 6, "freeze_batch_norm": True, "radius_fold": 0.3}


def weights(out: Path) -> torch.Tensor:
    model = read_plain(out / "state.pt")["model"]
    return torch.cat([tensor.double().flatten() for tensor in model.values() if tensor.is_floating_point()])


def test_micro_batches_add_up_to_their_batch(tmp_path: Path) -> None:
    """Batch norm, which would see a part alone, is frozen; also where ranks share each batch."""
    data = make_data(tmp_path / "data", train=12)
    whole = trained(ALONE, data, tmp_path / "whole", FROZEN)
    parts = trained(ALONE, data, tmp_path / "parts", FROZEN | {"accumulate": 3})
    run_ranks(2, trained, data, tmp_path / "ranks", FROZEN | {"accumulate": 2})
    expected = weights(tmp_path / "whole")
    for name in ("parts", "ranks"):
        assert float((weights(tmp_path / name) - expected).norm() / expected.norm()) < 1e-7, name
    assert parts.reports[0].loss == pytest.approx(whole.reports[0].loss, rel=1e-5)
    assert parts.reports[0].radius_loss == pytest.approx(whole.reports[0].radius_loss, rel=1e-5)


def test_a_training_may_go_on_in_other_parts(tmp_path: Path) -> None:
    data, out = make_data(tmp_path / "data"), tmp_path / "run"
    trained(ALONE, data, out, {"accumulate": 2})
    (report,) = trained(ALONE, data, out, {"epochs": 2}, resume=True).reports
    assert report.epoch == 2


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"accumulate": 3}, "accumulate 3 leaves parts of one image of a batch_size of 4; batch norm needs two"),
        ({"accumulate": 2, "head": "prototypes"}, "prototypes are assigned to all of its pixels at once"),
        ({"accumulate": 0}, "accumulate: expected a whole number"),
    ],
)
def test_parts_that_cannot_be_are_refused(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        check_settings(SMALL | settings, {})
