"""Planes and probabilities in files: what every kind of file means, and what is said of files that do not fit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hypsegcli.confidence.levels import to_levels
from hypsegcli.errors import DataError, ImageError, UsageError
from hypsegcli.images.png import encode_grey16_png
from hypsegcli.truth.mask_colors import MaskColors
from hypsegcli.truth.masks import IdMap
from hypsegcli.truth.stored import (
    PlaneFolder,
    check_alike,
    decide_among,
    find_planes,
    proper_planes,
    read_probabilities,
)

SHAPE = (3, 5)


def put(path: Path, values: np.ndarray, about: Any = None) -> Path:
    """An array as the file that its suffix tells; `about` becomes the text of a 16-bit PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".npy":
        np.save(path, values)
    elif about is not None:
        path.write_bytes(encode_grey16_png(values, {"hypseg": about if isinstance(about, str) else json.dumps(about)}))
    else:
        Image.fromarray(values).save(path)
    return path


def found(
    folder: Path,
    *,
    key: str = "a",
    named: Mapping[str, Path] | None = None,
    inverted: Mapping[str, Path] | None = None,
    full_scale: float = 1.0,
) -> dict[str, PlaneFolder]:
    planes = find_planes(folder, key=key, named=named or {}, inverted=inverted or {}, full_scale=full_scale)
    return {plane.name: plane for plane in planes}


def level(folder: Path, name: str, **options: Any) -> int:
    """The first level of a plane that is found."""
    return int(found(folder, **options)[name].read("a", SHAPE)[0, 0])


# --- maps of several networks -----------------------------------------------------------------------------


def of_both(folder: Path, about: Mapping[str, Any], other: Mapping[str, Any]) -> list[Path]:
    """Three maps, of which the first says nothing of itself, as another tool's."""
    values = np.zeros(SHAPE, np.uint16)
    return [put(folder / f"{key}.png", values, text) for key, text in (("a", None), ("b", about), ("c", other))]


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


# --- one plane -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".png", ".tif", ".tiff"])
def test_eight_bits_reach_over_all_levels(tmp_path: Path, suffix: str) -> None:
    values = np.arange(256, dtype=np.uint8).reshape(16, 16)
    put(tmp_path / f"a{suffix}", values)
    levels = PlaneFolder("x", tmp_path, 7.0).read("a", (16, 16))
    assert levels.dtype == np.uint16
    np.testing.assert_array_equal(levels, values * 257.0)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bits_are_levels_and_full_scale_is_for_npy_alone(tmp_path: Path, suffix: str) -> None:
    values = np.arange(0, 65536, 257, dtype=np.uint16).reshape(16, 16)
    values[0] = [0, 1, 2, 255, 256, 257, 32767, 32768, 65279, 65280, 65533, 65534, 65535, 7, 8, 9]
    put(tmp_path / f"a{suffix}", values)
    for scale in (0.5, 7.0):
        levels = PlaneFolder("x", tmp_path, scale).read("a", (16, 16))
        assert levels.dtype == np.uint16
        np.testing.assert_array_equal(levels, values)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("scale", [1.0, 7.6])
def test_npy_is_rounded_to_the_nearest_level(tmp_path: Path, dtype: Any, scale: float) -> None:
    values = (np.random.default_rng(0).random(SHAPE) * scale * 0.99).astype(dtype)
    values[0, :2] = 0.0, scale  # which 16 bits round to more
    put(tmp_path / "a.npy", values)
    levels = PlaneFolder("x", tmp_path, scale).read("a", SHAPE)
    assert levels.dtype == np.uint16
    np.testing.assert_array_equal(levels, to_levels(values.astype(np.float32) / np.float32(scale)))
    assert np.abs(levels / 65535 * scale - np.minimum(values.astype(float), scale)).max() <= 0.501 * scale / 65535
    assert levels[0, :2].tolist() == [0, 65535]


