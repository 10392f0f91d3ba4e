"""Confidence planes in files: what every kind of file means, and what is said of files that do not fit."""

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
from hypsegcli.truth.stored_planes import PlaneFolder, find_planes

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
    "NaN": ("a.npy", ONE_NAN, "holds NaN or infinite values;"),
    "infinity": ("a.npy", np.full(SHAPE, np.inf, np.float32), "finite"),
    "nothing": ("a.npy", np.zeros((0, 5), np.float32), "holds nothing;"),
    "above": ("a.npy", HALF * 2.1, "1.05, full scale is 1; .*full_scale"),
    "just above": ("a.npy", HALF.astype(float) * (2 + 1e-5), "full scale is 1"),
    "below": ("a.npy", -HALF * 1e-3, "from -0.0005"),
    "whole numbers": ("a.npy", GREY, "holds uint8 values;"),
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
