"""Scores against counts by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image
from support import make_checkpoint
from support.limited_engine import limit_memory
from support.ranks import run_ranks, scored
from support.tiny_data import NAMES, make_data

from hypsegcli.checkpoint.format import Header, InputSpec, Provenance
from hypsegcli.confidence.planes import Plane
from hypsegcli.errors import ImageError
from hypsegcli.hierarchy.tree import ClassTree, flat_tree
from hypsegcli.inference.device import choose_device
from hypsegcli.inference.nodata import leave_void
from hypsegcli.inference.prediction import Prediction
from hypsegcli.inference.request import Request
from hypsegcli.network.config import ModelConfig
from hypsegcli.network.model import build_deeplab
from hypsegcli.training.ranks import ALONE
from hypsegcli.training.validate import Scores, Validation, score, validate, validation_segmenter
from hypsegcli.truth.masks import IdMap
from hypsegcli.truth.pairs import Pair

VOID, CLASSES, MAX = 9, 4, 8.0


def by_pairs(wrong: list[float], right: list[float]) -> float:
    """Every wrong pixel against every right one."""
    won = sum((w < r) + (w == r) / 2 for w in wrong for r in right)
    return won / (len(wrong) * len(right)) if wrong and right else float("nan")


class Engine:
    """All that is asked of an engine here."""

    config = ModelConfig(nodes=CLASSES, t_max=MAX, softmax="flat")


class Oracle:
    """Stands where the Segmenter does; answers in turn what it is told."""

    engine, request, tiling, forward_seconds = Engine(), Request(), None, 0.0

    def __init__(self, predictions: Sequence[Prediction | Exception]) -> None:
        self.predictions = iter(predictions)

    def shrinks(self, *_: int) -> bool:
        return False

    def predict(self, images: list[NDArray[np.uint8]], _: None) -> list[Prediction]:
        (prediction,) = [next(self.predictions) for _ in images]
        if isinstance(prediction, Exception):
            raise prediction
        return [prediction]

    def leave_void(self, prediction: Prediction, valid: NDArray[np.bool_]) -> Prediction:
        return leave_void(prediction, valid, nodes=CLASSES, prototypes=0)


HEADER = Header(
    model=Engine.config,
    input=InputSpec(height=1, width=1),
    tree=flat_tree("abcd"),
    colors=((0, 0, 0),) * CLASSES,
    ignore_index=VOID,
    provenance=Provenance(trained_on="", licence="", hypseg_version="", torch_version=""),
)


def look(
    folder: Path,
    truths: list[NDArray[np.uint8]],
    predictions: Sequence[Prediction | Exception],
    header: Header = HEADER,
    **options: Any,
) -> Validation:
    pairs = []
    for index, truth in enumerate(truths):
        pairs.append(Pair(str(index), folder / f"{index}m.png", folder / f"{index}i.png", None))
        Image.fromarray(np.zeros((*truth.shape, 3), np.uint8)).save(folder / f"{index}i.png")
        Image.fromarray(truth).save(pairs[-1].mask)
    return score(Oracle(predictions), header, pairs, **options)  # type: ignore[arg-type]


def run(*arguments: Any, **options: Any) -> Scores:
    return look(*arguments, **options).scores


def prediction(labels: NDArray[np.uint8], rng: np.random.Generator) -> Prediction:
    """Confidences at the middles of the bins, so that the histogram loses nothing."""
    shape = labels.shape
    distance = MAX * (rng.integers(0, 40, shape) * 100 + 0.5) / 4095
    entropy = (rng.integers(0, 40, shape) * 100 + 0.5) / 4095
    planes = {
        "distance": Plane(distance.astype(np.float32), "distance", MAX),
        "entropy": Plane(entropy.astype(np.float32), "entropy", 1.0),
    }
    return Prediction(labels, planes)


def test_masks_are_mapped_to_classes(tmp_path: Path) -> None:
    labels = np.array([[0, 1], [2, 3]], np.uint8)
    guess = prediction(labels, np.random.default_rng(0))
    published = np.array([[7, 8], [11, 40]], np.uint8)
    id_map = IdMap(((7, 0), (8, 1), (11, 2), (40, None)))
    assert run(tmp_path, [published], [guess], id_map=id_map).pixel_accuracy == 1.0


def test_scores_against_a_loop(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    shapes = [(9, 7), (5, 11)]
    truths = [rng.choice([0, 1, 2, VOID], shape, p=[0.4, 0.3, 0.1, 0.2]).astype(np.uint8) for shape in shapes]
    answers = []
    for truth in truths:
        guess = np.where(rng.random(truth.shape) < 0.7, truth, 1)
        answers.append(prediction(np.where(guess == VOID, 0, guess).astype(np.uint8), rng))
    found = run(tmp_path, truths, answers)

    pixels = []
    for truth, answer in zip(truths, answers, strict=True):
        planes = (truth, answer.labels, answer.confidence["distance"].values, answer.confidence["entropy"].values)
        rows = zip(*(plane.ravel().tolist() for plane in planes), strict=True)
        pixels += [row for row in rows if row[0] != VOID]
    ious = []
    for k in range(CLASSES):
        either = sum(k in (truth, guess) for truth, guess, _, _ in pixels)
        if either:  # class 3 is nowhere
            ious.append(sum(truth == guess == k for truth, guess, _, _ in pixels) / either)
    assert len(ious) == 3
    assert found.mean_iou == pytest.approx(np.mean(ious))
    assert found.pixel_accuracy == pytest.approx(np.mean([truth == guess for truth, guess, _, _ in pixels]))
    # A flat tree has no families, so that nothing is forgiven.
    assert found.sibling_mean_iou == found.cousin_mean_iou == found.mean_iou
    distances = sorted(p[2] for p in pixels)
    for share, value in ((0.05, found.distance_q05), (0.5, found.distance_q50), (0.95, found.distance_q95)):
        assert value == pytest.approx(distances[math.ceil(share * len(distances)) - 1], abs=MAX / 65535)
    for at, value in ((2, found.auroc_distance), (3, found.auroc_entropy)):
        wrong, right = ([p[at] for p in pixels if (p[0] == p[1]) is is_right] for is_right in (False, True))
        assert value == pytest.approx(by_pairs(wrong, right))


def test_masks_whose_ids_are_off_by_one_are_told_of(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    labels = rng.integers(0, CLASSES - 1, (20, 20), dtype=np.uint8)
    assert look(tmp_path, [labels + 1], [prediction(labels, rng)]).mistake is not None
    assert look(tmp_path, [labels], [prediction(labels, rng)]).mistake is None


def test_a_class_that_is_only_predicted_counts_as_zero(tmp_path: Path) -> None:
    rng, truth = np.random.default_rng(0), np.zeros((2, 4), np.uint8)
    labels = truth.copy()
    labels[0, 0] = 3
    found = run(tmp_path, [truth], [prediction(labels, rng)])
    assert found.mean_iou == pytest.approx((7 / 8 + 0) / 2)
    assert found.pixel_accuracy == 7 / 8


def test_all_right(tmp_path: Path) -> None:
    rng, truth = np.random.default_rng(0), np.arange(4, dtype=np.uint8).reshape(2, 2)
    found = run(tmp_path, [truth], [prediction(truth, rng)])
    assert (found.mean_iou, found.pixel_accuracy) == (1.0, 1.0)
    assert np.isnan(found.auroc_distance)
    assert np.isnan(found.auroc_entropy)


def test_families_are_forgiven(tmp_path: Path) -> None:
    """Of 4 pixels each: a as b, which is its sibling; c as a, its cousin; d as a, which is far."""
    names, parents = (*"abcd", "a or b", "only c", "a, b or c"), (4, 4, 5, -1, 6, 6, -1)
    tree = ClassTree(names=names, parents=parents, classes=CLASSES)
    header = HEADER.model_copy(update={"tree": tree})
    truth = np.repeat(np.arange(4, dtype=np.uint8), 4)[None]
    labels = np.repeat(np.array([1, 1, 0, 0], np.uint8), 4)[None]
    found = run(tmp_path, [truth], [prediction(labels, np.random.default_rng(0))], header)
    assert found.mean_iou == pytest.approx((0 + 4 / 8 + 0 + 0) / 4)
    assert found.sibling_mean_iou == pytest.approx((4 / 12 + 1 + 0 + 0) / 4)
    assert found.cousin_mean_iou == pytest.approx((4 / 8 + 1 + 1 + 0) / 4)


def test_held_out_classes_are_void(tmp_path: Path) -> None:
    truth = np.array([[0, 1, 2, 3]], np.uint8)
    predictions = [prediction(np.array([[0, 0, 2, 0]], np.uint8), np.random.default_rng(0))]
    scores = run(tmp_path, [truth], predictions, held_out=(1, 3))
    assert scores.mean_iou == scores.pixel_accuracy == 1.0


@pytest.mark.parametrize("masked", ["as class", "as void"])
def test_nothing_counts_where_a_photograph_has_no_data(tmp_path: Path, masked: str) -> None:
    """Whatever the mask has there; the network has no answer."""
    rng = np.random.default_rng(0)
    truth = np.array([[3, 0, 1, 2], [3, 0, 1, 2]], np.uint8)
    labels = np.array([[0, 0, 1, 2], [0, 0, 1, 1]], np.uint8)
    photograph = np.full((2, 4, 3), 90, np.uint8)
    photograph[:, 0] = 0
    tags = [(42113, "s", 0, "0", True)]
    tifffile.imwrite(tmp_path / "i.tif", photograph, photometric="rgb", extratags=tags)
    Image.fromarray(np.where((truth == 3) & (masked == "as void"), VOID, truth).astype(np.uint8)).save(
        tmp_path / "m.png"
    )
    pairs = [Pair("i", tmp_path / "m.png", tmp_path / "i.tif", None)]
    found = score(Oracle([prediction(labels, rng)]), HEADER, pairs, pictures=1)  # type: ignore[arg-type]
    whole = run(tmp_path, [truth[:, 1:]], [prediction(labels[:, 1:], rng)])
    assert found.scores[:4] == whole[:4]
    assert found.scores.pixel_accuracy == 5 / 6
    assert found.sheet is not None


@pytest.mark.parametrize(("held_out", "among"), [((1, 3), (0, 2)), ((), None)])
def test_held_out_classes_are_not_predicted(held_out: tuple[int, ...], among: tuple[int, ...] | None) -> None:
    model = build_deeplab(ModelConfig(nodes=CLASSES, backbone="mobilenet_v3_large", embedding_size=4, softmax="flat"))
    device = choose_device("cpu")
    segmenter = validation_segmenter(model, HEADER, device=device, held_out=held_out, longest_side=7)
    assert (segmenter.request.among, segmenter.request.longest_side) == (among, 7)
    assert segmenter.engine.config == model.config


def test_what_does_not_fit_into_memory_is_scored_in_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = build_deeplab(ModelConfig(nodes=CLASSES, backbone="mobilenet_v3_large", embedding_size=4, softmax="flat"))
    truth = np.zeros((16, 528), np.uint8)
    Image.fromarray(truth).save(tmp_path / "m.png")
    Image.fromarray(np.zeros((*truth.shape, 3), np.uint8)).save(tmp_path / "i.png")
    pairs = [Pair("i", tmp_path / "m.png", tmp_path / "i.png", None)]
    limit_memory(monkeypatch, 512 * 16)
    scores = validate(model, HEADER, pairs, device=choose_device("cpu")).scores
    assert 0.0 <= scores.pixel_accuracy <= 1.0
    limit_memory(monkeypatch, 0)
    with pytest.raises(ImageError, match=r"i\.png: 528 x 16 pixels do not fit into memory, not even in windows of 512"):
        validate(model, HEADER, pairs, device=choose_device("cpu"))


def test_failures_of_the_network_keep_their_kind(tmp_path: Path) -> None:
    truth = np.zeros((2, 4), np.uint8)
    with pytest.raises(FloatingPointError, match="NaN"):
        run(tmp_path, [truth], [FloatingPointError("NaN")])
    with pytest.raises(ImageError, match=r"0i\.png: the network failed on this 4 x 2 image: bad weights$"):
        run(tmp_path, [truth], [RuntimeError("bad weights")])


@pytest.mark.parametrize(("pictures", "shown"), [(0, []), (1, [0]), (2, [0, 4]), (3, [0, 2, 4]), (9, [0, 1, 2, 3, 4])])
def test_pictures_are_spread_over_the_images(tmp_path: Path, pictures: int, shown: list[int]) -> None:
    """Photograph, truth, answer and doubt; each image is as wide as its number, so that they are told apart."""
    rng = np.random.default_rng(0)
    truths = [np.zeros((10, 10 + number), np.uint8) for number in range(5)]
    sheet = look(tmp_path, truths, [prediction(truth, rng) for truth in truths], pictures=pictures).sheet
    if not shown:
        assert sheet is None
        return
    assert sheet is not None
    # The photographs are black, 180 pixels high and four apart, below a line of titles.
    first = sheet[30 : 30 + 184 * len(shown) : 184]
    assert [round(int((row != 0).any(axis=1).argmax()) / 18) for row in first] == [10 + number for number in shown]


def test_ranks_score_as_one_process(tmp_path: Path) -> None:
    """Scores, pictures and what is remarked are equal to the last digit; a rank may have no image at all."""
    data = make_data(tmp_path / "data", val=5)
    exif = Image.Exif()
    exif[0x0112] = 3
    for path in (data / "val/images").iterdir():  # turned upright, and their masks not
        with Image.open(path) as image:
            image.rotate(180).save(path, exif=exif)
    checkpoint = make_checkpoint(tmp_path / "a.safetensors", flat_tree(list(NAMES)), backbone="mobilenet_v3_small")
    alone, masks = scored(ALONE, checkpoint, data)
    assert alone.sheet is not None
    parts = run_ranks(3, scored, checkpoint, data)
    assert sorted(name for _, seen in parts for name in seen) == masks == [f"{index:02}.png" for index in range(5)]
    for found, _ in parts:
        np.testing.assert_equal(found.scores, alone.scores)
        np.testing.assert_array_equal(found.sheet, alone.sheet)
        assert found.mistake == alone.mistake
    for index in range(1, 5):
        for kind in ("images", "masks"):
            (data / "val" / kind / f"{index:02}.png").unlink()
    alone, _ = scored(ALONE, checkpoint, data)
    for found, seen in run_ranks(2, scored, checkpoint, data):
        np.testing.assert_equal(found.scores, alone.scores)
        assert len(seen) <= 1
