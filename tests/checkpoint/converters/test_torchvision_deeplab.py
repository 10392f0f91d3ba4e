"""torchvision's own network says what the converted one says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torchvision.models import get_model

from hypsegcli.checkpoint.converters.assemble import Facts, assemble
from hypsegcli.checkpoint.converters.converted import Told
from hypsegcli.checkpoint.converters.recognise import recognise
from hypsegcli.checkpoint.converters.source import Source
from hypsegcli.errors import CheckpointError
from hypsegcli.hierarchy.tree import flat_tree
from hypsegcli.inference.device import choose_device
from hypsegcli.inference.engines.torch_engine import TorchEngine
from hypsegcli.inference.request import Request
from hypsegcli.inference.segmenter import Segmenter
from hypsegcli.network.model import build_model

TOLD = Told(tree=flat_tree([f"class {number}" for number in range(5)]))
FACTS = Facts(None, None, "unknown", "unknown")


def network(name: str) -> Any:
    """With random weights, and statistics that are none of a fresh batch norm."""
    torch.manual_seed(0)
    net: Any = get_model(f"deeplabv3_{name}", weights=None, weights_backbone=None, num_classes=5, aux_loss=True)
    for layer in net.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.get_buffer("running_mean").normal_(0, 0.1)
            layer.get_buffer("running_var").uniform_(0.5, 1.5)
    net.classifier[-1].weight.data.normal_(0, 1)
    return net.eval()


@pytest.mark.parametrize("name", ["resnet50", "mobilenet_v3_large"])
def test_its_answers_are_those_of_torchvision(name: str) -> None:
    net = network(name)
    source = Source(Path("a.pth"), net.state_dict())
    assert recognise(source) == "torchvision"
    found = assemble(source, TOLD, FACTS, format_name="torchvision")
    assert "of the images are not in the file" in found.notes[0]
    model = build_model(found.header.model).eval()
    model.load_state_dict(found.state)
    picture = torch.randint(256, (61, 83, 3), generator=torch.Generator().manual_seed(1), dtype=torch.uint8).numpy()
    engine = TorchEngine(model, found.header.input, choose_device("cpu", "fp32"))
    segmenter = Segmenter(engine, found.header.tree, request=Request(measures=("entropy",), probabilities=True))
    (prediction,) = segmenter.predict([picture])
    mean, std = (torch.tensor(row)[:, None, None] for row in (found.header.input.mean, found.header.input.std))
    with torch.inference_mode():
        wanted = net(((torch.from_numpy(picture).permute(2, 0, 1) / 255 - mean) / std)[None])["out"]
    best, second = wanted.topk(2, 1).values.unbind(1)
    sure = (best - second)[0] > 1e-3 * (best.max() - best.min())
    assert sure.float().mean() > 0.99
    assert (prediction.labels == wanted.argmax(1)[0].numpy())[sure.numpy()].all()
    assert prediction.probabilities is not None
    assert F.l1_loss(torch.from_numpy(prediction.probabilities).float(), wanted.softmax(1)[0]) < 1e-3


def test_a_network_of_another_depth_is_refused() -> None:
    state = {name: tensor for name, tensor in network("resnet50").state_dict().items() if ".layer3.5." not in name}
    with pytest.raises(CheckpointError, match="in the third stage, where it has 5"):
        assemble(Source(Path("a.pth"), state), TOLD, FACTS, format_name="torchvision")
