"""`hypseg annotate`, and back: what tools export is scored, calibrated and trained on as other masks are."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import EXAMPLES, Hypseg, make_checkpoint
from support.labelled_runs import STREETS, accept, annotate, blobs, erase, ids_in, make_run, stored
from support.lively import make_lively_checkpoint

from hypsegcli.checkpoint.read_header import read_header
from hypsegcli.hierarchy.tree import flat_tree

BACK = {"cvat": ".zip", "coco": ".json", "label-studio": ".json"}


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint(tmp_path_factory.mktemp("network") / "random.safetensors", flat_tree(STREETS))


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Of six images, two of which have one name."""
    keys = ("day/a", "night/a", "b", "c", "d", "e")
    return make_run(tmp_path, STREETS, {key: blobs(3, size=(48, 64), seed=n) for n, key in enumerate(keys)})


def given_back(tool: str, path: Path) -> Path:
    return accept(path) if tool == "label-studio" else path


@pytest.mark.parametrize("tool", BACK)
def test_real_maps_come_back_as_they_were(hypseg: Hypseg, tmp_path: Path, tool: str) -> None:
    """Photographs of streets, in nested folders, by the bundled model; scored against themselves."""
    for folder, name in (("day", "taxis"), ("night/late", "leuven")):
        (tmp_path / "photos" / folder).mkdir(parents=True)
        with Image.open(EXAMPLES / f"streets/{name}.jpg") as image:
            image.resize((160, 120)).save(tmp_path / f"photos/{folder}/a b.jpg")
    out, file = tmp_path / "out", tmp_path / f"{tool}{BACK[tool]}"
    assert hypseg("predict", tmp_path / "photos", "-o", out, "--save", "labels", "--engine", "torch").code == 0
    outcome = hypseg("annotate", out, "--to", tool, "-o", file)
    assert outcome.code == 0
    assert outcome.stdout == f"{file}: 2 images with 11 labels\n"
    back = given_back(tool, file)
    found = ids_in(back, names_in(out))
    assert set(found) == {"day/a b", "night/late/a b"}
    for key, ids in found.items():
        np.testing.assert_array_equal(ids, stored(out, key))
    report = tmp_path / "report"
    assert hypseg("evaluate", "--predictions", out, back, "-o", report, "--bootstrap", 0).code == 0
    found_report = json.loads((report / "report.json").read_text())
    assert found_report["images"] == 2


def names_in(out: Path) -> tuple[str, ...]:
    with Image.open(next((out / "labels").rglob("*.png"))) as image:
        return tuple(json.loads(image.text["hypseg"])["names"])  # type: ignore[attr-defined]


def test_the_images_that_a_review_found_wrong_go_out(hypseg: Hypseg, out: Path, tmp_path: Path) -> None:
    (out / "review.csv").write_text("key,x,y,width,height,verdict,time\nb,0,0,9,9,wrong,t\nnight/a,0,0,9,9,right,t\n")
    file = tmp_path / "some.zip"
    assert hypseg("annotate", out, f"@{out}/review.csv", "--to", "cvat", "-o", file).code == 0
    with zipfile.ZipFile(file) as archive:
        assert archive.read("ImageSets/Segmentation/default.txt") == b"b\n"


def test_photographs_go_along_and_the_way_on_is_told(hypseg: Hypseg, out: Path, tmp_path: Path) -> None:
    file = tmp_path / "set.zip"
    outcome = hypseg("annotate", out, "b", "--to", "cvat", "-o", file, "--with-images")
    assert f"import {file} as its dataset" in outcome.stderr
    with zipfile.ZipFile(file) as archive:
        assert archive.read("JPEGImages/b.png") == (tmp_path / "photos/b.png").read_bytes()
    assert json.loads((tmp_path / "set.labels.json").read_text())[0]["name"] == "sky"
    quiet = hypseg("annotate", out, "--to", "label-studio", "-o", tmp_path / "t.json", "--images-at", "s3://b/", "-q")
    assert quiet.stderr == ""
    assert json.loads((tmp_path / "t.json").read_text())[0]["data"]["image"] == "s3://b/day/a.png"


