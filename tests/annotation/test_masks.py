"""The door: told by what it holds, and refused with a sentence where that is nothing known."""

from __future__ import annotations

import json
import multiprocessing
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.labelled_runs import NUCLEI, STREETS, annotate, blobs, erase, make_run, refused

from hypsegcli.annotation.masks import AnnotatedMask, is_export, open_export
from hypsegcli.annotation.rle import encode_regions, to_text

MAPS = {"s/a": blobs(3, seed=1), "b": blobs(3, seed=2)}


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return make_run(tmp_path, STREETS, MAPS)


@pytest.mark.parametrize("tool", ["cvat", "coco"])
def test_a_mask_looks_like_a_file_and_goes_to_other_processes(out: Path, tool: Any) -> None:
    path = annotate(out, tool)
    mask = AnnotatedMask.of(open_export(path), "s/a", (9, 0, 1, 2))
    assert str(mask) == f"{path}/s/a"
    assert mask.stat().st_size == path.stat().st_size
    assert mask.file == path
    again = pickle.loads(pickle.dumps(mask))
    assert again == mask
    np.testing.assert_array_equal(again.decode(), MAPS["s/a"])


def test_a_mask_whose_labels_are_no_ids_yet_is_not_read(out: Path) -> None:
    mask = AnnotatedMask.of(open_export(annotate(out, "coco")), "b")
    with pytest.raises(ValueError, match="no ids yet"):
        mask.decode()


def test_an_image_that_is_but_listed_is_as_large_as_its_photograph(tmp_path: Path) -> None:
    """Also in another process, and by other ids."""
    out = make_run(tmp_path, NUCLEI, {"a": blobs(2), "b": blobs(2, size=(17, 45))})
    export = open_export(erase(annotate(out, "cvat"), "b"))
    mask = AnnotatedMask.of(export, "b", picture=tmp_path / "photos/b.png").named((7, 1))
    for each in (mask, pickle.loads(pickle.dumps(mask))):
        ids = each.decode()
        assert (ids.shape, ids.dtype, set(ids.ravel().tolist())) == ((17, 45), np.uint16, {7})
    assert not AnnotatedMask.of(export, "a").is_blank
    with pytest.raises(ValueError, match="nobody has said what it is the mask of"):
        AnnotatedMask.of(export, "b", (0, 1)).decode()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of newer Pythons, on forks beside threads
def test_processes_that_were_forked_read_for_themselves(tmp_path: Path) -> None:
    """A zip that all read through one file, larger than its buffer, would give each what another had asked for."""
    rng = np.random.default_rng(0)
    keys = [str(number) for number in range(4)]
    out = make_run(tmp_path, STREETS, {key: rng.integers(0, 3, (200, 200)) for key in keys})
    export = open_export(annotate(out, "cvat"))
    wanted = {key: export.decode(key) for key in keys}

    def read() -> None:
        for key in keys * 25:
            np.testing.assert_array_equal(export.decode(key), wanted[key])

    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=read) for _ in range(2)]
    for process in processes:
        process.start()
    read()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]


def test_a_file_that_changes_is_read_again(tmp_path: Path) -> None:
    labels = np.ones((2, 3), np.uint16)
    (region,) = encode_regions(labels)
    found: dict[str, Any] = {"images": [{"id": 1, "file_name": "a.png"}], "categories": [{"id": 1, "name": "x"}]}
    found["annotations"] = [
        {"id": 1, "image_id": 1, "category_id": 1, "segmentation": {"size": [2, 3], "counts": to_text(region.counts)}}
    ]
    path = tmp_path / "a.json"
    path.write_text(json.dumps(found))
    first = open_export(path)
    assert open_export(path) is first
    found["categories"][0]["name"] = "other"
    path.write_text(json.dumps(found))
    assert open_export(path).labels == ("other",)


def test_what_is_an_export_is_told_without_reading_it(out: Path, tmp_path: Path) -> None:
    assert is_export(annotate(out, "cvat"))
    assert is_export(annotate(out, "coco"))
    assert not is_export(out)
    assert not is_export(tmp_path / "nowhere.json")
    (tmp_path / "photo.png").touch()
    assert not is_export(tmp_path / "photo.png")


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("a.json", b"{", "is no JSON"),
        ("a.json", b"\xff", "is no JSON"),
        ("a.json", b"[]", "of a kind that is not known"),
        ("a.json", b'[{"image": "a.jpg", "label": []}]', "not as JSON-MIN"),
        ("a.json", b'{"images": []}', "of a kind that is not known"),
        ("a.zip", b"PK", "is no zip"),
    ],
)
def test_what_is_no_export_is_refused(tmp_path: Path, name: str, content: bytes, problem: str) -> None:
    (tmp_path / name).write_bytes(content)
    assert problem in refused(lambda: open_export(tmp_path / name))


@pytest.mark.parametrize(
    ("member", "problem"),
    [
        ("task-1-annotation-2-by-3-tag-road-0.png", "export it as JSON instead"),
        ("SegmentationClass/a.png", "holds nothing that is known"),
        ("notes.json", "of a kind that is not known"),
    ],
)
def test_a_zip_of_something_else_is_refused(tmp_path: Path, member: str, problem: str) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(member, b"[]")
    assert problem in refused(lambda: open_export(tmp_path / "a.zip"))
