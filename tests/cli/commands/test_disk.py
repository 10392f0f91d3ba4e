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

from hypsegcli.checkpoint.store import copy_checkpoint, load_checkpoint, save_checkpoint
from hypsegcli.hierarchy.tree import ClassTree
from hypsegcli.network.head import HyperbolicHead
from hypsegcli.run.draw_disk import draw_disk

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


def test_what_appears_meanwhile_is_not_replaced(
    hypseg: Hypseg, tmp_path: Path, image: Path, flat_ball: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def draw(*arguments: Any, **options: Any) -> object:
        (tmp_path / "a.png").write_text("another's")
        return draw_disk(*arguments, **options)

    monkeypatch.setattr("hypsegcli.run.draw_disk.draw_disk", draw)
    arguments = ("disk", image, "--checkpoint", flat_ball, "--out", tmp_path / "a.png", "--size", "400")
    outcome = hypseg(*arguments)
    assert outcome.code == 2
    assert "is there already; replace it with --overwrite" in outcome.stderr
    assert (tmp_path / "a.png").read_text() == "another's"
    assert hypseg(*arguments, "--overwrite").code == 0


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


def test_large_images_stay_where_the_size_of_training_is_not_known(
    hypseg: Hypseg, tmp_path: Path, flat_ball: Path
) -> None:
    loaded = load_checkpoint(flat_ball)
    unknown = loaded.header.input.model_copy(update={"height": None, "width": None})
    path = tmp_path / "unknown.safetensors"
    copy_checkpoint(loaded, path, loaded.header.model_copy(update={"input": unknown}))
    large = photograph(tmp_path / "large.png", size=(128, 96))
    assert "768 points" in hypseg("disk", large, "--checkpoint", path, "--out", tmp_path / "a.svg").stdout


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
    assert "is one of the images or masks itself" in outcome.stderr
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
    assert hypseg("disk", tmp_path / "none.png", *arguments).code == 2
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


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three images, and masks of which the last one is void but for its upper half."""
    (tmp_path / "masks").mkdir()
    for index in range(3):
        photograph(tmp_path / f"images/{index}_im.png", seed=index)
        mask = np.full((48, 64), index, np.uint8)
        mask[24:] = 255 if index == 2 else 0
        Image.fromarray(mask).save(tmp_path / f"masks/{index}.png")
    return tmp_path


def words_of(path: Path) -> list[str]:
    return [str(element.text) for element in ET.parse(path).iter("{http://www.w3.org/2000/svg}text")]


def test_a_folder_becomes_one_picture(hypseg: Hypseg, folder: Path, flat_ball: Path) -> None:
    arguments = ("disk", "--checkpoint", flat_ball, "--overwrite", "--out", folder / "a.svg")
    outcome = hypseg(*arguments, folder / "images")
    assert outcome.code == 0, outcome.stderr
    assert "576 points in the Poincaré disk from 3 images" in outcome.stdout
    assert any(words.endswith("; 3 images") for words in words_of(folder / "a.svg"))
    assert (folder / "a.svg").read_text().count("<image") == 1, "no photograph"
    whole = (folder / "a.svg").read_bytes()
    hypseg(*arguments, *(folder / f"images/{index}_im.png" for index in range(3)))
    assert (folder / "a.svg").read_bytes() == whole
    outcome = hypseg(*arguments, folder / "images", "--points", "100")
    assert "99 of 576 points" in outcome.stdout
    sample = (folder / "a.svg").read_bytes()
    hypseg(*arguments, folder / "images", "--points", "100")
    assert (folder / "a.svg").read_bytes() == sample != whole


def test_masks_give_points_their_true_classes(hypseg: Hypseg, folder: Path, flat_ball: Path) -> None:
    arguments = ("--checkpoint", flat_ball, "--out", folder / "a.svg", "--masks", folder / "masks", "--overwrite")
    outcome = hypseg("disk", folder / "images", *arguments, "--image-suffix", "_im")
    assert outcome.code == 0, outcome.stderr
    assert "480 points in the Poincaré disk from 3 images" in outcome.stdout
    words = words_of(folder / "a.svg")
    assert {"60.0 %", "20.0 %"} <= set(words)
    assert any(line.endswith("colours: true classes") for line in words)
    single = ("--checkpoint", flat_ball, "--out", folder / "b.svg", "--masks", folder / "masks/2.png")
    assert "96 points in the Poincaré disk," in hypseg("disk", folder / "images/2_im.png", *single).stdout
    assert {"100.0 %", "car"} <= set(words_of(folder / "b.svg"))


def test_odd_masks_are_doubted(hypseg: Hypseg, folder: Path, flat_ball: Path) -> None:
    single = ("--checkpoint", flat_ball, "--out", folder / "b.svg", "--masks", folder / "masks/2.png")
    outcome = hypseg("disk", folder / "images/2_im.png", *single, "--quiet")
    assert outcome.code == 0
    assert "occurs in the masks, so that scores say little" in outcome.stderr


def test_masks_that_do_not_fit_are_refused(hypseg: Hypseg, folder: Path, flat_ball: Path) -> None:
    def refused(*arguments: object) -> str:
        outcome = hypseg("disk", *arguments, "--checkpoint", flat_ball, "--out", folder / "a.svg")
        assert outcome.code in {1, 2}
        assert not (folder / "a.svg").exists()
        return outcome.stderr

    images, masks = folder / "images", folder / "masks"
    assert "0_im" in refused(images, "--masks", masks)
    assert "of one INPUT" in refused(images, images / "0_im.png", "--masks", masks)
    assert "--image-suffix is about masks" in refused(images, "--image-suffix", "_im")
    (folder / "map.txt").write_text("0:1")
    assert "--map is about masks" in refused(images, "--map", folder / "map.txt")
    Image.fromarray(np.full((48, 64), 9, np.uint8)).save(masks / "1.png")
    assert "9" in refused(images, "--masks", masks, "--image-suffix", "_im")
    Image.fromarray(np.full((48, 64), 255, np.uint8)).save(masks / "0.png")
    assert "check that these are masks with labels" in refused(images / "0_im.png", "--masks", masks / "0.png")
    thin = np.full((48, 64), 255, np.uint8)
    thin[0] = 1
    Image.fromarray(thin).save(masks / "0.png")
    assert "no cell of the network's grid has a true class" in refused(images / "0_im.png", "--masks", masks / "0.png")


def test_the_bundled_two_dimensional_model_draws_by_itself(hypseg: Hypseg, tmp_path: Path) -> None:
    outcome = hypseg("disk", EXAMPLES / "streets" / "taxis.jpg", "--out", tmp_path / "taxis.svg")
    assert outcome.code == 0
    root = ET.parse(tmp_path / "taxis.svg").getroot()
    words = {element.text for element in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {"building", "sky", "pedestrian", "mobile"} <= words
