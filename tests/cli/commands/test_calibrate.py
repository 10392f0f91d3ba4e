"""`hypseg calibrate`, and what a calibrated checkpoint answers."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from support import Hypseg, make_checkpoint, photograph, with_sampling
from support.limited_engine import limit_memory
from support.lively import make_lively_checkpoint

from hypsegcli.checkpoint.format import Header
from hypsegcli.checkpoint.read_header import read_header
from hypsegcli.checkpoint.store import load_checkpoint, save_checkpoint
from hypsegcli.cli.segmenter import open_segmenter
from hypsegcli.confidence.calibration import Calibration, fit_calibration
from hypsegcli.files.mark import image_mark
from hypsegcli.hierarchy.tree import flat_tree
from hypsegcli.inference.segmenter import Segmenter
from hypsegcli.pictures.heatmap import heatmap


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """A random checkpoint whose distances spread over the scale."""
    path = make_checkpoint(tmp_path / "plain.safetensors", flat_tree(["sky", "road", "car"]))
    loaded = load_checkpoint(path)
    state = loaded.model.state_dict()
    torch.manual_seed(1)
    state["decoder.embed.weight"] = torch.randn_like(state["decoder.embed.weight"]) * 3
    save_checkpoint(path, loaded.header, state, half=True)
    return path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for seed, key in enumerate(("a", "b")):
        photograph(tmp_path / "images" / f"{key}.png", seed=seed)
        mask = np.kron(np.random.default_rng(seed).integers(0, 3, (6, 8)), np.ones((8, 8))).astype(np.uint8)
        (tmp_path / "masks").mkdir(exist_ok=True)
        Image.fromarray(mask).save(tmp_path / "masks" / f"{key}.png")
    return tmp_path


def calibrated(hypseg: Hypseg, data: Path, plain: Path) -> Path:
    out = data / "calibrated.safetensors"
    arguments = ("--checkpoint", plain, "--out", out, "--name", "two pictures")
    outcome = hypseg("calibrate", data / "images", data / "masks", *arguments)
    assert outcome.code == 0, outcome.stderr
    assert "two pictures (2 images)" in outcome.stdout
    return out


def test_the_class_255_is_not_void_without_a_word(hypseg: Hypseg, data: Path) -> None:
    many = make_lively_checkpoint(data / "many.safetensors", flat_tree([f"c{index}" for index in range(260)]))
    hypseg("predict", data / "images", "--checkpoint", many, "--out", data / "maps", "--save", "labels")
    for path in (data / "maps/labels").iterdir():
        with Image.open(path) as image:
            mask = np.array(image)
        mask[:8], mask[8:16] = 255, (mask[8:16] + 1) % 200  # void or a class, and what is wrong
        Image.fromarray(mask).save(data / "masks" / path.name)
    command = ("calibrate", data / "images", data / "masks", "--checkpoint", many, "--name", "x", "--out")
    assert "of the class 'c255' too: its pixels" in hypseg(*command, data / "one.safetensors").stderr
    asked = hypseg(*command, data / "two.safetensors", "--ignore-index", "255")
    assert asked.code == 0
    assert "c255" not in asked.stderr


def test_hypseg_s_own_maps_are_no_photographs_to_calibrate_on(hypseg: Hypseg, data: Path, plain: Path) -> None:
    hypseg("predict", data / "images", "--checkpoint", plain, "--out", data / "maps", "--save", "labels")
    out = data / "copy.safetensors"
    arguments = ("--checkpoint", plain, "--out", out, "--name", "x")
    outcome = hypseg("calibrate", data / "maps/labels", data / "masks", *arguments)
    assert outcome.code == 1
    assert "this is a map that hypseg wrote (labels) and no photograph" in outcome.stderr
    assert not out.exists()


def without(header: Header) -> Header:
    return header.model_copy(update={"calibration": None})


def test_what_appears_meanwhile_is_not_replaced(
    hypseg: Hypseg, data: Path, plain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = data / "calibrated.safetensors"

    def fit(*arguments: Any, **options: Any) -> Calibration:
        out.write_text("another's")
        return fit_calibration(*arguments, **options)

    monkeypatch.setattr("hypsegcli.confidence.calibration.fit_calibration", fit)
    arguments = ("--checkpoint", plain, "--out", out, "--name", "two pictures")
    outcome = hypseg("calibrate", data / "images", data / "masks", *arguments)
    assert outcome.code == 2
    assert "is there already; replace it with --overwrite" in outcome.stderr
    assert out.read_text() == "another's"


@pytest.mark.parametrize("in_place", [True, False])
def test_what_was_replaced_meanwhile_is_not_overwritten(
    hypseg: Hypseg, data: Path, plain: Path, monkeypatch: pytest.MonkeyPatch, in_place: bool
) -> None:
    """As by a training whose new best epoch takes the place of the one that was read."""
    out = plain if in_place else data / "calibrated.safetensors"
    if not in_place:
        out.write_text("an earlier one")

    def fit(*arguments: Any, **options: Any) -> Calibration:
        (data / "new").write_text("a newer one")
        (data / "new").rename(out)
        return fit_calibration(*arguments, **options)

    monkeypatch.setattr("hypsegcli.confidence.calibration.fit_calibration", fit)
    arguments = ("--checkpoint", plain, "--out", out, "--name", "two pictures", "--overwrite")
    outcome = hypseg("calibrate", data / "images", data / "masks", *arguments)
    assert outcome.code == 2
    assert "was replaced or written by something else meanwhile, and stays; choose another --out" in outcome.stderr
    assert out.read_text() == "a newer one"


def test_only_the_header_changes(hypseg: Hypseg, data: Path, plain: Path) -> None:
    out = calibrated(hypseg, data, plain)
    before, after = load_file(plain), load_file(out)
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) and before[name].dtype == after[name].dtype for name in before)
    assert without(read_header(out)) == read_header(plain)
    found = read_header(out).calibration
    assert found is not None
    assert found.fitted_on == "two pictures (2 images)"
    assert found.usual is not None
    assert sorted(found.images) == sorted(
        hashlib.sha256(path.read_bytes()).hexdigest()[:16] for path in (data / "images").iterdir()
    )
    assert "fitted on two pictures" in hypseg("info", out).stdout
    assert "calibration   none" in hypseg("info", plain).stdout


def test_confidence_becomes_the_probability_of_being_right(hypseg: Hypseg, data: Path, plain: Path) -> None:
    out = calibrated(hypseg, data, plain)
    found = read_header(out).calibration
    assert found is not None
    save = ("--save", "confidence", "--format", "npy", "--checkpoint", out)
    hypseg("predict", data / "images", "--out", data / "one", *save)
    hypseg("predict", data / "images", "--out", data / "raw", *save, "--raw")
    for key in ("a", "b"):
        probability, distance = (np.load(data / kind / f"confidence/{key}.npy") for kind in ("one", "raw"))
        expected = np.interp(distance, found.distances, found.probabilities)
        np.testing.assert_allclose(probability, expected, atol=1e-5)
        assert probability.std() > 0.005
    hypseg("predict", data / "images", "--out", data / "plain", *save[:4], "--checkpoint", plain)
    assert np.array_equal(np.load(data / "plain/confidence/a.npy"), np.load(data / "raw/confidence/a.npy"))


def test_a_calibration_of_samples_is_for_samples(hypseg: Hypseg, data: Path, plain: Path) -> None:
    out, sampled = data / "calibrated.safetensors", ("--sampling", "adaptive", "--longest-side", 48)
    with_sampling(plain)
    arguments = ("--checkpoint", plain, "--out", out, "--name", "two pictures", *sampled)
    outcome = hypseg("calibrate", data / "images", data / "masks", *arguments)
    assert outcome.code == 0, outcome.stderr
    header = read_header(out)
    assert header.calibration is not None
    assert (header.calibration.sampling, header.input.longest_side) == ("adaptive", 48)
    told = hypseg("info", out).stdout
    assert "for --sampling adaptive" in told
    assert "it has learned from more samples at boundaries, --sampling adaptive" in told
    save = ("--save", "confidence", "--checkpoint", out)
    for name, options, measure in (("one", sampled, "calibrated"), ("two", (), "distance")):
        outcome = hypseg("predict", data / "images", "--out", data / name, *save, *options)
        with Image.open(data / name / "confidence/a.png") as found:
            assert json.loads(found.info["hypseg"])["measure"] == measure
    assert "is one for --sampling adaptive, so that 'calibrated'" in outcome.stderr


def test_heatmaps_show_the_probability_of_being_wrong(hypseg: Hypseg, data: Path, plain: Path) -> None:
    out = calibrated(hypseg, data, plain)
    hypseg("uncertainty", data / "images", "--out", data / "one", "--checkpoint", out)
    hypseg("predict", data / "images", "--out", data / "two", "--save", "confidence", "--checkpoint", out)
    with Image.open(data / "one/uncertainty/a.png") as doubt, Image.open(data / "two/confidence/a.png") as sure:
        assert np.abs(np.asarray(doubt).astype(int) + np.asarray(sure) - 65535).max() <= 1
        assert json.loads(sure.info["hypseg"])["measure"] == "calibrated"
        assert json.loads(sure.info["hypseg"])["full_scale"] == 1.0


def test_evaluate_judges_the_calibration_first(hypseg: Hypseg, data: Path, plain: Path) -> None:
    out = calibrated(hypseg, data, plain)
    masks = (data / "images", data / "masks", "--bootstrap", "0")
    assert hypseg("evaluate", *masks, "--checkpoint", out, "--out", data / "report").code == 0
    measures = {m["name"]: m for m in json.loads((data / "report/report.json").read_text())["measures"]}
    assert next(iter(measures)) == "calibrated"
    assert measures["calibrated"]["ece"] < 0.02 < measures["distance"]["ece"]  # on what it was fitted to
    outcome = hypseg("evaluate", *masks, "--checkpoint", plain, "--measure", "calibrated")
    assert outcome.code == 2


def test_images_that_it_was_fitted_on_are_told_among_those_that_are_scored(
    hypseg: Hypseg, data: Path, plain: Path
) -> None:
    out = calibrated(hypseg, data, plain)
    masks = ("--bootstrap", "0", "--checkpoint", out)
    photograph(data / "images" / "c.png", seed=7)
    (data / "masks" / "c.png").write_bytes((data / "masks" / "a.png").read_bytes())
    (data / "images" / "a.png").rename(data / "images" / "renamed.png")
    (data / "masks" / "a.png").rename(data / "masks" / "renamed.png")
    sentence = "2 of 3 images are of those that the calibration was fitted on (two pictures (2 images)): the ECE of "
    outcome = hypseg("evaluate", data / "images", data / "masks", *masks, "--out", data / "report", "--quiet")
    assert f"hypseg: {sentence}" in outcome.stderr
    (warning,) = json.loads((data / "report" / "report.json").read_text())["warnings"]
    assert warning.startswith(sentence)
    assert "2 of 3 images are of those" in (data / "report" / "report.html").read_text()
    one = hypseg("evaluate", data / "images" / "renamed.png", data / "masks" / "renamed.png", *masks)
    assert "1 of 1 image is one of those" in one.stderr
    other = hypseg("evaluate", data / "images" / "c.png", data / "masks" / "c.png", *masks)
    assert other.stderr == ""


def test_images_that_the_network_was_made_with_are_told(hypseg: Hypseg, data: Path, plain: Path) -> None:
    """Those that it was trained on and those that its best epoch was chosen on, in evaluate and in calibrate."""
    marks = [image_mark(hashlib.sha256((data / "images" / f"{name}.png").read_bytes()).hexdigest()) for name in "ab"]
    loaded = load_checkpoint(plain)
    made = {"trained_images": tuple(marks[:1]), "validated_images": tuple(marks[1:])}
    header = loaded.header.model_copy(update={"provenance": loaded.header.provenance.model_copy(update=made)})
    save_checkpoint(plain, header, loaded.model.state_dict(), half=True)
    pairs = (data / "images", data / "masks", "--checkpoint", plain)
    found = hypseg("evaluate", *pairs, "--bootstrap", "0").stderr
    assert "1 of 2 images is one of those that it, or what it started from, was trained on: all scores" in found
    assert "1 of 2 images is one of those that its best epoch, or that of what it started from, was chosen on" in found
    found = hypseg("calibrate", *pairs, "--name", "these", "--out", data / "out.safetensors").stderr
    assert "1 of 2 images is one of those that the network was trained on" in found
    assert "1 of 2 images is one of those that its best epoch, or that of what it started from, was chosen on" in found
    assert "a calibration on so few images (2) is rough" in found


def test_a_calibration_that_does_not_know_its_images_says_nothing(hypseg: Hypseg, data: Path, plain: Path) -> None:
    out = calibrated(hypseg, data, plain)
    loaded = load_checkpoint(out)
    assert loaded.header.calibration is not None
    earlier = loaded.header.calibration.model_copy(update={"images": ()})
    save_checkpoint(out, loaded.header.model_copy(update={"calibration": earlier}), loaded.model.state_dict())
    outcome = hypseg("evaluate", data / "images", data / "masks", "--bootstrap", "0", "--checkpoint", out)
    assert (outcome.code, outcome.stderr) == (0, "")


def test_the_size_that_it_was_fitted_at_is_that_of_the_copy(hypseg: Hypseg, data: Path, plain: Path) -> None:
    """A calibration is one of a size; without a wish it is that of the checkpoint. A window's side switches it off."""
    loaded, scores = load_checkpoint(plain), {"mean_iou": 0.75}
    trained = loaded.header.input.longest_side
    scored = loaded.header.provenance.model_copy(update={"scores": scores})
    save_checkpoint(plain, loaded.header.model_copy(update={"provenance": scored}), loaded.model.state_dict())
    wishes: list[tuple[tuple[str, ...], int | None, str]] = [
        ((), trained, ""),
        (("--longest-side", "off"), None, "larger images are not shrunk"),
        (("--tile", "128"), None, "larger images are not shrunk"),
        (("--longest-side", "48"), 48, "larger images are shrunk to 48 pixels"),
    ]
    for wish, kept, told in wishes:
        out = data / "copy.safetensors"
        arguments = ("--checkpoint", plain, "--out", out, "--name", "x", "--overwrite", *wish)
        outcome = hypseg("calibrate", data / "images", data / "masks", *arguments)
        assert outcome.code == 0
        header = read_header(out)
        assert (header.input.longest_side, header.input.field_of_view) == (kept, "fixed")
        assert header.calibration is not None
        assert f"below {header.calibration.of_another_world:.2f}" in outcome.stdout
        assert told in outcome.stdout
        assert bool(told) == ("larger images" in outcome.stdout) == ("of another size, and left out" in outcome.stdout)
        assert header.provenance.scores == ({} if told else scores), "which were taken at the other size"
        assert ("none recorded" in hypseg("info", out).stdout) is bool(told)


