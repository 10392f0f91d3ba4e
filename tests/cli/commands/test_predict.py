"""`hypseg predict` as a person uses it: what is written, and what it means."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image
from support import Hypseg, make_checkpoint, manifest, photograph, with_sampling

from hypsegcli.checkpoint.bundled import bundled_checkpoint
from hypsegcli.checkpoint.store import load_checkpoint
from hypsegcli.confidence.boundary import boundary_map
from hypsegcli.confidence.levels import to_levels
from hypsegcli.confidence.measures import available
from hypsegcli.hierarchy.tree import flat_tree
from hypsegcli.images.decode import decode_image
from hypsegcli.inference.device import choose_device
from hypsegcli.inference.engines.torch_engine import TorchEngine
from hypsegcli.inference.request import Request
from hypsegcli.inference.segmenter import Segmenter

KINDS = (("labels", "tif"), ("labels", "qml"), ("confidence", "tif"))


def about(path: Path) -> dict[str, object]:
    """The JSON that every map carries."""
    with Image.open(path) as image:
        found: dict[str, object] = json.loads(image.info["hypseg"])
    return found


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def test_writes_every_default_map_for_every_image(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    outcome = hypseg("predict", photos, "--out", out)
    assert outcome.code == 0
    assert str(out) in outcome.stdout
    written = sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())
    maps = [
        f"{kind}/{key}.png" for kind in ("boundary", "confidence", "labels", "overlay") for key in ("a", "b", "sub/c")
    ]
    assert written == sorted([*maps, "manifest.jsonl", "run.json"])


def test_maps_are_those_of_the_segmenter_at_the_size_of_the_image(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    hypseg("predict", photos, "--out", tmp_path / "out", "--raw")
    checkpoint = load_checkpoint(bundled_checkpoint())
    header = checkpoint.header
    segmenter = Segmenter(TorchEngine(checkpoint.model, header.input, choose_device("cpu")), header.tree)
    for key, source in (("a", "a.jpg"), ("b", "b.png"), ("sub/c", "sub/c.png")):
        found = segmenter.predict([decode_image(photos / source).pixels])[0]
        assert np.array_equal(pixels(tmp_path / f"out/labels/{key}.png"), found.labels)
        scale = header.model.max_distance
        stored = pixels(tmp_path / f"out/confidence/{key}.png") / 65535.0 * scale
        assert np.abs(stored - found.confidence["distance"].values).max() <= 0.51 * scale / 65535.0
        boundary = boundary_map(found.confidence["distance"])
        assert np.array_equal(pixels(tmp_path / f"out/boundary/{key}.png"), boundary)


def test_label_maps_carry_palette_and_names(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    hypseg("predict", photos, "--out", tmp_path / "out", "--save", "labels")
    header = load_checkpoint(bundled_checkpoint()).header
    with Image.open(tmp_path / "out/labels/a.png") as image:
        assert image.mode == "P"
        palette = image.getpalette()
    assert palette is not None
    assert palette[: 3 * header.tree.classes] == [channel for color in header.colors for channel in color]
    assert about(tmp_path / "out/labels/a.png")["names"] == list(header.tree.names[: header.tree.classes])
    assert not (tmp_path / "out/overlay").exists()


def test_confidence_states_its_scale_and_npy_holds_the_distance_itself(
    hypseg: Hypseg, photos: Path, tmp_path: Path
) -> None:
    hypseg("predict", photos, "--out", tmp_path / "png", "--save", "confidence", "--raw")
    hypseg("predict", photos, "--out", tmp_path / "npy", "--save", "confidence", "--format", "npy", "--raw")
    text = about(tmp_path / "png/confidence/a.png")
    plane = np.load(tmp_path / "npy/confidence/a.npy")
    assert plane.dtype == np.float32
    assert text["measure"] == "distance"
    scale = float(str(text["full_scale"]))
    assert scale == pytest.approx(load_checkpoint(bundled_checkpoint()).header.model.max_distance)
    with Image.open(tmp_path / "png/confidence/a.png") as image:
        assert image.mode == "I;16"
        stored = np.asarray(image) / 65535.0 * scale
    assert np.abs(stored - plane).max() <= 0.51 * scale / 65535.0


def test_confidence_is_not_stretched_per_image(hypseg: Hypseg, tmp_path: Path) -> None:
    """The same grey level means the same distance in a picture of one colour and in a busy one."""
    Image.new("RGB", (64, 48), "gray").save(tmp_path / "flat.png")
    photograph(tmp_path / "busy.png")
    for kind, folder in (("png", "png"), ("npy", "npy")):
        hypseg(
            "predict",
            tmp_path / "flat.png",
            tmp_path / "busy.png",
            "--out",
            tmp_path / folder,
            "--save",
            "confidence",
            "--format",
            kind,
        )
    ratios = [
        pixels(tmp_path / f"png/confidence/{key}.png").mean() / np.load(tmp_path / f"npy/confidence/{key}.npy").mean()
        for key in ("flat", "busy")
    ]
    assert ratios[0] == pytest.approx(ratios[1], rel=1e-3)


@pytest.mark.parametrize("measure", ["calibrated", "norm", "entropy", "margin", "max-probability"])
def test_other_measures_fill_zero_to_one(hypseg: Hypseg, photos: Path, tmp_path: Path, measure: str) -> None:
    out = tmp_path / "out"
    assert (
        hypseg("predict", photos, "--out", out, "--save", "confidence", "--format", "npy", "--measure", measure).code
        == 0
    )
    plane = np.load(out / "confidence/a.npy")
    assert 0.0 <= plane.min() < plane.max() <= 1.0


def test_probabilities_only_on_request_and_sum_to_one(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    hypseg("predict", photos / "a.jpg", "--out", tmp_path / "out", "--save", "labels,probabilities")
    stack = np.load(tmp_path / "out/probabilities/a.npy").astype(np.float64)
    assert stack.shape == (11, 48, 64)
    assert np.abs(stack.sum(0) - 1.0).max() < 11 * 2.0**-11
    labels = pixels(tmp_path / "out/labels/a.png")
    chosen = np.take_along_axis(stack, labels[None].astype(np.intp), axis=0)[0]
    assert (chosen >= stack.max(0) - 2.0**-11).all()


def test_pictures_of_images_of_one_size_make_a_film(hypseg: Hypseg, tmp_path: Path) -> None:
    """Whatever classes are in them; and without legends they are as large as the images."""
    for number in range(3):
        photograph(tmp_path / f"frames/{number}.png", size=(96, 64), seed=number)
    Image.new("RGB", (96, 64), "skyblue").save(tmp_path / "frames/3.png")
    options = ["--save", "overlay,doubt", "--out"]
    assert hypseg("predict", tmp_path / "frames", *options, tmp_path / "with").code == 0
    assert hypseg("predict", tmp_path / "frames", *options, tmp_path / "without", "--no-legend").code == 0
    for kind in ("overlay", "doubt"):
        (size,) = {pixels(tmp_path / f"with/{kind}/{number}.png").shape for number in range(4)}
        assert size[1] > 96
        for number in range(4):
            alone = pixels(tmp_path / f"without/{kind}/{number}.png")
            assert np.array_equal(alone, pixels(tmp_path / f"with/{kind}/{number}.png")[:64, :96])
    refused = hypseg("predict", tmp_path / "frames", "--out", tmp_path / "x", "--save", "labels", "--no-legend")
    assert refused.code == 2
    assert "name one of them in --save" in refused.stderr
    again = hypseg("predict", tmp_path / "frames", *options, tmp_path / "with", "--no-legend", "--resume")
    assert again.code == 0
    assert pixels(tmp_path / "with/overlay/0.png").shape == (64, 96, 3)


def test_embeddings_have_the_distances_of_the_maps_and_belong_to_the_run(
    hypseg: Hypseg, photos: Path, tmp_path: Path
) -> None:
    out, options = tmp_path / "out", ["--save", "confidence,embeddings", "--raw", "--format", "npy"]
    assert hypseg("predict", photos, "--out", out, *options).code == 0
    path = out / "embeddings/sub/c.npz"
    written = path.read_bytes()
    with np.load(path) as file:
        v, cell, size = file["embeddings"].astype(np.float64), file["cell"], file["size"]
        about_it = json.loads(str(file["hypseg"]))
    plane = np.load(out / "confidence/sub/c.npy")
    assert tuple(size) == plane.shape
    assert v.shape[1:] == tuple(-(-size // cell).astype(int))
    distance = 2 * np.linalg.norm(v, axis=0)
    # The plane is interpolated between the middles of cells, which no pixel is.
    beside = plane[1::4, 1::4]
    assert np.abs(beside - distance[: beside.shape[0], : beside.shape[1]]).mean() < 0.2 * distance.std()
    assert about_it["kind"] == "embeddings"
    path.unlink()
    assert hypseg("verify", out).code == 3
    assert hypseg("predict", photos, "--out", out, *options, "--resume").code == 0
    assert path.read_bytes() == written
    assert hypseg("verify", out).code == 0


def test_prototypes_are_those_of_the_labels_and_refused_where_there_are_none(
    hypseg: Hypseg, photos: Path, tmp_path: Path
) -> None:
    tree = flat_tree(["sky", "road", "car"])
    many: dict[str, Any] = {"head": "prototypes", "prototypes": 4, "backbone": "mobilenet_v3_small"}
    path = make_checkpoint(tmp_path / "x.safetensors", tree, **many)
    options = ["--checkpoint", path, "--save", "labels,prototypes"]
    assert hypseg("predict", photos, "--out", tmp_path / "out", *options).code == 0
    for key in ("a", "sub/c"):
        numbers = pixels(tmp_path / f"out/prototypes/{key}.png")
        assert np.array_equal(numbers // 4, pixels(tmp_path / f"out/labels/{key}.png"))
    assert about(tmp_path / "out/prototypes/a.png")["names"][4:6] == ["road 0", "road 1"]  # type: ignore[index]
    assert hypseg("verify", tmp_path / "out").code == 0
    tiff = hypseg("predict", photos, "--out", tmp_path / "tif", *options, "--format", "tif")
    assert tiff.code == 0
    assert np.array_equal(pixels(tmp_path / "tif/prototypes/a.tif"), pixels(tmp_path / "out/prototypes/a.png"))
    for extra, sentence in (
        (["--level", "1"], "prototypes are of classes, and of no other nodes; leave out --level"),
        (["--checkpoint", "streets"], "this checkpoint's head, hyperbolic, has none"),
    ):
        refused = hypseg("predict", photos, "--out", tmp_path / "no", *options, *extra)
        assert refused.code == 2
        assert sentence in refused.stderr
        assert not (tmp_path / "no").exists()


def test_level_answers_with_inner_nodes(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    tree = load_checkpoint(bundled_checkpoint()).header.tree
    for level in ("1", "mobile", "auto"):
        assert (
            hypseg(
                "predict", photos, "--out", tmp_path / level, "--save", "labels,probabilities", "--level", level
            ).code
            == 0
        )
    coarse = pixels(tmp_path / "1/labels/a.png")
    assert np.array_equal(coarse, pixels(tmp_path / "mobile/labels/a.png"))
    assert set(np.unique(coarse)) <= set(tree.at_level(1).tolist())
    names = about(tmp_path / "1/labels/a.png")["names"]
    assert names == list(tree.names)
    auto = pixels(tmp_path / "auto/labels/a.png")
    stack = np.load(tmp_path / "auto/probabilities/a.npy").astype(np.float64)
    below = np.concatenate([tree.leaves_below(), np.ones((1, tree.classes), bool)])
    share = np.einsum("khw,hwk->hw", stack, below[auto])
    assert (share > 0.5 - 1e-2).all()
    assert about(tmp_path / "auto/labels/a.png")["names"] == [*tree.names, "undecided"]


def test_refined_maps_say_so_and_are_those_that_are_scored(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    out, plain = tmp_path / "out", tmp_path / "plain"
    save = ("--save", "labels,confidence")
    assert hypseg("predict", photos, "--out", out, *save, "--refine", "edges").code == 0
    hypseg("predict", photos, "--out", plain, *save)
    assert about(out / "labels/a.png")["refine"] == "edges"
    assert "refine" not in about(plain / "labels/a.png")
    assert json.loads((out / "run.json").read_text())["options"]["request"]["refine"] == "edges"
    same = [np.array_equal(pixels(out / f"labels/{key}.png"), pixels(plain / f"labels/{key}.png")) for key in "ab"]
    assert not all(same)
    for key in ("a", "b"):  # the distance is not refined
        assert (out / f"confidence/{key}.png").read_bytes() == (plain / f"confidence/{key}.png").read_bytes()
    report = tmp_path / "report"
    scored = hypseg("evaluate", photos, out / "labels", "--out", report, "--refine", "edges", "--mask-suffix", "")
    assert scored.code == 0, scored.stderr
    found = json.loads((report / "report.json").read_text())
    assert found["subject"]["options"]["refine"] == "edges"
    assert found["summary"]["pixel_accuracy"]["value"] == 1.0
    stored = hypseg("evaluate", "--predictions", out, out / "labels", "--out", tmp_path / "stored")
    assert stored.code == 0, stored.stderr
    assert json.loads((tmp_path / "stored/report.json").read_text())["subject"]["options"]["refine"] == "edges"


def test_hypseg_s_own_maps_fail_and_its_pictures_do_not(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    hypseg("predict", photos, "--out", tmp_path / "out", "--save", "labels,confidence,overlay,doubt")
    for kind in ("overlay", "doubt"):
        assert hypseg("predict", tmp_path / "out" / kind, "--out", tmp_path / kind, "--save", "labels").code == 0
    for kind in ("labels", "confidence"):
        outcome = hypseg("predict", tmp_path / "out" / kind, "--out", tmp_path / kind, "--save", "labels")
        assert outcome.code == 1
        assert f"this is a map that hypseg wrote ({kind}) and no photograph" in outcome.stderr
        lines = [json.loads(line) for line in (tmp_path / kind / "manifest.jsonl").read_text().splitlines()]
        assert {line["code"] for line in lines} == {"unsupported"}


def test_maps_of_samples_say_so_and_are_those_that_are_scored(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    checkpoint = with_sampling(make_checkpoint(tmp_path / "x.safetensors", flat_tree("abc")), longest_side=48)
    adaptive = ("--checkpoint", checkpoint, "--engine", "torch", "--sampling", "adaptive", "--guide-side", 32)
    out, even = tmp_path / "out", tmp_path / "even"
    outcome = hypseg("predict", photos, "--out", out, "--save", "labels,confidence", *adaptive)
    assert outcome.code == 0, outcome.stderr
    assert "shrunk to 48 pixels for the network (longest side), more of them at boundaries seen at 32" in outcome.stderr
    assert hypseg("predict", photos, "--out", even, *adaptive[:4]).code == 0
    for kind in ("labels", "confidence"):
        assert about(out / f"{kind}/a.png")["sampling"] == "adaptive"
        assert "sampling" not in about(even / f"{kind}/a.png")
        assert (out / f"{kind}/a.png").read_bytes() != (even / f"{kind}/a.png").read_bytes()
    request = json.loads((out / "run.json").read_text())["options"]["request"]
    assert (request["sampling"], request["longest_side"], request["guide_side"]) == ("adaptive", 48, 32)
    report = tmp_path / "report"
    scored = hypseg("evaluate", photos, out / "labels", "--out", report, "--mask-suffix", "", *adaptive)
    assert scored.code == 0, scored.stderr
    found = json.loads((report / "report.json").read_text())
    options = found["subject"]["options"]
    assert (options["sampling"], options["longest_side"], options["guide_side"]) == ("adaptive", 48, 32)
    assert found["summary"]["pixel_accuracy"]["value"] == 1.0
    stored = hypseg("evaluate", "--predictions", out, out / "labels", "--out", tmp_path / "stored")
    assert stored.code == 0, stored.stderr
    assert json.loads((tmp_path / "stored/report.json").read_text())["subject"]["options"]["sampling"] == "adaptive"
    doubt = hypseg("uncertainty", photos, "--out", tmp_path / "doubt", *adaptive[:6])
    assert (doubt.code, about(tmp_path / "doubt/uncertainty/a.png")["sampling"]) == (0, "adaptive")


def test_what_cannot_be_sampled_is_refused(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    checkpoint = with_sampling(make_checkpoint(tmp_path / "x.safetensors", flat_tree("abc")))
    own = ("--checkpoint", checkpoint, "--sampling", "adaptive")
    for arguments, sentence in (
        (("--sampling", "adaptive"), "--sampling adaptive: this network has learned from images that were sampled"),
        ((*own, "--tile", "256"), "--sampling adaptive needs images whole; leave out --tile"),
        ((*own, "--longest-side", "off"), "say to how many with --longest-side"),
        ((*own, "--format", "tif"), "say to how many with --longest-side"),
        ((*own, "--guide-side", "64"), "--guide-side 64: expected 16 pixels or more, and fewer than the 64"),
        ((*own[:2], "--guide-side", "32"), "--guide-side 32 belongs to --sampling adaptive"),
        ((*own, "--save", "embeddings", "--engine", "torch"), "leave them out of --save"),
        ((*own, "--measure", "calibrated"), "this checkpoint carries no calibration"),
        (("--sampling", "dense"), "--sampling dense: expected uniform"),
    ):
        outcome = hypseg("predict", photos, "--out", tmp_path / "out", *arguments)
        assert outcome.code == 2, (arguments, outcome.stderr)
        assert sentence in outcome.stderr
    outcome = hypseg("evaluate", photos, photos, *own, "--mc-dropout", "2")
    assert (outcome.code, "--mc-dropout samples images evenly" in outcome.stderr) == (2, True)
    outcome = hypseg("evaluate", "--predictions", photos, photos, "--sampling", "adaptive")
    assert (outcome.code, "--sampling needs a network that runs" in outcome.stderr) == (2, True)


def test_what_cannot_be_refined_is_refused(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    for arguments, sentence in (
        (("--tile", "256"), "--refine edges needs images whole; leave out --tile"),
        (("--save", "boundary"), "--refine edges is of class probabilities"),
    ):
        outcome = hypseg("predict", photos, "--out", tmp_path / "out", "--refine", "edges", *arguments)
        assert outcome.code == 2
        assert sentence in outcome.stderr
    outcome = hypseg("predict", photos, "--out", tmp_path / "out", "--refine", "corners")
    assert (outcome.code, "--refine corners: expected edges" in outcome.stderr) == (2, True)
    assert not (tmp_path / "out").exists()


def test_sixteen_bit_labels_from_256_classes_on(
    hypseg: Hypseg, photos: Path, tmp_path: Path, many_classes: Path
) -> None:
    assert hypseg("predict", photos, "--out", tmp_path / "out", "--checkpoint", many_classes).code == 0
    with Image.open(tmp_path / "out/labels/a.png") as image:
        assert image.mode == "I;16"
    assert len(about(tmp_path / "out/labels/a.png")["names"]) == 300  # type: ignore[arg-type]


def test_upright_size_for_a_rotated_photograph(hypseg: Hypseg, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (64, 32), "gray").save(tmp_path / "turned.jpg", exif=exif)
    hypseg("predict", tmp_path / "turned.jpg", "--out", tmp_path / "out")
    for kind in ("labels", "confidence", "boundary"):
        with Image.open(tmp_path / f"out/{kind}/turned.png") as image:
            assert image.size == (32, 64)
    assert "turned upright (EXIF orientation 6)" in manifest(tmp_path / "out")["turned"]["notes"]  # type: ignore[operator]


def test_books_say_what_was_done(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    hypseg("predict", photos, "--out", tmp_path / "out", "--batch-size", 2)
    run = json.loads((tmp_path / "out/run.json").read_text())
    assert run["status"] == "finished"
    assert run["counts"] == {"planned": 3, "done": 3, "failed": 0, "others": 0}
    assert run["checkpoint"]["sha256"] == load_checkpoint(bundled_checkpoint()).sha256
    assert run["options"]["batch_size"] == 2
    assert set(run["versions"]) >= {"hypseg", "torch", "pillow"}
    assert run["device"].startswith("cpu")
    lines = manifest(tmp_path / "out")
    assert list(lines) == ["a", "b", "sub/c"]
    for line in lines.values():
        assert line["status"] == "done"
        assert set(line["seconds"]) == {"decode", "network", "reduce", "encode", "write"}  # type: ignore[call-overload]
        for output in line["outputs"].values():  # type: ignore[attr-defined]
            assert (tmp_path / "out" / output).is_file()


def test_batches_change_nothing_but_time(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    for size in (1, 8):
        hypseg("predict", photos, "--out", tmp_path / str(size), "--save", "labels,confidence", "--batch-size", size)
    for key in ("a", "b", "sub/c"):
        one, eight = (pixels(tmp_path / f"{size}/confidence/{key}.png").astype(int) for size in (1, 8))
        assert np.abs(one - eight).max() <= 2
        same = pixels(tmp_path / f"1/labels/{key}.png") == pixels(tmp_path / f"8/labels/{key}.png")
        assert same.mean() > 0.999


def test_inputs_may_be_files_globs_and_lists(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    (photos / "list.txt").write_text("a.jpg\nsub/c.png\n")
    cases: dict[str, list[str | Path]] = {
        "file": [photos / "b.png"],
        "glob": [f"{photos}/**/*.png"],
        "list": [f"@{photos / 'list.txt'}"],
    }
    wanted = {"file": {"b"}, "glob": {"b", "sub/c"}, "list": {"a", "sub/c"}}
    for name, inputs in cases.items():
        assert hypseg("predict", *inputs, "--out", tmp_path / name, "--save", "labels").code == 0
        assert set(manifest(tmp_path / name)) == wanted[name]


def test_mode_of_files_follows_the_umask(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        hypseg("predict", photos / "a.jpg", "--out", tmp_path / "out")
    finally:
        os.umask(before)
    for path in (tmp_path / "out").rglob("*.png"):
        assert path.stat().st_mode & 0o777 == 0o640


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random checkpoint with three classes."""
    return make_checkpoint(tmp_path_factory.mktemp("tiny") / "tiny.safetensors", flat_tree(["sky", "road", "car"]))


