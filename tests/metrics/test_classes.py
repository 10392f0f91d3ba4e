"""Scores of label maps against other tools, their formulas written anew, and counts by hand."""

import math
from argparse import Namespace
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from support.records import numbers, scores_of

from hypsegcli.metrics.classes import (
    class_rows,
    class_scores,
    confusion_matrix,
    iou_from_counts,
    mean_scores,
)
from hypsegcli.metrics.conventions import CONVENTIONS, ConventionName, Over
from hypsegcli.metrics.records import Means

Map = NDArray[Any]
Matrix = NDArray[np.int64]


@st.composite
def label_maps(draw: st.DrawFn, none: bool = True) -> tuple[Map, Map, int]:
    """Truth with void, answers with or without a class, and C; classes are often absent from either or both."""
    C = draw(st.integers(1, 6))
    height, width = draw(st.integers(1, 4)), draw(st.integers(1, 5))
    dtype = draw(st.sampled_from([np.uint8, np.uint16]))

    def some(largest: int) -> Map:
        allowed = draw(st.lists(st.integers(0, largest), min_size=1, max_size=3))
        return np.array(
            draw(st.lists(st.sampled_from(allowed), min_size=height * width, max_size=height * width)), dtype
        ).reshape(height, width)

    return some(C), some(C if none else C - 1), C


@st.composite
def matrices(draw: st.DrawFn, none: bool = True) -> Matrix:
    """Confusion matrices with empty rows and columns."""
    truth, predicted, C = draw(label_maps(none=none))
    return confusion_matrix(truth, predicted, C) * draw(st.sampled_from([1, 7]))


# By hand: class 0 is hit 3 of 5 times, class 1 always and once too often, class 2 never though predicted, classes 3 and
# 5 are only predicted, class 4 is only in the truth, class 6 is nowhere.
HAND = np.array(
    [
        [3, 1, 0, 0, 0, 0, 0, 1],
        [0, 4, 0, 0, 0, 0, 0, 0],
        [2, 0, 0, 2, 0, 1, 0, 0],
        [0, 0, 0, 0, 0, 0, 0, 0],
        [0, 0, 3, 0, 0, 0, 0, 4],
        [0, 0, 0, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 0, 0],
    ],
    np.int64,
)


def test_class_scores_by_hand() -> None:
    scores, nan = class_scores(HAND), math.nan
    np.testing.assert_array_equal(scores.truth_pixels, [5, 4, 5, 0, 7, 0, 0])
    np.testing.assert_array_equal(scores.predicted_pixels, [5, 5, 3, 2, 0, 1, 0])
    np.testing.assert_array_equal(scores.iou, [3 / 7, 4 / 5, 0, 0, 0, 0, nan])
    np.testing.assert_array_equal(scores.recall, [3 / 5, 1, 0, nan, 0, nan, nan])
    np.testing.assert_array_equal(scores.precision, [3 / 5, 4 / 5, 0, 0, nan, 0, nan])
    np.testing.assert_array_equal(scores.f1, [6 / 10, 8 / 9, 0, 0, 0, 0, nan])


def test_rows_of_classes_by_hand() -> None:
    bands = np.array([[1, 0, 0, 0, 0, 0, 0], [3, 2, 0, 0, 1, 0, 0], [2, 0, 0, 0, 1, 0, 0]])
    rows = class_rows("abcdefg", HAND, bands, {"a": (0.25, 0.5), "b": (math.nan, math.nan)})
    assert rows[0].model_dump() == {
        "name": "a",
        "truth_pixels": 5,
        "predicted_pixels": 5,
        "iou": 3 / 7,
        "iou_low": 0.25,
        "iou_high": 0.5,
        "recall": 3 / 5,
        "precision": 3 / 5,
        "f1": 6 / 10,
        "boundary_iou": 1 / 4,
    }
    assert [row.name for row in rows] == list("abcdefg")
    assert (rows[1].iou_low, rows[1].iou_high, rows[2].iou_low) == (None, None, None)
    assert [row.precision for row in rows] == [3 / 5, 4 / 5, 0, 0, None, 0, None]
    assert [row.boundary_iou for row in rows] == [1 / 4, 0, None, None, 0, None, None]


IOU, RECALL, PRECISION, F1 = 3 / 7 + 4 / 5, 3 / 5 + 1, 3 / 5 + 4 / 5, 6 / 10 + 8 / 9


@pytest.mark.parametrize(
    ("convention", "class_accuracy", "mean_precision", "mean_f1"),
    [
        ("cityscapes", RECALL / 4, PRECISION / 5, F1 / 6),
        ("mmseg", RECALL / 4, PRECISION / 5, F1 / 2),
        ("torchmetrics", RECALL / 6, PRECISION / 6, F1 / 6),
        ("reference", RECALL / 7, PRECISION / 6, F1 / 6),
    ],
)
def test_conventions_by_hand(
    convention: ConventionName, class_accuracy: float, mean_precision: float, mean_f1: float
) -> None:
    fwiou = (5 * 3 / 7 + 4 * 4 / 5) / 21
    found = mean_scores(HAND, convention)
    assert scores_of(found) == pytest.approx((7 / 21, IOU / 6, class_accuracy, mean_precision, mean_f1, fwiou))
    over_all = mean_scores(HAND, convention, over="all")
    assert scores_of(over_all) == pytest.approx((7 / 21, IOU / 7, RECALL / 7, PRECISION / 7, F1 / 7, fwiou))


