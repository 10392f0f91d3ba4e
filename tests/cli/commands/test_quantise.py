"""`hypseg quantise` as typed: what it says of images and masks, what it writes, what it refuses."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import Hypseg, make_checkpoint, photograph
from support.lively import make_lively_checkpoint
from support.quantised import FACTS, pretend_to_quantise

from hypsegcli.checkpoint.store import load_checkpoint, save_checkpoint
from hypsegcli.confidence.calibration import Calibration
from hypsegcli.confidence.measures import Interpolation
from hypsegcli.files.mark import image_mark
from hypsegcli.hierarchy.tree import flat_tree

CLASSES = ["sky", "road", "car", "tree"]


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    return make_lively_checkpoint(tmp_path / "plain.safetensors", flat_tree(CLASSES))


@pytest.fixture
def command(hypseg: Hypseg, plain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[object, ...]:
    """On four photographs, with masks of which the network has most right."""
    pretend_to_quantise(monkeypatch)
    for seed in range(4):
        photograph(tmp_path / "images" / f"{seed}.png", seed=seed)
    hypseg("predict", tmp_path / "images", "-c", plain, "-o", tmp_path / "own", "--save", "labels")
    (tmp_path / "masks").mkdir()
    for path in (tmp_path / "own" / "labels").iterdir():
        mask = np.array(Image.open(path))
        mask[:9] = (mask[:9] + 1) % len(CLASSES)
        Image.fromarray(mask).save(tmp_path / "masks" / path.name)
    out = tmp_path / "out.safetensors"
    return ("quantise", tmp_path / "images", tmp_path / "masks", "-c", plain, "-o", out)


def change_header(path: Path, **fields: object) -> None:
    loaded = load_checkpoint(path)
    save_checkpoint(path, loaded.header.model_copy(update=fields), loaded.model.state_dict())


def test_it_writes_a_checkpoint_and_says_what_it_costs(
    hypseg: Hypseg, command: tuple[object, ...], plain: Path
) -> None:
    outcome = hypseg(*command)
    assert outcome.code == 0, outcome.stderr
    assert "1.8 times as fast here as in fp32; mean IoU 0." in outcome.stdout
    assert len(outcome.stdout.splitlines()) == 1
    header = load_checkpoint(Path(str(command[-1]))).header
    assert header.int8 == FACTS
    assert header.model_copy(update={"int8": None}) == load_checkpoint(plain).header
    assert hypseg(*command).code == 2


def test_doubts_about_masks_are_told(hypseg: Hypseg, command: tuple[object, ...], tmp_path: Path) -> None:
    for path in (tmp_path / "masks").iterdir():
        mask = np.array(Image.open(path))
        Image.fromarray(np.where(mask == 3, 0, mask + 1).astype(np.uint8)).save(path)
    (tmp_path / "map.txt").write_text("1:0\n2:1\n3:2\n")
    outcome = hypseg(*command, "--map", tmp_path / "map.txt", "--quiet")
    assert outcome.code == 0, outcome.stderr
    assert "the masks hold ids that --map does not list" in outcome.stderr


def test_what_loses_too_much_is_refused(
    hypseg: Hypseg, command: tuple[object, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = make_checkpoint(tmp_path / "other.safetensors", flat_tree(CLASSES))
    pretend_to_quantise(monkeypatch, load_checkpoint(other))
    outcome = hypseg(*command)
    assert outcome.code == 1
    assert "loses too much in int8, on 2 images: mean IoU falls from 0." in outcome.stderr
    assert not Path(str(command[-1])).exists()


def test_what_has_no_score_is_refused(hypseg: Hypseg, command: tuple[object, ...], tmp_path: Path) -> None:
    """A network that is right everywhere: nothing shows how its confidence ranks errors."""
    outcome = hypseg(*command[:2], tmp_path / "own" / "labels", *command[3:])
    assert outcome.code == 1
    assert "the labelled pixels of 2 images are all right, or all wrong" in outcome.stderr
    assert not Path(str(command[-1])).exists()


def test_masks_that_are_all_void_are_left_out(hypseg: Hypseg, command: tuple[object, ...], tmp_path: Path) -> None:
    """Where every second one is not labelled yet, they would be all that is scored."""
    for name in ("1.png", "3.png"):
        Image.fromarray(np.full((48, 64), 255, np.uint8)).save(tmp_path / "masks" / name)
    outcome = hypseg(*command)
    assert outcome.code == 0, outcome.stderr
    assert "2 masks without a labelled pixel: left out, with their images" in outcome.stderr
    assert "nan" not in outcome.stdout
    Image.fromarray(np.full((48, 64), 255, np.uint8)).save(tmp_path / "masks" / "0.png")
    refused = hypseg(*command, "--overwrite")
    assert refused.code == 1
    assert "1 image with labelled pixels: " in refused.stderr


def test_masks_that_contradict_the_predictions_are_refused(
    hypseg: Hypseg, command: tuple[object, ...], tmp_path: Path
) -> None:
    for path in (tmp_path / "masks").iterdir():
        Image.fromarray(np.array(Image.open(tmp_path / "own" / "labels" / path.name)) + np.uint8(1)).save(path)
    outcome = hypseg(*command, "--ignore-index", "4")
    assert outcome.code == 1
    assert "the ids look off by one" in outcome.stderr
    assert not Path(str(command[-1])).exists()


def test_masks_that_were_not_turned_with_their_photographs_are_refused(
    hypseg: Hypseg, command: tuple[object, ...], tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 3
    for path in (tmp_path / "images").iterdir():
        with Image.open(path) as image:
            image.rotate(180).save(path, exif=exif)
        with Image.open(tmp_path / "masks" / path.name) as mask:
            mask.rotate(180).save(tmp_path / "masks" / path.name)
    outcome = hypseg(*command)
    assert outcome.code == 1
    assert "2 photographs turned upright by EXIF or XMP, and the masks not" in outcome.stderr
    assert "2 images: turned upright without its mask" in outcome.stderr


def test_the_class_255_is_not_void_without_a_word(hypseg: Hypseg, command: tuple[object, ...], tmp_path: Path) -> None:
    many = make_lively_checkpoint(tmp_path / "many.safetensors", flat_tree([f"c{index}" for index in range(260)]))
    hypseg("predict", tmp_path / "images", "-c", many, "-o", tmp_path / "maps", "--save", "labels")
    for path in (tmp_path / "maps/labels").iterdir():
        mask = np.array(Image.open(path))
        mask[:8], mask[8:16] = 255, (mask[8:16] + 1) % 200
        Image.fromarray(mask).save(tmp_path / "masks" / path.name)
    outcome = hypseg(*command[:3], "-c", many, "-o", command[-1])
    assert "of the class 'c255' too: its pixels" in outcome.stderr


def test_images_that_the_network_was_trained_on_and_few_of_them_are_told(
    hypseg: Hypseg, command: tuple[object, ...], plain: Path, tmp_path: Path
) -> None:
    marks = tuple(image_mark(hashlib.sha256(path.read_bytes()).hexdigest()) for path in (tmp_path / "images").iterdir())
    made = load_checkpoint(plain).header.provenance.model_copy(update={"trained_images": marks})
    change_header(plain, provenance=made)
    outcome = hypseg(*command, "--quiet")
    assert outcome.code == 0
    assert "2 of 2 scored images are of those that the network was trained on" in outcome.stderr
    assert "so few images (2) show a small loss only roughly" in outcome.stderr


@pytest.mark.parametrize(("fitted", "measure"), [("scalar", "calibrated"), ("points", "distance")])
def test_a_calibration_judges_where_it_is_one_of_what_is_scored(
    hypseg: Hypseg, command: tuple[object, ...], plain: Path, fitted: Interpolation, measure: str
) -> None:
    own = Calibration(distances=(0.0, 9.0), probabilities=(0.1, 0.9), fitted_on="these", interpolate=fitted)
    change_header(plain, calibration=own)
    outcome = hypseg(*command)
    assert outcome.code == 0, outcome.stderr
    assert f"AUROC of {measure} " in outcome.stdout
    assert ("calibration is one for --interpolate points" in outcome.stderr) is (fitted == "points")
    assert load_checkpoint(Path(str(command[-1]))).header.calibration == own


def test_the_size_that_it_was_scored_at_is_that_of_the_copy(
    hypseg: Hypseg, command: tuple[object, ...], plain: Path
) -> None:
    scored = load_checkpoint(plain).header.provenance.model_copy(update={"scores": {"mean_iou": 0.75}})
    change_header(plain, provenance=scored)
    for wish, kept, told in (("off", None, "larger images are not shrunk"), ("48", 48, "shrunk to 48 pixels")):
        outcome = hypseg(*command, "--overwrite", "--longest-side", wish)
        assert outcome.code == 0, outcome.stderr
        assert told in outcome.stdout
        header = load_checkpoint(Path(str(command[-1]))).header
        assert (header.input.longest_side, header.input.field_of_view) == (kept, "fixed")
        assert not header.provenance.scores, "which were taken at another size"


def test_what_cannot_be_traced_is_refused(
    hypseg: Hypseg, command: tuple[object, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise ValueError("its graph is not one")

    monkeypatch.setattr("hypsegcli.inference.engines.quantise.require_traceable", refuse)
    outcome = hypseg(*command)
    assert outcome.code == 2
    assert "plain.safetensors: cannot be quantised; its graph is not one" in outcome.stderr
