"""COCO's JSON: pycocotools has the same masks, and both forms of both kinds are read."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.labelled_runs import NUCLEI, STREETS, annotate, blobs, ids_in, make_run, refused, stored

from hypsegcli.annotation.coco import CocoExport
from hypsegcli.truth.export_pairs import export_at

MAPS = {"day/a": blobs(3, seed=1), "night/a": blobs(3, size=(17, 45), seed=2)}
SQUARE = [1, 1, 4, 1, 4, 4, 1, 4]


def dataset(*annotations: dict[str, Any], **image: Any) -> dict[str, Any]:
    """Of an image of 8 x 6 pixels, with the categories 3, cat, and 7, dog."""
    shown = {"id": 5, "file_name": "s/a.jpg", "width": 8, "height": 6} | image
    categories = [{"id": 3, "name": "cat"}, {"id": 7, "name": "dog"}]
    rows = [{"id": number, "image_id": 5, **annotation} for number, annotation in enumerate(annotations)]
    return {"images": [shown], "annotations": rows, "categories": categories}


def decoded(found: dict[str, Any]) -> list[list[int]]:
    labels: list[list[int]] = CocoExport(Path("a.json"), found).decode("s/a").tolist()
    return labels


@pytest.mark.parametrize("void", [False, True])
@pytest.mark.parametrize("names", [STREETS, ("background", "cell", "dirt")])
def test_maps_come_back(tmp_path: Path, names: tuple[str, ...], void: bool) -> None:
    maps = {key: ids.copy() for key, ids in MAPS.items()}
    if void:
        maps["day/a"][2:9, 3:20] = 255
    out = make_run(tmp_path, names, maps)
    path = annotate(out, "coco")
    found = json.loads(path.read_text())
    assert [image["file_name"] for image in found["images"]] == ["day/a.png", "night/a.png"]
    listed = [category["name"] for category in found["categories"]]
    assert ("void" in listed) == (void and "background" in names)
    assert "background" not in listed
    for key, ids in ids_in(path, names).items():
        np.testing.assert_array_equal(ids, stored(out, key))


def test_three_hundred_classes_come_back(tmp_path: Path) -> None:
    names = [f"class {number}" for number in range(300)]
    ids = np.arange(300, dtype=np.uint16).repeat(4).reshape(30, 40)
    out = make_run(tmp_path, names, {"a": ids}, void=65535)
    np.testing.assert_array_equal(ids_in(annotate(out, "coco"), names)["a"], ids)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # in pycocotools
def test_pycocotools_has_the_same_masks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    coco = pytest.importorskip("pycocotools.coco", reason="pycocotools is the oracle")
    out = make_run(tmp_path, STREETS, MAPS)
    data = coco.COCO(str(annotate(out, "coco")))
    for image in data.loadImgs(data.getImgIds()):
        ids = np.full((image["height"], image["width"]), 255)
        for annotation in data.loadAnns(data.getAnnIds(imgIds=image["id"])):
            name = data.loadCats(annotation["category_id"])[0]["name"]
            ids[data.annToMask(annotation).astype(bool)] = STREETS.index(name)
        np.testing.assert_array_equal(ids, stored(out, image["file_name"].removesuffix(".png")))
    capsys.readouterr()


def test_polygons_and_run_lengths_in_all_forms_are_read() -> None:
    wanted = np.zeros((6, 8), int)
    wanted[1:4, 1:4] = 2
    polygon = {"category_id": 7, "segmentation": [SQUARE]}
    numbers = {"category_id": 7, "segmentation": {"size": [6, 8], "counts": [7, 3, 3, 3, 3, 3, 26]}, "iscrowd": 1}
    text = {"category_id": 7, "segmentation": {"size": [6, 8], "counts": "733000g0"}}
    assert decoded(dataset(polygon)) == decoded(dataset(numbers)) == decoded(dataset(text)) == wanted.tolist()


def test_where_two_overlap_the_later_counts() -> None:
    one = {"category_id": 3, "segmentation": [SQUARE]}
    other = {"category_id": 7, "segmentation": [[3, 1, 8, 1, 8, 4, 3, 4]]}
    assert decoded(dataset(one, other))[2] == [0, 1, 1, 2, 2, 2, 2, 2]
    assert decoded(dataset(other, one))[2] == [0, 1, 1, 1, 2, 2, 2, 2]


def test_categories_of_one_name_are_one_label() -> None:
    found = dataset({"category_id": 3, "segmentation": [SQUARE]})
    found["categories"][1]["name"] = "cat"
    assert CocoExport(Path("a.json"), found).labels == ("cat",)


def test_images_without_masks_and_annotations_without_pixels_are_told_apart() -> None:
    found = dataset({"category_id": 3, "bbox": [1, 1, 2, 2], "segmentation": []})
    found["images"].append({"id": 6, "file_name": "b.jpg", "width": 8, "height": 6})
    export = CocoExport(Path("a.json"), found)
    assert (export.keys, export.empty) == ((), ("s/a", "b"))
    assert export.notes == ("1 of its annotations have no pixels, such as boxes, and are left out",)
    assert not export.decode("b").any()


@pytest.mark.parametrize(
    ("annotation", "image", "problem"),
    [
        ({"category_id": 3, "segmentation": {"size": [6, 9], "counts": [54]}}, {}, "9 x 6 pixels, the image of 8 x 6"),
        ({"category_id": 3, "segmentation": {"size": [6, 8], "counts": [4]}}, {}, "not those of 8 x 6 pixels"),
        ({"category_id": 3, "segmentation": {"size": [6], "counts": [48]}}, {}, "its labels cannot be drawn"),
        ({"category_id": 3, "segmentation": [[1, 2]]}, {}, "three points"),
        ({"category_id": 3, "segmentation": [SQUARE]}, {"width": None}, "no height and width"),
        ({"category_id": 3, "segmentation": [SQUARE]}, {"width": -3}, "no height and width"),
    ],
)
def test_labels_that_cannot_be_are_refused_by_image(
    annotation: dict[str, Any], image: dict[str, Any], problem: str
) -> None:
    sentence = refused(lambda: decoded(dataset(annotation, **image)))
    assert sentence.startswith("a.json, s/a: its labels cannot be drawn")
    assert problem in sentence


def test_an_image_of_more_pixels_than_there_may_be_is_refused() -> None:
    found = dataset({"category_id": 3, "segmentation": [SQUARE]}, width=10**6, height=10**6)
    assert "1,000,000,000,000 pixels" in refused(lambda: decoded(found))


@pytest.mark.parametrize(
    ("annotation", "problem"),
    [
        ({"category_id": 4, "segmentation": [SQUARE]}, "category 4, of which one is not listed"),
        ({"segmentation": [SQUARE]}, "KeyError"),
        ({"category_id": 3, "segments_info": []}, "panoptic"),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(annotation: dict[str, Any], problem: str) -> None:
    assert problem in refused(lambda: CocoExport(Path("a.json"), dataset(annotation)))


def test_two_images_of_one_name_are_refused() -> None:
    found = dataset()
    found["images"].append({"id": 6, "file_name": "s\\a.png"})
    assert "s/a.jpg and s\\a.png" in refused(lambda: CocoExport(Path("a.json"), found))


@pytest.mark.parametrize(
    ("part", "row", "problem"),
    [
        ("images", {"id": 5, "file_name": "t/b.jpg"}, "image id stands for several of them: 5 (s/a.jpg and t/b.jpg)"),
        ("categories", {"id": 3, "name": "cow"}, "category id stands for several of them: 3 (cat and cow)"),
    ],
)
def test_exports_that_were_joined_with_the_ids_of_each_are_refused(
    part: str, row: dict[str, Any], problem: str
) -> None:
    """Or annotations would be drawn on another photograph, or be of another class."""
    found = dataset({"category_id": 3, "segmentation": [SQUARE]})
    found[part].append(row)
    assert problem in refused(lambda: CocoExport(Path("a.json"), found))


def test_what_is_listed_a_second_time_as_it_was_is_the_same() -> None:
    found = dataset({"category_id": 3, "segmentation": [SQUARE]})
    wanted = decoded(found)
    for part in ("images", "categories"):
        found[part] += found[part]
    assert decoded(found) == wanted


def test_it_is_read_out_of_a_zip_too(tmp_path: Path) -> None:
    """As CVAT exports it."""
    out = make_run(tmp_path, NUCLEI, {"a": blobs(2)})
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.write(annotate(out, "coco"), "annotations/instances_default.json")
    export = export_at(tmp_path / "b.zip")
    assert isinstance(export, CocoExport)
    np.testing.assert_array_equal(ids_in(tmp_path / "b.zip", NUCLEI)["a"], stored(out, "a"))
