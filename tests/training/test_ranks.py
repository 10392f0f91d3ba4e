"""Several processes train as one would, and what one of them finds wrong ends all of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from support.ranks import (
    Trained,
    different,
    disagreeing,
    ended,
    refusing_late,
    rows,
    run_ranks,
    spoilt,
    trained,
    trained_on_own,
)
from support.tiny_data import make_data

from hypsegcli.checkpoint.torch_file import read_plain
from hypsegcli.errors import DataError, DeviceError, UsageError
from hypsegcli.training.launched import LostError, Place, ToldError
from hypsegcli.training.ranks import ALONE, choose_own_device

TOLERANCE = 1e-5  # rounding: sums are added up in another order

# Of a batch of five, two ranks have two and three images.
RECIPES: dict[str, dict[str, Any]] = {
    "all that the loss has": {"batch_size": 5, "radius_fold": 0.4, "ema_decay": 0.9, "learn_curvature": True},
    "prototypes": {"head": "prototypes", "prototypes": 2, "prototype_momentum": 0.9, "warmup_steps": 1},
    "samples at boundaries": {"sampling": "adaptive", "longest_side": 64},
}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return make_data(tmp_path / "data", train=15, val=3)


def apart(one: dict[str, Any], other: dict[str, Any]) -> dict[str, float]:
    """How far a state lies from another, as a share of it: what is learned, and what batch norm has counted."""
    found = {}
    for kind, counted in (("learned", False), ("counted", True)):
        names = [
            name
            for name, tensor in one.items()
            if torch.is_tensor(tensor) and tensor.is_floating_point() and ("running" in name) == counted
        ]
        whole, difference = (
            torch.cat([(one[name] - share * other[name]).double().flatten() for name in names] or [torch.zeros(1)])
            for share in (0.0, 1.0)
        )
        found[kind] = float(difference.norm() / whole.norm().clamp_min(1e-9))
    return found


@pytest.mark.parametrize("recipe", RECIPES)
def test_two_ranks_train_as_one_process(data: Path, tmp_path: Path, recipe: str) -> None:
    """Three steps, and what is validated after them; the folder is the first's alone."""
    options = RECIPES[recipe]
    if recipe.startswith("all"):
        others = tmp_path / "others"
        others.mkdir()
        Image.effect_noise((80, 64), 90.0).convert("RGB").save(others / "a.png")
        options = options | {"other_worlds": str(others), "other_worlds_share": 0.2}
        data = make_data(tmp_path / "fewer", train=12, val=3)
    one, two = tmp_path / "one", tmp_path / "two"
    alone = trained(ALONE, data, one, options)
    both: list[Trained] = run_ranks(2, trained, data, two, options)
    assert [each.steps for each in both] == [alone.steps] * 2 == [3, 3]
    states = [read_plain(folder / "state.pt") for folder in (one, two)]
    for part in {"model", "loss", "average", "teacher"} & states[0].keys():
        assert max(apart(states[0][part], states[1][part]).values()) < TOLERANCE, part
    (of_one,), (of_two,) = alone.reports, both[0].reports
    assert of_two.loss == pytest.approx(of_one.loss, rel=20 * TOLERANCE)
    # Where two classes are nearly alike probable, rounding decides whether a pixel is right.
    assert of_two.radius_loss == pytest.approx(of_one.radius_loss, rel=20 * TOLERANCE)
    assert both[1].reports[0].scores == of_two.scores
    assert sorted(path.name for path in two.rglob("*")) == sorted(path.name for path in one.rglob("*"))


def test_a_training_goes_on_with_another_number_of_ranks(data: Path, tmp_path: Path) -> None:
    out, whole = tmp_path / "run", tmp_path / "whole"
    options = {"batch_size": 5, "schedule": "constant"}
    run_ranks(2, trained, data, out, options)
    (best := out / "best.safetensors").unlink()
    three: list[Trained] = run_ranks(3, trained, data, out, options | {"epochs": 2}, True)
    assert [report.epoch for report in three[2].reports] == [2]
    assert best.is_file(), "a checkpoint that is gone is written again"
    trained(ALONE, data, whole, options | {"epochs": 2})
    states = [read_plain(folder / "state.pt") for folder in (out, whole)]
    assert max(apart(states[0]["model"], states[1]["model"]).values()) < 5 * TOLERANCE
    assert len((out / "log.csv").read_text().splitlines()) == 3