def test_that_larger_images_show_more_is_not_lost(hypseg: Hypseg, data: Path, plain: Path) -> None:
    loaded, out = load_checkpoint(plain), data / "copy.safetensors"
    size = loaded.header.input.model_copy(update={"longest_side": None, "field_of_view": "grows"})
    save_checkpoint(plain, loaded.header.model_copy(update={"input": size}), loaded.model.state_dict())
    arguments = ("--checkpoint", plain, "--out", out, "--name", "x", "--longest-side", "48")
    assert hypseg("calibrate", data / "images", data / "masks", *arguments).code == 0
    size = read_header(out).input
    assert (size.longest_side, size.field_of_view) == (48, "grows")


@pytest.mark.parametrize(("fitted", "other"), [((), "points"), (("--interpolate", "points"), "scalar")])
def test_a_calibration_serves_the_way_to_interpolate_that_it_was_fitted_to(
    hypseg: Hypseg, data: Path, plain: Path, fitted: tuple[str, ...], other: str
) -> None:
    out = data / "copy.safetensors"
    arguments: tuple[object, ...] = ("--checkpoint", plain, "--out", out, "--name", "x", *fitted)
    assert hypseg("calibrate", data / "images", data / "masks", *arguments).code == 0
    assert ("for --interpolate points" in hypseg("info", out).stdout) is bool(fitted)
    found = read_header(out).calibration
    assert found is not None
    own, told = found.interpolate, f"hypseg calibrate and --interpolate {other}"
    for command, folder in (("predict", "confidence"), ("uncertainty", "uncertainty")):
        arguments = (command, data / "images", "--checkpoint", out, "--out")
        for way, measure in ((own, "calibrated"), (other, "distance")):
            outcome = hypseg(*arguments, data / f"{command} {way}", "--interpolate", way)
            assert (told in outcome.stderr) is (way == other)
            with Image.open(data / f"{command} {way}" / folder / "a.png") as plane:
                assert json.loads(plane.info["hypseg"])["measure"] == measure
        silent = hypseg(*arguments, data / command, "--interpolate", other, "--raw")
        assert (silent.code, told in silent.stderr) == (0, False)
        refused = hypseg(*arguments, data / "no", "--interpolate", other, "--measure", "calibrated")
        assert (refused.code, told in refused.stderr) == (2, True)
    score = ("evaluate", data / "images", data / "masks", "--checkpoint", out, "--bootstrap", "0", "--interpolate")
    for way in (own, other):
        outcome = hypseg(*score, way, "--out", data / way)
        assert (told in outcome.stderr) is (way == other)
        report = json.loads((data / way / "report.json").read_text())
        assert ("calibrated" in [measure["name"] for measure in report["measures"]]) is (way == own)
        assert any(told in warning for warning in report["warnings"]) is (way == other)
    refused = hypseg(*score, other, "--measure", "calibrated")
    assert (refused.code, told in refused.stderr) == (2, True)


