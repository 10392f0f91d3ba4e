"""Segmentations: their arrays are those of the maps that `hypseg predict` writes, and so are their files."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest
import tifffile
from PIL import Image, TiffImagePlugin
from support import Hypseg, make_checkpoint, photograph

from hypsegcli.api import Model, load_model
from hypsegcli.checkpoint.bundled import bundled_checkpoint
from hypsegcli.errors import ImageError, PlanError, UsageError
from hypsegcli.files import atomic
from hypsegcli.hierarchy.tree import ClassTree, flat_tree
from hypsegcli.segmentation import Segmentation

TREE = ClassTree(names=("sky", "road", "tree", "car", "ground"), parents=(-1, 4, 4, -1, -1), classes=4)
ALL = ("labels", "confidence", "boundary", "overlay", "doubt", "probabilities", "embeddings")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint(tmp_path_factory.mktemp("api") / "x.safetensors", TREE, backbone="mobilenet_v3_small")


@pytest.fixture(scope="module")
def model(checkpoint: Path) -> Model:
    return load_model(checkpoint, engine="torch")


@pytest.fixture
def segmentation(model: Model, tmp_path: Path) -> Segmentation:
    return model.segment(photograph(tmp_path / "a.png"))


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in {"run.json", "manifest.jsonl"}
    }


@pytest.mark.parametrize(
    ("options", "settings", "saving"),
    [
        ([], {}, {}),
        (["--raw", "--format", "npy"], {"measures": ["distance"]}, {"format": "npy"}),
        (["--format", "tif"], {"longest_side": "off"}, {"format": "tif"}),
        (
            ["--measure", "all", "--save", ",".join(ALL), "--level", "auto", "--threshold", "0.6"],
            {"measures": "all", "level": "auto", "threshold": 0.6, "probabilities": True, "embeddings": True},
            {"kinds": ALL},
        ),
        (
            ["--level", "ground", "--interpolate", "points", "--longest-side", "32", "--save", "overlay,labels"],
            {"level": "ground", "interpolate": "points", "longest_side": 32},
            {"kinds": ["overlay", "labels"]},
        ),
        (["--tile", "128"], {"tile": 128}, {}),
    ],
)
def test_files_are_those_of_predict(
    hypseg: Hypseg, photos: Path, checkpoint: Path, tmp_path: Path, options: list[str], settings: Any, saving: Any
) -> None:
    photograph(photos / "wide.png", size=(300, 150), seed=4)
    assert hypseg("predict", photos, "--out", tmp_path / "cli", "--checkpoint", checkpoint, *options).code == 0
    model = load_model(checkpoint, **settings)
    paths = sorted(path for path in photos.rglob("*") if path.is_file())
    for path, result in zip(paths, model.segment_many(paths), strict=True):
        saved = result.save(tmp_path / "api", name=path.relative_to(photos).with_suffix("").as_posix(), **saving)
        assert all(target.is_file() for target in saved.values())
    assert len(files(tmp_path / "api")) >= 2 * len(paths)
    assert files(tmp_path / "api") == files(tmp_path / "cli")


def test_files_of_the_bundled_checkpoint_are_those_of_predict(hypseg: Hypseg, tmp_path: Path) -> None:
    path = photograph(tmp_path / "a.jpg", size=(96, 64))
    assert hypseg("predict", path, "--out", tmp_path / "cli", "--checkpoint", "camvid").code == 0
    load_model(bundled_checkpoint()).segment(path).save(tmp_path / "api")
    assert files(tmp_path / "api") == files(tmp_path / "cli")


def test_arrays_are_those_of_the_files(segmentation: Segmentation, tmp_path: Path) -> None:
    saved = segmentation.save(tmp_path / "out")
    stored = {kind: np.asarray(Image.open(path)) for kind, path in saved.items()}
    assert np.array_equal(stored["labels"], segmentation.labels)
    assert np.array_equal(stored["boundary"], segmentation.boundary())
    assert np.array_equal(stored["overlay"], segmentation.overlay())
    scale = segmentation.planes["distance"].full_scale
    np.testing.assert_allclose(stored["confidence"] / 65535 * scale, segmentation.confidence, atol=scale / 65535)
    palette = Image.open(saved["labels"]).getpalette()
    assert palette is not None
    assert palette[: 3 * 4] == segmentation.colors.ravel().tolist()


def test_embeddings_are_kept_on_request(checkpoint: Path, segmentation: Segmentation, tmp_path: Path) -> None:
    assert segmentation.embeddings is None
    found = load_model(checkpoint, engine="torch", embeddings=True).segment(tmp_path / "a.png")
    assert found.embeddings is not None
    D, h, w = found.embeddings.vectors.shape
    assert (h, w, found.embeddings.cell) == (12, 16, (4.0, 4.0))
    with pytest.raises(ValueError, match="read-only"):
        found.embeddings.vectors[0] = 0
    distance = 2 * np.linalg.norm(found.embeddings.vectors.astype(np.float64), axis=0)
    coarse = found.distance.reshape(12, 4, 16, 4).mean((1, 3))
    np.testing.assert_allclose(distance[1:-1, 1:-1], coarse[1:-1, 1:-1], rtol=0.2)
    with np.load(found.save(tmp_path / "out", kinds=["embeddings"])["embeddings"]) as file:
        np.testing.assert_array_equal(file["embeddings"], found.embeddings.vectors)
        assert file["embeddings"].shape[0] == D
        assert float(file["curvature"]) == found.curvature


def test_which_prototype_answered_is_said_on_request(tmp_path: Path) -> None:
    tree = flat_tree(["sky", "road", "car"])
    many: dict[str, Any] = {"head": "prototypes", "prototypes": 4, "backbone": "mobilenet_v3_small"}
    path = make_checkpoint(tmp_path / "x.safetensors", tree, **many)
    image = photograph(tmp_path / "a.png")
    assert load_model(path, engine="torch").segment(image).prototypes is None
    found = load_model(path, engine="torch", prototypes=True).segment(image)
    assert found.prototypes is not None
    np.testing.assert_array_equal(found.prototypes // 4, found.labels)
    saved = found.save(tmp_path / "out", kinds=["prototypes"])["prototypes"]
    np.testing.assert_array_equal(np.asarray(Image.open(saved)), found.prototypes)
    with pytest.raises(UsageError, match="leave out level"):
        load_model(path, prototypes=True, level=1)


def test_overlays_leave_the_background_clear(tmp_path: Path) -> None:
    path = photograph(tmp_path / "a.png")
    for background in range(4):  # the random network sees one of them somewhere
        name = tmp_path / f"{background}.safetensors"
        make_checkpoint(name, TREE, backbone="mobilenet_v3_small", background=background)
        found = load_model(name, engine="torch").segment(path)
        inside = found.labels == background
        inside[1:] &= found.labels[1:] == found.labels[:-1]
        inside[:, 1:] &= found.labels[:, 1:] == found.labels[:, :-1]
        shown = found.overlay()[: inside.shape[0], : inside.shape[1]]
        assert np.array_equal((shown == found.photograph).all(axis=-1) & inside, inside)
        assert not np.array_equal(shown, found.photograph) or inside.all()
        saved = found.save(tmp_path / "out", kinds=["overlay"], overwrite=True)
        assert np.array_equal(np.asarray(Image.open(saved["overlay"])), found.overlay())


def test_nothing_of_it_can_be_changed(segmentation: Segmentation) -> None:
    for array in (segmentation.labels, segmentation.confidence, segmentation.colors, segmentation.photograph):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
    with pytest.raises(FrozenInstanceError):
        segmentation.notes = ()  # type: ignore[misc]
    with pytest.raises(AttributeError):
        segmentation.labels = segmentation.labels  # type: ignore[misc]
    with pytest.raises(TypeError):
        segmentation.planes["distance"] = segmentation.planes["distance"]  # type: ignore[index]


def test_a_name_says_where_files_go(segmentation: Segmentation, model: Model, tmp_path: Path) -> None:
    assert segmentation.save(tmp_path, kinds=["labels"]) == {"labels": tmp_path / "labels/a.png"}
    nameless = model.segment(segmentation.photograph)
    with pytest.raises(UsageError, match="came from no file; say with name"):
        nameless.save(tmp_path)
    assert nameless.save(tmp_path, name="sub/frame 1.0", kinds=["labels"])["labels"].name == "frame 1.0.png"
    for name in ("", ".", "/etc/x", "../x", "a/../../x", "a\0b", "\ud800", 5):
        with pytest.raises(UsageError, match="below the folder"):
            nameless.save(tmp_path, name=name)  # type: ignore[arg-type]
    for folder in ("", "a\0b", "\ud800", 5):
        with pytest.raises(UsageError, match=r"folder=.*: expected the path of a folder"):
            nameless.save(folder, name="a")  # type: ignore[arg-type]


def test_files_are_replaced_only_where_that_is_wanted(segmentation: Segmentation, tmp_path: Path) -> None:
    (path,) = segmentation.save(tmp_path, kinds=["labels"]).values()
    path.write_text("mine")
    with pytest.raises(PlanError, match="overwrite=True"):
        segmentation.save(tmp_path)
    assert path.read_text() == "mine"
    assert not (tmp_path / "confidence").exists()
    segmentation.save(tmp_path, overwrite=True)
    assert path.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("bad", ["labels", "overlay"])
def test_what_cannot_be_replaced_as_a_whole_stays_as_it_was(
    segmentation: Segmentation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bad: str
) -> None:
    """As on a disk that is full after the first file, or before the last."""
    kinds = ["labels", "confidence", "overlay"]
    for path in segmentation.save(tmp_path, kinds=kinds).values():
        path.write_text("an earlier one's")
    earlier, real = files(tmp_path), atomic.replacing

    @contextlib.contextmanager
    def full(path: Path, *, replace: bool) -> Iterator[BinaryIO]:
        with real(path, replace=replace) as file:
            if path.parent.name == bad:
                raise OSError(28, "No space left on device")
            yield file

    monkeypatch.setattr(atomic, "replacing", full)
    with pytest.raises(ImageError, match=rf"{bad}/a\.png: cannot be written \(No space left"):
        segmentation.save(tmp_path, kinds=kinds, overwrite=True)
    assert files(tmp_path) == earlier


def test_what_another_thread_wrote_meanwhile_is_not_replaced_nor_mixed(
    segmentation: Segmentation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two images of one name: one is saved, and the other told, with none of its files beside the first one's."""
    (tmp_path / "out/overlay").mkdir(parents=True)
    (tmp_path / "out/overlay/a.png").write_text("theirs")
    monkeypatch.setattr("hypsegcli.segmentation.occupied", lambda plan: [])  # as it was when the first was not there
    with pytest.raises(PlanError, match=r"overlay/a\.png: is there already; replace it with overwrite=True$"):
        segmentation.save(tmp_path / "out")
    assert files(tmp_path / "out") == {"overlay/a.png": b"theirs"}


