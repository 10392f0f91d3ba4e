"""Labels are classes by their names, and what nobody labelled is what is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.labelled_runs import NUCLEI, STREETS, annotate, blobs, erase, make_run, refused, stored

from hypsegcli.annotation.export import Export
from hypsegcli.annotation.labels import LabelMap
from hypsegcli.truth.exports import ids_of_labels, names_of_labels, translate_masks
from hypsegcli.truth.mask_colors import VOID
from hypsegcli.truth.masks import read_mask
from hypsegcli.truth.pairs import pair_files


class Labelled(Export):
    """An export with some labels."""

    tool = "a tool"

    def __init__(self, *labels: str) -> None:
        self.origin, self.labels, self.keys = Path("e.json"), labels, ("a",)

    def decode(self, key: str) -> LabelMap:
        return np.zeros((2, 3), np.uint16)


def test_labels_are_classes_by_name_in_any_order_and_case() -> None:
    ids, notes = ids_of_labels(Labelled("Car", "sky", "road"), STREETS)
    assert ids == (VOID, 2, 0, 1)
    assert len(notes) == 1
    assert "pixels nobody labelled are void, or as unlabelled=CLASS says" in notes[0].replace("\ue000", "").replace(
        "\ue001", ""
    )


def test_names_that_differ_by_case_alone_are_told_apart() -> None:
    assert ids_of_labels(Labelled("a", "A"), ("A", "a"))[0] == (VOID, 1, 0)


def test_what_nobody_labelled_is_background_where_there_is_one() -> None:
    assert ids_of_labels(Labelled("nucleus"), NUCLEI)[0] == (0, 1)
    assert ids_of_labels(Labelled("nucleus"), NUCLEI, "void")[0] == (VOID, 1)
    assert ids_of_labels(Labelled("road"), STREETS, "sky")[0] == (0, 1)
    assert "is no class; expected void, or one of sky" in refused(lambda: ids_of_labels(Labelled("road"), STREETS, "x"))


def test_labels_of_no_class_are_void_and_classes_without_label_are_named() -> None:
    ids, notes = ids_of_labels(Labelled("road", "bus", "void"), STREETS)
    assert ids == (VOID, 1, VOID, VOID)
    assert notes[1] == "e.json: bus, void: no class is called so, so that it is void"
    assert notes[2] == "e.json: has no label for sky, car"


def test_labels_of_another_list_are_refused() -> None:
    sentence = refused(lambda: ids_of_labels(Labelled("cat", "dog"), STREETS))
    assert sentence.startswith("e.json: none of its labels (cat, dog) is called as a class is; classes are sky, road")


def test_classes_where_nothing_lists_them() -> None:
    assert names_of_labels([Labelled("b", "a"), Labelled("c", "a")], "") == ["b", "a", "c"]
    assert names_of_labels([Labelled("nucleus")], "background") == ["background", "nucleus"]
    assert "say so: unlabelled=background" in refused(lambda: names_of_labels([Labelled("nucleus")], ""))
    assert "there is one label" in refused(lambda: names_of_labels([Labelled("nucleus")], "void"))
    assert "e.json: has no labels; label and submit" in refused(lambda: names_of_labels([Labelled()], ""))


@pytest.mark.parametrize("tool", ["cvat", "coco"])
def test_masks_are_read_as_ids_of_the_classes(tmp_path: Path, tool: str) -> None:
    """Of classes in another order than those of the run."""
    out = make_run(tmp_path, STREETS, {"s/a": blobs(3)})
    path = annotate(out, tool)  # type: ignore[arg-type]
    pairs = pair_files(masks=str(path), images=str(tmp_path / "photos"), predictions=None)
    names = ("car", "tree", "road", "sky")
    found = translate_masks(pairs, names)
    ids = read_mask(found.pairs[0].mask, classes=4, ignore_index=255, id_map=found.id_map)
    np.testing.assert_array_equal(ids, np.array([3, 2, 0])[stored(out, "s/a")])


def test_settings_for_other_masks_are_refused(tmp_path: Path) -> None:
    out = make_run(tmp_path, STREETS, {"s/a": blobs(3)})
    masks, photos, lines = str(annotate(out, "coco")), str(tmp_path / "photos"), tmp_path / "map.txt"
    pairs = pair_files(masks=masks, images=photos, predictions=None)
    for settings in ({"id_map": lines}, {"colors": lines}):
        sentence = refused(lambda settings=settings: translate_masks(pairs, STREETS, **settings))
        assert "are classes by their names; leave it out" in sentence
    files = pair_files(masks=str(out / "labels"), images=photos, predictions=None)
    assert "is for what a labelling tool exported" in refused(lambda: translate_masks(files, STREETS, unlabelled="sky"))
    ending = {"masks": masks, "images": photos, "predictions": None, "mask_suffix": "_x"}
    assert "knows whose its masks are" in refused(lambda: pair_files(**ending))  # type: ignore[arg-type]


def test_images_without_a_mask_are_what_pixels_nobody_labelled_are(tmp_path: Path) -> None:
    out = make_run(tmp_path, NUCLEI, {"s/a": blobs(2), "s/b": blobs(2, seed=1)})
    masks = str(erase(annotate(out, "cvat"), "s/b"))
    pairs = pair_files(masks=masks, images=str(tmp_path / "photos"), predictions=None)
    found = translate_masks(pairs, NUCLEI)
    assert [pair.key for pair in found.pairs] == ["s/a", "s/b"]
    ids = read_mask(found.pairs[1].mask, classes=2, ignore_index=255, id_map=found.id_map)
    assert ids.shape == (24, 32)
    assert not ids.any()
    which = f"{masks}: 1 image that it lists without a mask, such as s/b: nothing is labelled there"
    assert found.notes[-1] == f"{which}, so that all pixels are background"
    for names, unlabelled in ((NUCLEI, "void"), (("nucleus", "rest"), "")):
        void = translate_masks(pairs, names, unlabelled=unlabelled)
        assert [pair.key for pair in void.pairs] == ["s/a"]
        assert "left out: 1 image that it lists without a mask, such as s/b" in void.notes[-1]
        assert "pixels nobody labelled are void; where that is right, say what they are" in void.notes[-1]
    ids = read_mask(
        translate_masks(pairs, ("nucleus", "rest"), unlabelled="rest").pairs[1].mask, classes=2, ignore_index=255
    )
    assert (ids == 1).all()
    of_maps = pair_files(masks=masks, images=None, predictions=out)
    maps = translate_masks(of_maps, NUCLEI)
    np.testing.assert_array_equal(read_mask(maps.pairs[1].mask, classes=2, ignore_index=255), np.zeros((24, 32)))