@settings(max_examples=30, deadline=None)
@given(values=st.lists(st.integers(0, 65535), min_size=4, max_size=4))
def test_levels_survive_a_float32_file(tmp_path_factory: pytest.TempPathFactory, values: list[int]) -> None:
    folder = tmp_path_factory.getbasetemp()
    levels = np.array(values, np.uint16).reshape(2, 2)
    put(folder / "planes" / "a.npy", (levels / 65535.0 * 7.6).astype(np.float32))
    np.testing.assert_array_equal(PlaneFolder("x", folder / "planes", 7.6).read("a", (2, 2)), levels)


@pytest.mark.parametrize("name", ["a.png", "a.npy"])
def test_inverted_planes_are_what_is_left_of_all_levels(tmp_path: Path, name: str) -> None:
    values = np.random.default_rng(0).integers(0, 65536, SHAPE).astype(np.uint16)
    values[0, :2] = 0, 65535
    put(tmp_path / name, values / np.float32(65535) if name.endswith("npy") else values)
    plain, inverted = (PlaneFolder("x", tmp_path, 1.0, inverted=way).read("a", SHAPE) for way in (False, True))
    assert inverted.dtype == np.uint16
    np.testing.assert_array_equal(plain, values)
    np.testing.assert_array_equal(inverted, 65535 - values.astype(int))


def test_a_little_above_full_scale_is_rounding(tmp_path: Path) -> None:
    put(tmp_path / "a.npy", np.full(SHAPE, 7.6 * (1 + 5e-7)))
    assert (PlaneFolder("x", tmp_path, 7.6).read("a", SHAPE) == 65535).all()


def test_keys_lie_in_folders_and_may_hold_dots(tmp_path: Path) -> None:
    put(tmp_path / "sub" / "c.1.png", np.full(SHAPE, 3, np.uint8))
    put(tmp_path / "sub" / "c.npy", np.ones(SHAPE, np.float32))
    assert PlaneFolder("x", tmp_path, 1.0).read("sub/c.1", SHAPE)[0, 0] == 771
    assert PlaneFolder("x", tmp_path, 1.0).read("sub/c", SHAPE)[0, 0] == 65535


GREY = np.full(SHAPE, 9, np.uint8)
HALF = np.full(SHAPE, 0.5, np.float32)
ONE_NAN = np.where(np.arange(15).reshape(SHAPE) == 7, np.nan, 0.5)