def test_a_file_that_one_rank_cannot_read_ends_all(tmp_path: Path) -> None:
    data = make_data(tmp_path / "data", train=4)
    for number in range(1, 4):  # whichever comes second, it is this image
        for kind in ("images", "masks"):
            (data / "train" / kind / f"{number:02}.png").unlink()
            (data / "train" / kind / f"{number:02}.png").symlink_to("00.png")
    first, second = run_ranks(
        2, spoilt, data, tmp_path / "run", {"batch_size": 2}, (data / "train/images/00.png").resolve()
    )
    assert isinstance(first, DataError)
    assert "has changed since this training looked at it" in str(first)
    assert isinstance(second, ToldError)


def test_a_loss_that_is_no_number_in_one_rank_ends_all(tmp_path: Path) -> None:
    """The images of all of the batch are named."""
    data = make_data(tmp_path / "data", train=4)
    options = {"learning_rate": 1e30, "epochs": 3, "validate_every": 3}
    first, second = run_ranks(2, trained, data, tmp_path / "run", options)
    assert isinstance(first, DataError)
    assert "in epoch 2, at the images " in str(first)
    assert {"00", "01", "02", "03"} == set(str(first).split("images ")[1].split(";")[0].split(", "))
    assert isinstance(second, ToldError)


def test_what_one_rank_raises_all_raise() -> None:
    first, second = run_ranks(2, disagreeing)
    assert isinstance(first, DataError)
    assert isinstance(second, ToldError)
    assert str(first) == str(second) == "a file is gone"


def test_ranks_that_know_different_things_are_refused() -> None:
    first, second, third = run_ranks(3, different, False)
    assert isinstance(first, UsageError)
    assert "process 1 of this training" in str(first)
    assert " in the seed; give all of them the same" in str(first)
    assert isinstance(second, ToldError)
    assert isinstance(third, ToldError)
    assert run_ranks(2, different, True) == [None, None]


def test_a_rank_whose_data_are_others_is_refused(tmp_path: Path) -> None:
    """Before anything is written."""
    data, out = make_data(tmp_path / "data"), tmp_path / "run"
    ranks_of: list[Any] = run_ranks(2, trained_on_own, data, out)
    assert isinstance(ranks_of[0], UsageError)
    assert "in the files of train" in str(ranks_of[0])
    assert not out.exists()


def test_a_rank_that_ends_is_missed() -> None:
    lost, nothing = run_ranks(2, ended)
    assert isinstance(lost, LostError)
    assert "another of the 2 processes of this training has ended" in str(lost)
    assert isinstance(nothing, EOFError)
    nothing, told = run_ranks(2, refusing_late)
    assert isinstance(nothing, EOFError)
    assert isinstance(told, LostError)
    assert str(told) == "the command is wrong"


def test_rows_of_all_ranks_come_in_their_order() -> None:
    assert run_ranks(3, rows) == [[[], [[1, 1]], [[2, 2], [2, 2]]]] * 3


def test_alone_there_is_nobody_to_ask() -> None:
    numbers = torch.ones(2)
    assert ALONE.add_gradients([torch.nn.Linear(1, 1)], numbers) is numbers
    assert ALONE.gather("x") == ["x"]
    np.testing.assert_array_equal(ALONE.stack(numbers), [[1, 1]])
    with pytest.raises(DataError, match="no"), ALONE.together():
        raise DataError("no")


@pytest.mark.parametrize("name", ["auto", "cuda"])
def test_each_process_of_a_machine_has_a_card_of_its_own(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: True)
    assert choose_own_device(name, Place(index=3, count=4, local=1, here=2)).torch == torch.device("cuda:1")
    assert choose_own_device(name, Place()).torch.index in {0, None}
    with pytest.raises(DeviceError, match="3 processes of this machine see 2 CUDA devices; start no more"):
        choose_own_device(name, Place(index=0, count=3, local=0, here=3))
    assert choose_own_device("cuda:0", Place(index=1, count=3, local=1, here=3)).torch == torch.device("cuda:0")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    with pytest.raises(DeviceError, match="several processes train on CUDA devices or CPUs"):
        choose_own_device("mps", Place(index=0, count=2, local=0, here=2))
