"""`hypseg convert` as typed: what it writes, that it runs, and what it asks for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from support import Hypseg, photograph
from torch import nn
from torchvision.models import get_model

from hypsegcli.checkpoint.converters import CONVERTERS
from hypsegcli.checkpoint.read_header import read_header
from hypsegcli.cli.commands.convert import FormatName
from hypsegcli.network.config import ModelConfig
from hypsegcli.network.imported import TRUNKS
from hypsegcli.pictures.palette import spread_colors

CLASSES = ["sky", "road", "car", "tree"]


def test_every_format_can_be_named() -> None:
    assert set(get_args(FormatName)) == {"auto", *CONVERTERS}


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A torchvision network of four classes, as its owner has saved it."""
    torch.manual_seed(0)
    net: Any = get_model("deeplabv3_mobilenet_v3_large", weights=None, weights_backbone=None, num_classes=4)
    for layer in net.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = 1.0
    net.train()(torch.rand(4, 3, 96, 128))  # so that features differ from place to place
    path = tmp_path_factory.mktemp("theirs") / "best.pth"
    torch.save({"epoch": 3, "state_dict": {f"module.{name}": value for name, value in net.state_dict().items()}}, path)
    return path


@pytest.fixture
def classes(tmp_path: Path) -> Path:
    path = tmp_path / "classes.txt"
    path.write_text("".join(f"{number}:{name}\n" for number, name in enumerate(CLASSES)), encoding="utf-8")
    return path


def test_what_it_writes_runs_on_images_of_any_size_and_says_what_it_is(
    hypseg: Hypseg, weights: Path, classes: Path, tmp_path: Path
) -> None:
    out = tmp_path / "theirs.safetensors"
    done = hypseg("convert", weights, "-o", out, "--classes", classes, "--size", "640x480", "--licence", "MIT")
    assert done.code == 0
    assert f"{out}: torchvision's DeepLabV3 on a mobilenet_v3_large, 4 classes, Euclidean, D = 256" in done.stdout
    header = read_header(out)
    assert (header.input.width, header.input.height, header.input.longest_side) == (640, 480, None)
    assert (header.ignore_index, header.background) == (255, None)
    assert header.input.field_of_view is None
    assert (header.provenance.licence, header.model.softmax) == ("MIT", "flat")
    for number, size in enumerate(((64, 48), (51, 37))):
        photograph(tmp_path / "in" / f"{number}.png", size=size, seed=number)
    done = hypseg("predict", tmp_path / "in", "-c", out, "-o", tmp_path / "maps")
    assert done.code == 0
    for number, (width, height) in enumerate(((64, 48), (51, 37))):
        assert np.array(Image.open(tmp_path / "maps" / "labels" / f"{number}.png")).shape == (height, width)
    assert "torchvision's DeepLabV3 on mobilenet_v3_large" in hypseg("info", out).stdout


def test_what_the_file_does_not_say_is_asked_for(hypseg: Hypseg, weights: Path, classes: Path, tmp_path: Path) -> None:
    out = tmp_path / "theirs.safetensors"
    done = hypseg("convert", weights, "-o", out)
    assert done.code == 2
    assert "has 4 outputs and no names for them; name a data set with --preset, or a class list with" in done.stderr
    done = hypseg("convert", weights, "-o", out, "--preset", "cityscapes")
    assert done.code == 2
    assert "has 4 outputs, not the 19 of the class list, or 25 of the class tree" in done.stderr
    assert not out.exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--from", "smp"), "its tensors are not those of the format smp"),
        (("--preset", "pascal"), "--preset: names the classes already; leave out --classes, or --preset"),
        (("--tasks", "tasks.csv"), "--tasks: names the classes already; leave out --classes and --preset"),
        (("--curvature", "0.5"), "--curvature 0.5 does not count: this format has none to choose; leave it out"),
        (("--output-stride", "8"), "--output-stride 8 does not count: by the file, its folder or its project it is 16"),
        (
            ("--rates", "6,12,18"),
            "--rates 6,12,18 does not count: by the file, its folder or its project it is 12,24,36",
        ),
        (("--mean", "1,2"), "--mean 1,2: expected three numbers"),
        (("--std", "1,0,1"), "--std: expected three numbers above 0"),
        (("--rates", "6,12,1.5"), "--rates: expected three whole numbers from 1 to 256"),
        (("--output-stride", "32"), "--output-stride 32: expected 8 or 16"),
        (("--size", "640"), "--size 640: expected width and height in pixels"),
    ],
)
def test_contradictions_are_refused(
    hypseg: Hypseg, weights: Path, classes: Path, tmp_path: Path, options: tuple[str, ...], said: str
) -> None:
    done = hypseg("convert", weights, "-o", tmp_path / "x.safetensors", "--classes", classes, *options)
    assert done.code != 0
    assert said in done.stderr
    assert not (tmp_path / "x.safetensors").exists()