def test_tiffs_lie_where_the_photograph_does(hypseg: Hypseg, checkpoint: Path, tmp_path: Path) -> None:
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    for tag, value in ((33550, (0.5, 0.5, 0.0)), (33922, (0.0, 0.0, 0.0, 1.0, 2.0, 0.0))):
        tags[tag], tags.tagtype[tag] = value, 12
    with Image.open(photograph(tmp_path / "a.png")) as image:
        image.save(tmp_path / "a.tif", tiffinfo=tags)
    arguments = (tmp_path / "a.tif", "--out", tmp_path / "cli", "--checkpoint", checkpoint, "--format", "tif")
    assert hypseg("predict", *arguments, "--engine", "torch").code == 0
    model = load_model(checkpoint, engine="torch", longest_side="off")
    saved = model.segment(tmp_path / "a.tif").save(tmp_path / "api", format="tif")
    assert files(tmp_path / "api") == files(tmp_path / "cli")
    with Image.open(saved["labels"]) as image:
        assert image.tag_v2[33550] == (0.5, 0.5, 0.0)  # type: ignore[attr-defined]


def test_the_image_itself_is_never_replaced(model: Model, tmp_path: Path) -> None:
    segmentation = model.segment(photograph(tmp_path / "labels/a.png"))
    with pytest.raises(PlanError, match="would overwrite an input"):
        segmentation.save(tmp_path, overwrite=True)