def test_photographs_that_changed_are_told_where_they_do_not_go_along(
    hypseg: Hypseg, out: Path, tmp_path: Path
) -> None:
    """Labels would be drawn on another picture; one that was put away is no other."""
    photo = tmp_path / "photos/b.png"
    data = photo.read_bytes()
    photo.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))  # of the same size
    (tmp_path / "photos/day/a.png").unlink()
    outcome = hypseg("annotate", out, "--to", "coco", "-o", tmp_path / "t.json", "-q")
    assert outcome.code == 0
    assert outcome.stderr.splitlines() == [
        f"hypseg: 1 photograph has changed since it was segmented, {photo}, so that its labels may be of another "
        "picture; segment it again, with --resume, and write this anew"
    ]
    (tmp_path / "photos/night/a.png").write_bytes(b"")
    several = hypseg("annotate", out, "--to", "coco", "-o", tmp_path / "t.json", "-q", "--overwrite").stderr
    assert "2 photographs have changed since they were segmented, such as " in several
    assert hypseg("annotate", out, "day/a", "--to", "coco", "-o", tmp_path / "one.json", "-q").stderr == ""


def test_images_that_failed_are_said_and_the_rest_goes_out(hypseg: Hypseg, out: Path, tmp_path: Path) -> None:
    lines = [json.loads(line) for line in (out / "manifest.jsonl").read_text().splitlines()]
    lines[2] |= {"status": "failed", "reason": "no picture"}
    (out / "manifest.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    outcome = hypseg("annotate", out, "--to", "coco", "-o", tmp_path / "a.json")
    assert outcome.code == 3
    assert outcome.stdout.startswith("left out: b: no picture\n")
    assert "5 images" in outcome.stdout


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("nowhere", "--to", "cvat", "-o", "{}/a.zip"), "1 name of 1 is no image of"),
        (("--to", "cvat", "-o", "{}/a.json"), "expected a name that ends in .zip"),
        (("--to", "coco", "-o", "{}/a.json", "--with-images"), "only what CVAT takes has room"),
        (("--to", "coco", "-o", "{}/a.json", "--images-at", "x"), "only Label Studio's tasks"),
        (("--to", "coco", "-o", "{}/out/a.json"), "holds the maps and the books of a run"),
        (("--to", "coco", "-o", "{}/there.json"), "is there already; replace it with --overwrite"),
        (("--to", "cvat", "-o", "{}/there.zip"), "there.labels.json: is there already"),
    ],
)
def test_what_cannot_be_carried_out_is_refused(
    hypseg: Hypseg, out: Path, tmp_path: Path, arguments: tuple[str, ...], problem: str
) -> None:
    for name in ("there.json", "there.labels.json"):
        (tmp_path / name).write_text("mine")
    before = {path.name for path in tmp_path.iterdir()}
    outcome = hypseg("annotate", out, *(argument.format(tmp_path) for argument in arguments))
    assert outcome.code == 2
    assert problem in outcome.stderr
    assert {path.name for path in tmp_path.iterdir()} == before
    assert (tmp_path / "there.json").read_text() == "mine"


@pytest.mark.parametrize("tool", BACK)
def test_what_comes_back_is_scored_as_other_masks_are(
    hypseg: Hypseg, out: Path, tmp_path: Path, network: Path, tool: str
) -> None:
    """The same numbers as of the label maps themselves; images of one name, and others that nobody labelled."""
    shutil.copy(tmp_path / "photos/b.png", tmp_path / "photos/extra.png")
    back = given_back(tool, annotate(out, tool))  # type: ignore[arg-type]
    scores = {}
    for name, images, masks in (("files", tmp_path / "six", out / "labels"), ("export", tmp_path / "photos", back)):
        if name == "files":
            shutil.copytree(tmp_path / "photos", images, ignore=shutil.ignore_patterns("extra.png"))
        report = tmp_path / name
        outcome = hypseg("evaluate", images, masks, "-c", network, "-o", report, "--bootstrap", 0)
        assert outcome.code == 0, outcome.stderr
        found = json.loads((report / "report.json").read_text())
        told = {each: found["subject"].pop(each) for each in ("images", "masks")}
        assert told["masks"] == str(masks)
        own = [each for each in found["warnings"] if each.startswith("all 6 masks say that hypseg wrote them")]
        found["warnings"] = [each for each in found["warnings"] if each not in own]
        assert len(own) == (name == "files")
        scores[name] = found
    assert scores["files"] == scores["export"]
    assert "left out: 1 of 7 images, of which" in outcome.stderr
    assert "pixels nobody labelled are void, or as --unlabelled CLASS says" in outcome.stderr


def test_what_nobody_labelled_is_what_is_said(hypseg: Hypseg, tmp_path: Path, network: Path) -> None:
    ids = blobs(3, size=(48, 64))
    ids[:24] = 255
    out = make_run(tmp_path, STREETS, {"a": ids})
    masks = annotate(out, "coco")
    arguments = ("evaluate", tmp_path / "photos", masks, "-c", network, "--bootstrap", 0)
    assert f"1 image, {24 * 64:,} labelled pixels" in hypseg(*arguments).stdout
    assert f"1 image, {48 * 64:,} labelled pixels" in hypseg(*arguments, "--unlabelled", "sky").stdout
    outcome = hypseg(*arguments, "--unlabelled", "tree")
    assert outcome.code == 2
    assert "--unlabelled tree: is no class; expected void, or one of sky, road, car" in outcome.stderr