WRONG: dict[str, tuple[str, np.ndarray, str]] = {
    "turned": ("a.png", GREY.T.copy(), "is 3 x 5 pixels, its label map 5 x 3"),
    "turned npy": ("a.npy", HALF.T.copy(), "is 3 x 5 pixels, its label map 5 x 3"),
    "a stack": ("a.npy", HALF[None], r"of shape \(1, 3, 5\)"),
    "NaN": ("a.npy", ONE_NAN, "NaN"),
    "infinity": ("a.npy", np.full(SHAPE, np.inf, np.float32), "finite"),
    "nothing": ("a.npy", np.zeros((0, 5), np.float32), "nothing"),
    "above": ("a.npy", HALF * 2.1, "1.05, full scale is 1; .*full_scale"),
    "just above": ("a.npy", HALF.astype(float) * (2 + 1e-5), "full scale is 1"),
    "below": ("a.npy", -HALF * 1e-3, "from -0.0005"),
    "whole numbers": ("a.npy", GREY, "uint8 values"),
    "complex": ("a.npy", HALF.astype(complex), "complex128"),
    "yes or no": ("a.npy", HALF > 0, "bool"),
    "32 bits": ("a.tif", GREY.astype(np.int32), "grey of 8 or 16 bits, this is one whose values have a sign"),
    "one bit": ("a.png", GREY > 0, "grey of 8 or 16 bits, this is one of 1-bit values"),
    "colour": ("a.png", np.full((*SHAPE, 3), (1, 2, 3), np.uint8), "colour picture"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_does_not_fit_is_an_error_that_names_the_file(tmp_path: Path, case: str) -> None:
    name, values, sentence = WRONG[case]
    path = put(tmp_path / name, values)
    with pytest.raises((DataError, ImageError), match=sentence) as caught:
        PlaneFolder("x", tmp_path, 1.0).read("a", SHAPE)
    assert str(path) in str(caught.value)


def test_a_missing_plane_names_folder_and_key(tmp_path: Path) -> None:
    put(tmp_path / "b.png", GREY)
    (tmp_path / "sub" / "a.png").mkdir(parents=True)  # a folder is no plane
    with pytest.raises(DataError, match=r"holds nothing for sub/a; looked for \.png, \.npy") as caught:
        PlaneFolder("x", tmp_path, 1.0).read("sub/a", SHAPE)
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize("other", [".npy", ".tif"])
def test_a_plane_that_is_there_twice_is_refused(tmp_path: Path, other: str) -> None:
    """Either may be what an earlier run left."""
    put(tmp_path / "confidence" / "sub" / "a.png", GREY)
    put(tmp_path / "confidence" / "sub" / f"a{other}", HALF if other == ".npy" else GREY)
    told = rf"{tmp_path / 'confidence'}: holds sub/a 2 times, as a\.png and a\{other}; keep"
    with pytest.raises(DataError, match=told):
        PlaneFolder("x", tmp_path / "confidence", 1.0).read("sub/a", SHAPE)
    with pytest.raises(DataError, match=told):
        found(tmp_path, key="sub/a")


def test_probabilities_that_are_there_twice_are_refused(tmp_path: Path) -> None:
    put(tmp_path / "a.npy", stack(0))
    put(tmp_path / "a.tif", GREY)
    with pytest.raises(DataError, match=r"holds a 2 times, as a\.npy and a\.tif"):
        read_probabilities(tmp_path, "a", SHAPE, classes=4)


# --- the planes of a folder ------------------------------------------------------------------------------


def test_measures_come_in_their_own_order_and_others_after(tmp_path: Path) -> None:
    folders = ("zebra", "max-probability", "entropy", "aardvark", "norm", "margin", "distance")
    for name in folders:
        put(tmp_path / f"confidence-{name}" / "a.png", GREY)
    known = ["distance", "norm", "entropy", "margin", "max-probability"]
    assert list(found(tmp_path)) == [*known, "aardvark", "zebra"]
    named = {name: tmp_path / f"confidence-{name}" for name in folders}
    assert list(found(tmp_path, named=named)) == [*known, "zebra", "aardvark"], "as named where unknown"


def test_a_plane_of_hypseg_tells_its_measure_itself(tmp_path: Path) -> None:
    values = np.full(SHAPE, 60000, np.uint16)
    put(tmp_path / "confidence" / "a.png", values, {"kind": "confidence", "measure": "entropy"})
    put(tmp_path / "confidence-norm" / "a.png", values, {"kind": "confidence", "measure": "margin"})
    planes = found(tmp_path)
    assert list(planes) == ["entropy", "margin"]
    assert planes["margin"].folder == tmp_path / "confidence-norm"
    assert level(tmp_path, "margin") == 60000


@pytest.mark.parametrize(
    ("folder", "name"),
    [("confidence", "confidence"), ("confidence-mine", "mine"), ("confidence_my-own", "my-own"), ("confidences", "s")],
)
def test_another_tools_plane_is_named_after_its_folder(tmp_path: Path, folder: str, name: str) -> None:
    put(tmp_path / folder / "a.png", GREY)
    assert list(found(tmp_path)) == [name]


def test_uncertainty_maps_of_hypseg_are_turned_over(tmp_path: Path) -> None:
    values = np.full(SHAPE, 60000, np.uint16)
    put(tmp_path / "confidence-doubt" / "a.png", values, {"kind": "uncertainty", "measure": "distance"})
    put(tmp_path / "confidence-norm" / "a.png", values, {"kind": "confidence", "measure": "norm"})
    assert [plane.inverted for plane in found(tmp_path).values()] == [True, False]
    assert level(tmp_path, "distance") == 5535
    assert level(tmp_path, "norm") == 60000


@pytest.mark.parametrize(
    ("scales", "request_"),
    [({"distance": 8.0, "margin": 4.0}, {"main": "margin", "level": None}), ({"margin": 4.0, "distance": 8.0}, {})],
)
def test_run_json_tells_the_main_measure_and_every_full_scale(
    tmp_path: Path, scales: dict[str, float], request_: dict[str, Any]
) -> None:
    """One that does not name the main measure lists it first."""
    (tmp_path / "run.json").write_text(json.dumps({"options": {"full_scale": scales, "request": request_}}))
    for folder in ("confidence", "confidence-distance", "confidence-mine"):
        put(tmp_path / folder / "a.npy", np.full(SHAPE, 2.0))
    planes = found(tmp_path, full_scale=16.0)
    assert {name: plane.full_scale for name, plane in planes.items()} == {"distance": 8.0, "margin": 4.0, "mine": 16.0}
    assert [level(tmp_path, name, full_scale=16.0) for name in planes] == [16384, 32768, 8192]
    assert planes["margin"].folder == tmp_path / "confidence"


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"options": 3}', '{"options": {"full_scale": 3}}', '{"options": {"full_scale": {}}}']
)
def test_any_run_json_of_another_tool_is_no_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.json").write_text(text)
    put(tmp_path / "confidence" / "a.npy", HALF)
    assert {name: plane.full_scale for name, plane in found(tmp_path, full_scale=3.0).items()} == {"confidence": 3.0}