@given(maps=label_maps())
def test_every_labelled_pixel_is_counted_once(maps: tuple[Map, Map, int]) -> None:
    truth, predicted, C = maps
    expected = np.zeros((C, C + 1), np.int64)
    for true, found in zip(truth.ravel().tolist(), predicted.ravel().tolist(), strict=True):
        if true != C:
            expected[true, found] += 1
    for order in ("C", "F"):
        found = confusion_matrix(np.asarray(truth, order=order), predicted, C)
        assert found.dtype == np.int64
        np.testing.assert_array_equal(found, expected)


@given(maps=label_maps(), row=st.integers(0, 4))
def test_matrices_of_parts_add_up(maps: tuple[Map, Map, int], row: int) -> None:
    truth, predicted, C = maps
    parts = confusion_matrix(truth[:row], predicted[:row], C) + confusion_matrix(truth[row:], predicted[row:], C)
    np.testing.assert_array_equal(parts, confusion_matrix(truth, predicted, C))


def test_uint8_does_not_overflow() -> None:
    truth, predicted = np.full((2, 3), 199, np.uint8), np.full((2, 3), 198, np.uint8)
    truth[0, 0], predicted[0, 1] = 200, 200
    confusion = confusion_matrix(truth, predicted, 200)
    assert (confusion[199, 198], confusion[199, 200], confusion.sum()) == (4, 1, 5)


@pytest.mark.parametrize("which", [0, 1])
def test_maps_that_do_not_fit_are_refused(which: int) -> None:
    maps = [np.zeros((2, 3), np.uint8), np.zeros((2, 3), np.uint8)]
    maps[which][1, 2] = 4
    confusion_matrix(maps[0], maps[1], 4)
    with pytest.raises(ValueError, match="above 3"):
        confusion_matrix(maps[0], maps[1], 3)
    maps[which] = maps[which][:1]
    with pytest.raises(ValueError, match="shape"):
        confusion_matrix(maps[0], maps[1], 4)


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("over", ["present", "all"])
def test_nothing_labelled_has_no_scores(convention: ConventionName, over: Over) -> None:
    void = np.full((2, 2), 3, np.uint8)
    found = mean_scores(confusion_matrix(void, np.zeros((2, 2), np.uint8), 3), convention, over)
    assert all(math.isnan(value) for value in scores_of(found))


@given(confusion=matrices())
def test_conventions_agree_where_every_class_is_hit(confusion: Matrix) -> None:
    full = confusion + np.eye(*confusion.shape, dtype=np.int64)
    first = scores_of(mean_scores(full))
    for convention in CONVENTIONS:
        assert scores_of(mean_scores(full, convention)) == pytest.approx(first, rel=1e-14)
        assert scores_of(mean_scores(full, convention, over="all")) == pytest.approx(first, rel=1e-14)


@given(batch=st.lists(matrices(), min_size=1, max_size=3))
def test_stacked_counts_have_the_classes_iou(batch: list[Matrix]) -> None:
    same = [matrix for matrix in batch if len(matrix) == len(batch[0])]
    hit = np.stack([np.diag(matrix) for matrix in same])
    truth = np.stack([matrix.sum(axis=1) for matrix in same])
    predicted = np.stack([matrix[:, :-1].sum(axis=0) for matrix in same])
    expected = np.stack([class_scores(matrix).iou for matrix in same])
    np.testing.assert_array_equal(iou_from_counts(hit, truth, predicted), expected)
    np.testing.assert_array_equal(iou_from_counts(*(part / 1.0 for part in (hit, truth, predicted))), expected)


def test_a_convention_says_which_classes_its_means_are_over() -> None:
    assert [convention.name for convention in CONVENTIONS.values()] == list(CONVENTIONS)
    mmseg = CONVENTIONS["mmseg"]
    present, over_all = mmseg.definition(), mmseg.definition("all")
    assert present.startswith("Mean recall over the classes that the truth has. Mean precision over ")
    assert "Mean F1 (Dice) over the classes with at least one right pixel. As MMSegmentation" in present
    assert "Mean F1 (Dice) over all classes, 0/0 counting as 0. As MMSegmentation" in over_all
    assert mean_scores(HAND, "mmseg", over="all").definition == over_all


# ---- the tools themselves


@pytest.fixture(scope="module")
def cityscapes() -> ModuleType:
    name = "cityscapesscripts.evaluation.evalPixelLevelSemanticLabeling"
    module: ModuleType = pytest.importorskip(name, reason="cityscapesScripts is not installed")
    return module