@pytest.mark.parametrize("form", ["png", "npy"])
@pytest.mark.parametrize(
    ("measure", "names"), [("all", available(calibrated=False)), ("entropy, distance,entropy", ("entropy", "distance"))]
)
def test_several_measures_have_a_folder_each(
    hypseg: Hypseg, photos: Path, tmp_path: Path, tiny: Path, form: str, measure: str, names: tuple[str, ...]
) -> None:
    """The first goes to confidence/, and each file is that of a run with this measure alone."""
    out = tmp_path / "out"
    options = ("--checkpoint", tiny, "--save", "confidence,boundary", "--batch-size", 1)
    outcome = hypseg("predict", photos, "--out", out, *options, "--measure", measure, "--format", form)
    assert outcome.code == 0, outcome.stderr
    folders = dict(zip(names, ("confidence", *(f"confidence-{name}" for name in names[1:])), strict=True))
    assert sorted(path.name for path in out.iterdir() if path.is_dir()) == sorted([*folders.values(), "boundary"])
    checkpoint = load_checkpoint(tiny)
    most = checkpoint.header.model.max_distance
    tree, spec = checkpoint.header.tree, checkpoint.header.input
    work = Segmenter(TorchEngine(checkpoint.model, spec, choose_device("cpu")), tree, request=Request(measures=names))
    for key, source in (("a", "a.jpg"), ("sub/c", "sub/c.png")):
        found = work.predict([decode_image(photos / source).pixels])[0].confidence
        for name, folder in folders.items():
            path = out / folder / f"{key}.{form}"
            scale = most if name == "distance" else 1.0
            if form == "npy":
                assert np.array_equal(np.load(path), found[name].values)
            else:
                assert np.array_equal(pixels(path), to_levels(found[name].values / np.float32(scale)))
                assert about(path)["measure"] == name
                assert about(path)["full_scale"] == scale
        expected = boundary_map(found[names[0]])
        assert np.array_equal(pixels(out / f"boundary/{key}.png"), expected)
    run = json.loads((out / "run.json").read_text())
    assert list(run["options"]["full_scale"].items()) == [(name, most if name == "distance" else 1.0) for name in names]
    assert run["options"]["request"]["main"] == names[0]
    line = manifest(out)["sub/c"]
    assert set(line["outputs"]) == {*folders.values(), "boundary"}  # type: ignore[call-overload]
    assert set(line["summary"]) == {f"mean {names[0]}"}  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ("--measure", "distance,variance"),
            "--measure distance,variance: expected all, or some of calibrated, distance",
        ),
        (("--measure", "distance,"), "expected all, or some of"),
        (("--measure", ""), "expected all, or some of"),
        (("--measure", "all", "--save", "labels,boundary"), "name confidence in --save"),
        (("--measure", "norm,entropy", "--save", "labels"), "name confidence in --save"),
        (("--measure", "norm", "--raw"), "--raw is short for --measure distance"),
        (
            ("--format", "npy", "--save", "labels,probabilities"),
            "--format npy is that of confidence; name",
        ),
        (
            ("--format", "tif", "--save", "boundary"),
            "--format tif is that of labels and confidence and prototypes; name",
        ),
        (("--save", "labels,confidence-norm"), "--save labels,confidence-norm: expected some of"),
    ],
)
def test_maps_that_cannot_be_meant_are_refused(
    hypseg: Hypseg, photos: Path, tmp_path: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    outcome = hypseg("predict", photos, "--out", tmp_path / "out", *arguments)
    assert outcome.code == 2
    assert sentence in " ".join(outcome.stderr.split())
    assert not (tmp_path / "out").exists()


def test_one_measure_needs_no_confidence_map(hypseg: Hypseg, photos: Path, tmp_path: Path, tiny: Path) -> None:
    out = tmp_path / "out"
    options = ("--checkpoint", tiny, "--save", "boundary", "--measure", "entropy,entropy")
    assert hypseg("predict", photos / "a.jpg", "--out", out, *options).code == 0
    assert [path.name for path in out.iterdir() if path.is_dir()] == ["boundary"]


def test_pages_are_images_and_a_run_that_was_cut_short_makes_the_same(hypseg: Hypseg, tmp_path: Path) -> None:
    """With the styles beside their label maps, which verify knows."""
    arrays = [np.asarray(Image.open(photograph(tmp_path / "x.png", seed=seed))) for seed in range(3)]
    with tifffile.TiffWriter(tmp_path / "in.tif") as writer:
        for array in arrays:
            writer.write(array, photometric="rgb", compression="zlib")
            writer.write(array[::4, ::4], photometric="rgb", subfiletype=1)
    tifffile.imwrite(tmp_path / "one.tif", arrays[2], photometric="rgb")
    save = ("--save", "labels,confidence", "--format", "tif", "--device", "cpu", "--workers", 0)
    command = ("predict", tmp_path / "in.tif", *save, "--pages", "1,3-")
    assert hypseg("predict", tmp_path / "one.tif", "--out", tmp_path / "alone", *save).code == 0
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    for out in (whole, cut):
        assert hypseg(*command, "--out", out).code == 0

    def files(out: Path) -> dict[str, bytes]:
        names = sorted(path for path in out.rglob("*") if path.suffix in {".tif", ".qml"})
        return {path.relative_to(out).as_posix(): path.read_bytes() for path in names}

    keys = [f"{kind}/in/{key}.{suffix}" for kind, suffix in KINDS for key in ("0001", "0003")]
    assert sorted(files(whole)) == sorted(keys)
    for kind, suffix in KINDS:
        assert files(whole)[f"{kind}/in/0003.{suffix}"] == files(tmp_path / "alone")[f"{kind}/one.{suffix}"]
    lines = (cut / "manifest.jsonl").read_text().splitlines(keepends=True)
    assert [json.loads(line)["page"] for line in lines] == [1, 3]
    (cut / "manifest.jsonl").write_text(lines[0])
    run = json.loads((cut / "run.json").read_text())
    (cut / "run.json").write_text(json.dumps(run | {"status": "running"}))
    (cut / "labels/in/0001.qml").unlink()
    assert hypseg("verify", cut).code != 0
    assert hypseg(*command, "--out", cut, "--resume").code == 0
    assert files(cut) == files(whole)
    assert hypseg("verify", cut).code == 0
    assert "2 of 2 images done already" in hypseg(*command, "--out", cut, "--resume").stderr
    (cut / "labels/mine.qml").touch()
    assert "labels/mine.qml" in hypseg("verify", cut).stdout + hypseg("verify", cut).stderr
    assert "names page 4" in hypseg("predict", tmp_path / "in.tif", "--out", tmp_path / "no", "--pages", "4").stderr


def test_polygons_lie_where_the_picture_does(hypseg: Hypseg, tmp_path: Path) -> None:
    pytest.importorskip("rasterio")
    tags: list[Any] = [
        (33550, "d", 3, (0.5, 0.5, 0.0), True),
        (33922, "d", 6, (0.0, 0.0, 0.0, 500000.0, 4649776.0, 0.0), True),
        (34735, "H", 12, (1, 1, 0, 2, 1024, 0, 1, 1, 3072, 0, 1, 32633), True),
    ]
    values = np.asarray(Image.open(photograph(tmp_path / "x.png")))
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb", extratags=tags)
    out = tmp_path / "out"
    assert hypseg("predict", tmp_path / "a.tif", "--out", out, "--save", "labels,polygons").code == 0
    found = json.loads((out / "polygons/a.geojson").read_text())
    assert found["crs"]["properties"]["name"] == "urn:ogc:def:crs:EPSG::32633"
    names = {feature["properties"]["class"] for feature in found["features"]}
    about_labels = about(out / "labels/a.png")["names"]
    assert names == {about_labels[id_] for id_ in np.unique(pixels(out / "labels/a.png"))}  # type: ignore[index]
    assert hypseg("verify", out).code == 0
