"""Scores of answers that may be inner nodes, against their definitions followed pixel by pixel."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from support.records import defined, numbers

from hypsegcli.hierarchy.rule import Rule
from hypsegcli.hierarchy.tree import ClassTree, flat_tree
from hypsegcli.metrics.answers import answer_matrix, answer_sums, answers_report, right_answers, scores_of_sums
from hypsegcli.metrics.catalogue import metrics_in
from hypsegcli.metrics.classes import confusion_matrix, mean_scores
from hypsegcli.metrics.records import AnswerRow

#  6 animal: 4 cat: 0 lion, 1 tiger; 2 dog | 5 plant: 3 oak
TREE = ClassTree(
    names=("lion", "tiger", "dog", "oak", "cat", "plant", "animal"), parents=(4, 4, 6, 5, 6, -1, -1), classes=4
)
LION, TIGER, DOG, OAK, CAT, PLANT, ANIMAL, UNDECIDED = range(8)
SCORES = [metric.name for metric in metrics_in(AnswerRow)]


def score(truth: list[int], answers: list[int], tree: ClassTree = TREE) -> dict[str, float]:
    counts = answer_matrix(np.array([truth], np.uint8), np.array([answers], np.uint8), tree)
    return {name: float(value) for name, value in scores_of_sums(answer_sums(counts, tree)).items()}


def by_hand(truth: list[int], answers: list[int], tree: ClassTree) -> dict[str, float]:
    """Sets of nodes, pixel by pixel; pixels of no true class are left out."""
    pairs = [(t, a) for t, a in zip(truth, answers, strict=True) if t < tree.classes]
    paths = [(set(tree.path(t)), set(tree.path(a)) if a < tree.nodes else set()) for t, a in pairs]
    said = [(t, a) for t, a in pairs if a < tree.nodes]
    right = [(t, a) for t, a in said if a in tree.path(t)]
    below = [sum(node in tree.path(leaf) for leaf in range(tree.classes)) for node in range(tree.nodes)]
    shared = sum(len(t & a) for t, a in paths)

    def of(part: float, whole: float) -> float:
        return part / whole if whole else math.nan

    sizes = [sum(len(path) for path in side) for side in zip(*paths, strict=True)] if paths else [0, 0]
    kept = [1 - math.log(below[a]) / math.log(max(2, tree.classes)) for _, a in right]
    return {
        "answered": of(len(said), len(pairs)),
        "answer_accuracy": of(len(right), len(said)),
        "class_share": of(sum(a < tree.classes for _, a in said), len(pairs)),
        "answer_depth": of(sum(tree.depth(a) for _, a in said), len(said)),
        "hierarchical_precision": of(shared, sizes[1]),
        "hierarchical_recall": of(shared, sizes[0]),
        "hierarchical_f1": of(2 * shared, sum(sizes)),
        "information": of(sum(kept), len(pairs)),
    }


pixels = st.lists(st.tuples(st.integers(0, TREE.classes), st.integers(0, TREE.nodes)), max_size=30)


@given(pixels, st.sampled_from([TREE, flat_tree("abcdefg"), ClassTree(names=("x", "y"), parents=(1, -1), classes=1)]))
def test_scores_are_those_of_the_definitions(pairs: list[tuple[int, int]], tree: ClassTree) -> None:
    truth, answers = [min(t, tree.classes) for t, _ in pairs], [min(a, tree.nodes) for _, a in pairs]
    found = score(truth, answers, tree)
    assert list(found) == SCORES
    assert found == pytest.approx(by_hand(truth, answers, tree), abs=2e-6, nan_ok=True)


def test_a_worked_example() -> None:
    """Three answers for a lion, of depth 3: itself, a cat, a dog; and an oak of which nothing is said."""
    found = score([LION, LION, LION, OAK], [LION, CAT, DOG, UNDECIDED])
    assert found["answered"] == 3 / 4
    assert found["answer_accuracy"] == pytest.approx(2 / 3)
    assert found["class_share"] == 2 / 4
    assert found["answer_depth"] == pytest.approx((3 + 2 + 2) / 3)
    assert found["hierarchical_precision"] == pytest.approx((3 + 2 + 1) / (3 + 2 + 2))
    assert found["hierarchical_recall"] == pytest.approx((3 + 2 + 1) / (3 + 3 + 3 + 2))
    assert found["hierarchical_f1"] == pytest.approx(2 * 6 / (7 + 11))
    assert found["information"] == pytest.approx((1 + 0.5 + 0 + 0) / 4, abs=1e-6), "a cat is one of two, out of four"


def test_a_node_whose_only_class_is_the_truth_keeps_all_information() -> None:
    assert score([OAK], [PLANT])["information"] == 1.0
    assert score([OAK], [PLANT])["hierarchical_recall"] == 0.5


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=30))
def test_answers_that_are_classes_have_the_scores_of_classes(pairs: list[tuple[int, int]]) -> None:
    truth, labels = (np.array([side], np.uint8) for side in zip(*pairs, strict=True))
    means = mean_scores(confusion_matrix(truth, labels, 4))
    found = score(truth[0].tolist(), np.where(labels[0] == 4, UNDECIDED, labels[0]).tolist())
    accuracy = defined(means.pixel_accuracy) if means.pixel_accuracy is not None else math.nan
    assert found["information"] == pytest.approx(accuracy, nan_ok=True)
    assert found["class_share"] == pytest.approx(found["answered"], nan_ok=True)
    if not (labels == 4).any():
        assert found["answer_accuracy"] == pytest.approx(accuracy, nan_ok=True)


def test_right_is_the_true_class_or_above_it() -> None:
    table = right_answers(TREE)
    assert table.shape == (5, 8)
    assert [np.flatnonzero(row).tolist() for row in table] == [
        [LION, CAT, ANIMAL],
        [TIGER, CAT, ANIMAL],
        [DOG, ANIMAL],
        [OAK, PLANT],
        [],
    ]


def random_counts(seed: int) -> NDArray[np.int64]:
    counts: NDArray[np.int64] = np.random.default_rng(seed).integers(0, 50, (4, 8))
    return counts


@given(st.integers(0, 99), st.integers(0, 99))
def test_sums_of_images_are_added(one: int, other: int) -> None:
    first, second = random_counts(one), random_counts(other)
    assert (answer_sums(first + second, TREE) == answer_sums(first, TREE) + answer_sums(second, TREE)).all()
    assert (answer_sums(np.stack([first, second]), TREE)[1] == answer_sums(second, TREE)).all()


def scores(counts: NDArray[np.int64]) -> list[float]:
    return [float(value) for value in scores_of_sums(answer_sums(counts, TREE)).values()]


RULES = (Rule("auto", 0.7), Rule(1), Rule(2), Rule("auto", 0.5))
COUNTS = {rule: random_counts(seed) for seed, rule in enumerate(RULES)}
CONFUSION = np.random.default_rng(9).integers(0, 50, (4, 5))


def test_rows_go_from_deep_answers_to_coarse_ones() -> None:
    found = answers_report(COUNTS, CONFUSION, TREE, background=None, measures=[])
    assert [row.name for row in found.rows] == ["class", "level 2", "level 1", "auto, 0.5", "auto, 0.7"]
    assert [row.threshold for row in found.rows] == [None, None, None, 0.5, 0.7]
    assert (found.rule, found.chosen) == ("auto, 0.7", found.rows[-1])
    assert (found.foreground, found.background) == ([], None)
    for row in found.rows[1:]:
        (rule,) = [rule for rule in RULES if str(rule) == row.name]
        assert numbers(row, SCORES) == pytest.approx(scores(COUNTS[rule]))
    assert found.rows[0].answer_accuracy == pytest.approx(np.trace(CONFUSION[:, :4]) / CONFUSION[:, :4].sum())


def test_maps_that_hold_nodes_have_one_row() -> None:
    found = answers_report({Rule(2): COUNTS[Rule(2)]}, None, TREE, background=None, measures=[])
    assert [row.name for row in found.rows] == ["level 2"]


def test_without_the_background_its_true_pixels_are_left_out() -> None:
    found = answers_report(COUNTS, CONFUSION, TREE, background=DOG, measures=[])
    assert found.background == "dog"
    assert [row.name for row in found.foreground] == [row.name for row in found.rows]
    others = COUNTS[RULES[0]].copy()
    others[DOG] = 0
    assert numbers(found.foreground[-1], SCORES) == pytest.approx(scores(others))
    assert found.foreground[-1] != found.rows[-1]


def test_nodes_are_listed_by_their_pixels() -> None:
    counts = np.zeros((4, 8), np.int64)
    counts[LION, [LION, CAT, UNDECIDED]] = 5, 30, 99
    counts[OAK, [CAT, PLANT]] = 10, 7
    nodes = answers_report({RULES[0]: counts}, None, TREE, background=None, measures=[]).nodes
    assert [(node.name, node.depth, node.is_class, node.pixels, node.right) for node in nodes] == [
        ("cat", 2, False, 40, 0.75),
        ("plant", 1, False, 7, 1.0),
        ("lion", 3, True, 5, 1.0),
    ]
