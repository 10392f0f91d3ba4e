"""Who comes first where near-identical images must not all be on top."""

from __future__ import annotations

from collections import Counter
from math import ceil, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hypsegcli.run.diversity import APART, diverse_order, newness


def pool(seed: int, *, scenes: int = 8, each: int = 12) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores, signatures and scenes of near-identical frames of some scenes, mixed."""
    random = np.random.default_rng(seed)
    scene = random.permutation(np.repeat(np.arange(scenes), each))
    signatures = random.integers(20, 230, (scenes, 64))[scene] + random.integers(-2, 3, (len(scene), 64))
    scores = 1000 * (1 + scene) + random.random(len(scene))  # all frames of a scene are worth about as much
    return scores, signatures.astype(np.uint8), scene


def plain(scores: np.ndarray, signatures: np.ndarray, apart: float) -> list[int]:
    """The definition, image by image, in Python's numbers."""
    rows = [[int(number) for number in row] for row in signatures]
    square = {
        (a, b): sum((x - y) ** 2 for x, y in zip(rows[a], rows[b], strict=True))
        for a in range(len(rows))
        for b in range(len(rows))
    }
    reach = apart * sqrt(sum(square.values()) / len(rows) ** 2)
    left = sorted(range(len(rows)), key=lambda number: -scores[number])
    order: list[int] = []
    while left:
        worth = {
            number: scores[number] * min([1.0, *(sqrt(square[number, taken]) / reach for taken in order)])
            for number in left
        }
        best = max(left, key=lambda number: worth[number])
        if worth[best] == 0:
            return order + left
        order.append(best)
        left.remove(best)
    return order


def test_of_near_identical_images_one_is_on_top() -> None:
    scores, signatures, scene = pool(0)
    order = diverse_order(scores, signatures)
    assert order[0] == scores.argmax()
    assert sorted(scene[order[:8]]) == list(range(8))
    assert set(scene[np.argsort(-scores)[:12]]) == {7}, "by score alone, twelve of one scene are on top"


def test_images_that_differ_are_in_the_order_of_their_scores() -> None:
    scores = np.random.default_rng(1).random(20)
    signatures = (np.eye(20, 64) * 255).astype(np.uint8)  # all as far from each other
    assert diverse_order(scores, signatures).tolist() == np.argsort(-scores).tolist()


@pytest.mark.parametrize("apart", [0.5, 3.0])
def test_it_is_what_its_definition_says(apart: float) -> None:
    random = np.random.default_rng(2)
    scores = random.random(40) ** 2
    signatures = random.integers(0, 4, (40, 3), dtype=np.uint8)  # some of them twice
    assert diverse_order(scores, signatures, apart=apart).tolist() == plain(scores, signatures, apart)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 60), st.integers(1, 64), st.integers(0, 2**32 - 1))
