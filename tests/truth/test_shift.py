"""Ids that are off by one: found where predictions are good, never where they are merely bad."""

from __future__ import annotations

import numpy as np
import pytest

from hypsegcli.errors import setting
from hypsegcli.metrics.classes import confusion_matrix
from hypsegcli.truth.shift import Shift, find_shift, histograms_shifted, shift_mistake

K = 6


def predicted(right: float, *, classes: int = K, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """True ids of some pixels, and predictions of which about a share is right."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, classes, 20_000)
    answers = np.where(rng.random(truth.size) < right, truth, rng.integers(0, classes, truth.size))
    return truth, answers


def counts(truth: np.ndarray, answers: np.ndarray, classes: int = K) -> np.ndarray:
    return confusion_matrix(truth[None], answers[None], classes)


@pytest.mark.parametrize("right", [0.4, 0.7, 1.0])
@pytest.mark.parametrize("by", [1, -1])
def test_a_shift_is_found_whatever_the_network_is_worth(right: float, by: int) -> None:
    truth, answers = predicted(right)
    moved = truth + by
    moved[(moved < 0) | (moved >= K)] = K  # void, or no class
    shift = find_shift(counts(moved, answers))
    assert shift is not None
    assert shift.by == by
    kept = moved < K
    assert shift.agree == pytest.approx(float((moved == answers)[kept].mean()))
    assert shift.would == pytest.approx(float((moved - by == answers)[kept].mean()))


@pytest.mark.parametrize("right", [0.0, 0.05, 0.3, 1.0])
def test_ids_that_fit_are_left_alone(right: float) -> None:
    assert find_shift(counts(*predicted(right))) is None
    assert find_shift(counts(*predicted(right, classes=2), classes=2)) is None


def test_a_network_that_says_one_class_everywhere_is_bad_and_not_shifted() -> None:
    truth, _ = predicted(1.0)
    for answer in range(K):
        assert find_shift(counts(truth, np.full_like(truth, answer))) is None
    assert find_shift(np.zeros((K, K), np.int64)) is None


def test_one_class_alone_must_be_nearly_all_there_is() -> None:
    ones = np.ones(1000, int)
    assert find_shift(counts(ones, 0 * ones, 2)) == Shift(1, 0.0, 1.0)
    half = np.where(np.arange(1000) < 500, 0, 1)
    assert find_shift(counts(ones, half, 2)) is None


def test_two_classes_that_are_exchanged() -> None:
    truth, answers = predicted(0.9, classes=2)
    shift = find_shift(counts(1 - truth, answers, 2))
    assert shift is not None
    assert shift.by == 0
    assert shift_mistake(shift, classes=2).endswith("the lines 0:1, 1:0")
    both = shift_mistake(shift, classes=2, stored=True)
    assert (
        f"or, if it is the label maps that are off, translate ids with a file for {setting('prediction_map')}" in both
    )


@pytest.mark.parametrize("background", [0.0, 0.6, 0.95])
@pytest.mark.parametrize("right", [0.6, 1.0])
def test_ids_one_lower_of_which_0_has_stayed(background: float, right: float) -> None:
    """A background hides that every other class is missed."""
    rng = np.random.default_rng(0)
    truth = np.where(rng.random(20_000) < background, 0, rng.integers(0, K, 20_000))
    answers = np.where(rng.random(truth.size) < right, truth, rng.integers(0, K, truth.size))
    clipped = np.maximum(truth - 1, 0)
    if background:
        shift = find_shift(counts(clipped, answers))
        assert shift is not None
        assert (shift.by, shift.but_zero) == (-1, True)
        others = clipped > 0
        assert shift.agree == pytest.approx(float((clipped == answers)[others].mean()))
        assert shift.would == pytest.approx(float((clipped + 1 == answers)[others].mean()))
        text = shift_mistake(shift, classes=K)
        assert "of the labelled pixels that are not 0 agree" in text
        assert "go back to the masks as they were" in text
        assert "map" not in text
        last = np.where((clipped > 0) & (rng.random(truth.size) < 0.05), K - 1, clipped)
        found = find_shift(counts(last, answers))
        assert found is not None
        assert "where 1 was taken from each, what was 0 and what was 1 are one now" in shift_mistake(found, classes=K)
        assert shift_mistake(found, classes=K).endswith("that holds the lines 1:2, 2:3, 3:4 and so on")
    assert find_shift(counts(truth, answers)) is None
    for answer in range(K):
        assert find_shift(counts(clipped, np.where(rng.random(truth.size) < background, 0, answer))) is None


def test_the_sentence_has_the_lines_that_mend_it() -> None:
    up, down = Shift(1, 0.012, 0.98), Shift(-1, 0.012, 0.98)
    text = shift_mistake(up, classes=11)
    assert text.startswith("1.2 % of the labelled pixels agree with the predictions, and 98.0 % would if their ids")
    assert "one lower: the ids look off by one, as with ids that run from 1" in text
    assert text.endswith("0:void, 1:0, 2:1 and so on to 11:10")
    assert shift_mistake(down, classes=11).endswith("0:1, 1:2, 2:3 and so on to 9:10")
    assert "label maps" not in text
    both = shift_mistake(up, classes=11, stored=True)
    assert "0:void, 1:0, 2:1 and so on to 11:10; or, if it is the label maps that are off" in both
    assert both.endswith("0:1, 1:2, 2:3 and so on to 9:10")
    for decides in ("map", "mask_colors"):
        told = shift_mistake(up, classes=11, decides=decides)
        assert told.endswith(f"change the lines of {setting(decides)}, which decide the masks' ids now")


def test_two_splits_that_do_not_count_from_the_same_number() -> None:
    train = np.array([500, 20, 300, 10, 80, 5])
    val = np.array([60, 3, 28, 2, 10, 0])
    assert not histograms_shifted(train, val)
    assert histograms_shifted(train, np.roll(val, 1))
    assert histograms_shifted(np.roll(val, 1), train)
    assert not histograms_shifted(train, val[::-1])
    assert not histograms_shifted(train, 0 * val)
    assert not histograms_shifted(np.array([9, 1]), np.array([1, 9])), "two classes have no order to be told by"
