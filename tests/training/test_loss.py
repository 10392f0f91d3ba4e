"""The losses against a loop in float64, and where their gradients point."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from hypsegcli.hierarchy.softmax import class_log_probabilities
from hypsegcli.hierarchy.tree import ClassTree, flat_tree
from hypsegcli.network.model import NetworkOutput
from hypsegcli.training.loss import SegmentationLoss, class_weights
from hypsegcli.training.targets import OTHER, of_node

VOID = 255
FLAT = flat_tree(["a", "b", "c"])
NESTED = ClassTree(names=("a", "b", "c", "b or c"), parents=(-1, 3, 3, -1), classes=3)


def answer(tree: ClassTree, *, batch: int = 2, h: int = 4, w: int = 5, seed: int = 0) -> NetworkOutput:
    torch.manual_seed(seed)
    logits = (2 * torch.randn(batch, tree.nodes, h, w)).requires_grad_()
    distance = (6 * torch.rand(batch, h, w)).requires_grad_()
    return NetworkOutput(torch.zeros(batch, 2, h, w), logits, distance)


def masks(batch: int = 2, height: int = 16, width: int = 20, seed: int = 0) -> Tensor:
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.choice([0, 1, 2, VOID], (batch, height, width)).astype(np.int64))


def make(tree: ClassTree = FLAT, weights: tuple[float, ...] = (1.0, 1.0, 1.0), radius: float = 0.5) -> SegmentationLoss:
    return SegmentationLoss(tree, torch.tensor(weights), ignore_index=VOID, radius_weight=radius)


def test_class_weights_by_hand() -> None:
    # Of 100 pixels; the median frequency is 0.16.
    found = class_weights(np.array([80, 16, 4]), "root", largest=10.0)
    assert found.dtype == torch.float32
    assert found.tolist() == pytest.approx([math.sqrt(0.2), 1.0, 2.0])
    assert class_weights(np.array([80, 16, 4]), "inverse", largest=10.0).tolist() == pytest.approx([0.2, 1.0, 4.0])
    assert class_weights(np.array([80, 16, 4]), "none", largest=10.0).tolist() == [1.0, 1.0, 1.0]


def test_class_weights_are_held() -> None:
    assert class_weights(np.array([10**6, 100, 1]), "root", largest=4.0).tolist() == pytest.approx([0.25, 1.0, 4.0])
    assert class_weights(np.array([10**6, 100, 1]), "root", largest=1.0).tolist() == [1.0, 1.0, 1.0]


def test_classes_without_pixels_do_not_count() -> None:
    assert class_weights(np.array([0, 80, 16, 0, 4]), "root", largest=10.0).tolist() == pytest.approx(
        [1.0, math.sqrt(0.2), 1.0, 1.0, 2.0]
    )


@pytest.mark.parametrize("tree", [FLAT, NESTED], ids=["flat", "nested"])
def test_losses_against_a_loop(tree: ClassTree) -> None:
    output, target, weights = answer(tree), masks(), (0.5, 1.0, 3.0)
    loss = make(tree, weights, radius=0.7)
    with torch.no_grad():
        loss.slope.fill_(0.3)
        loss.middle.fill_(2.5)
    found = loss(output, target)

    scores = class_log_probabilities(output.logits.detach().double(), tree)
    scores = F.interpolate(scores, scale_factor=4, mode="bilinear", align_corners=False)
    distance = F.interpolate(output.distance.detach().double()[:, None], scale_factor=4, mode="bilinear")[:, 0]
    steep = math.log1p(math.exp(0.3))
    entropy, share, doubt, count = 0.0, 0.0, 0.0, 0
    for b, y, x in np.ndindex(*target.shape):
        truth = int(target[b, y, x])
        if truth == VOID:
            continue
        row = scores[b, :, y, x].tolist()
        entropy += weights[truth] * (math.log(sum(map(math.exp, row))) - row[truth])
        share += weights[truth]
        is_right = row.index(max(row)) == truth
        belief = 1 / (1 + math.exp(-steep * (float(distance[b, y, x]) - 2.5)))
        doubt -= math.log(belief if is_right else 1 - belief)
        count += 1
    assert found.classification.item() == pytest.approx(entropy / share, rel=1e-5)
    assert found.radius.item() == pytest.approx(doubt / count, rel=1e-5)
    assert found.total.item() == pytest.approx(entropy / share + 0.7 * doubt / count, rel=1e-5)


def test_the_radius_loss_pushes_wrong_pixels_in_and_right_ones_out() -> None:
    output = answer(FLAT, batch=2)
    with torch.no_grad():
        output.logits.copy_(torch.tensor([5.0, 0.0, 0.0])[None, :, None, None].expand_as(output.logits))
    target = torch.zeros(2, 16, 20, dtype=torch.int64)
    target[1] = 2  # the second image is all wrong
    loss = make()
    loss(output, target).radius.backward()
    assert output.distance.grad is not None
    right, wrong = -output.distance.grad  # the way a step of descent goes
    assert (right > 0).all()
    assert (wrong < 0).all()
    assert output.logits.grad is None, "being right is a fact, not something to be learned by this loss"
    assert loss.slope.grad is not None
    assert loss.middle.grad is not None


def test_the_slope_never_turns_round() -> None:
    """However negative its parameter, a larger distance never means less belief."""
    output, loss = answer(FLAT), make()
    with torch.no_grad():
        loss.slope.fill_(-5.0)
        output.logits.copy_(torch.tensor([5.0, 0.0, 0.0])[None, :, None, None].expand_as(output.logits))
    loss(output, torch.zeros(2, 16, 20, dtype=torch.int64)).radius.backward()
    assert output.distance.grad is not None
    assert (output.distance.grad < 0).all()


def test_void_has_no_gradient() -> None:
    output, target = answer(FLAT), masks()
    target[:, :, :12] = VOID  # grid columns 0 and 1 reach no farther than pixel 9
    make()(output, target).total.backward()
    assert output.logits.grad is not None
    assert output.distance.grad is not None
    assert not output.logits.grad[..., :2].any()
    assert not output.distance.grad[..., :2].any()
    assert output.logits.grad[..., 3:].any()
    assert output.distance.grad[..., 3:].any()


def test_what_void_pixels_say_does_not_matter() -> None:
    output, target = answer(FLAT), masks()
    target[1] = VOID
    before = make()(output, target)
    with torch.no_grad():
        output.logits[1] += 100 * torch.randn_like(output.logits[1])
        output.distance[1] = 0.0
    for one, two in zip(before, make()(output, target), strict=True):
        assert one.item() == pytest.approx(two.item(), rel=1e-6)


def test_a_batch_of_void_alone_is_zero_and_moves_nothing() -> None:
    output, loss = answer(NESTED), make(NESTED)
    found = loss(output, torch.full((2, 16, 20), VOID))
    assert [part.item() for part in found] == [0.0, 0.0, 0.0]
    found.total.backward()
    assert output.logits.grad is not None
    assert not output.logits.grad.any()
    for parameter in (output.distance, loss.slope, loss.middle):
        assert parameter.grad is None or not parameter.grad.any()


def test_weights_follow_the_module_and_are_saved() -> None:
    assert set(make().state_dict()) == {"weights", "slope", "middle"}
    assert make().to(torch.float64).weights.dtype == torch.float64


def test_the_radius_weight_scales_the_second_loss_alone() -> None:
    output, target = answer(FLAT), masks()
    none, one = make(radius=0.0)(output, target), make(radius=1.0)(output, target)
    assert none.total.item() == none.classification.item() == one.classification.item()
    assert one.total.item() == pytest.approx(one.classification.item() + none.radius.item())


def test_the_fold_teaches_the_radius_alone() -> None:
    """Each loss is that of a batch in which the other images were not labelled."""
    output, target, loss = answer(NESTED, batch=3), masks(batch=3), make(NESTED, (0.5, 1.0, 3.0))
    in_fold = torch.tensor([False, True, False])
    blank = torch.full_like(target, VOID)
    found = loss(output, target, in_fold)
    torch.testing.assert_close(
        found.classification, loss(output, torch.where(in_fold[:, None, None], blank, target)).classification
    )
    torch.testing.assert_close(found.radius, loss(output, torch.where(in_fold[:, None, None], target, blank)).radius)


@pytest.mark.parametrize("all_in_fold", [True, False])
def test_a_batch_of_one_kind_is_no_nan(all_in_fold: bool) -> None:
    output, target = answer(FLAT), masks()
    found = make()(output, target, torch.full((2,), all_in_fold))
    found.total.backward()
    assert (found.classification if all_in_fold else found.radius).item() == 0.0
    assert found.total > 0.0
    assert output.logits.grad is not None
    assert output.logits.grad.isfinite().all()


def test_another_world_teaches_that_nothing_is_right() -> None:
    """The own pixels' losses stay what they are; the others add how much they are believed in."""
    output, target, loss = answer(NESTED), masks(), make(NESTED)
    other = torch.zeros_like(target, dtype=torch.bool)
    other[:, :, :6] = True
    blank, shown = target.masked_fill(other, VOID), target.masked_fill(other, OTHER)
    without, found = loss(output, blank), loss(output, shown)
    torch.testing.assert_close(found.classification, without.classification)
    distance = F.interpolate(output.distance[:, None], size=target.shape[1:], mode="bilinear")[:, 0]
    belief = F.softplus(loss.slope) * (distance - loss.middle)
    doubt = -torch.log(1.0 - belief[other].sigmoid()).mean()
    torch.testing.assert_close(found.radius - without.radius, doubt)
    loss.other_weight = 0.0
    torch.testing.assert_close(loss(output, shown).total, without.total)
    assert loss(output, torch.full_like(target, OTHER)).total.isfinite()


