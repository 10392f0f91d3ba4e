"""How windows are laid for a network."""

from __future__ import annotations

import pytest
import torch

from hypsegcli.inference.build import make_tiling
from hypsegcli.inference.windows import Tiling
from hypsegcli.network.config import ModelConfig
from hypsegcli.network.model import build_deeplab, receptive_radius


@pytest.mark.parametrize(("backbone", "overlap"), [("resnet18_c4", 576), ("timm:test_resnet", 768)])
def test_windows_overlap_by_what_a_pixel_sees_and_else_as_far_as_they_may(backbone: str, overlap: int) -> None:
    with torch.device("meta"):
        model = build_deeplab(ModelConfig(backbone=backbone, nodes=2))
    assert (receptive_radius(model) is None) == backbone.startswith("timm:")
    assert make_tiling(2048, model) == Tiling(tile=2048, overlap=overlap, above=2048**2)
    assert make_tiling(512, model) == Tiling(tile=512, overlap=192, above=512**2)
    assert make_tiling("auto", model, whole=12_000_000) == Tiling(tile=2048, overlap=overlap, above=12_000_000)
    assert make_tiling(512, model, whole=12_000_000) == make_tiling(512, model)
    assert make_tiling("off", model) is None