def test_named_planes_are_taken_instead_of_those_found(tmp_path: Path) -> None:
    put(tmp_path / "confidence" / "a.png", GREY)
    mine, yours = tmp_path / "mine", tmp_path / "yours"
    put(mine / "a.npy", HALF)
    put(yours / "a.npy", HALF * 3)
    planes = found(tmp_path, named={"x": mine}, inverted={"entropy": yours}, full_scale=2.0)
    assert planes == {"entropy": PlaneFolder("entropy", yours, 2.0, inverted=True), "x": PlaneFolder("x", mine, 2.0)}
    assert [int(plane.read("a", SHAPE)[0, 0]) for plane in planes.values()] == [65535 - 49151, 16384]


def test_two_folders_of_one_name_are_refused(tmp_path: Path) -> None:
    for folder in ("confidence-mine", "confidence_mine", "confidence-other"):
        put(tmp_path / folder / "a.png", GREY)
    with pytest.raises(UsageError, match="called mine; name them with confidence"):
        found(tmp_path)
    with pytest.raises(UsageError, match="called x"):
        found(tmp_path, named={"x": tmp_path, "y": tmp_path}, inverted={"x": tmp_path})


def test_the_first_key_may_lie_in_a_folder_and_must_be_there(tmp_path: Path) -> None:
    about = {"kind": "confidence", "measure": "margin"}
    put(tmp_path / "confidence" / "sub" / "c.png", np.zeros(SHAPE, np.uint16), about)
    (tmp_path / "confidence.txt").write_text("no folder")
    assert list(found(tmp_path, key="sub/c")) == ["margin"]
    with pytest.raises(DataError, match="holds nothing for sub/d"):
        found(tmp_path, key="sub/d")


def test_no_planes_are_no_error(tmp_path: Path) -> None:
    (tmp_path / "labels").mkdir()
    assert found(tmp_path) == {}
    assert found(put(tmp_path / "a.png", GREY)) == {}, "a single label map has no planes"


# --- probabilities ---------------------------------------------------------------------------------------


def stack(seed: int, *, classes: int = 4, shape: tuple[int, int] = SHAPE) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.ones(classes), shape).transpose(2, 0, 1).astype(np.float32)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_probabilities_are_read_as_float32(tmp_path: Path, dtype: Any) -> None:
    values = stack(0).astype(dtype)
    put(tmp_path / "sub" / "c.npy", values)
    read = read_probabilities(tmp_path, "sub/c", SHAPE, classes=4)
    assert read.dtype == np.float32
    np.testing.assert_array_equal(read, values.astype(np.float32))


