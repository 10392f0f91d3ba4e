"""A backbone found in the files of other tools."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torchvision import models

from hypsegcli.network.backbones import build_backbone
from hypsegcli.training.foreign import backbone_weights

OWN = {"conv1.weight": torch.ones(1), "layer1.0.bn1.bias": torch.zeros(2)}


def below(prefix: str) -> dict[str, torch.Tensor]:
    return {f"{prefix}{name}": tensor for name, tensor in OWN.items()}


@pytest.mark.parametrize(
    "content",
    [
        OWN,
        below("module."),
        {"state_dict": below("module.encoder.") | {"module.decoder.weight": torch.ones(3)}, "epoch": 7},
        {"model": below("backbone.") | {"classifier.0.weight": torch.ones(3)}, "optimizer": {"lr": 0.1}},
        {"checkpoint": 1, "state_dict": {"meta": {}, "model": below("_orig_mod.")}},
    ],
)
def test_a_backbone_is_found_whatever_holds_it(content: Any) -> None:
    found = backbone_weights(content)
    assert found.keys() == OWN.keys()
    assert all(found[name] is OWN[name] for name in OWN)


@pytest.mark.parametrize("content", [None, [1, 2], {}, {"epoch": 3}, {"state_dict": {}}, {"state_dict": {"a": "b"}}])
def test_where_there_are_no_weights_nothing_is_found(content: Any) -> None:
    assert backbone_weights(content) == {}


def test_a_mobilenet_of_torchvision_s_segmentation_networks_has_its_own_names_again() -> None:
    """There its blocks are called by numbers alone, without `features` before them."""
    torch.manual_seed(3)
    for build in (models.segmentation.deeplabv3_mobilenet_v3_large, models.segmentation.lraspp_mobilenet_v3_large):
        other = build(weights=None, weights_backbone=None).eval()
        ours = build_backbone("mobilenet_v3_large", 16, backbone_weights(other.state_dict())).eval()
        image = torch.randn(1, 3, 64, 64)
        with torch.no_grad():
            features = list(other.backbone(image).values())[-1]
            torch.testing.assert_close(ours(image)[1], features)


def test_the_backbone_of_torchvision_s_segmentation_network_gives_its_features() -> None:
    torch.manual_seed(3)
    other = models.segmentation.deeplabv3_resnet50(weights=None, weights_backbone=None, aux_loss=True).eval()
    ours = build_backbone("resnet50", 8, backbone_weights({"model": other.state_dict()})).eval()
    image = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(ours(image)[1], other.backbone(image)["out"])