@pytest.mark.parametrize(
    "saving",
    [
        {"kinds": ["edges"]},
        {"kinds": []},
        {"kinds": 5},
        {"kinds": [["labels"]]},
        {"kinds": (kind for kind in ["edges"])},
        {"kinds": "labels"},
        {"kinds": ["probabilities"]},
        {"kinds": ["embeddings"]},
        {"format": "jpg"},
        {"kinds": ["overlay"], "format": "npy"},
    ],
)
def test_kinds_and_formats_that_cannot_be(segmentation: Segmentation, tmp_path: Path, saving: Any) -> None:
    with pytest.raises(UsageError, match=r"kinds=|format="):
        segmentation.save(tmp_path / "out", **saving)
    assert not (tmp_path / "out").exists()


def test_kinds_may_come_from_any_iterable(segmentation: Segmentation, tmp_path: Path) -> None:
    saved = segmentation.save(tmp_path / "out", kinds=(kind for kind in ("labels", "labels", "overlay")))
    assert list(saved) == ["labels", "overlay"]
    assert all(path.is_file() for path in saved.values())


def test_a_file_that_cannot_be_written(segmentation: Segmentation, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/labels").write_text("a file")
    with pytest.raises(ImageError, match="cannot be written"):
        segmentation.save(tmp_path / "out", kinds=["overlay", "labels"])
    assert list(files(tmp_path / "out")) == ["labels"]
    with pytest.raises(PlanError, match="this is a file"):
        segmentation.save(tmp_path / "out/labels")


def test_it_says_what_it_is(segmentation: Segmentation, model: Model) -> None:
    assert repr(segmentation).endswith("a.png, 64 x 48 pixels, distance>")
    assert "4 classes, torch" in repr(model)


def test_where_an_image_has_no_data_it_has_no_answer(
    model: Model, tmp_path: Path, hypseg: Hypseg, checkpoint: Path
) -> None:
    pixels = np.maximum(np.asarray(Image.open(photograph(tmp_path / "a.png"))), 1)
    pixels[:, :20] = 0
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb", extratags=[(42113, "s", 0, "0", True)])
    found = model.segment(tmp_path / "a.tif")
    assert found.valid is not None
    assert not found.valid[:, :20].any()
    assert found.valid[:, 20:].all()
    assert (found.labels == 255).tolist() == (~found.valid).tolist()
    assert not found.confidence[:, :20].any()
    assert not found.boundary()[:, :20].any()
    np.testing.assert_array_equal(found.overlay(legend=False)[:, :20], pixels[:, :20])
    found.save(tmp_path / "saved", kinds=ALL[:5])
    arguments = ("--checkpoint", checkpoint, "--engine", "torch", "--save", ",".join(ALL[:5]))
    assert hypseg("predict", tmp_path / "a.tif", "--out", tmp_path / "out", *arguments).code == 0
    assert files(tmp_path / "saved") == files(tmp_path / "out")
    assert model.segment(tmp_path / "a.png").valid is None
