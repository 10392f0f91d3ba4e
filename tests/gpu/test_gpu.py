"""Everything that runs on a GPU, against the CPU: `pytest -m gpu`.

Where there is no GPU the CPU stands in for it, and for what only a CUDA device has, patches do: so every line has run,
and nothing is known of a GPU. What was seen on which card, docs/speed.md says.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from support import EXAMPLES, Hypseg
from support.limited_engine import limit_memory
from support.ranks import run_ranks, trained
from support.tiny_data import make_data

from hypsegcli.checkpoint.bundled import MODELS, bundled_checkpoint
from hypsegcli.checkpoint.store import load_checkpoint
from hypsegcli.images.decode import DecodedImage, decode_image
from hypsegcli.inference.batches import Batches, Loaded, Segmented
from hypsegcli.inference.build import make_segmenter
from hypsegcli.inference.device import choose_device
from hypsegcli.inference.engines.memory import memory_of
from hypsegcli.inference.engines.torch_engine import TorchEngine
from hypsegcli.inference.prediction import Prediction
from hypsegcli.inference.request import Precision, Request
from hypsegcli.inference.windows import Tiling
from hypsegcli.training.ranks import ALONE

pytestmark = pytest.mark.gpu

CARDS = torch.cuda.device_count()
CARD = "cuda" if CARDS else "mps" if torch.backends.mps.is_available() else "cpu"


@pytest.fixture
def photographs() -> list[NDArray[np.uint8]]:
    return [decode_image(path).pixels[:240, :320] for path in sorted((EXAMPLES / "streets").iterdir())]


@pytest.fixture
def cuda_in_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets an engine on the CPU take the ways that CUDA devices take; does nothing where there is one."""
    if CARDS == 0:
        made = TorchEngine.__init__

        def init(self: TorchEngine, *arguments: object) -> None:
            made(self, *arguments)  # type: ignore[arg-type]
            self._on_card = True

        monkeypatch.setattr(TorchEngine, "__init__", init)
        monkeypatch.setattr(torch.Tensor, "pin_memory", lambda self: self)
        peaks = iter(range(10**9, 10**12, 10**9))
        monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda device: None)
        monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: next(peaks))


def answers(
    device: str, images: list[NDArray[np.uint8]], name: str, precision: Precision, tiling: Tiling | None = None
) -> list[Prediction]:
    request = Request(measures=("distance", "entropy"))
    loaded = load_checkpoint(bundled_checkpoint(name))
    segmenter = make_segmenter(loaded, request, engine="torch", device=device, precision=precision)
    segmenter.tiling = tiling
    return segmenter.predict(images) if tiling is None else [segmenter.predict([image])[0] for image in images]


# Name, precision, windows, least share of equal labels, most that distances may differ by on average.
CASES = [
    *((model.name, "fp32", None, 0.999, 0.01) for model in MODELS),
    ("streets", "fp32", Tiling(tile=160, overlap=32, above=1), 0.999, 0.01),
    *((model.name, "bf16", None, 0.97, 0.1) for model in MODELS[: None if CARDS else 1]),  # slow on most CPUs
]


@pytest.mark.usefixtures("cuda_in_name")
@pytest.mark.parametrize(("name", "precision", "tiling", "labels", "distance"), CASES)
def test_answers_are_the_cpus(
    name: str,
    precision: Precision,
    tiling: Tiling | None,
    labels: float,
    distance: float,
    photographs: list[NDArray[np.uint8]],
) -> None:
    exact = answers("cpu", photographs, name, "fp32", tiling)
    found = answers(CARD, photographs, name, precision, tiling)
    same = [(a.labels == b.labels).mean() for a, b in zip(exact, found, strict=True)]
    assert np.mean(same) >= labels
    for a, b in zip(exact, found, strict=True):
        assert np.abs(a.confidence["distance"].values - b.confidence["distance"].values).mean() < distance


