"""Laws of probabilities on trees of any shape, and the reference implementation's own numbers."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.golden import TREES, golden_cases, golden_tree, golden_values
from torch import Tensor

from hypsegcli.errors import TreeError
from hypsegcli.hierarchy.rule import Factors, Rule, rules_beside
from hypsegcli.hierarchy.softmax import (
    answer_chances,
    class_log_probabilities,
    decide_as_deep_as_sure,
    decide_at_level,
    decide_by_rules,
    node_log_conditionals,
    node_probabilities,
)
from hypsegcli.hierarchy.tree import ROOT, ClassTree, flat_tree

PIXELS = (2, 3)  # of the grids below
EPS = torch.finfo(torch.float64).eps

some = settings(max_examples=40, deadline=None)
seeds = st.integers(0, 2**32 - 1)


@st.composite
def trees(draw: st.DrawFn) -> ClassTree:
    """Trees with up to 6 inner nodes in any order, leaves beside inner nodes, only children, long chains."""
    inner = draw(st.integers(0, 6))
    above = [draw(st.integers(-1, node - 1)) for node in range(inner)]  # -1 is the root
    leaves = draw(st.lists(st.integers(-1, inner - 1), min_size=1, max_size=8))
    leaves += [node for node in range(inner) if node not in above and node not in leaves]
    leaves = draw(st.permutations(leaves))
    order = draw(st.permutations(range(inner)))  # inner node i of the construction is number K + order[i]
    K = len(leaves)

    def number(node: int) -> int:
        return ROOT if node < 0 else K + order[node]

    inner_parents = [ROOT] * inner
    for node, parent in enumerate(above):
        inner_parents[order[node]] = number(parent)
    parents = (*(number(parent) for parent in leaves), *inner_parents)
    return ClassTree(names=tuple(f"n{node}" for node in range(len(parents))), parents=parents, classes=K)


def logits_for(tree: ClassTree, seed: int, scale: float = 3.0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(1, tree.nodes, *PIXELS, generator=generator, dtype=torch.float64)


def by_hand(column: list[float], tree: ClassTree) -> tuple[list[float], list[float]]:
    """P(node | parent) and P(node) of one pixel, with plain floats and the definition."""
    conditional = []
    for node in range(tree.nodes):
        siblings = [column[other] for other in range(tree.nodes) if tree.parents[other] == tree.parents[node]]
        conditional.append(math.exp(column[node]) / sum(map(math.exp, siblings)))
    joint = []
    for start in range(tree.nodes):
        product, node = 1.0, start
        while node != ROOT:
            product *= conditional[node]
            node = tree.parents[node]
        joint.append(product)
    return conditional, joint


def close(found: Tensor, wanted: Tensor, tolerance: float = 64 * EPS) -> None:
    torch.testing.assert_close(found, wanted, rtol=tolerance, atol=tolerance)


@some
@given(trees(), seeds)
def test_everything_equals_the_definition_in_a_loop(tree: ClassTree, seed: int) -> None:
    logits = logits_for(tree, seed)
    conditionals = node_log_conditionals(logits, tree).exp()
    probabilities = class_log_probabilities(logits, tree).exp()
    nodes = node_probabilities(probabilities, tree)
    for y, x in np.ndindex(*PIXELS):
        conditional, joint = by_hand(logits[0, :, y, x].tolist(), tree)
        close(conditionals[0, :, y, x], torch.tensor(conditional, dtype=torch.float64))
        close(probabilities[0, :, y, x], torch.tensor(joint[: tree.classes], dtype=torch.float64))
        close(nodes[0, :, y, x], torch.tensor(joint, dtype=torch.float64))


@some
@given(trees(), seeds, st.sampled_from([1e-3, 1.0, 30.0, 1e4]))
def test_probabilities_sum_to_one(tree: ClassTree, seed: int, scale: float) -> None:
    logits = logits_for(tree, seed, scale)
    probabilities = class_log_probabilities(logits, tree).exp()
    close(probabilities.sum(1), torch.ones(1, *PIXELS, dtype=torch.float64))
    conditionals = node_log_conditionals(logits, tree).exp()
    nodes = node_probabilities(probabilities, tree)
    for group in tree.sibling_groups():
        close(conditionals[:, list(group)].sum(1), torch.ones(1, *PIXELS, dtype=torch.float64))
        parent = tree.parents[group[0]]
        whole = torch.ones(1, *PIXELS, dtype=torch.float64) if parent == ROOT else nodes[:, parent]
        close(nodes[:, list(group)].sum(1), whole)


@some
@given(trees(), seeds)
def test_a_constant_added_to_siblings_changes_nothing(tree: ClassTree, seed: int) -> None:
    logits = logits_for(tree, seed)
    moved = logits.clone()
    for number, group in enumerate(tree.sibling_groups()):
        moved[:, list(group)] += 10.0 * number
    # 10 times the number of a group is at most 70: that many ulps.
    close(class_log_probabilities(moved, tree), class_log_probabilities(logits, tree), 70 * 16 * EPS)


@some
@given(trees(), seeds)
def test_the_deepest_level_answers_with_the_most_probable_class(tree: ClassTree, seed: int) -> None:
    probabilities = class_log_probabilities(logits_for(tree, seed), tree).exp()
    found = decide_at_level(probabilities, tree, tree.max_depth)
    assert found.dtype == torch.int64
    assert torch.equal(found, probabilities.argmax(1))


@some
@given(trees(), seeds)
def test_a_level_answers_with_its_most_probable_node(tree: ClassTree, seed: int) -> None:
    probabilities = class_log_probabilities(logits_for(tree, seed), tree).exp()
    for level in range(1, tree.max_depth + 1):
        # Nodes of this depth, and classes that end above it.
        answers = {
            n for n in range(tree.nodes) if tree.depth(n) == level or (n < tree.classes and tree.depth(n) < level)
        }
        found = decide_at_level(probabilities, tree, level)
        for y, x in np.ndindex(*PIXELS):
            column = probabilities[0, :, y, x].tolist()
            sums = {n: sum(p for leaf, p in enumerate(column) if n in tree.path(leaf)) for n in answers}
            assert sums[int(found[0, y, x])] >= max(sums.values()) - 16 * EPS


@some
@given(trees(), seeds, st.sampled_from([0.3, 3.0, 10.0]))
def test_sure_answers_form_a_chain_and_rise_with_the_threshold(tree: ClassTree, seed: int, scale: float) -> None:
    probabilities = class_log_probabilities(logits_for(tree, seed, scale), tree).exp()
    nodes = node_probabilities(probabilities, tree)
    thresholds = (0.5, 0.6, 0.75, 0.9, 0.99)
    answers = [decide_as_deep_as_sure(probabilities, tree, threshold) for threshold in thresholds]
    for y, x in np.ndindex(*PIXELS):
        column = nodes[0, :, y, x].tolist()
        chain = [int(answer[0, y, x]) for answer in answers]
        for node, threshold in zip(chain, thresholds, strict=True):
            sure = [n for n in range(tree.nodes) if column[n] > threshold]
            if node == tree.nodes:
                assert not sure
                continue
            assert set(sure) == set(tree.path(node)), "the answer is the lower end of the chain of sure nodes"
        for lower, upper in pairwise(chain):
            assert upper == tree.nodes or upper in tree.path(lower)


def test_sure_answers_of_a_small_tree() -> None:
    #        left (3): a (0), b (1);   c (2)
    tree = ClassTree(names=("a", "b", "c", "left"), parents=(3, 3, -1, -1), classes=3)
    pixels = torch.tensor([[0.8, 0.1, 0.1], [0.4, 0.4, 0.2], [0.3, 0.1, 0.6], [0.3, 0.2, 0.5]]).T[None]
    root = tree.nodes
    assert decide_as_deep_as_sure(pixels, tree, 0.5).tolist() == [[0, 3, 2, root]]
    assert decide_as_deep_as_sure(pixels, tree, 0.85).tolist() == [[3, root, root, root]]
    assert decide_at_level(pixels, tree, 1).tolist() == [[3, 3, 2, 2]]


@some
@given(trees(), seeds)
def test_answers_by_rules_are_those_of_one_rule_at_a_time(tree: ClassTree, seed: int) -> None:
    probabilities = class_log_probabilities(logits_for(tree, seed), tree).exp()
    rules = rules_beside(Rule("auto", 0.72), tree)
    answers = list(decide_by_rules(probabilities, tree, rules))
    assert len(answers) == len(rules) > 10
    for (level, threshold), found in zip(rules, answers, strict=True):
        if level == "auto":
            assert threshold is not None
            assert torch.equal(found, decide_as_deep_as_sure(probabilities, tree, threshold))
        else:
            assert torch.equal(found, decide_at_level(probabilities, tree, level))


@some
@given(trees(), seeds)
def test_chances_are_those_of_the_answer_and_of_the_most_probable_class(tree: ClassTree, seed: int) -> None:
    probabilities = class_log_probabilities(logits_for(tree, seed), tree).exp()
    nodes = node_probabilities(probabilities, tree)
    below = torch.from_numpy(tree.leaves_below())
    for node in range(tree.nodes):
        answer, best, holds = answer_chances(probabilities, tree, torch.full((1, *PIXELS), node))
        assert torch.equal(answer, nodes[:, node])
        assert torch.equal(best, probabilities.amax(1))
        assert torch.equal(holds, below[node][probabilities.argmax(1)])
    coarsest = [node for node in range(tree.nodes) if tree.depth(node) == 1]
    answer, _, _ = answer_chances(probabilities, tree, torch.full((1, *PIXELS), tree.nodes))
    assert torch.equal(answer, nodes[:, coarsest].amax(1)), "of what would have been said were it more probable"


@pytest.mark.parametrize("threshold", [0.0, 0.49, 1.0, 1.5, -1.0, math.nan])
def test_thresholds_without_a_meaning_are_refused(threshold: float) -> None:
    with pytest.raises(ValueError, match=r"the threshold must lie in \[0.5, 1\)"):
        decide_as_deep_as_sure(torch.ones(1, 2, 1) / 2, flat_tree(("a", "b")), threshold)


def test_levels_without_a_meaning_are_refused() -> None:
    with pytest.raises(TreeError, match="level 2 does not exist"):
        decide_at_level(torch.ones(1, 2, 1) / 2, flat_tree(("a", "b")), 2)


@some
@given(trees(), seeds, st.sampled_from([torch.float32, torch.float64]))
def test_extreme_logits_stay_finite_and_normalised(tree: ClassTree, seed: int, dtype: torch.dtype) -> None:
    """The reference subtracts the largest logit of all nodes, so that groups far below it lose their softmax."""
    logits = (1e4 * logits_for(tree, seed).sign()).to(dtype).requires_grad_()
    scores = class_log_probabilities(logits, tree)
    assert scores.isfinite().all()
    close(scores.exp().sum(1), torch.ones(1, *PIXELS, dtype=dtype), 64 * torch.finfo(dtype).eps)
    (gradient,) = torch.autograd.grad(scores.sum(), logits)
    assert gradient.isfinite().all()


def test_a_group_far_below_the_others_keeps_its_softmax() -> None:
    tree = ClassTree(names=("a", "b", "c", "left"), parents=(3, 3, -1, -1), classes=3)
    logits = torch.tensor([-1e4, -1e4 + 1.0, 1e4, 1e4])[None, :, None]
    found = node_log_conditionals(logits, tree).exp().flatten()
    odds = math.exp(1.0)
    wanted = torch.tensor([1.0 / (1.0 + odds), odds / (1.0 + odds), 0.5, 0.5])
    close(found, wanted, 4 * torch.finfo(torch.float32).eps)


@some
@given(trees(), seeds)
def test_a_flat_head_needs_one_logit_a_class_whatever_the_tree(tree: ClassTree, seed: int) -> None:
    logits = logits_for(tree, seed)[:, : tree.classes]
    close(class_log_probabilities(logits, tree), logits.log_softmax(1))


@some
@given(trees(), seeds)
def test_memory_layout_and_pixel_axes_do_not_matter(tree: ClassTree, seed: int) -> None:
    logits = logits_for(tree, seed)
    wanted = class_log_probabilities(logits, tree)
    close(class_log_probabilities(logits.to(memory_format=torch.channels_last), tree), wanted)
    close(class_log_probabilities(logits.flatten(2), tree), wanted.flatten(2))
    close(class_log_probabilities(logits[:, :, 0, 0], tree), wanted[:, :, 0, 0])


@pytest.mark.parametrize("name", TREES)
def test_golden_values_of_the_reference_implementation(name: str) -> None:
    """The reference is this softmax with two clamps: group sums held above 1e-15, factors above 1e-4."""
    tree = golden_tree(name)
    values = {case: golden_values(case) for case in golden_cases(name)}
    assert values
    clamped = compared = 0
    for case in values:
        logits, cond, joint = (
            torch.from_numpy(values[case][k]).permute(0, 3, 1, 2) for k in ("logits", "cond", "joint")
        )
        exact = node_log_conditionals(logits.double(), tree)
        # Sums of exp(logit - largest logit of all) over the siblings, in float32 as there: below 1e-45 they are 0.
        shares = torch.exp(logits - logits.amax(1, keepdim=True)).double()
        siblings = torch.from_numpy(np.equal.outer(tree.parents, tree.parents)).double()
        group = torch.einsum("ij,bjhw->bihw", siblings, shares)
        theirs = torch.where(group >= 1e-15, exact.exp(), shares / 1e-15)
        clamped += int((group < 1e-15).sum())
        # Logits up to 34 in float32: an ulp of them is 2e-6, which exp makes a relative error.
        torch.testing.assert_close(cond.double(), theirs, rtol=1e-5, atol=1e-7)
        path = torch.from_numpy(tree.ancestors()).double()
        product = torch.einsum("ij,bjhw->bihw", path, theirs.clamp_min(1e-4).log()).exp()
        torch.testing.assert_close(joint.double(), product, rtol=1e-4, atol=1e-12)
        label = torch.from_numpy(values[case]["label"]).long().reshape(1, *logits.shape[2:])
        assert torch.equal(joint[:, : tree.classes].argmax(1), label)
        # Where no group was lost, a clamped path has at most 1e-4 and cannot beat the most probable class.
        kept = (group >= 1e-15).all(1)
        assert torch.equal(class_log_probabilities(logits, tree).argmax(1)[kept], label[kept])
        compared += int(kept.sum())
    assert clamped > 0 or tree.is_flat
    assert 2 * compared > 42 * len(values), "of 42 pixels a case"


NESTED = ClassTree(names=("a", "b", "c", "group"), parents=(3, 3, -1, -1), classes=3)


def test_factors_may_be_held_above_a_least_one() -> None:
    """As the reference holds each: two far below it still count as it, and so do both along a path."""
    logits = torch.tensor([0.0, -40.0, 0.0, -50.0])[None, :, None]
    found = class_log_probabilities(logits, NESTED, Factors(least=1e-4)).exp().flatten()
    torch.testing.assert_close(found, torch.tensor([1e-4, 1e-8, 1.0]))


def test_classes_may_be_told_apart_by_the_sums_of_logits_along_their_paths() -> None:
    logits = torch.randn(2, 4, 5, generator=torch.Generator().manual_seed(0))
    sums = torch.stack([logits[:, 3] + logits[:, 0], logits[:, 3] + logits[:, 1], logits[:, 2]], 1)
    found = class_log_probabilities(logits, NESTED, Factors(of_siblings=False))
    torch.testing.assert_close(found, sums.log_softmax(1))