def test_blends_a_little_above_one_are_read(tmp_path: Path) -> None:
    put(tmp_path / "a.npy", np.stack([np.full(SHAPE, 1.001, np.float16), np.zeros(SHAPE, np.float16)]))
    assert read_probabilities(tmp_path, "a", SHAPE, classes=2).max() > 1


@pytest.mark.parametrize("classes", [2, 19, 150, 2000])
def test_sums_of_float16_and_of_their_blends_are_one_but_for_rounding(tmp_path: Path, classes: int) -> None:
    blended = np.zeros((classes, *SHAPE), np.float16)
    for seed, weight in enumerate((0.31, 0.27, 0.23, 0.19)):
        blended += (weight * stack(seed, classes=classes)).astype(np.float16)
    put(tmp_path / "a.npy", blended)
    read = read_probabilities(tmp_path, "a", SHAPE, classes=classes)
    assert np.abs(read.sum(axis=0) - 1).max() < 0.005, "far from what is refused"


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (stack(0, classes=5), r"shape \(5, 3, 5\); class probabilities have \(4, 3, 5\)"),
        (stack(0, shape=(5, 3)), r"shape \(4, 5, 3\)"),
        (stack(0).transpose(1, 2, 0), r"shape \(3, 5, 4\)"),
        (stack(0)[0], r"shape \(3, 5\)"),
        ((stack(0) > 0.5).astype(np.uint8), "holds uint8"),
        (np.log(stack(0)), r"class probabilities are in \[0, 1\], after the softmax"),
        (stack(0) * 100, "after the softmax"),
        (stack(0) / 2, r"sum to 0\.5 to 0\.5; all classes together have 1, after the softmax"),
        (1 / (1 + np.exp(-np.log(stack(0)) - 4)), "sum to .* a sigmoid gives other sums"),
        (stack(0) * (np.arange(15) != 7).reshape(SHAPE), "sum to 0 to 1; "),
        (np.full((4, *SHAPE), 0.254, np.float16), "sum to"),
        (np.where(stack(0) > 0.5, np.nan, stack(0)), "nan"),
        (np.where(stack(0) > 0.5, np.nan, stack(0)).astype(np.float16), "nan"),
    ],
)
def test_other_stacks_are_refused(tmp_path: Path, values: np.ndarray, sentence: str) -> None:
    path = put(tmp_path / "a.npy", values)
    with pytest.raises(DataError, match=sentence) as caught:
        read_probabilities(tmp_path, "a", SHAPE, classes=4)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("planes", "lines", "of_class"),
    [
        (3, {0: 2, 2: 0}, [[2], [1], [0]]),
        (5, {0: 0, 1: 0, 2: 1, 3: 2, 4: 2}, [[0, 1], [2], [3, 4]]),
        (4, {3: 0}, [[0, 3], [1], [2]]),
        (3, {0: None, 1: 0, 2: 1, 3: 2}, [[0], [1], [2]]),  # the id 3 has no plane: they are numbered as the classes
        (4, {7: 1, 0: 2, 1: 0, 2: 1, 3: None, 9: None}, None),
        (3, {0: 2, 2: 0, 9: None, -1: None}, [[2], [1], [0]]),
    ],
)
def test_planes_are_numbered_as_the_ids_of_the_label_maps(
    tmp_path: Path, planes: int, lines: dict[int, int | None], of_class: list[list[int]] | None
) -> None:
    """And those of ids that become one class are added up."""
    values = stack(3, classes=planes)
    put(tmp_path / "a.npy", values)

    def read() -> np.ndarray:
        return read_probabilities(tmp_path, "a", SHAPE, classes=3, id_map=IdMap(tuple(lines.items())), ignore_index=255)

    if of_class is None:
        with pytest.raises(DataError, match=r"shape \(4, 3, 5\); class probabilities have \(3, 3, 5\)"):
            read()
    else:
        np.testing.assert_allclose(read(), [values[those].sum(0) for those in of_class], rtol=1e-6)