def test_blocks_and_places_asked_for_change_no_earlier_place(count: int, size: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    scores = random.integers(0, 5, count)  # many alike
    signatures = random.integers(0, 3, (count, size), dtype=np.uint8)
    classes = random.integers(0, 4, count)
    whole = diverse_order(scores, signatures, classes, quotas=0.4)
    assert sorted(whole) == list(range(count))
    assert np.array_equal(diverse_order(scores, signatures, classes, quotas=0.4, block=3), whole)
    some = diverse_order(scores, signatures, classes, quotas=0.4, most=7)
    assert np.array_equal(some[:7][scores[some[:7]] > 0], whole[:7][scores[whole[:7]] > 0])
    assert (np.diff(scores[some[7:]]) <= 0).all()


def test_it_is_the_same_however_large_the_numbers_are() -> None:
    """The largest squared distance there can be is a whole number in float32 still."""
    signatures = np.zeros((3, 64), np.uint8)
    signatures[1], signatures[2], signatures[2, 0] = 255, 255, 254
    assert diverse_order(np.array([3.0, 1.0, 1.0]), signatures).tolist() == [0, 1, 2]
    assert diverse_order(np.array([3.0, 1.0, 1.0]), signatures, apart=5).tolist() == [0, 1, 2]


def test_copies_follow_behind_all_others() -> None:
    signatures = np.array([[0], [0], [9], [0], [200]], np.uint8)
    assert diverse_order(np.array([5.0, 4.0, 0.1, 4.5, 0.0]), signatures).tolist() == [0, 2, 3, 1, 4]


@pytest.mark.parametrize("with_signatures", [False, True])
def test_no_class_has_more_than_its_quota_of_any_first_places(with_signatures: bool) -> None:
    scores, signatures, scene = pool(3)
    quotas = {7: 0.25, 6: 0.1}
    order = diverse_order(scores, signatures if with_signatures else None, scene, quotas=quotas)
    for count in range(1, 60):
        found = Counter(scene[order[:count]].tolist())
        assert all(found[kind] <= ceil(share * count) for kind, share in quotas.items())
    if not with_signatures:
        assert Counter(scene[order[:8]].tolist()) == {7: 2, 6: 1, 5: 5}


def test_a_quota_gives_way_where_there_is_nothing_else() -> None:
    scores, classes = np.array([4.0, 3.0, 2.0, 1.0]), np.array([1, 1, 1, 0])
    assert diverse_order(scores, None, classes, quotas=0.5).tolist() == [0, 3, 1, 2]


def test_without_signatures_or_quotas_it_is_the_order_of_scores() -> None:
    scores, signatures, _ = pool(4)
    for order in (diverse_order(scores), diverse_order(scores, signatures, apart=0)):
        assert np.array_equal(order, np.argsort(-scores, kind="stable"))
    assert diverse_order(np.empty(0), np.empty((0, 64), np.uint8)).shape == (0,)
    assert diverse_order(np.ones(3), np.full((3, 64), 7, np.uint8)).tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((np.array([1.0, np.nan]),), "scores"),
        ((np.array([1.0, -1.0]),), "scores"),
        ((np.ones((2, 2)),), "scores"),
        ((np.ones(2), np.ones((2, 64))), "float64"),
        ((np.ones(2), np.ones((2, 65), np.uint8)), "65"),
        ((np.ones(2), np.ones((3, 64), np.uint8)), "expected uint8"),
        ((np.ones(2), None, np.ones(3, int)), "classes"),
    ],
)
def test_other_arrays_are_refused(arguments: tuple[np.ndarray, ...], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        diverse_order(*arguments)


@pytest.mark.parametrize("quotas", [0.0, 1.5, {1: -1.0}])
def test_other_quotas_are_refused(quotas: float) -> None:
    with pytest.raises(ValueError, match="shares"):
        diverse_order(np.ones(2), None, np.ones(2, int), quotas=quotas)
    with pytest.raises(ValueError, match="class of each"):
        diverse_order(np.ones(2), quotas=0.5)


def test_a_hundred_thousand_images_are_ordered_in_no_time() -> None:
    """Most are never looked at: what an image was worth before bounds what it is worth now."""
    random = np.random.default_rng(5)
    scores = random.random(100_000) ** 3
    signatures = random.integers(0, 256, (500, 64), dtype=np.uint8)[random.integers(0, 500, len(scores))]
    order = diverse_order(scores, signatures, most=100)
    assert len({signatures[number].tobytes() for number in order[:100]}) == 100


@pytest.mark.parametrize("most", [None, 5, 0])
def test_newness_is_what_each_counted_for_when_it_was_placed(most: int | None) -> None:
    scores, signatures, _ = pool(3, each=8)
    signatures[7] = signatures[20]
    order = diverse_order(scores, signatures, most=most)
    rows = signatures.astype(int)
    squares = ((rows[:, None] - rows) ** 2).sum(2)
    reach = APART * sqrt(squares.mean())
    front = order if most is None else order[:most]
    for place, number in enumerate(order):
        nearest = min((squares[number, taken] for taken in front[:place]), default=np.inf)
        assert newness(scores, signatures, most=most)[number] == pytest.approx(min(1.0, sqrt(nearest) / reach))
    assert newness(scores, signatures, apart=0).tolist() == [1.0] * len(scores)
    assert newness(np.zeros(0), np.zeros((0, 64), np.uint8)).tolist() == []