@settings(max_examples=50)
@given(confusion=matrices(), ignored=st.integers(0, 9))
def test_cityscapes_scripts(cityscapes: ModuleType, confusion: Matrix, ignored: int) -> None:
    C = len(confusion)
    evaluated = [label.id for label in cityscapes.labels if not label.ignoreInEval][:C]
    void, every = 0, list(range(34))
    theirs = np.zeros((34, 34), np.ulonglong)
    theirs[np.ix_(evaluated, [*evaluated, void])] = confusion
    theirs[void, evaluated] = ignored  # what is predicted where nothing is known
    options = Namespace(evalLabels=every)
    scores = {label: cityscapes.getIouScoreForLabel(label, theirs, options) for label in every}
    np.testing.assert_array_equal(class_scores(confusion).iou, [scores[label] for label in evaluated])
    average = [cityscapes.getScoreAverage(scores, options)]
    assert numbers(mean_scores(confusion), ["miou"]) == pytest.approx(average, nan_ok=True)


@pytest.fixture(scope="module")
def torchmetrics() -> ModuleType:
    name = "torchmetrics.functional.classification"
    module: ModuleType = pytest.importorskip(name, reason="torchmetrics is not installed")
    return module


@settings(max_examples=50)
@given(maps=label_maps(none=False))
def test_torchmetrics(torchmetrics: ModuleType, maps: tuple[Map, Map, int]) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    truth, predicted, C = maps
    if C < 2 or (truth == C).all():  # torchmetrics knows no single class, and gives 0 or NaN for no pixels
        return
    pair = torch.from_numpy(predicted.astype(np.int64)), torch.from_numpy(truth.astype(np.int64))

    def theirs(metric: str, average: str) -> float:
        return float(getattr(torchmetrics, metric)(*pair, num_classes=C, average=average, ignore_index=C))

    expected = Means(
        pixel_accuracy=theirs("multiclass_accuracy", "micro"),
        miou=theirs("multiclass_jaccard_index", "macro"),
        class_accuracy=theirs("multiclass_accuracy", "macro"),
        mean_precision=theirs("multiclass_precision", "macro"),
        mean_f1=theirs("multiclass_f1_score", "macro"),
        fwiou=theirs("multiclass_jaccard_index", "weighted"),
        definition="",
    )
    assert theirs("multiclass_recall", "macro") == expected.class_accuracy
    found = mean_scores(confusion_matrix(truth, predicted, C), "torchmetrics")
    assert scores_of(found) == pytest.approx(scores_of(expected), abs=1e-6)  # theirs is float32


# ---- formulas written anew


@given(maps=label_maps())
def test_mmseg(maps: tuple[Map, Map, int]) -> None:
    """IoUMetric: histograms of hits, answers and labels over the pixels that are not void, then means without NaN."""
    truth, predicted, C = maps
    known = truth != C
    label, answer = truth[known], predicted[known]

    def area(values: Map) -> NDArray[np.float64]:
        return np.histogram(values, bins=np.arange(C + 1) - 0.5)[0].astype(np.float64)

    def mean(values: NDArray[np.float64]) -> float:
        defined = values[~np.isnan(values)]
        return float(defined.mean()) if len(defined) else math.nan

    both, labels, answers = area(label[label == answer]), area(label), area(answer[answer < C])
    with np.errstate(invalid="ignore", divide="ignore"):
        iou, accuracy, precision = both / (labels + answers - both), both / labels, both / answers
        f1 = 2 * precision * accuracy / (precision + accuracy)
        all_accuracy = np.float64(both.sum()) / np.float64(labels.sum())
    found = mean_scores(confusion_matrix(truth, predicted, C), "mmseg")
    expected = (all_accuracy, mean(iou), mean(accuracy), mean(precision), mean(f1))
    assert scores_of(found)[:5] == pytest.approx(expected, nan_ok=True)


@given(maps=label_maps(none=False))
def test_the_reference(maps: tuple[Map, Map, int]) -> None:
    """Class by class and pixel by pixel; its own matrix has no column for pixels without a class."""
    truth, predicted, C = maps
    pairs = [(t, p) for t, p in zip(truth.ravel().tolist(), predicted.ravel().tolist(), strict=True) if t != C]
    if not pairs:
        return
    ious, recalls, caccs = [], [], []
    for c in range(C):
        hits = sum(t == p == c for t, p in pairs)
        row, column = sum(t == c for t, _ in pairs), sum(p == c for _, p in pairs)
        recalls.append(hits / row if row else 0.0)  # TensorFlow divides by all classes
        if row + column - hits:  # NumPy part: valid entries
            ious.append(hits / (row + column - hits))
            caccs.append(hits / (column or 1))
    found = mean_scores(confusion_matrix(truth, predicted, C), "reference")
    assert found.pixel_accuracy == pytest.approx(sum(t == p for t, p in pairs) / len(pairs))
    assert found.miou == pytest.approx(sum(ious) / len(ious))
    assert found.class_accuracy == pytest.approx(sum(recalls) / C)
    assert found.mean_precision == pytest.approx(sum(caccs) / len(caccs))
