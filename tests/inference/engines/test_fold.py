"""Folding changes the network and not its answer."""

from __future__ import annotations

import pytest
import torch
from support.norms import lively
from torch import nn

from hypsegcli.inference.engines.fold import fold_batch_norms
from hypsegcli.network.backbones import build_backbone
from hypsegcli.network.config import KINDS, ModelConfig
from hypsegcli.network.imported import TRUNKS


@pytest.mark.parametrize(
    ("name", "all_fold"),
    [
        ("resnet18", True),
        ("timm:test_resnet", False),
        ("timm:test_efficientnet", False),  # norms that hold their activation
        ("timm:repvit_m0_9", False),  # a norm behind a sum, whose neighbour is one of the terms
    ],
)
@torch.no_grad()
def test_folded_it_answers_as_before(name: str, all_fold: bool) -> None:
    torch.manual_seed(0)
    net = lively(build_backbone(name, 16))
    image = torch.randn(1, 3, 48, 80)
    folded = fold_batch_norms(net)
    for found, wanted in zip(folded(image), net(image), strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4 * float(wanted.abs().max()))
    assert any(isinstance(part, nn.BatchNorm2d) for part in net.modules())
    assert not all_fold or not any(isinstance(part, nn.BatchNorm2d) for part in folded.modules())


@pytest.mark.parametrize("network", sorted(TRUNKS))
@torch.no_grad()
def test_other_projects_networks_answer_as_before(network: str) -> None:
    torch.manual_seed(0)
    fields = {"network": network, "backbone": KINDS[network].backbones[0], "nodes": 2, "output_stride": 16}
    net = lively(TRUNKS[network](ModelConfig.model_validate(fields)))
    image = torch.randn(1, 3, 48, 80)
    wanted = net(image)
    torch.testing.assert_close(fold_batch_norms(net)(image), wanted, rtol=1e-3, atol=1e-4 * float(wanted.abs().max()))