def test_files_that_are_none_are_refused(hypseg: Hypseg, classes: Path, tmp_path: Path) -> None:
    out, told = tmp_path / "x.safetensors", ("--classes", classes)
    assert "no such file; expected a .pth" in hypseg("convert", tmp_path / "gone", "-o", out, *told).stderr
    torch.save({"epoch": 3}, tmp_path / "a.pth")
    assert "a.pth: holds no weights by name" in hypseg("convert", tmp_path / "a.pth", "-o", out, *told).stderr
    torch.save({"a": torch.ones(2)}, tmp_path / "a.pth")
    assert "a.pth: of no format that is known" in hypseg("convert", tmp_path / "a.pth", "-o", out, *told).stderr
    assert not out.exists()


def test_the_file_that_is_converted_stays(hypseg: Hypseg, classes: Path, tmp_path: Path) -> None:
    """Under the name that some projects give to theirs."""
    path = tmp_path / "model.safetensors"
    save_file({"a": torch.ones(2)}, path)
    before = path.read_bytes()
    done = hypseg("convert", path, "-o", path, "--classes", classes, "--overwrite")
    assert (done.code, f"--out {path}: is the file that is converted" in done.stderr) == (2, True)
    folder = hypseg("convert", tmp_path, "-o", path, "--classes", classes, "--overwrite")
    assert (folder.code, f"--out {path}: is the file that is converted" in folder.stderr) == (2, True)
    assert path.read_bytes() == before


def test_a_size_that_nobody_told_stays_unknown(hypseg: Hypseg, weights: Path, classes: Path, tmp_path: Path) -> None:
    out = tmp_path / "theirs.safetensors"
    done = hypseg("convert", weights, "-o", out, "--classes", classes)
    assert "does not say how large its training images were; that stays unknown, unless --size names it" in done.stderr
    header = read_header(out)
    assert (header.input.width, header.input.height, header.input.longest_side) == (None, None, None)
    assert "trained at a size that is not known; larger ones are not shrunk" in hypseg("info", out).stdout
    card = hypseg("card", out).stdout
    assert "any size; the size of those that it was trained on is not known. Larger ones" in card
    assert "None" not in card.split("## Input")[1].split("##")[0]
    photograph(tmp_path / "in" / "a.png", size=(64, 48))
    assert hypseg("predict", tmp_path / "in", "-c", out, "-o", tmp_path / "maps").code == 0


def test_what_a_killed_run_left_is_swept(hypseg: Hypseg, weights: Path, classes: Path, tmp_path: Path) -> None:
    left = tmp_path / "out" / f".hypseg-1-{'0' * 16}.tmp"
    left.parent.mkdir()
    left.write_bytes(b"half")
    assert hypseg("convert", weights, "-o", left.parent / "a.safetensors", "--classes", classes).code == 0
    assert [path.name for path in left.parent.iterdir()] == ["a.safetensors"]


def test_tensors_beside_the_network_are_left_out_and_said(
    hypseg: Hypseg, weights: Path, classes: Path, tmp_path: Path
) -> None:
    """As Lightning saves a module that holds the network, and means and weights of its own."""
    state = torch.load(weights, weights_only=True)["state_dict"]
    held = {f"model.{name.removeprefix('module.')}": value for name, value in state.items()}
    torch.save({"epoch": 3, "state_dict": held | {"mean": torch.ones(3)}}, tmp_path / "last.ckpt")
    done = hypseg("convert", tmp_path / "last.ckpt", "-o", tmp_path / "x.safetensors", "--classes", classes)
    assert done.code == 0, done.stderr
    assert "1 tensor beside the network, which is what is called model.*, left out: mean" in done.stderr


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network of MMSegmentation's whose file names its classes."""
    config = ModelConfig(network="mmseg", backbone="resnet50_v1c", rates=(12, 24, 36), output_stride=8, nodes=4)
    state = TRUNKS["mmseg"](config).state_dict()
    state |= {"decode_head.conv_seg.weight": torch.rand(4, 512, 1, 1), "decode_head.conv_seg.bias": torch.zeros(4)}
    path = tmp_path_factory.mktemp("mmseg") / "iter.pth"
    names = [*CLASSES[:3], "background"]
    torch.save({"meta": {"dataset_meta": {"classes": names}}, "state_dict": state}, path)
    return path


MMSEG = ("--output-stride", "8", "--rates", "12,24,36")