def test_a_calibration_knows_whether_it_was_fitted_in_int8(
    hypseg: Hypseg, data: Path, plain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the network then runs otherwise, that is said wherever it is used; it runs in fp32 here all the time."""

    def in_int8(*arguments: Any, **options: Any) -> Segmenter:
        segmenter = open_segmenter(*arguments, **options)
        monkeypatch.setattr(segmenter.engine, "device", replace(segmenter.engine.device, precision="int8"))
        return segmenter

    monkeypatch.setattr("hypsegcli.cli.commands.calibrate.open_segmenter", in_int8)
    out, told = calibrated(hypseg, data, plain), "calibration was fitted in int8, and it runs in"
    assert "(2 images), in int8" in hypseg("info", out).stdout
    found = read_header(out).calibration
    assert found is not None
    assert found.int8
    for command in ("predict", "uncertainty"):
        arguments = (command, data / "images", "--checkpoint", out, "--overwrite", "--out", data / command)
        assert told in hypseg(*arguments).stderr
        assert told not in hypseg(*arguments, "--quiet").stderr
        # Regions of `uncertainty` are of the calibrated measure in any case.
        assert (told in hypseg(*arguments, "--raw").stderr) == (command == "uncertainty")
    score = ("evaluate", data / "images", data / "masks", "--checkpoint", out, "--bootstrap", "0", "--quiet")
    assert told in hypseg(*score, "--out", data / "report").stderr
    assert any(told in warning for warning in json.loads((data / "report" / "report.json").read_text())["warnings"])
    assert told not in hypseg(*score, "--interpolate", "points").stderr


def test_what_a_checkpoint_cannot_say_is_refused(hypseg: Hypseg, data: Path, plain: Path) -> None:
    for command in ("predict", "uncertainty"):
        arguments = ("--out", data / "out", "--checkpoint", plain, "--measure", "calibrated")
        outcome = hypseg(command, data / "images", *arguments)
        assert outcome.code == 2
        assert "hypseg calibrate" in outcome.stderr
    outcome = hypseg("uncertainty", data / "images", "--out", data / "out", "--measure", "norm,entropy")
    assert outcome.code == 2
    assert not (data / "out").exists()


def test_what_a_killed_one_has_left_goes(hypseg: Hypseg, data: Path, plain: Path) -> None:
    (data / ".hypseg-1-0123456789abcdef.tmp").write_bytes(b"half a checkpoint")
    calibrated(hypseg, data, plain)
    assert not list(data.glob(".hypseg-*"))


def test_nothing_is_overwritten_unasked(hypseg: Hypseg, data: Path, plain: Path) -> None:
    before = plain.read_bytes()
    arguments = (data / "images", data / "masks", "--checkpoint", plain, "--name", "x", "--out")
    assert hypseg("calibrate", *arguments, plain).code == 2
    assert plain.read_bytes() == before
    assert hypseg("calibrate", *arguments, data / "x.pt").code == 2
    (data / "dangling.safetensors").symlink_to(data / "nowhere")
    assert hypseg("calibrate", *arguments, data / "dangling.safetensors", "--overwrite").code == 2
    (data / "file").touch()
    assert hypseg("calibrate", *arguments, data / "file/x.safetensors").code == 2
    assert hypseg("calibrate", *arguments, plain, "--overwrite").code == 0
    assert read_header(plain).calibration is not None


def test_void_pixels_teach_nothing(hypseg: Hypseg, data: Path, plain: Path) -> None:
    every = read_header(calibrated(hypseg, data, plain)).calibration
    arguments = ("--checkpoint", plain, "--out", data / "some.safetensors", "--name", "x", "--ignore-index", "1")
    assert hypseg("calibrate", data / "images", data / "masks", *arguments).code == 0
    some = read_header(data / "some.safetensors").calibration
    assert every is not None
    assert some is not None
    assert some.probabilities != every.probabilities


def test_masks_are_paired_and_translated_as_in_evaluate(hypseg: Hypseg, data: Path, plain: Path) -> None:
    """Class 1 by another number and under other names teaches the same."""
    every = read_header(calibrated(hypseg, data, plain)).calibration
    (data / "other").mkdir()
    for key in ("a", "b"):
        with Image.open(data / "masks" / f"{key}.png") as mask:
            values = np.asarray(mask)
        Image.fromarray(np.where(values == 1, 9, values).astype(np.uint8)).save(data / "other" / f"{key}_ids.png")
    (data / "map.txt").write_text("0:0\n9:1\n2:2\n")
    options = ("--mask-suffix", "_ids", "--map", data / "map.txt", "--name", "two pictures")
    arguments = (data / "images", data / "other", "--checkpoint", plain, "--out", data / "x.safetensors", *options)
    outcome = hypseg("calibrate", *arguments)
    assert outcome.code == 0, outcome.stderr
    assert read_header(data / "x.safetensors").calibration == every


@pytest.mark.parametrize(
    ("raw", "title"), [((), "probability of being wrong"), (("--raw",), "uncertainty (distance to the origin)")]
)
def test_a_heatmap_says_what_it_shows(
    hypseg: Hypseg, data: Path, plain: Path, raw: tuple[str, ...], title: str
) -> None:
    out = calibrated(hypseg, data, plain)
    assert hypseg("uncertainty", data / "images", "--out", data / "maps", "--checkpoint", out, *raw).code == 0
    for key in ("a", "b"):
        with Image.open(data / "images" / f"{key}.png") as image:
            width, height = image.size
        with Image.open(data / "maps" / "heatmap" / f"{key}.png") as image:
            beside = np.asarray(image)[:, width:]
        blank = heatmap(np.zeros((height, width), np.float32), title=title)
        np.testing.assert_array_equal(beside, blank[:, width:])


def test_what_does_not_fit_into_memory_is_scored_in_windows(
    hypseg: Hypseg, tmp_path: Path, plain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit_memory(monkeypatch, 512 * 64)
    photograph(tmp_path / "images/a.png", size=(528, 64))
    (tmp_path / "masks").mkdir()
    Image.fromarray(np.kron(np.eye(3, 3, dtype=np.uint8), np.ones((22, 176), np.uint8))[:64]).save(
        tmp_path / "masks/a.png"
    )
    out = ("--out", tmp_path / "calibrated.safetensors", "--name", "one picture", "--longest-side", "off")
    outcome = hypseg("calibrate", tmp_path / "images", tmp_path / "masks", "--checkpoint", plain, *out)
    assert outcome.code == 0, outcome.stderr
    assert "1 image: did not fit into memory whole; scored in windows of 512 pixels\n" in outcome.stderr


def test_masks_off_by_one_are_not_calibrated_with(hypseg: Hypseg, tmp_path: Path) -> None:
    classes = ["sky", "road", "car", "tree"]
    checkpoint = make_checkpoint(tmp_path / "plain.safetensors", flat_tree(classes))
    photograph(tmp_path / "images/a.png", seed=0)
    hypseg("predict", tmp_path / "images", "--checkpoint", checkpoint, "--out", tmp_path / "o", "--save", "labels")
    with Image.open(tmp_path / "o/labels/a.png") as image:
        labels = np.array(image)
    (tmp_path / "masks").mkdir()
    Image.fromarray((labels + 1).astype(np.uint8)).save(tmp_path / "masks/a.png")
    out = tmp_path / "calibrated.safetensors"
    arguments = ("--checkpoint", checkpoint, "--out", out, "--name", "t", "--ignore-index", "4")
    outcome = hypseg("calibrate", tmp_path / "images", tmp_path / "masks", *arguments)
    assert outcome.code == 1, outcome.stderr
    assert "the ids look off by one" in outcome.stderr
    assert not out.exists()


def test_masks_of_void_alone_are_no_images_of_a_calibration(hypseg: Hypseg, data: Path, plain: Path) -> None:
    Image.new("L", (64, 48), 255).save(data / "masks/b.png")
    out = data / "calibrated.safetensors"
    outcome = hypseg(
        "calibrate", data / "images", data / "masks", "--checkpoint", plain, "--out", out, "--name", "pictures"
    )
    assert outcome.code == 0, outcome.stderr
    assert "fitted on pictures (1 image)" in outcome.stdout
    assert "1 mask without a labelled pixel: left out, with their images" in outcome.stderr
    assert "a calibration on so few images (1)" in outcome.stderr


def test_masks_of_other_images_are_told_also_where_it_is_quiet(hypseg: Hypseg, data: Path, plain: Path) -> None:
    """Nobody is to take the calibration for more than it is."""
    for seed in range(2, 6):
        photograph(data / f"images/{seed}.png", seed=seed)
        ids = np.random.default_rng(seed).integers(0, 3, (48, 64)).astype(np.uint8)
        Image.fromarray(ids).save(data / f"masks/{seed}.png")
    arguments = ("--checkpoint", plain, "--out", data / "calibrated.safetensors", "--name", "t", "--quiet")
    outcome = hypseg("calibrate", data / "images", data / "masks", *arguments)
    assert outcome.code == 0, outcome.stderr
    assert outcome.stderr.count("agree with the predictions, hardly more than by chance") == 1
