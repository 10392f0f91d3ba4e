"""What may go together in a network, and how it is told."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from hypsegcli.network.config import ModelConfig, check_decoder


@pytest.mark.parametrize("backbone", ["resnet18", "efficientnet_lite0"])
def test_segformer_s_decoder_wants_stages(backbone: str) -> None:
    for build in (check_decoder, lambda decoder, name: ModelConfig(decoder=decoder, backbone=name, nodes=2)):
        with pytest.raises(ValueError, match=f"one of timm's networks, not of {backbone}; choose .* timm:pvt_v2_b0"):
            build("mlp", backbone)
        build("deeplab", backbone)
        build("mlp", "timm:pvt_v2_b0")


def test_another_project_s_network_has_its_own_decoder() -> None:
    fields: dict[str, Any] = {"network": "torchvision", "backbone": "resnet50", "nodes": 2}
    assert ModelConfig(**fields).decoder == "deeplab"
    with pytest.raises(ValidationError, match="expected deeplab for another project's network"):
        ModelConfig(**fields, decoder="mlp")


@pytest.mark.parametrize(
    ("fields", "takes_mean", "words"),
    [
        ({}, True, "DeepLabV3+ on resnet18, output stride 16, separable convolutions"),
        (
            {"backbone": "timm:pvt_v2_b0", "decoder": "mlp"},
            False,
            "SegFormer's all-MLP decoder on timm:pvt_v2_b0",
        ),
        (
            {"network": "torchvision", "backbone": "resnet50", "output_stride": 8},
            False,
            "torchvision's DeepLabV3 on resnet50, output stride 8",
        ),
    ],
)
def test_a_network_in_words(fields: dict[str, Any], takes_mean: bool, words: str) -> None:
    config = ModelConfig(**fields, nodes=2)
    assert config.takes_mean == takes_mean
    assert f"{config.kind.title} on {config.in_words}" == words


def test_a_header_without_a_decoder_is_of_deeplab() -> None:
    """Those of checkpoints that were written before there was a choice."""
    written = ModelConfig(nodes=2).model_dump()
    del written["decoder"]
    assert ModelConfig.model_validate(written) == ModelConfig(nodes=2)
    assert ModelConfig(nodes=2).decoder == "deeplab"