@pytest.mark.usefixtures("cuda_in_name")
def test_what_a_pixel_takes_is_measured_and_windows_follow(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = load_checkpoint(bundled_checkpoint())
    engine = TorchEngine(loaded.model, loaded.header.input, choose_device(CARD))
    a_pixel = engine.bytes_a_pixel()
    if CARD == "mps":
        assert a_pixel is None
        return
    assert a_pixel is not None
    assert 256 <= a_pixel < 10_000
    total = memory_of(engine.device.torch)
    assert total is not None
    monkeypatch.setattr("hypsegcli.inference.build.memory_of", lambda device: 64 * 2**30)
    made = make_segmenter(loaded, engine="torch", device=CARD)
    assert made.tiling is not None
    assert made.tiling.above > 2048**2


def test_want_of_memory_costs_time_and_no_image(
    photographs: list[NDArray[np.uint8]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A card is given less than one picture takes; its stand-in refuses more than some pixels."""
    segmenter = make_segmenter(load_checkpoint(bundled_checkpoint()), engine="torch", device=CARD, tile=1024)
    large = np.concatenate([np.concatenate(photographs[:2] * 3, 1)] * 5)
    if CARD == "cuda":
        torch.cuda.empty_cache()
        total = memory_of(torch.device(CARD))
        assert total is not None
        torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_allocated() + 4e8) / total)
    else:
        limit_memory(monkeypatch, 600 * 600)
    try:
        images: list[Any] = [Loaded(number, DecodedImage(large, ())) for number in range(2)]
        found: list[Any] = list(Batches(segmenter, batch_size=2).segment(images))
    finally:
        if CARD == "cuda":
            torch.cuda.set_per_process_memory_fraction(1.0)
    assert all(isinstance(one, Segmented) and one.tile in {512, 1024, None} for one in found)
    assert any(isinstance(one, Segmented) and one.notes for one in found)


@pytest.mark.parametrize("number", range(max(CARDS, 1)))
def test_every_card_answers_alike(number: int, photographs: list[NDArray[np.uint8]]) -> None:
    device = f"cuda:{number}" if CARDS else CARD
    first = answers(f"{CARD}:0" if CARDS else CARD, photographs[:1], "streets", "fp32")[0]
    found = answers(device, photographs[:1], "streets", "fp32")[0]
    assert (first.labels == found.labels).mean() > 0.9999


@pytest.mark.skipif(not torch.backends.mps.is_available(), reason="no Apple GPU here")
def test_apples_gpu_is_found() -> None:
    assert choose_device("mps").label == "mps, fp32"


def test_a_run_scores_and_trains_there(hypseg: Hypseg, tmp_path: Path) -> None:
    """predict, evaluate, calibrate and train, as typed; bf16 in training where the card has it."""
    data = make_data(tmp_path / "data")
    run = tmp_path / "run"
    options = (
        "--backbone",
        "mobilenet_v3_small",
        "--epochs",
        2,
        "--embedding-size",
        4,
        "--crop",
        48,
        64,
        "--batch-size",
        2,
        "--device",
    )
    assert hypseg("train", "--data", data, "--out", run, *options, CARD, "-q").code == 0
    assert hypseg("train", "--out", run, "--resume", "--epochs", 3, "--device", CARD, "-q").code == 0
    best, images, masks = run / "best.safetensors", data / "val" / "images", data / "val" / "masks"
    shared = ("-c", best, "--device", CARD, "-q")
    assert hypseg("predict", images, "-o", tmp_path / "out", *shared).code == 0
    assert json.loads((tmp_path / "out" / "run.json").read_text())["device"].startswith(CARD)
    assert hypseg("evaluate", images, masks, "-o", tmp_path / "report", "--mc-dropout", 2, *shared).code == 0
    calibrated = tmp_path / "c.safetensors"
    assert hypseg("calibrate", images, masks, "--name", "noise", "-o", calibrated, *shared).code == 0


@pytest.mark.skipif(CARD == "mps", reason="several processes train on CUDA devices or CPUs")
@pytest.mark.parametrize("cards", [1, 2])
def test_two_processes_train_as_one(cards: int, tmp_path: Path) -> None:
    """They share a card, or have one each and speak through NCCL; torch's own batch norm is over both."""
    if 0 < CARDS < cards:
        pytest.skip("there is one card alone")
    data = make_data(tmp_path / "data", train=12)
    device = "cuda" if CARDS else "cpu"
    devices = [f"cuda:{index % cards}" if CARDS else "cpu" for index in range(2)]
    alone = trained(ALONE, data, tmp_path / "one", {}, False, [device])
    both = run_ranks(2, trained, data, tmp_path / "two", {}, False, devices, devices=devices)
    assert both[0].reports[0].loss == pytest.approx(alone.reports[0].loss, rel=1e-2)
    assert both[0].reports[0].scores == both[1].reports[0].scores