def test_colours_do_not_renumber_planes(tmp_path: Path) -> None:
    values = stack(3)
    put(tmp_path / "a.npy", values)
    id_map = IdMap(((1, None),), MaskColors("c.txt", (0xFF, 0xFF00), (0, 1), ()))
    np.testing.assert_array_equal(read_probabilities(tmp_path, "a", SHAPE, classes=4, id_map=id_map), values)


def test_probability_without_a_class_is_refused(tmp_path: Path) -> None:
    """Where a map leads to void what has some, or leaves it without a class; not where it is nothing but rounding."""
    values = stack(4)
    path = put(tmp_path / "a.npy", values)
    most = f"{values[3].max():.4g}"
    for lines, told in (
        (((3, None), (0, 0)), rf"leads to void what has up to {most} of a pixel's probability.*move the folder away"),
        (((3, 255), (0, 0)), "leads to void"),
        (((2, 7), (0, 0)), "plane 2, counted from 0, is of an id that prediction_map does not lead to a class; list"),
        (((0, 1), (1, 0)), "plane 3, counted from 0"),
    ):
        with pytest.raises(DataError, match=told) as caught:
            read_probabilities(tmp_path, "a", SHAPE, classes=3, id_map=IdMap(lines), ignore_index=255)
        assert str(path) in str(caught.value)
    values[3] = 0.001
    values[:3] *= 0.999 / values[:3].sum(0)
    put(path, values)
    read = read_probabilities(tmp_path, "a", SHAPE, classes=3, id_map=IdMap(((3, None),)), ignore_index=255)
    np.testing.assert_array_equal(read, values[:3])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_proper_planes_against_a_loop(dtype: Any) -> None:
    values = stack(1)
    truth = np.random.default_rng(1).integers(0, 5, SHAPE).astype(dtype)
    truth[0, 0] = np.iinfo(dtype).max
    planes = proper_planes(values, truth)
    assert planes.shape == (2, *SHAPE)
    assert planes.dtype == np.float32
    for y, x in np.ndindex(SHAPE):
        p = values[:, y, x].astype(float)
        assert planes[1, y, x] == pytest.approx((p * p).sum(), rel=1e-6)
        if truth[y, x] < 4:
            assert planes[0, y, x] == values[truth[y, x], y, x]


@pytest.mark.parametrize("among", [(0, 1, 2, 3), (2,), (3, 1), (0, 2, 3)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_decide_among_against_a_loop(among: tuple[int, ...], dtype: Any) -> None:
    values = stack(2)
    decided = decide_among(values, among, dtype)
    assert decided.dtype == dtype
    for y, x in np.ndindex(SHAPE):
        assert decided[y, x] == max(among, key=lambda label: values[label, y, x])


@pytest.mark.parametrize("kind", ["confidence", "uncertainty"])
def test_maps_that_say_what_they_hold_are_believed(tmp_path: Path, kind: str) -> None:
    text = {"hypseg": json.dumps({"kind": kind})}
    (tmp_path / "x").mkdir()
    (tmp_path / "x/a.png").write_bytes(encode_grey16_png(np.zeros((2, 3), np.uint16), text))
    given = {"mine": tmp_path / "x"}
    right, wrong = ((given, {}), ({}, given)) if kind == "confidence" else (({}, given), (given, {}))
    (plane,) = find_planes(tmp_path, named=right[0], inverted=right[1], key="a", full_scale=1.0)
    assert plane.inverted == (kind == "uncertainty")
    with pytest.raises(UsageError, match=f"mine={tmp_path / 'x'}: .* name them with {kind}"):
        find_planes(tmp_path, named=wrong[0], inverted=wrong[1], key="a", full_scale=1.0)