def test_masks_of_another_size_or_other_classes_get_a_sentence(
    hypseg: Hypseg, out: Path, tmp_path: Path, network: Path
) -> None:
    masks = annotate(out, "coco")
    with Image.open(tmp_path / "photos/c.png") as image:
        image.resize((32, 24)).save(tmp_path / "photos/c.png")
    outcome = hypseg("evaluate", tmp_path / "photos", masks, "-c", network, "--bootstrap", 0)
    assert outcome.code != 0
    assert f"{masks}/c: " in outcome.stderr
    found = json.loads(masks.read_text())
    for category in found["categories"]:
        category["name"] += "s"
    masks.write_text(json.dumps(found))
    outcome = hypseg("evaluate", tmp_path / "photos", masks, "-c", network, "--bootstrap", 0)
    assert "none of its labels (skys, roads, cars) is called as a class is" in outcome.stderr


def test_a_checkpoint_is_calibrated_on_it(hypseg: Hypseg, out: Path, tmp_path: Path) -> None:
    lively = make_lively_checkpoint(tmp_path / "lively.safetensors", flat_tree(STREETS))
    calibrations = []
    for number, masks in enumerate((out / "labels", annotate(out, "cvat"))):
        file = tmp_path / f"{number}.safetensors"
        arguments = ("-c", lively, "--name", "six", "-o", file)
        outcome = hypseg("calibrate", tmp_path / "photos", masks, *arguments)
        assert outcome.code == 0, outcome.stderr
        calibrations.append(read_header(file).calibration)
    assert calibrations[0] == calibrations[1]


def test_a_disk_has_the_true_classes_of_it(hypseg: Hypseg, out: Path, tmp_path: Path) -> None:
    disk = make_checkpoint(tmp_path / "disk.safetensors", flat_tree(STREETS), embedding_size=2)
    pictures = []
    for number, masks in enumerate((out / "labels", annotate(out, "coco"))):
        file = tmp_path / f"{number}.svg"
        outcome = hypseg("disk", tmp_path / "photos", "--masks", masks, "-c", disk, "-o", file, "--size", 300)
        assert outcome.code == 0, outcome.stderr
        pictures.append(file.read_bytes())
    assert pictures[0] == pictures[1]


def test_a_network_learns_the_same_from_it(hypseg: Hypseg, out: Path, tmp_path: Path) -> None:
    """As from the label maps themselves, bit for bit, also in processes that read for it."""
    weights = []
    for name, masks in (("files", out / "labels"), ("export", annotate(out, "cvat"))):
        data, run = tmp_path / name, tmp_path / f"run-{name}"
        shutil.copytree(tmp_path / "photos", data / "images")
        if name == "files":
            shutil.copytree(masks, data / "masks")
        else:
            shutil.copy(masks, data / "masks.zip")
        (data / "classes.txt").write_text("".join(f"{index}:{each}\n" for index, each in enumerate(STREETS)))
        settings = ("--epochs", 1, "--batch-size", 2, "--crop", 48, 64, "--backbone", "mobilenet_v3_large")
        workers = ("--workers", 1 if name == "export" else 0)
        outcome = hypseg("train", "--data", data, "-o", run, *settings, *workers, "--init", "")
        assert outcome.code == 0, outcome.stderr
        weights.append((run / "last.safetensors").read_bytes())
    from safetensors.numpy import load

    one, other = (load(each) for each in weights)
    assert all((one[name] == other[name]).all() for name in one)


BACKGROUND = ("background", "a", "b")


@pytest.fixture
def erased(tmp_path: Path) -> tuple[Path, Path]:
    """What CVAT exports of six images in one of which a person erased everything, and the same as files."""
    keys = "abcdef"
    maps = {key: blobs(3, size=(48, 64), seed=n) for n, key in enumerate(keys)}
    out = make_run(tmp_path, BACKGROUND, maps)
    export = erase(annotate(out, "cvat"), "c")
    masks = tmp_path / "masks"
    shutil.copytree(out / "labels", masks)
    Image.new("L", (64, 48)).save(masks / "c.png")
    return export, masks