def test_an_inner_node_is_right_with_any_class_below_it() -> None:
    """Its loss is that of the probability of all of them, by hand; the radius learns from its being right."""
    output, target, loss = answer(NESTED), masks(), make(NESTED, (0.5, 1.0, 3.0))
    wide = target == 1
    shown = target.masked_fill(wide, of_node(3, 3))
    with torch.no_grad():
        found = loss(output, shown)
        scores = F.interpolate(class_log_probabilities(output.logits, NESTED), size=target.shape[1:], mode="bilinear")
        p = scores.softmax(1)
        weights = loss.weights[target.clamp_max(2)].masked_fill(target == VOID, 0.0).masked_fill(wide, 1.0)
        at_target = p.gather(1, target.clamp_max(2)[:, None])[:, 0]
        nll = -torch.where(wide, p[:, 1] + p[:, 2], at_target).log()
        torch.testing.assert_close(found.classification, (weights * nll).sum() / weights.sum())
        best = p.argmax(1)
        right = torch.where(wide, best > 0, best == target)
        distance = F.interpolate(output.distance[:, None], size=target.shape[1:], mode="bilinear")[:, 0]
        belief = F.softplus(loss.slope) * (distance - loss.middle)
        labelled = target != VOID
        doubt = F.binary_cross_entropy_with_logits(belief[labelled], right[labelled].float())
        torch.testing.assert_close(found.radius, doubt)


