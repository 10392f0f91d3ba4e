"""Maps that say of themselves what they hold, in one folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hypsegcli.errors import DataError, UsageError
from hypsegcli.images.png import encode_grey16_png
from hypsegcli.truth.map_kinds import check_alike, void_in


def of_both(folder: Path, about: Mapping[str, Any], other: Mapping[str, Any]) -> list[Path]:
    """Three maps, of which the first says nothing of itself, as another tool's."""
    values = np.zeros((3, 5), np.uint16)
    paths = [folder / f"{key}.png" for key in "abc"]
    Image.fromarray(values).save(paths[0])
    for path, text in zip(paths[1:], (about, other), strict=True):
        path.write_bytes(encode_grey16_png(values, {"hypseg": json.dumps(text)}))
    return paths


LABELS = {"kind": "labels", "names": ["sky", "road"], "level": None, "checkpoint": "0" * 64}
PLANE = {"kind": "confidence", "measure": "calibrated", "full_scale": 1.0}


@pytest.mark.parametrize(
    ("about", "change", "told"),
    [
        (LABELS, {"names": ["road", "sky"]}, "ids: 0 is sky and road"),
        (LABELS, {"names": ["sky", "road", "car"]}, "ids: 2 is nothing and car"),
        (LABELS, {"level": "auto"}, "level: None and auto"),
        (LABELS | {"level": "auto", "threshold": 0.5}, {"threshold": 0.7}, "threshold: 0.5 and 0.7"),
        (LABELS | {"level": 1, "parents": [-1, -1]}, {"parents": [-1, 0]}, "parents in the class tree: 1 is -1 and 0"),
        (PLANE, {"measure": "distance"}, "measure: calibrated and distance"),
        (PLANE, {"full_scale": 7.6}, "full scale: 1.0 and 7.6"),
        (PLANE, {"kind": "uncertainty"}, "output: confidence and uncertainty"),
    ],
)
def test_maps_of_several_kinds_in_one_folder_are_refused(
    tmp_path: Path, about: dict[str, Any], change: dict[str, Any], told: str
) -> None:
    paths = of_both(tmp_path, about, about | change)
    with pytest.raises(DataError, match=f"{paths[1]} and {paths[2]}: .*{told};"):
        check_alike(paths)


@pytest.mark.parametrize("about", [LABELS, PLANE])
def test_maps_of_one_kind_are_alike(tmp_path: Path, about: dict[str, Any]) -> None:
    assert check_alike(of_both(tmp_path, about, about | {"curvature": 2.0})) == {None}


@pytest.mark.parametrize(
    ("kind", "of_classes", "of_ids"),
    [("labels", True, True), ("prototypes", False, True), ("confidence", False, False), ("boundary", False, False)],
)
def test_maps_of_what_is_no_class_id_are_no_label_maps(
    tmp_path: Path, kind: str, of_classes: bool, of_ids: bool
) -> None:
    """Numbers of prototypes are ids where they are translated, or taken for clusters; a plane's levels are none."""
    paths = of_both(tmp_path, LABELS | {"kind": kind}, LABELS | {"kind": kind})
    for as_ids, serves in ((False, of_classes), (True, of_ids)):
        if serves:
            assert check_alike(paths, as_ids=as_ids) == {None}
        else:
            with pytest.raises(UsageError, match=rf"{paths[1]}: says of itself that it holds {kind}, whose"):
                check_alike(paths, as_ids=as_ids)


def test_what_maps_were_made_to_follow_is_told_of_all_that_say_something(tmp_path: Path) -> None:
    refined = LABELS | {"refine": "edges"}
    assert check_alike(of_both(tmp_path, refined, LABELS)) == {"edges", None}
    assert check_alike(of_both(tmp_path, refined, refined)) == {"edges"}
    assert check_alike([]) == frozenset()


def test_maps_that_say_nothing_of_void_are_taken_for_what_the_others_are(tmp_path: Path) -> None:
    assert void_in(of_both(tmp_path, LABELS, LABELS)) is None
    assert void_in(of_both(tmp_path, LABELS | {"void": 255}, LABELS | {"void": 255})) == 255
    with pytest.raises(DataError, match="say with other ids, "):
        void_in(of_both(tmp_path, LABELS | {"void": 255}, LABELS | {"void": 7}))
