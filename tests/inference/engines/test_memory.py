"""What a network takes for a pixel, and which images go through it whole by that."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from hypsegcli.budget import BUDGET, Budget
from hypsegcli.inference.engines.memory import (
    CardMeter,
    ProcessMeter,
    bytes_a_pixel,
    may_matter,
    memory_of,
    whole_pixels,
)
from hypsegcli.network.config import ModelConfig

CONFIG = ModelConfig(nodes=11, embedding_size=64)
WINDOW = BUDGET.window**2
ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="measured on Linux only")


def measured(bytes_a_pixel: int) -> float:
    """In a process of its own, as if a runtime took so much."""
    code = f"""
import numpy as np
from hypsegcli.inference.engines.memory import ProcessMeter, bytes_a_pixel
def run(inputs):
    np.ones((inputs[0].size // 3, {bytes_a_pixel}), np.uint8)
print(bytes_a_pixel(run, ProcessMeter()))
"""
    return float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)


@ON_LINUX
def test_the_peak_is_measured_and_rounded_up() -> None:
    """To powers of the root of 2, so that noise does not move it; never less than a network takes."""
    assert measured(400) == pytest.approx(512, abs=0.1)
    assert measured(800) == pytest.approx(1024, abs=0.1)
    assert measured(3) == pytest.approx(256, abs=0.1)


def test_what_fits_goes_whole() -> None:
    """On half the memory half the pixels; never less than a window, nor more than is read whole."""
    of = {memory: whole_pixels(512.0, CONFIG, memory * 2**30) for memory in (1, 4, 16, 32, 1024)}
    assert of[1] == of[4] == WINDOW
    assert of[32] == pytest.approx(2 * of[16], abs=2)
    assert 512 * of[32] < BUDGET.network_share * 32 * 2**30
    assert of[1024] == BUDGET.whole_pixels


@pytest.mark.parametrize(("a_pixel", "memory"), [(None, 2**40), (512.0, None)])
def test_where_nobody_tells_all_is_as_it_was(a_pixel: float | None, memory: int | None) -> None:
    assert whole_pixels(a_pixel, CONFIG, memory) == WINDOW


@pytest.mark.parametrize("change", [{"nodes": 1000}, {"embedding_size": 512}])
def test_classes_and_dimensions_count(change: dict[str, Any]) -> None:
    wide = CONFIG.model_copy(update=change)
    assert whole_pixels(512.0, wide, 2**35) < whole_pixels(512.0, CONFIG, 2**35)


@pytest.mark.parametrize(("memory", "matters"), [(None, False), (2**31, False), (2**32, True)])
def test_little_memory_is_not_spent_on_measuring(memory: int | None, matters: bool) -> None:
    assert may_matter(CONFIG, memory) == matters


@ON_LINUX
def test_what_does_not_fit_is_not_known() -> None:
    def run(_: object) -> None:
        raise RuntimeError("std::bad_alloc")

    assert bytes_a_pixel(run, ProcessMeter()) is None


@ON_LINUX
def test_other_failures_are_failures() -> None:
    def run(_: object) -> None:
        raise RuntimeError("odd node")

    with pytest.raises(RuntimeError, match="odd node"):
        bytes_a_pixel(run, ProcessMeter())


def test_a_window_larger_than_what_is_read_whole_stays_one() -> None:
    assert whole_pixels(1.0, CONFIG, 2**40, budget=Budget(window=8192)) == 8192**2


def test_the_machine_has_memory() -> None:
    found = memory_of(torch.device("cpu"))
    assert found is None or found > 2**28


def test_a_card_is_asked_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """By stand-ins for PyTorch's own questions to it."""
    card = torch.device("cuda:1")
    asked: list[torch.device] = []
    held: dict[torch.device, int] = {}
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: SimpleNamespace(total_memory=2**36))
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", asked.append)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", held.get)
    assert memory_of(card) == 2**36

    def run(inputs: list[NDArray[np.uint8]]) -> None:
        held[card] = 10**9 + 700 * inputs[0].size // 3

    assert bytes_a_pixel(run, CardMeter(card)) == pytest.approx(724.1, abs=0.1)
    assert asked == [card, card]