@pytest.mark.parametrize("with_fold", [True, False])
def test_losses_of_parts_add_up_to_those_of_the_whole(with_fold: bool) -> None:
    """Parts without a pixel of some kind among them; and so do their gradients."""
    output, target, loss = answer(NESTED, batch=4), masks(batch=4), make(NESTED, (0.5, 1.0, 3.0))
    target[0, :, :5], target[1, :, :9] = OTHER, of_node(3, 3)
    target[3] = VOID
    in_fold = torch.tensor([False, True, False, False]) if with_fold else None
    whole = loss(output, target, in_fold)
    whole.total.backward()
    slopes = [loss.slope.grad, loss.middle.grad, output.logits.grad]
    assert all(slope is not None and slope.abs().sum() > 0 for slope in slopes)
    loss.zero_grad()
    output = answer(NESTED, batch=4)
    parts = (slice(0, 1), slice(1, 3), slice(3, 4))
    folds = [None if in_fold is None else in_fold[part] for part in parts]
    divisors = sum(loss.divisors(target[part], fold) for part, fold in zip(parts, folds, strict=True))
    assert isinstance(divisors, Tensor)
    torch.testing.assert_close(divisors, loss.divisors(target, in_fold))
    losses = [
        loss(NetworkOutput(*(each[part] for each in output)), target[part], fold, divisors)
        for part, fold in zip(parts, folds, strict=True)
    ]
    for index, expected in enumerate(whole):
        torch.testing.assert_close(torch.stack([each[index] for each in losses]).sum(), expected)
    torch.stack([each.total for each in losses]).sum().backward()
    for found, slope in zip([loss.slope.grad, loss.middle.grad, output.logits.grad], slopes, strict=True):
        torch.testing.assert_close(found, slope)


def test_what_losses_are_divided_by() -> None:
    loss = make(NESTED, (0.5, 1.0, 3.0))
    target = torch.tensor([[[0, 0, 1, 2, VOID, OTHER, of_node(3, 3)]], [[2, VOID, OTHER, OTHER, 0, 0, 0]]])
    assert loss.divisors(target).tolist() == [0.5 * 2 + 1 + 3 + 1 + 3 + 0.5 * 3, 9.0, 3.0]
    assert loss.divisors(target, torch.tensor([True, False])).tolist() == [3 + 0.5 * 3, 5.0, 3.0]