@pytest.mark.parametrize("command", ["evaluate", "calibrate", "disk"])
def test_an_image_in_which_everything_was_erased_counts(
    hypseg: Hypseg, erased: tuple[Path, Path], tmp_path: Path, command: str
) -> None:
    """As a file of background alone does."""
    tree = flat_tree(BACKGROUND)
    make = make_lively_checkpoint if command == "calibrate" else make_checkpoint
    model = make(tmp_path / "n.safetensors", tree, **({"embedding_size": 2} if command == "disk" else {}))
    found = []
    for number, masks in enumerate(erased):
        out = (
            tmp_path / {"evaluate": f"{number}", "calibrate": f"{number}.safetensors", "disk": f"{number}.svg"}[command]
        )
        more = {"evaluate": ("--bootstrap", 0), "calibrate": ("--name", "six"), "disk": ("--size", 300)}[command]
        where = ("--masks", masks) if command == "disk" else (masks,)
        outcome = hypseg(command, tmp_path / "photos", *where, "-c", model, "-o", out, *more)
        assert outcome.code == 0, outcome.stderr
        if not number:
            assert "1 image that it lists without a mask, such as c: nothing is labelled there" in outcome.stderr
        if command == "evaluate":
            report = json.loads((out / "report.json").read_text())
            report["subject"].pop("masks")
            found.append(report)
        else:
            found.append(read_header(out).calibration if command == "calibrate" else out.read_bytes())
    assert found[0] == found[1]


@pytest.mark.parametrize("command", ["evaluate", "disk"])
def test_where_what_nobody_labelled_is_void_it_is_left_out(
    hypseg: Hypseg, erased: tuple[Path, Path], tmp_path: Path, command: str
) -> None:
    embedding = {"embedding_size": 2} if command == "disk" else {}
    model = make_checkpoint(tmp_path / "n.safetensors", flat_tree(BACKGROUND), **embedding)
    where = ("--masks", erased[0], "-o", tmp_path / "disk.svg") if command == "disk" else (erased[0], "--bootstrap", 0)
    outcome = hypseg(command, tmp_path / "photos", *where, "-c", model, "--unlabelled", "void")
    assert outcome.code == 0, outcome.stderr
    assert "left out: 1 image that it lists without a mask, such as c" in outcome.stderr
    assert "say what they are: --unlabelled CLASS" in outcome.stderr
    assert "5 images" in outcome.stdout


def test_a_network_learns_from_what_was_erased(hypseg: Hypseg, erased: tuple[Path, Path], tmp_path: Path) -> None:
    """As from a file of background alone, bit for bit, in processes that read for it too."""
    weights = []
    for number, masks in enumerate(erased):
        data, run = tmp_path / f"data-{number}", tmp_path / f"run-{number}"
        shutil.copytree(tmp_path / "photos", data / "images")
        if number:
            shutil.copytree(masks, data / "masks")
        else:
            shutil.copy(masks, data / "masks.zip")
        (data / "classes.txt").write_text("0:background\n1:a\n2:b\n")
        settings = ("--epochs", 1, "--batch-size", 2, "--crop", 48, 64, "--backbone", "mobilenet_v3_large")
        outcome = hypseg("train", "--data", data, "-o", run, *settings, "--workers", 1 - number, "--init", "")
        assert outcome.code == 0, outcome.stderr
        weights.append((run / "last.safetensors").read_bytes())
    from safetensors.numpy import load

    one, other = (load(each) for each in weights)
    assert all((one[name] == other[name]).all() for name in one)


def test_pixels_without_data_are_labelled_with_nothing(hypseg: Hypseg, tmp_path: Path) -> None:
    """Their id is void whatever the masks' void was that the network learned from."""
    with Image.open(EXAMPLES / "streets/taxis.jpg") as image:
        pixels = np.asarray(image.convert("RGB").resize((96, 64))).copy()
    pixels[:, :30] = 0
    (tmp_path / "photos").mkdir()
    Image.fromarray(pixels).save(tmp_path / "photos/a.tif", tiffinfo={42113: "0"})
    out = tmp_path / "out"
    assert hypseg("predict", tmp_path / "photos", "--out", out, "--save", "labels", "--engine", "torch").code == 0
    assert (stored(out, "a")[:, :30] == 255).all()
    exported = annotate(out, "cvat")
    with zipfile.ZipFile(exported) as archive, archive.open("SegmentationClass/a.png") as file:
        assert not np.asarray(Image.open(file).convert("RGB"))[:, :30].any()
    outcome = hypseg("evaluate", "--predictions", out, exported, "--out", tmp_path / "report")
    assert outcome.code == 0, outcome.stderr
    report = json.loads((tmp_path / "report/report.json").read_text())
    assert report["labelled_pixels"] == 64 * 66