def test_names_that_the_file_has_are_taken(hypseg: Hypseg, named: Path, tmp_path: Path) -> None:
    out = tmp_path / "x.safetensors"
    assert hypseg("convert", named, "-o", out, *MMSEG).code == 0
    header = read_header(out)
    assert header.tree.names == (*CLASSES[:3], "background")
    assert header.background == 3
    assert header.colors[3] == spread_colors(4, background=3)[3]


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (("road", "sky", "car", "background"), "0 is 'road' there and 'sky' to {file}, where the same names stand at"),
        (("a", "b", "c", "background"), "0 is 'a' there and 'sky' to {file}, and 3 of 4 names differ; leave out"),
    ],
)
def test_names_do_not_overrule_those_of_the_file(
    hypseg: Hypseg, named: Path, tmp_path: Path, told: tuple[str, ...], said: str
) -> None:
    path, out = tmp_path / "mine.txt", tmp_path / "x.safetensors"
    path.write_text("".join(f"{number}:{name}\n" for number, name in enumerate(told)), encoding="utf-8")
    done = hypseg("convert", named, "-o", out, "--classes", path, *MMSEG)
    assert done.code == 2
    assert f"--classes {path}: {said.format(file=named)}" in done.stderr
    assert not out.exists()


def test_other_words_for_the_same_classes_are_taken_and_said(hypseg: Hypseg, named: Path, tmp_path: Path) -> None:
    path, out = tmp_path / "mine.txt", tmp_path / "x.safetensors"
    path.write_text("0:Sky\n1:street\n2:car\n3:background\n", encoding="utf-8")
    done = hypseg("convert", named, "-o", out, "--classes", path, *MMSEG)
    assert done.code == 0
    assert f"the class list has other names than {named} for 1 id, 'street' for 'road'" in done.stderr
    assert read_header(out).tree.names == ("Sky", "street", "car", "background")


def test_odd_tensors_are_refused_with_a_sentence(hypseg: Hypseg, weights: Path, classes: Path, tmp_path: Path) -> None:
    whole = torch.load(weights, weights_only=True)["state_dict"]
    name = "module.classifier.4.weight"
    for number, odd in enumerate(
        (whole[name].long(), torch.ones(()), whole[name] * torch.nan, whole[name].to_sparse())
    ):
        torch.save(whole | {name: odd}, tmp_path / "odd.pth")
        done = hypseg("convert", tmp_path / "odd.pth", "-o", tmp_path / f"{number}.safetensors", "--classes", classes)
        assert done.code != 0, number
        assert f"{tmp_path / 'odd.pth'}: " in done.stderr
        assert "Traceback" not in done.stderr
        assert not (tmp_path / f"{number}.safetensors").exists()


def test_windows_and_dropout_are_for_our_own(hypseg: Hypseg, weights: Path, classes: Path, tmp_path: Path) -> None:
    out = tmp_path / "theirs.safetensors"
    hypseg("convert", weights, "-o", out, "--classes", classes)
    photograph(tmp_path / "in" / "a.png", size=(64, 48))
    done = hypseg("predict", tmp_path / "in", "-c", out, "-o", tmp_path / "maps", "--tile", "128")
    assert (done.code, "--tile 128: torchvision's DeepLabV3 takes images whole" in done.stderr) == (2, True)
    done = hypseg("predict", tmp_path / "in", "-c", out, "-o", tmp_path / "maps", "--engine", "openvino")
    assert (done.code, "--engine openvino: torchvision's DeepLabV3 runs in torch alone" in done.stderr) == (2, True)
    done = hypseg("predict", tmp_path / "in", "-c", out, "-o", tmp_path / "maps")
    assert (done.code, "converting" in done.stderr) == (0, False)


def test_entropy_says_how_sure_a_euclidean_network_is_and_is_what_is_calibrated(
    hypseg: Hypseg, weights: Path, classes: Path, tmp_path: Path
) -> None:
    out, calibrated = tmp_path / "theirs.safetensors", tmp_path / "calibrated.safetensors"
    hypseg("convert", weights, "-o", out, "--classes", classes)
    (tmp_path / "masks").mkdir()
    for number in range(3):
        photograph(tmp_path / "in" / f"{number}.png", seed=number)
    hypseg("predict", tmp_path / "in", "-c", out, "-o", tmp_path / "maps")
    for path in (tmp_path / "maps" / "labels").iterdir():
        found = np.array(Image.open(path))
        found[:9] = (found[:9] + 1) % len(CLASSES)  # of which the network is wrong
        Image.fromarray(found).save(tmp_path / "masks" / path.name)
    with Image.open(tmp_path / "maps" / "confidence" / "0.png") as image:
        assert json.loads(image.info["hypseg"])["measure"] == "entropy"
        entropy = np.array(image)
    done = hypseg("calibrate", tmp_path / "in", tmp_path / "masks", "-c", out, "-o", calibrated, "--name", "three")
    assert done.code == 0, done.stderr
    fitted = read_header(calibrated).calibration
    assert fitted is not None
    assert (fitted.measure, max(fitted.distances) <= 1.0) == ("entropy", True)
    hypseg("predict", tmp_path / "in", "-c", calibrated, "-o", tmp_path / "right")
    right = np.array(Image.open(tmp_path / "right" / "confidence" / "0.png"))
    wanted = np.interp(entropy / 65535, fitted.distances, fitted.probabilities)
    np.testing.assert_allclose(right / 65535, wanted, atol=2e-3)
