"""segmentation_models_pytorch's own network says what the converted one says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import segmentation_models_pytorch as smp
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hypsegcli.checkpoint.converters.assemble import Assembled, Facts, assemble
from hypsegcli.checkpoint.converters.converted import Told
from hypsegcli.checkpoint.converters.read_source import read_source
from hypsegcli.checkpoint.converters.recognise import recognise
from hypsegcli.checkpoint.converters.source import Source
from hypsegcli.errors import CheckpointError, UsageError
from hypsegcli.hierarchy.tree import flat_tree
from hypsegcli.inference.device import choose_device
from hypsegcli.inference.engines.torch_engine import TorchEngine
from hypsegcli.inference.request import Request
from hypsegcli.inference.segmenter import Segmenter
from hypsegcli.network.model import build_model

TREE = flat_tree([f"class {number}" for number in range(5)])
BARE = Told(tree=TREE, output_stride=16, rates=(12, 24, 36))
FACTS = Facts(None, None, "unknown", "unknown")


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
        ("resnet18", {}, {"output_stride": 16, "rates": (12, 24, 36)}),
        ("resnet34", {"encoder_output_stride": 8}, {"output_stride": 8, "rates": (12, 24, 36)}),
        (
            "resnet50",
            {"decoder_aspp_separable": False, "decoder_atrous_rates": (6, 12, 18)},
            {"output_stride": 16, "rates": (6, 12, 18)},
        ),
    ],
)
def test_its_answers_are_those_of_the_project(encoder: str, settings: dict[str, Any], told: dict[str, Any]) -> None:
    net = network(encoder, **settings)
    source = Source(Path("a.pth"), net.state_dict())
    assert recognise(source) == "smp"
    assert_same_answers(net, assemble(source, Told(tree=TREE, **told), FACTS, format_name="smp"))


def assert_same_answers(net: Any, found: Assembled) -> None:
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


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    """A network that is none of the defaults, and the folder that its `save_pretrained` wrote."""
    net = network("resnet18", encoder_output_stride=8, decoder_atrous_rates=(6, 12, 18))
    folder = tmp_path_factory.mktemp("pretrained")
    net.save_pretrained(folder)
    return net, folder


def test_what_stands_beside_a_pretrained_file_is_read(pretrained: tuple[Any, Path]) -> None:
    net, folder = pretrained
    for path in (folder, folder / "model.safetensors"):
        found = assemble(read_source(path), Told(tree=TREE), FACTS, format_name="smp")
        assert (found.header.model.output_stride, found.header.model.rates) == (8, (6, 12, 18))
        assert found.notes[-1] == "output stride 8 and the rates 6, 12, 18 are those of config.json"
    assert_same_answers(net, found)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"output_stride": 16}, r"output_stride=16 does not count: by the file, its folder or its project it is 8"),
        ({"rates": (12, 24, 36)}, r"rates=12,24,36 does not count: by the file, .* it is 6,12,18; leave it out"),
    ],
)
def test_what_is_told_does_not_overrule_it(pretrained: tuple[Any, Path], told: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        assemble(read_source(pretrained[1]), Told(tree=TREE, **told), FACTS, format_name="smp")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"encoder_name": "resnet34"}, "says encoder_name 'resnet34', its tensors say 'resnet18'"),
        ({"classes": 7}, "says classes 7, its tensors say 5"),
        ({"decoder_aspp_separable": False}, "says decoder_aspp_separable False, its tensors say True"),
        ({"_model_class": "Unet"}, "says _model_class 'Unet', networks are read with 'DeepLabV3Plus'"),
        ({"upsampling": 8}, "says upsampling 8, networks are read with 4"),
        ({"activation": "sigmoid"}, "says activation 'sigmoid', after which classes do not exclude each other"),
        ({"encoder_output_stride": 32}, "says encoder_output_stride 32 and decoder_atrous_rates .*expected 8 or 16"),
        ({"decoder_atrous_rates": 6}, "decoder_atrous_rates 6; expected 8 or 16, and three numbers"),
    ],
)
def test_settings_of_another_network_are_refused(
    pretrained: tuple[Any, Path], changed: dict[str, Any], said: str
) -> None:
    whole = read_source(pretrained[1])
    source = replace(whole, facts={"config.json": {**whole.facts["config.json"], **changed}})
    with pytest.raises(CheckpointError, match=said):
        assemble(source, Told(tree=TREE), FACTS, format_name="smp")


def test_what_settings_leave_out_is_the_project_s_default(pretrained: tuple[Any, Path]) -> None:
    source = replace(read_source(pretrained[1]), facts={"config.json": {"encoder_name": "resnet18"}})
    found = assemble(source, Told(tree=TREE), FACTS, format_name="smp")
    assert (found.header.model.output_stride, found.header.model.rates) == (16, (12, 24, 36))


@pytest.mark.parametrize("facts", [{}, {"config.json": {"model_type": "segformer"}}, {"config.json": 3}])
def test_what_a_bare_file_does_not_say_is_asked_for(facts: dict[str, Any]) -> None:
    source = Source(Path("a.pth"), network("resnet18").state_dict(), facts)
    for told, said in (
        (
            {},
            r"does not say its output stride and the dilations of its ASPP, .*output_stride, 8 or 16, and rates, such",
        ),
        ({"rates": (12, 24, 36)}, "does not say its output stride"),
        ({"output_stride": 16}, "does not say the dilations of its ASPP"),
    ):
        with pytest.raises(UsageError, match=said):
            assemble(source, Told(tree=TREE, **told), FACTS, format_name="smp")


def test_what_is_taken_for_granted_is_said() -> None:
    source = Source(Path("a.pth"), network("resnet18").state_dict())
    (note,) = assemble(source, BARE, FACTS, format_name="smp").notes
    assert note.startswith("the mean 0.485, 0.456, 0.406 and the deviation 0.229, 0.224, 0.225 of the images are not")
    (note,) = assemble(source, replace(BARE, mean=(0.5, 0.5, 0.5)), FACTS, format_name="smp").notes
    assert note.startswith("the deviation 0.229, 0.224, 0.225 of the images is not in the file")
    told = replace(BARE, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
    assert assemble(source, told, FACTS, format_name="smp").notes == ()


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
        assemble(Source(Path("a.pth"), net().state_dict()), BARE, FACTS, format_name="smp")
