"""Scores over the class tree against its definitions, followed pixel by pixel."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from support.records import defined, scores_of

from hypsegcli.hierarchy.tree import ROOT, ClassTree, flat_tree
from hypsegcli.metrics.classes import class_scores, confusion_matrix, mean_scores
from hypsegcli.metrics.hierarchy import level_scores, mistake_distance, relaxed_scores

Pairs = list[tuple[int, int | None]]  # true and predicted class of labelled pixels; None where there is no answer


@st.composite
def trees(draw: st.DrawFn) -> ClassTree:
    """Up to 7 classes at depths of 1 to 4, some below the root, some alone below their parent."""
    places = draw(st.lists(st.lists(st.integers(0, 1), max_size=3).map(tuple), min_size=1, max_size=7))
    inner = sorted({place[:end] for place in places for end in range(1, len(place) + 1)}, key=lambda p: (len(p), p))
    index = {place: len(places) + number for number, place in enumerate(inner)} | {(): ROOT}
    return ClassTree(
        names=(*(f"class {k}" for k in range(len(places))), *(f"inner {place}" for place in inner)),
        parents=(*(index[place] for place in places), *(index[place[:-1]] for place in inner)),
        classes=len(places),
    )


@st.composite
def scenes(draw: st.DrawFn) -> tuple[ClassTree, Pairs, NDArray[np.int64]]:
    tree = draw(trees())
    size = draw(st.integers(1, 24))
    ids = st.lists(st.integers(0, tree.classes), min_size=size, max_size=size)
    truth, predicted = (np.array([draw(ids)], np.uint8) for _ in range(2))
    pairs = [
        (t, p if p < tree.classes else None)
        for t, p in zip(truth[0].tolist(), predicted[0].tolist(), strict=True)
        if t < tree.classes
    ]
    return tree, pairs, confusion_matrix(truth, predicted, tree.classes)


def scored(pairs: list[tuple[Any, Any]]) -> tuple[float, float, float]:
    """mIoU, pixel accuracy and mean recall, label by label."""
    if not pairs:
        return math.nan, math.nan, math.nan
    true = {t for t, _ in pairs}
    ious, recalls = [], []
    for label in true | {p for _, p in pairs if p is not None}:
        hits = sum(t == p == label for t, p in pairs)
        ious.append(hits / sum(label in pair for pair in pairs))
        if label in true:
            recalls.append(hits / sum(t == label for t, _ in pairs))
    return sum(ious) / len(ious), sum(t == p for t, p in pairs) / len(pairs), sum(recalls) / len(recalls)


def up(tree: ClassTree, node: int) -> int:
    """The parent; the root's is the root."""
    return ROOT if node == ROOT else tree.parents[node]


def is_below(tree: ClassTree, node: int, ancestor: int) -> bool:
    while node != ROOT:
        node = tree.parents[node]
        if node == ancestor:
            return True
    return False


@given(scene=scenes())
def test_mapped_scores_replace_classes_by_their_ancestor(scene: tuple[ClassTree, Pairs, NDArray[np.int64]]) -> None:
    tree, pairs, confusion = scene
    found = {(scores.definition, scores.family): scores for scores in relaxed_scores(confusion, tree)}
    parent = {k: up(tree, k) for k in range(tree.classes)}
    grandparent = {k: up(tree, parent[k]) for k in range(tree.classes)}
    for family, ancestor in (("sibling", parent), ("cousin", grandparent)):
        mapped = [(ancestor[t], None if p is None else ancestor[p]) for t, p in pairs]
        assert scores_of(found["mapped", family]) == pytest.approx(scored(mapped), nan_ok=True)


@given(scene=scenes())
def test_moved_scores_forgive_mistakes_within_the_family(scene: tuple[ClassTree, Pairs, NDArray[np.int64]]) -> None:
    tree, pairs, confusion = scene
    before = confusion.copy()
    found = {(scores.definition, scores.family): scores for scores in relaxed_scores(confusion, tree)}
    np.testing.assert_array_equal(confusion, before)

    def family(k: int, name: str) -> set[int]:
        parent = tree.parents[k]
        if parent == ROOT:
            return {k}
        above = tree.parents[parent]
        head = above if name == "cousin" and above != ROOT else parent
        return {other for other in range(tree.classes) if is_below(tree, other, head)}

    for name in ("sibling", "cousin"):
        moved = [(t, t if p in family(t, name) else p) for t, p in pairs]
        assert scores_of(found["moved", name]) == pytest.approx(scored(moved), nan_ok=True)


@given(scene=scenes())
def test_levels_score_the_nodes_that_answer(scene: tuple[ClassTree, Pairs, NDArray[np.int64]]) -> None:
    tree, pairs, confusion = scene
    levels = level_scores(confusion, tree)
    assert [scores.level for scores in levels] == list(range(1, tree.max_depth + 1))
    for scores in levels:
        names = [tree.names[tree.path(k)[min(scores.level, tree.depth(k)) - 1]] for k in range(tree.classes)]
        merged = [(names[t], None if p is None else names[p]) for t, p in pairs]
        level, *found = scores_of(scores)
        assert level == scores.level
        assert found == pytest.approx(scored(merged), nan_ok=True)
        assert set(scores.nodes) == set(names)
        assert len(scores.nodes) == len(set(names))
        for node, iou in zip(scores.nodes, scores.iou, strict=True):
            seen = [pair for pair in merged if node in pair]
            assert iou == (pytest.approx(sum(t == p for t, p in seen) / len(seen)) if seen else None)


