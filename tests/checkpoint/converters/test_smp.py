"""segmentation_models_pytorch's own network says what the converted one says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import segmentation_models_pytorch as smp
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hypsegcli.checkpoint.converters.assemble import Facts, assemble, recognise
from hypsegcli.checkpoint.converters.converted import Told
from hypsegcli.checkpoint.converters.source import Source
from hypsegcli.errors import CheckpointError
from hypsegcli.hierarchy.tree import flat_tree
from hypsegcli.inference.device import choose_device
from hypsegcli.inference.engines.torch_engine import TorchEngine
from hypsegcli.inference.request import Request
from hypsegcli.inference.segmenter import Segmenter
from hypsegcli.network.model import build_model

TREE = flat_tree([f"class {number}" for number in range(5)])
FACTS = Facts(255, (64, 64), "unknown", "unknown")


def network(encoder: str, **settings: Any) -> Any:
    """With random weights, and statistics that are none of a fresh batch norm."""
    torch.manual_seed(0)
    net = smp.DeepLabV3Plus(encoder, encoder_weights=None, classes=5, **settings)
    for layer in net.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.get_buffer("running_mean").normal_(0, 0.1)
            layer.get_buffer("running_var").uniform_(0.5, 1.5)
    net.segmentation_head[0].weight.data.normal_(0, 1)
    return net.eval()


@pytest.mark.parametrize(
    ("encoder", "settings", "told"),
    [
        ("resnet18", {}, {}),
        ("resnet34", {"encoder_output_stride": 8}, {"output_stride": 8}),
        ("resnet50", {"decoder_aspp_separable": False, "decoder_atrous_rates": (6, 12, 18)}, {"rates": (6, 12, 18)}),
    ],
)
def test_its_answers_are_those_of_the_project(encoder: str, settings: dict[str, Any], told: dict[str, Any]) -> None:
    net = network(encoder, **settings)
    source = Source(Path("a.pth"), net.state_dict())
    assert recognise(source) == "smp"
    found = assemble(source, Told(tree=TREE, **told), FACTS, format_name="smp")
    model = build_model(found.header.model).eval()
    model.load_state_dict(found.state)
    picture = torch.randint(256, (61, 83, 3), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)
    engine = TorchEngine(model, found.header.input, choose_device("cpu", "fp32"))
    (prediction,) = Segmenter(engine, TREE, request=Request(measures=("entropy",))).predict([picture.numpy()])
    wanted = answer(net, picture, found.header.input.mean, found.header.input.std)
    best, second = wanted.topk(2, 0).values
    sure = (best - second) > 1e-3 * (best.max() - best.min())
    assert sure.float().mean() > 0.99
    assert len(wanted.argmax(0)[sure].unique()) > 1
    assert (prediction.labels == wanted.argmax(0).numpy())[sure.numpy()].all()


def answer(net: Any, picture: Tensor, mean: tuple[float, ...], std: tuple[float, ...]) -> Tensor:
    """Of a picture (H, W, 3) whose edges are repeated until its sides are multiples of 16, which the project wants."""
    shift, scale = (torch.tensor(row)[:, None, None] for row in (mean, std))
    image = ((picture.permute(2, 0, 1) / 255 - shift) / scale)[None]
    H, W = image.shape[2:]
    with torch.inference_mode():
        logits: Tensor = net(F.pad(image, (0, -W % 16, 0, -H % 16), mode="replicate"))
    return logits[0, :, :H, :W]


def test_what_is_taken_for_granted_is_said() -> None:
    state = network("resnet18").state_dict()
    found = assemble(Source(Path("a.pth"), state), Told(tree=TREE), FACTS, format_name="smp")
    assert len(found.notes) == 1
    assert found.notes[0].startswith("output stride 16 and the rates 12, 24, 36 are not in the file")
    told = Told(tree=TREE, output_stride=16, rates=(12, 24, 36))
    assert assemble(Source(Path("a.pth"), state), told, FACTS, format_name="smp").notes == ()


@pytest.mark.parametrize(
    ("net", "said"),
    [
        (lambda: smp.DeepLabV3Plus("mobilenet_v2", encoder_weights=None, classes=5), "its encoder is none of"),
        (lambda: smp.DeepLabV3Plus("resnet18", encoder_weights=None, classes=1), "has one output, a sigmoid's"),
        (
            lambda: smp.DeepLabV3Plus("resnet18", encoder_weights=None, classes=5, decoder_channels=128),
            "the tensor trunk",
        ),
    ],
)
def test_others_of_the_project_are_refused(net: Any, said: str) -> None:
    with pytest.raises(CheckpointError, match=said):
        assemble(Source(Path("a.pth"), net().state_dict()), Told(tree=TREE), FACTS, format_name="smp")
