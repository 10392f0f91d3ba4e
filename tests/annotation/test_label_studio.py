"""Label Studio's JSON: tasks with predictions, and what people make of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from support.labelled_runs import STREETS, accept, annotate, blobs, ids_in, make_run, refused, stored

from hypsegcli.annotation.brush import encode_brush
from hypsegcli.annotation.label_studio import LabelStudioExport, labelling_config
from hypsegcli.annotation.labels import plan_labels

MAPS = {"day/a b": blobs(3, seed=1), "night/a b": blobs(3, size=(17, 45), seed=2)}
MASK = np.eye(6, 8, dtype=bool)


def region(kind: str = "brushlabels", labels: tuple[str, ...] = ("cat",), **value: Any) -> dict[str, Any]:
    value = value or {"format": "rle", "rle": encode_brush(MASK)}
    return {"type": kind, "original_width": 8, "original_height": 6, "value": {kind: [*labels], **value}}


def task(*result: dict[str, Any], image: str = "/data/upload/3/0a1b2c3d-a.jpg", **more: Any) -> dict[str, Any]:
    return {"data": {"image": image}, "annotations": [{"result": [*result]}], **more}


def export_of(*tasks: dict[str, Any]) -> LabelStudioExport:
    return LabelStudioExport(Path("e.json"), tasks)


@pytest.mark.parametrize("names", [STREETS, ("background", "cell", "dirt")])
def test_maps_come_back(tmp_path: Path, names: tuple[str, ...]) -> None:
    maps = {key: ids.copy() for key, ids in MAPS.items()}
    maps["day/a b"][2:9, 3:20] = 255
    out = make_run(tmp_path, names, maps)
    exported = accept(annotate(out, "label-studio"))
    for key, ids in ids_in(exported, names).items():
        np.testing.assert_array_equal(ids, stored(out, key))


def test_three_hundred_classes_come_back(tmp_path: Path) -> None:
    names = [f"class {number}" for number in range(300)]
    ids = np.arange(300, dtype=np.uint16).repeat(4).reshape(30, 40)
    out = make_run(tmp_path, names, {"a": ids}, void=65535)
    np.testing.assert_array_equal(ids_in(accept(annotate(out, "label-studio")), names)["a"], ids)


def test_its_converter_has_the_same_masks(tmp_path: Path) -> None:
    brush = pytest.importorskip("label_studio_converter.brush", reason="label-studio-converter is the oracle")
    out = make_run(tmp_path, STREETS, {"a": blobs(3)})
    (found,) = json.loads(annotate(out, "label-studio").read_text())
    ids = np.full((24, 32), 255)
    for each in found["predictions"][0]["result"]:
        opacity = brush.decode_rle(each["value"]["rle"]).reshape(24, 32, 4)[:, :, 3]
        ids[opacity > 0] = STREETS.index(each["value"]["brushlabels"][0])
    np.testing.assert_array_equal(ids, stored(out, "a"))


def test_tasks_name_image_key_model_and_the_tags_of_the_interface(tmp_path: Path) -> None:
    out = make_run(tmp_path, STREETS, {"day/a b": blobs(3)})
    (found,) = json.loads(annotate(out, "label-studio").read_text())
    assert found["data"] == {"image": "/data/local-files/?d=day/a%20b.png", "key": "day/a b"}
    assert found["predictions"][0]["model_version"] == "hypseg abababababab"
    view = ElementTree.fromstring((tmp_path / "label-studio.labels.xml").read_text())
    names = {label.get("value") for label in view.iter("Label")}
    brush, image = next(view.iter("BrushLabels")), next(view.iter("Image"))
    for each in found["predictions"][0]["result"]:
        assert (each["from_name"], each["to_name"]) == (brush.get("name"), brush.get("toName"))
        assert each["to_name"] == image.get("name")
        assert {*each["value"]["brushlabels"]} < names
    assert image.get("value") == "$image"


def test_names_are_escaped_in_the_interface() -> None:
    text = labelling_config(plan_labels(['"<&>'], [(1, 2, 3)]), holds_void=False)
    (label,) = ElementTree.fromstring(text).iter("Label")
    assert (label.get("value"), label.get("background")) == ('"<&>', "#010203")


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("/data/upload/3/0a1b2c3d-my%20a.jpg", "my a"),
        ("/data/local-files/?d=photos/s/a.jpg", "photos/s/a"),
        ("/data/local-files/?d=/photos/a%20b.jpg", "photos/a b"),
        ("s3://bucket/s/a.jpg", "s/a"),
        ("https://host/s/a.jpg?signature=1", "s/a"),
        ("a.b", "a.b"),
    ],
)
def test_the_key_is_told_from_the_address(address: str, key: str) -> None:
    assert export_of(task(region(), image=address)).keys == (key,)


def test_polygons_are_in_percent() -> None:
    points = [[12.5, 100 / 6], [50, 100 / 6], [50, 400 / 6], [12.5, 400 / 6]]
    labels = export_of(task(region("polygonlabels", points=points))).decode("a")
    wanted = np.zeros((6, 8), int)
    wanted[1:4, 1:4] = 1
    np.testing.assert_array_equal(labels, wanted)


def test_the_later_mask_counts_and_what_says_nothing_of_pixels_is_passed_over() -> None:
    full = region(labels=("dog",), format="rle", rle=encode_brush(np.ones((6, 8), bool)))
    choice = {"type": "choices", "value": {"choices": ["good"]}, "original_width": 8}
    export = export_of(task(full, choice, region()))
    assert export.labels == ("dog", "cat")
    np.testing.assert_array_equal(export.decode("a"), np.where(MASK, 2, 1))


def test_the_last_annotation_that_counts_counts_and_that_is_said() -> None:
    some = task(region(labels=("dog",)))
    some["annotations"] += [{"result": [region()]}, {"result": [], "was_cancelled": True}]
    export = export_of(some, {"data": {"image": "b.jpg"}, "annotations": []})
    assert export.labels == ("cat",)
    assert export.notes == (
        "1 of its tasks have no masks, such as b, and are left out",
        "1 of its tasks have several annotations, of which the last counts",
    )


def test_predictions_are_nobody_s_labels(tmp_path: Path) -> None:
    out = make_run(tmp_path, STREETS, {"a": blobs(3)})
    tasks = json.loads(annotate(out, "label-studio").read_text())
    assert LabelStudioExport(Path("e.json"), tasks).keys == ()


@pytest.mark.parametrize(
    ("found", "problem"),
    [
        (task(region("rectanglelabels", x=1)), "holds rectanglelabels, which is no mask"),
        (task(region(labels=("a", "b"))), "a mask has 2 labels"),
        (task(region(labels=())), "a mask has 0 labels"),
        ({"data": {"image": "a.jpg"}, "annotations": [{}]}, "KeyError"),
        ({"data": {"a": "a.jpg", "b": "b.jpg"}}, "names 2 images"),
    ],
)
def test_what_cannot_be_read_is_refused(found: dict[str, Any], problem: str) -> None:
    assert problem in refused(lambda: export_of(found))


def test_two_tasks_of_one_image_are_refused() -> None:
    assert "more than once" in refused(lambda: export_of(task(region()), task(region())))


@pytest.mark.parametrize(
    ("result", "problem"),
    [
        ([region(), region() | {"original_width": 9}], "of 2 sizes"),
        ([region(format="rle", rle=encode_brush(np.ones((6, 7), bool)))], "8 x 6 pixels"),
        ([region() | {"image_rotation": 90}], "was turned"),
        ([region("polygonlabels", points=[[1, 2]])], "three points"),
    ],
)
def test_masks_that_cannot_be_are_refused_by_image(result: list[dict[str, Any]], problem: str) -> None:
    sentence = refused(lambda: export_of(task(*result)).decode("a"))
    assert sentence.startswith("e.json, a: its labels cannot be drawn")
    assert problem in sentence