@given(scene=scenes())
def test_the_deepest_level_is_that_of_the_classes(scene: tuple[ClassTree, Pairs, NDArray[np.int64]]) -> None:
    tree, _, confusion = scene
    last, plain = level_scores(confusion, tree)[-1], mean_scores(confusion)
    assert last.nodes == list(tree.names[: tree.classes])
    np.testing.assert_array_equal(np.array(last.iou, float), class_scores(confusion).iou)
    assert (last.pixel_accuracy, last.miou) == (plain.pixel_accuracy, plain.miou)
    assert last.class_accuracy == plain.class_accuracy


@given(scene=scenes())
def test_a_wider_family_forgives_more(scene: tuple[ClassTree, Pairs, NDArray[np.int64]]) -> None:
    tree, pairs, confusion = scene
    if not pairs:
        return
    _, _, sibling, cousin = relaxed_scores(confusion, tree)
    plain, in_family, in_wider = (defined(means.pixel_accuracy) for means in (mean_scores(confusion), sibling, cousin))
    assert plain <= in_family <= in_wider
    # All that changes in a level upwards is that answers become right.
    accuracies = [defined(scores.pixel_accuracy) for scores in level_scores(confusion, tree)]
    assert accuracies == sorted(accuracies, reverse=True)


@given(scene=scenes())
def test_mistake_distance_counts_the_steps_between_two_classes(
    scene: tuple[ClassTree, Pairs, NDArray[np.int64]],
) -> None:
    tree, pairs, confusion = scene
    links: dict[int, set[int]] = {node: set() for node in range(ROOT, tree.nodes)}
    for node, parent in enumerate(tree.parents):
        links[node].add(parent)
        links[parent].add(node)

    def steps(start: int, end: int) -> int:
        reached, count = {start}, 0
        while end not in reached:
            reached |= {near for node in reached for near in links[node]}
            count += 1
        return count

    walks = [steps(t, p) for t, p in pairs if p is not None and p != t]
    expected = sum(walks) / len(walks) if walks and not tree.is_flat else math.nan
    before = confusion.copy()
    assert mistake_distance(confusion, tree) == pytest.approx(expected, nan_ok=True)
    np.testing.assert_array_equal(confusion, before)


def test_a_flat_tree_forgives_nothing_but_where_all_is_mapped_to_the_root() -> None:
    confusion = np.array([[3, 1, 0, 2], [0, 0, 4, 0], [1, 0, 5, 1]], np.int64)
    tree, plain = flat_tree(["a", "b", "c"]), mean_scores(confusion)
    assert len(level_scores(confusion, tree)) == 1
    scores = relaxed_scores(confusion, tree)
    names = [("mapped", "sibling"), ("mapped", "cousin"), ("moved", "sibling"), ("moved", "cousin")]
    assert [(entry.definition, entry.family) for entry in scores] == names
    for entry in scores[:2]:  # only pixels without an answer are missed
        assert scores_of(entry) == [14 / 17, 14 / 17, 14 / 17]
    for entry in scores[2:]:
        assert scores_of(entry) == [plain.miou, plain.pixel_accuracy, plain.class_accuracy]
    assert math.isnan(mistake_distance(confusion, tree)), "it would be 2, whatever the mistakes are"


def test_a_tree_by_hand() -> None:
    # a and b are siblings; c is their cousin; d hangs from the root.
    names = ("a", "b", "c", "d", "top", "pair", "single")
    tree = ClassTree(names=names, parents=(5, 5, 6, ROOT, ROOT, 4, 4), classes=4)
    confusion = np.array([[1, 2, 4, 8, 16], [0, 0, 0, 0, 0], [0, 0, 3, 0, 0], [1, 0, 0, 1, 0]], np.int64)
    mapped_sibling, mapped_cousin, moved_sibling, moved_cousin = relaxed_scores(confusion, tree)
    # pair {a, b}, single {c} and the root {d}; then top {a, b, c} and the root {d}.
    assert mapped_sibling.miou == pytest.approx((3 / 32 + 3 / 7 + 1 / 10) / 3)
    assert mapped_cousin.miou == pytest.approx((10 / 35 + 1 / 10) / 2)
    # b is neither true nor predicted once its two pixels are a's; then c loses its false positives as well.
    assert moved_sibling.miou == pytest.approx((3 / 32 + 3 / 7 + 1 / 10) / 3)
    assert moved_cousin.miou == pytest.approx((7 / 32 + 3 / 3 + 1 / 10) / 3)
    assert mapped_cousin.class_accuracy == pytest.approx((10 / 34 + 1 / 2) / 2)
    assert moved_cousin.class_accuracy == pytest.approx((7 / 31 + 1 + 1 / 2) / 3)
    assert mistake_distance(confusion, tree) == pytest.approx((2 * 2 + 4 * 4 + 8 * 4 + 1 * 4) / 15)
