"""Two passes, of an engine that answers the strongest colour, and of a network."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from support import make_checkpoint, with_sampling
from support.limited_engine import TREE, LimitedEngine

from hypsegcli.checkpoint.store import load_checkpoint
from hypsegcli.errors import UsageError
from hypsegcli.inference.build import make_segmenter
from hypsegcli.inference.prediction import RGB, Labels
from hypsegcli.inference.reduce import Reducer
from hypsegcli.inference.request import Request
from hypsegcli.inference.sampled import Samples
from hypsegcli.inference.segmenter import Segmenter
from hypsegcli.inference.strips import pad_to_cells
from hypsegcli.inference.windows import Tiling

SIDE, GUIDE = 160, 64


def scene(seed: int = 0, height: int = 360, width: int = 480, bars: int = 0) -> tuple[RGB, Labels]:
    """Disks of two colours on a third, and bars so wide; and what they are."""
    rng = np.random.default_rng(seed)
    labels = np.zeros((height, width), np.uint8)
    for number in range(6):
        cv2.circle(labels, (int(rng.integers(width)), int(rng.integers(height))), 50, 1 + number % 2, -1)
        if bars:
            x = int(rng.integers(width))
            cv2.line(labels, (x, 0), (x, height), 2, bars)
    return np.eye(3, dtype=np.uint8)[labels] * np.uint8(200) + np.uint8(20), labels


def made(engine: LimitedEngine | None = None, **asked: object) -> Segmenter:
    request = Request(**{"longest_side": SIDE, "sampling": "adaptive", "guide_side": GUIDE} | asked)  # type: ignore[arg-type]
    return Segmenter(engine or LimitedEngine(10**9), TREE, request=request)


def test_thin_things_are_found_better_with_as_many_samples_where_they_are_known() -> None:
    """Bars of eight pixels, less than three samples; of four by four the engine answers the strongest colour."""
    wrong = np.zeros(2)
    for seed in range(6):
        image, labels = scene(seed, bars=8)
        engine = LimitedEngine(10**9)
        samples = Samples([image], longest_side=SIDE)
        samples.place([labels[1::3, 1::3]])
        output = engine(pad_to_cells(np.stack(samples.pixels()), 16))
        cell = samples.placement(0, engine.config, grid=(32, 40), padded=(128, 160))
        (dense,) = Reducer(TREE, engine.config, Request())(output, None, 360, 480, cell=cell)
        (even,) = made(sampling="uniform", guide_side=None).predict([image])
        wrong += (dense.labels != labels).mean(), (even.labels != labels).mean()
    assert wrong[0] < 0.92 * wrong[1], wrong


def test_both_passes_are_as_large_as_is_said() -> None:
    engine = LimitedEngine(10**9)
    made(engine).predict([scene()[0]])
    assert engine.sizes == [(1, 48, 64), (1, 128, 160)]


def test_all_planes_have_the_size_of_the_image_and_are_of_its_own_pixels() -> None:
    image, labels = scene()
    measures = ("distance", "entropy")
    (found,) = made(measures=measures, probabilities=True, interpolate="points").predict([image], [labels])
    assert found.probabilities is not None
    assert found.proper is not None
    shapes = {found.labels.shape, found.probabilities.shape[1:], found.proper.shape[1:]}
    assert shapes | {found.confidence[name].values.shape for name in measures} == {(360, 480)}
    own = np.take_along_axis(found.probabilities, found.labels[None].astype(int), 0)[0]
    assert (found.probabilities.max(0) - own).max() < 1e-3  # float16
    assert np.abs(found.probabilities.sum(0) - 1).max() < 2e-3
    (quick,) = made().predict([image])
    assert np.array_equal(quick.labels, found.labels)
    inner = cv2.erode((labels == 0).astype(np.uint8), np.ones((41, 41))).astype(bool)
    assert found.proper[0][inner].min() > 0.5


def test_images_go_together_as_alone() -> None:
    """One of them without a boundary, which is sampled evenly."""
    images = [scene(1)[0], np.full((360, 480, 3), (220, 20, 20), np.uint8), scene(2)[0]]
    truths = [np.full((360, 480), index, np.uint8) for index in range(3)]
    together = made(probabilities=True).predict(images, truths)
    for image, truth, found in zip(images, truths, together, strict=True):
        (alone,) = made(probabilities=True).predict([image], [truth])
        assert np.array_equal(found.labels, alone.labels)
        assert found.proper is not None
        assert alone.proper is not None
        np.testing.assert_array_equal(found.proper, alone.proper)


def test_without_a_boundary_and_where_nothing_is_shrunk_samples_are_even() -> None:
    flat = np.full((360, 480, 3), (220, 20, 20), np.uint8)
    small = scene()[0][:100, :160]
    for image in (flat, small):
        (found,) = made(measures=("distance", "entropy")).predict([image])
        (even,) = made(sampling="uniform", guide_side=None, measures=("distance", "entropy")).predict([image])
        assert np.array_equal(found.labels, even.labels)
        for name, plane in even.confidence.items():
            np.testing.assert_array_equal(found.confidence[name].values, plane.values)


def test_labels_that_are_known_may_place_samples() -> None:
    image, labels = scene()
    samples = Samples([image], longest_side=SIDE)
    assert samples.size == (120, 160)
    even = samples.pixels()[0]
    samples.place([labels[1::3, 1::3]])
    assert (samples.pixels()[0] != even).any()
    samples.place([np.where(labels, 0, 9)[1::3, 1::3]], void=9)
    assert np.array_equal(samples.pixels()[0], even)


@pytest.mark.parametrize(("height", "width"), [(10, 4000), (4000, 10), (161, 161), (3, 200), (1, 999)])
def test_images_of_any_shape_come_back(height: int, width: int) -> None:
    image, _ = scene(3, 4000, 4000)
    (found,) = made(measures=("distance", "entropy")).predict([image[:height, :width]])
    assert found.labels.shape == (height, width)
    assert all(np.isfinite(plane.values).all() for plane in found.confidence.values())


def test_it_may_be_refined() -> None:
    image, labels = scene()
    (found,) = made().predict([image])
    (refined,) = made(refine="edges").predict([image])
    assert (refined.labels != labels).mean() < (found.labels != labels).mean()


def test_no_windows_are_cut_of_an_image_that_is_sampled() -> None:
    image, _ = scene()
    tiling = Tiling(tile=128, overlap=32, above=128 * 128)
    segmenter = Segmenter(LimitedEngine(10**9), TREE, request=made().request, tiling=tiling)
    assert not segmenter.cuts(*image.shape[:2])
    assert np.array_equal(segmenter.predict([image])[0].labels, made().predict([image])[0].labels)


def test_a_request_names_both_sides() -> None:
    for sides in ({"longest_side": None}, {"guide_side": None}, {"guide_side": SIDE}):
        with pytest.raises(ValueError, match="smaller one"):
            made(**sides)


def test_embeddings_have_no_grid(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = with_sampling(make_checkpoint(tmp_path_factory.mktemp("a") / "a.safetensors", TREE))
    with pytest.raises(UsageError, match="embeddings lie where the image was sampled"):
        make_segmenter(load_checkpoint(path), made(embeddings=True).request, engine="torch")
