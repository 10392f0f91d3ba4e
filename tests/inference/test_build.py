"""How windows are laid for a network."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from support import make_checkpoint

from hypsegcli.budget import BUDGET
from hypsegcli.checkpoint.store import load_checkpoint
from hypsegcli.hierarchy.tree import flat_tree
from hypsegcli.inference import build
from hypsegcli.inference.build import make_segmenter, make_tiling
from hypsegcli.inference.engines.torch_engine import TorchEngine
from hypsegcli.inference.windows import Tiling
from hypsegcli.network.config import DecoderName, ModelConfig
from hypsegcli.network.model import build_model, receptive_radius


@pytest.mark.parametrize(
    ("backbone", "decoder", "overlap"),
    [("resnet18_c4", "deeplab", 576), ("timm:test_resnet", "deeplab", 768), ("timm:pvt_v2_b0", "mlp", 768)],
)
def test_windows_overlap_by_what_a_pixel_sees_and_else_as_far_as_they_may(
    backbone: str, decoder: DecoderName, overlap: int
) -> None:
    with torch.device("meta"):
        model = build_model(ModelConfig(backbone=backbone, decoder=decoder, nodes=2))
    assert (receptive_radius(model) is None) == backbone.startswith("timm:")
    assert make_tiling(2048, model) == Tiling(tile=2048, overlap=overlap, above=2048**2)
    assert make_tiling(512, model) == Tiling(tile=512, overlap=192, above=512**2)
    assert make_tiling("auto", model, whole=12_000_000) == Tiling(tile=2048, overlap=overlap, above=12_000_000)
    assert make_tiling(512, model, whole=12_000_000) == make_tiling(512, model)
    assert make_tiling("off", model) is None


@pytest.mark.parametrize(("backbone", "goes_whole"), [("mobilenet_v3_small", True), ("timm:test_resnet", False)])
def test_only_where_the_reach_is_known_images_go_whole_that_are_larger_than_a_window(
    backbone: str, goes_whole: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two measured sizes tell the memory of what grows with the pixels, but not of attention."""
    checkpoint = load_checkpoint(make_checkpoint(tmp_path / "a.safetensors", flat_tree(["a", "b"]), backbone=backbone))
    monkeypatch.setattr(TorchEngine, "bytes_a_pixel", lambda self: 512.0)
    monkeypatch.setattr(build, "memory_of", lambda device: 10**11)
    tiling = make_segmenter(checkpoint, engine="torch", device="cpu").tiling
    assert tiling is not None
    assert (tiling.above > BUDGET.window**2) == goes_whole
