"""Ids of another list of classes, and masks of something else: found where predictions are good, not where bad."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from hypsegcli.errors import setting
from hypsegcli.metrics.classes import confusion_matrix
from hypsegcli.truth.permuted import chance_mistake, find_better_exchange, find_exchange, permutation_mistake
from hypsegcli.truth.shift import find_shift

K = 6
ALPHABETICAL = np.array([3, 0, 5, 1, 4, 2])


def confusion(truth: NDArray[np.int64], right: float) -> NDArray[np.int64]:
    """Of predictions of `truth`, of which about a share is right."""
    rng = np.random.default_rng(1)
    answers = np.where(rng.random(truth.size) < right, truth, rng.integers(0, K, truth.size))
    return confusion_matrix(truth[None].astype(np.uint8), answers[None].astype(np.uint8), K)


def pixels(share_of_0: float = 1 / K) -> NDArray[np.int64]:
    rng = np.random.default_rng(0)
    return np.where(rng.random(20_000) < share_of_0, 0, rng.integers(0, K, 20_000))


def told(counts: NDArray[np.int64], *, decides: str | None = None, stored: bool = False) -> str | None:
    exchange = find_exchange(counts)
    return None if exchange is None else permutation_mistake(exchange, decides=decides, stored=stored)


@pytest.mark.parametrize("right", [0.6, 0.8, 1.0])
@pytest.mark.parametrize("order", [ALPHABETICAL, np.roll(np.arange(K), 2), np.array([1, 2, 0, 4, 5, 3])])
def test_ids_of_another_order_are_told(order: NDArray[np.int64], right: float) -> None:
    counts = confusion(pixels(), right)
    assert told(counts) is None
    listed = counts[np.argsort(order)]  # the row of class k stands where its id leads now
    said = told(listed)
    assert said is not None
    agree, would = np.trace(listed[:, :K]) / listed.sum(), np.trace(counts[:, :K]) / counts.sum()
    assert said.startswith(
        f"{100 * agree:.1f} % of the labelled pixels agree with the predictions, and {100 * would:.1f} % would"
    )
    lines = ", ".join(f"{order[k]}:{k}" for k in np.argsort(order))
    assert f"a file for {setting('map')} that holds the lines {lines}" in said
    assert f"change the lines of {setting('mask_colors')}" in (told(listed, decides="mask_colors") or "")


@pytest.mark.parametrize("right", [0.8, 1.0])
@pytest.mark.parametrize(
    "order", [np.array([0, 4, 1, 5, 2, 3]), np.array([0, 2, 3, 4, 5, 1]), np.array([0, 5, 4, 3, 2, 1])]
)
def test_a_background_that_stays_hides_nothing(order: NDArray[np.int64], right: float) -> None:
    counts = confusion(pixels(0.9), right)
    assert told(counts) is None
    listed = counts[np.argsort(order)]
    said = told(listed) or ""
    assert (
        f"{100 * np.trace(listed[1:, 1:K]) / listed[1:].sum():.1f} % of the labelled pixels that are not 0 agree"
        in said
    )
    lines = ", ".join(f"{order[k]}:{k}" for k in np.argsort(order))
    assert f"holds the lines {lines}" in said


def test_many_ids_that_lead_to_classes_that_masks_hardly_have() -> None:
    """Where a list is long, the ids of the frequent classes are those of rare ones in the other list."""
    frequent = np.random.default_rng(0).integers(0, 5, (1, 20_000)).astype(np.uint8)
    assert "holds the lines 5:0, 6:1, 7:2, 8:4, 9:3" in (
        told(confusion_matrix(np.array([5, 6, 7, 9, 8], np.uint8)[frequent], frequent, 10)) or ""
    )


def test_lines_lose_no_class() -> None:
    """A missing line would make two classes one: of a rare class, or where another one is out of the question."""
    order = np.array([5, 0, 1, 2, 3, 4])
    counts = confusion_matrix(order[(truth := pixels())[None]].astype(np.uint8), truth[None].astype(np.uint8), K)
    rare = counts.copy()
    rare[4] = 0
    rare[4, 5] = 9
    assert "that holds the lines 0:1, 1:2, 2:3, 3:4, 4:5, 5:0" in (told(rare) or "")
    unfound = counts.copy()
    unfound[4, [0, 4, 5]] = unfound[4, 5] // 2 * np.array([1, 1, 0])  # which the network takes for others
    found = told(unfound) or ""
    assert found.endswith("that holds the lines 0:1, 1:2, 2:3, 3:4, 4:5, 5:0")
    unfound[3] = 0
    assert (told(unfound) or "").endswith("0:1, 1:2, 2:3, 4:5, 5:0"), "all are off by one, round the end"
    unfound[[0, 1]] = unfound[[1, 0]]
    assert (told(unfound) or "").endswith(
        "0:2, 1:1, 2:3, 5:0, and lines for 4, which lead to some of 4, 5: the predictions do not tell to which"
    )


@pytest.mark.parametrize("right", [0.6, 0.8, 1.0])
@pytest.mark.parametrize("by", [1, -1])
def test_a_list_whose_end_has_become_its_beginning_loses_no_class(by: int, right: float) -> None:
    """By which most ids are off by one, and one class goes elsewhere."""
    counts = np.roll(confusion(pixels(), right), by, axis=0)
    shift = find_shift(counts)
    assert shift is not None
    exchange = find_better_exchange(counts, shift)
    assert exchange is not None
    assert exchange.lines == {k: (k - by) % K for k in range(K)}
    assert exchange.would == np.trace(np.roll(counts, -by, axis=0)[:, :K]) / counts.sum()


@pytest.mark.parametrize("share_of_0", [1 / K, 0.4, 0.7])
def test_of_a_list_in_which_0_stays_and_the_first_is_the_last_the_whole_is_told(share_of_0: float) -> None:
    """Nothing has been merged with 0, so that a map mends it."""
    truth = pixels(share_of_0)
    ids = np.where(truth == 0, 0, 1 + (truth - 2) % (K - 1))
    answers = np.where(np.random.default_rng(1).random(truth.size) < 0.9, truth, (truth + 1) % K)
    counts = confusion_matrix(ids[None].astype(np.uint8), answers[None].astype(np.uint8), K)
    shift = find_shift(counts)
    assert shift is not None
    assert (shift.but_zero, shift.has_last) == (True, True)
    exchange = find_better_exchange(counts, shift)
    assert exchange is not None
    assert exchange.lines == {0: 0, 1: 2, 2: 3, 3: 4, 4: 5, 5: 1}


def test_of_a_list_that_is_off_by_one_in_part_the_whole_is_told() -> None:
    order = np.array([1, 2, 3, 5, 0, 4])  # the three largest classes are off by one
    rng = np.random.default_rng(0)
    truth = rng.choice(K, 20_000, p=[0.25, 0.2, 0.15, 0.13, 0.13, 0.14])
    counts = confusion(truth, 0.8)[np.argsort(order)]
    shift = find_shift(counts)
    assert shift is not None
    exchange = find_better_exchange(counts, shift)
    assert exchange is not None
    assert exchange.lines == {int(order[k]): k for k in range(K)}


@pytest.mark.parametrize("right", [0.6, 0.8, 1.0])
@pytest.mark.parametrize("unlabelled", [0.02, 0.3, 0.7])
@pytest.mark.parametrize("share", [1 / K, 0.4])
def test_what_nobody_has_labelled_is_no_class(right: float, unlabelled: float, share: float) -> None:
    """In masks whose ids run from 1, with 0 for none, and whose last class is void."""
    truth = pixels(share)
    rng = np.random.default_rng(2)
    answers = np.where(rng.random(truth.size) < right, truth, rng.integers(0, K, truth.size))
    ids = np.where(rng.random(truth.size) < unlabelled, 0, truth + 1)
    counts = confusion_matrix(ids[None].astype(np.uint8), answers[None].astype(np.uint8), K)
    if (shift := find_shift(counts)) is not None:
        assert find_better_exchange(counts, shift) is None
    assert shift is not None or unlabelled > 0.5


def test_ids_that_are_off_by_as_many_leave_none_untold() -> None:
    """Beside a background that stays, also of classes that the network never finds."""
    counts = np.zeros((8, 9), np.int64)
    counts[0, 0] = 90_000
    counts[[3, 4, 7], [2, 3, 6]] = 1000
    counts[[5, 6], 0] = 300  # both taken for background
    assert (told(counts) or "").endswith("holds the lines 0:0, 3:2, 4:3, 5:4, 6:5, 7:6")
    assert (told(np.eye(4, 5, -1, dtype=int) * 1000) or "").endswith("holds the lines 1:0, 2:1, 3:2")


def test_label_maps_that_are_numbered_by_another_list() -> None:
    listed = confusion(pixels(), 1.0)[np.argsort(ALPHABETICAL)]
    own, other = (told(listed, stored=True) or "").split("; or, if it is the label maps that are ")
    assert "holds the lines 0:1, 1:3, 2:5, 3:0, 4:4, 5:2" in own
    lines = ", ".join(f"{k}:{order}" for k, order in enumerate(ALPHABETICAL))
    assert (
        other == f"numbered so, translate ids with a file for {setting('prediction_map')} that holds the lines {lines}"
    )


@pytest.mark.parametrize("mistaken", [{3: 4, 1: 5}, {0: 1, 1: 0}, {0: 5, 1: 4, 2: 3}])
def test_classes_that_a_network_takes_for_others_are_not_exchanged(mistaken: dict[int, int]) -> None:
    """Which it does of a scene, a top for outerwear, say: that is no list of classes."""
    truth = np.array(list(mistaken))[np.random.default_rng(0).integers(0, len(mistaken), 20_000)]
    answers = np.array([mistaken[k] for k in truth])
    counts = confusion_matrix(truth[None].astype(np.uint8), answers[None].astype(np.uint8), K)
    assert told(counts) is None


@pytest.mark.parametrize("share", [1 / K, 0.9])
def test_a_bad_network_exchanges_no_classes(share: float) -> None:
    for right in (0.0, 0.2):
        assert told(confusion(pixels(share), right)) is None
    collapsed = confusion_matrix(pixels(share)[None].astype(np.uint8), np.full((1, 20_000), 3, np.uint8), K)
    assert told(collapsed) is None
    assert told(np.zeros((K, K + 1), np.int64)) is None


def test_agreement_by_chance_is_none() -> None:
    assert chance_mistake(confusion(pixels(), 1.0)) is None
    assert chance_mistake(confusion(pixels(), 0.3)) is None
    said = chance_mistake(confusion(pixels(), 0.0))
    assert said is not None
    assert said.startswith("16.")
    assert "hardly more than by chance (kappa 0.0" in said
    background = confusion_matrix(np.zeros((1, 100), np.uint8), np.zeros((1, 100), np.uint8), K)
    assert chance_mistake(background) is None  # nothing but a background is right by chance, and right
    assert chance_mistake(np.zeros((K, K + 1), np.int64)) is None


def test_a_class_that_is_never_found_is_no_agreement_by_chance() -> None:
    """Beside another that is, and a background."""
    counts = np.array([[90_000, 500, 0, 0], [400, 7_000, 0, 0], [60, 500, 0, 0]])
    assert chance_mistake(counts) is None
    assert chance_mistake(np.array([[0, 3_000, 0], [0, 97_000, 0]])) is None  # and where another alone is


def test_agreement_by_chance_is_none_where_most_is_background() -> None:
    """Of other images most agrees that is background in both."""
    rng = np.random.default_rng(0)
    truth, others = ((rng.random((1, 20_000)) < 0.07).astype(np.uint8) for _ in range(2))
    said = chance_mistake(confusion_matrix(truth, others, 2)) or ""
    assert "% of the labelled pixels agree with the predictions, hardly more than by chance (kappa " in said
    assert said.startswith(("86.", "87."))
    assert chance_mistake(confusion_matrix(truth, truth, 2)) is None
    rare = (rng.random((1, 20_000)) < 0.01).astype(np.uint8)
    assert chance_mistake(confusion_matrix(rare, 0 * rare, 2)) is None  # of which too few are there
    background = rng.random((1, 20_000)) < 0.8
    classes, other = (np.where(background, 0, rng.integers(1, K, background.shape)).astype(np.uint8) for _ in range(2))
    assert "of the labelled pixels that are not 0 agree" in (chance_mistake(confusion_matrix(classes, other, K)) or "")
    assert chance_mistake(confusion_matrix(classes, classes, K)) is None
