"""`hypseg disk` from the command line to the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
import torch
from PIL import Image
from support import EXAMPLES, Hypseg, make_checkpoint, photograph

from hypsegcli.checkpoint.store import load_checkpoint, save_checkpoint
from hypsegcli.hierarchy.tree import ClassTree
from hypsegcli.network.head import HyperbolicHead

TREE = ClassTree(names=("sky & <air>", "road", "car", "ground"), parents=(-1, 3, 3, -1), classes=3)


@pytest.fixture(scope="module")
def flat_ball(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random checkpoint with two dimensions and gyroplanes that differ."""
    path = make_checkpoint(tmp_path_factory.mktemp("flat") / "d2.safetensors", TREE, embedding_size=2)
    loaded = load_checkpoint(path)
    head = loaded.model.head
    assert isinstance(head, HyperbolicHead)
    with torch.no_grad():
        head.bias.copy_(torch.tensor([0.0, 0.5, -0.5, 1.0]))
    save_checkpoint(path, loaded.header, loaded.model.state_dict())
    return path


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return photograph(tmp_path / "photo.png")


def test_both_formats_show_the_same(hypseg: Hypseg, tmp_path: Path, image: Path, flat_ball: Path) -> None:
    for name in ("a.svg", "a.png"):
        outcome = hypseg("disk", image, "--checkpoint", flat_ball, "--out", tmp_path / "new" / name, "--size", "400")
        assert outcome.code == 0, outcome.stderr
        assert outcome.stdout.startswith(f"{tmp_path / 'new' / name}: 192 points in the Poincaré disk")
    root = ET.parse(tmp_path / "new" / "a.svg").getroot()
    words = {element.text for element in root.iter("{http://www.w3.org/2000/svg}text")}
    assert words >= {"sky & <air>", "road", "car", "ground", "1", "2", "3", "4"}
    with Image.open(tmp_path / "new" / "a.png") as found:
        assert found.size == (round(float(root.attrib["width"])), round(float(root.attrib["height"])))
        assert found.format == "PNG"
        assert np.asarray(found).std() > 10
        assert found.size[1] == round(0.4 * 1168)
    rims = [circle for circle in root.iter("{http://www.w3.org/2000/svg}circle") if circle.attrib["r"] == "500"]
    assert len(rims) == 1


def test_the_photograph_can_be_left_out(hypseg: Hypseg, tmp_path: Path, image: Path, flat_ball: Path) -> None:
    files: list[Path] = []
    for options in ((), ("--photograph",), ("--no-photograph",)):
        files.append(tmp_path / f"{len(files)}.svg")
        assert hypseg("disk", image, "--checkpoint", flat_ball, "--out", files[-1], *options).code == 0
    usual, with_it, without = (file.read_text() for file in files)
    assert usual == with_it, "the default, and the same bytes every time"
    assert (with_it.count("<image"), without.count("<image")) == (2, 1)


def test_large_images_shrink_to_the_size_of_training(hypseg: Hypseg, tmp_path: Path, flat_ball: Path) -> None:
    large = photograph(tmp_path / "large.png", size=(128, 96))
    arguments = ("disk", large, "--checkpoint", flat_ball, "--overwrite", "--out", tmp_path / "a.svg")
    assert "192 points" in hypseg(*arguments).stdout  # 64 x 48, as the header says
    assert "768 points" in hypseg(*arguments, "--longest-side", "128").stdout


def test_nothing_is_overwritten_unasked(hypseg: Hypseg, tmp_path: Path, image: Path, flat_ball: Path) -> None:
    out = tmp_path / "a.svg"
    out.write_text("precious")
    arguments = ("disk", image, "--checkpoint", flat_ball, "--out")
    outcome = hypseg(*arguments, out)
    assert outcome.code == 2
    assert "--overwrite" in outcome.stderr
    assert out.read_text() == "precious"
    assert hypseg(*arguments, out, "--overwrite").code == 0
    assert out.read_text().startswith("<?xml")
    before = image.read_bytes()
    outcome = hypseg(*arguments, image, "--overwrite")
    assert outcome.code == 2
    assert "is the image itself" in outcome.stderr
    assert image.read_bytes() == before
    assert hypseg(*arguments, image / "x.svg").code == 2, "a file is no folder"


@pytest.mark.parametrize("name", ["a.jpg", "a", "a.pdf"])
def test_other_formats_are_refused(hypseg: Hypseg, tmp_path: Path, image: Path, flat_ball: Path, name: str) -> None:
    outcome = hypseg("disk", image, "--checkpoint", flat_ball, "--out", tmp_path / name)
    assert outcome.code == 2
    assert ".png or .svg" in outcome.stderr


@pytest.mark.parametrize(
    ("architecture", "sentence"),
    [
        ({"embedding_size": 4}, "D = 4 dimensions, and a disk has two"),
        ({"embedding_size": 2, "head": "euclidean"}, "its head is Euclidean"),
    ],
)
def test_a_model_without_a_disk_is_refused(
    hypseg: Hypseg, tmp_path: Path, image: Path, architecture: dict[str, Any], sentence: str
) -> None:
    path = make_checkpoint(tmp_path / "other.safetensors", TREE, **architecture)
    outcome = hypseg("disk", image, "--checkpoint", path, "--out", tmp_path / "a.svg")
    assert outcome.code == 2
    assert sentence in outcome.stderr
    assert "hypseg train --embedding-size 2" in outcome.stderr
    assert not (tmp_path / "a.svg").exists()


def test_what_cannot_be_read_is_named(hypseg: Hypseg, tmp_path: Path, image: Path, flat_ball: Path) -> None:
    arguments = ("--checkpoint", flat_ball, "--out", tmp_path / "a.svg")
    assert hypseg("disk", tmp_path / "none.png", *arguments).code == 1
    assert hypseg("disk", image, "--checkpoint", tmp_path / "none.safetensors", "--out", tmp_path / "a.svg").code == 1
    outcome = hypseg("disk", image, *arguments, "--max-pixels", "100")
    assert outcome.code == 1
    assert "photo.png" in outcome.stderr
    loaded = load_checkpoint(flat_ball)
    state = loaded.model.state_dict()
    state["decoder.embed.bias"].fill_(3e38)
    save_checkpoint(tmp_path / "large.safetensors", loaded.header, state)
    outcome = hypseg("disk", image, "--checkpoint", tmp_path / "large.safetensors", "--out", tmp_path / "a.svg")
    assert outcome.code == 1
    assert "photo.png: its answer holds NaN or infinity" in outcome.stderr
    assert not (tmp_path / "a.svg").exists()


def test_what_decoding_changed_is_told(hypseg: Hypseg, tmp_path: Path, flat_ball: Path) -> None:
    deep = tmp_path / "deep.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 65536, (48, 64), dtype=np.uint16)).save(deep)
    outcome = hypseg("disk", deep, "--checkpoint", flat_ball, "--out", tmp_path / "a.svg")
    assert "16-bit values" in outcome.stderr


def test_the_bundled_two_dimensional_model_draws_by_itself(hypseg: Hypseg, tmp_path: Path) -> None:
    outcome = hypseg("disk", EXAMPLES / "streets" / "taxis.jpg", "--out", tmp_path / "taxis.svg")
    assert outcome.code == 0
    root = ET.parse(tmp_path / "taxis.svg").getroot()
    words = {element.text for element in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {"building", "sky", "pedestrian", "mobile"} <= words
