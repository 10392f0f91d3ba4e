"""Class probabilities in files: their order, what they are added up to, and what is said of those that do not fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hypsegcli.errors import DataError
from hypsegcli.truth.mask_colors import MaskColors
from hypsegcli.truth.masks import IdMap
from hypsegcli.truth.stored_probabilities import decide_among, proper_planes, read_probabilities

SHAPE = (3, 5)


def put(path: Path, values: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, values)
    return path


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


def test_probabilities_that_are_there_twice_are_refused(tmp_path: Path) -> None:
    put(tmp_path / "a.npy", stack(0))
    Image.fromarray(np.zeros(SHAPE, np.uint8)).save(tmp_path / "a.tif")
    with pytest.raises(DataError, match=r"holds a 2 times, as a\.npy and a\.tif"):
        read_probabilities(tmp_path, "a", SHAPE, classes=4)
