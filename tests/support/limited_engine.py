"""An engine with little memory, and pictures that it can tell apart."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from hypsegcli.hierarchy.tree import flat_tree
from hypsegcli.inference.device import Device
from hypsegcli.inference.engines.torch_engine import TorchEngine
from hypsegcli.inference.prediction import RGB
from hypsegcli.inference.windows import Tiling
from hypsegcli.network.config import ModelConfig
from hypsegcli.network.model import NetworkOutput

TREE = flat_tree(["red", "green", "blue"])
AUTO = Tiling(tile=1024, overlap=208, above=2048 * 2048)
WIDE = (528, 1040)  # 549,120 pixels; its windows of 1024 have 540,672, those of 512 have 262,144


class LimitedEngine:
    """Answers the class of a cell's strongest colour, up to some number of pixels at once."""

    label, device, lanes, head = "limited", Device(torch.device("cpu")), 1, torch.nn.Identity()
    config = ModelConfig(embedding_size=3, nodes=3, softmax="flat")

    def __init__(self, limit: int, error: Callable[[], BaseException] = MemoryError) -> None:
        self.limit, self.error = limit, error
        self.sizes: list[tuple[int, ...]] = []
        self.held: list[weakref.ref[Any]] = []

    def features(self, images: RGB) -> Tensor:
        return torch.zeros(len(images), 3, images.shape[1] // 16, images.shape[2] // 16)

    def __call__(self, images: RGB, mean: Tensor | None = None) -> NetworkOutput:
        assert [held() for held in self.held if held() is not None] == [], "a failed try keeps its memory"
        self.sizes.append(images.shape[:3])
        colors = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
        if images[..., 0].size > self.limit:
            self.held.append(weakref.ref(colors))
            raise self.error()
        v = torch.nn.functional.avg_pool2d(colors, 4)
        return NetworkOutput(v, 8 * v, v.norm(dim=1))


def picture(height: int, width: int, seed: int = 0) -> RGB:
    rng = np.random.default_rng(seed)
    return (
        rng.integers(0, 256, (-(-height // 16), -(-width // 16), 3), np.uint8)
        .repeat(16, 0)
        .repeat(16, 1)[:height, :width]
    )


def limit_memory(monkeypatch: pytest.MonkeyPatch, pixels: int) -> None:
    """Let torch run out of memory where more pixels than that go in at once."""
    run = TorchEngine.__call__

    def limited(self: TorchEngine, images: RGB, mean: Tensor | None = None) -> NetworkOutput:
        if images[..., 0].size > pixels:
            raise MemoryError
        return run(self, images, mean)

    monkeypatch.setattr(TorchEngine, "__call__", limited)
