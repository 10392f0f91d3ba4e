"""bf16 is taken where the processor computes in it, nobody chose, and the checkpoint's answers stay what they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from support import make_checkpoint

from hypsegcli.checkpoint.store import Checkpoint, load_checkpoint
from hypsegcli.hierarchy.tree import flat_tree
from hypsegcli.inference.device import Device, choose_device
from hypsegcli.inference.engines import converted
from hypsegcli.inference.engines.converted import ConvertedEngine, Run
from hypsegcli.inference.engines.rounding import Agreement, agreement, made_up_picture
from hypsegcli.inference.engines.torch_engine import TorchEngine

TREE = flat_tree(["a", "b", "c", "d"])
OPEN = choose_device("cpu")


class Rounding:
    """A runtime that runs a network in torch and spoils what it is to round; it keeps a list of what it has run."""

    label, runs_int8 = "rounding 1", False

    def __init__(
        self, checkpoint: Checkpoint, spoil: Callable[[NDArray[np.float32]], NDArray[np.float32]], *, gains: bool = True
    ) -> None:
        self.engine = TorchEngine(checkpoint.model, checkpoint.header.input, Device(torch.device("cpu")))
        self.spoil, self.gains_by_bf16 = spoil, gains
        self.ran: list[bool] = []

    def convert(self, program: object, folder: Path) -> None:
        (folder / "network").write_text("x")

    def restore(self, graph: bytes, weights: bytes, folder: Path) -> None:
        raise NotImplementedError

    def load(self, folder: Path, *, threads: int, lanes: int, bf16: bool) -> Run:
        def run(inputs: list[NDArray[np.uint8]]) -> NDArray[np.float32]:
            self.ran.append(bf16)
            exact = np.ascontiguousarray(self.engine(inputs[0]).embedding.permute(0, 2, 3, 1).numpy())
            return self.spoil(exact) if bf16 else exact

        return run


def slightly(embedding: NDArray[np.float32]) -> NDArray[np.float32]:
    return torch.from_numpy(embedding).bfloat16().float().numpy()


def badly(embedding: NDArray[np.float32]) -> NDArray[np.float32]:
    return -embedding


def into_nothing(embedding: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.full_like(embedding, np.nan)


@pytest.fixture
def checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkpoint:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(converted, "export", lambda *_, **__: None)
    return load_checkpoint(make_checkpoint(tmp_path / "x.safetensors", TREE, backbone="mobilenet_v3_small"))


def test_what_agrees_is_taken_and_looked_at_once(checkpoint: Checkpoint) -> None:
    told: list[str] = []
    first = Rounding(checkpoint, slightly)
    engine = ConvertedEngine(checkpoint, OPEN, first, tell=told.append)
    assert engine.device.label == "cpu, bf16"
    assert first.ran == [False, True]
    engine(made_up_picture())
    assert first.ran[2:] == [True]
    again = Rounding(checkpoint, slightly)
    assert ConvertedEngine(checkpoint, OPEN, again, tell=told.append).device.bf16
    assert again.ran == []
    assert not any("bf16" in sentence for sentence in told)


@pytest.mark.parametrize("spoil", [badly, into_nothing])
def test_what_does_not_agree_is_told_and_runs_in_fp32(
    checkpoint: Checkpoint, spoil: Callable[[NDArray[np.float32]], NDArray[np.float32]]
) -> None:
    for known in (False, True):
        told: list[str] = []
        runtime = Rounding(checkpoint, spoil)
        engine = ConvertedEngine(checkpoint, OPEN, runtime, tell=told.append)
        assert (engine.device.label, runtime.ran) == ("cpu, fp32", [] if known else [False, True])
        assert told[-1].startswith("in bf16 ")
        assert told[-1].endswith("; it runs in fp32")
        engine(made_up_picture())
        assert runtime.ran[-1] is False


def test_where_somebody_chose_or_nothing_is_gained_nothing_is_tried(checkpoint: Checkpoint) -> None:
    for device, gains in ((choose_device("cpu", "fp32"), True), (OPEN, False)):
        runtime = Rounding(checkpoint, slightly, gains=gains)
        engine = ConvertedEngine(checkpoint, device, runtime, tell=lambda sentence: None)
        assert (engine.device.bf16, runtime.ran) == (False, [])
    runtime = Rounding(checkpoint, badly)
    assert ConvertedEngine(checkpoint, choose_device("cpu", "bf16"), runtime, tell=lambda sentence: None).device.bf16
    assert runtime.ran == []


def test_the_picture_is_always_the_same_and_has_something_at_every_scale() -> None:
    picture = made_up_picture()
    assert picture.shape == (1, 384, 512, 3)
    assert picture.dtype == np.uint8
    assert np.array_equal(picture, made_up_picture())
    grey = picture[0].mean(-1)
    for side in (4, 16, 64):
        coarse = grey.reshape(384 // side, side, 512 // side, side).mean((1, 3))
        assert np.abs(np.diff(coarse, axis=1)).mean() > 1


def test_an_answer_agrees_with_itself(checkpoint: Checkpoint) -> None:
    engine = TorchEngine(checkpoint.model, checkpoint.header.input, OPEN)
    output = engine(made_up_picture())
    assert agreement(output, output, TREE) == Agreement(labels=1.0, distance=0.0)
