"""How prototypes are taught: golden numbers and laws of the paper's assignment, and that they stay several."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from support.ranks import run_ranks, taught
from torch import Tensor

from hypsegcli.hierarchy.tree import flat_tree
from hypsegcli.network.config import ModelConfig
from hypsegcli.network.prototypes import PrototypeHead
from hypsegcli.training.config import TrainConfig
from hypsegcli.training.prototypes import PrototypeTeacher, assign, make_teacher, sinkhorn
from hypsegcli.training.ranks import ALONE

K, P, D = 2, 4, 8
VOID = 255


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def head_for(**fields: Any) -> PrototypeHead:
    torch.manual_seed(0)
    config = {"nodes": K, "embedding_size": D, "prototypes": P, "head": "prototypes", "softmax": "flat"}
    return PrototypeHead(ModelConfig.model_validate(config | fields))


def teacher_for(**settings: Any) -> PrototypeTeacher:
    given = {"ignore_index": VOID, "ppc_weight": 1.0, "ppd_weight": 1.0, "momentum": 0.9, "warmup": 0, "seed": 0}
    return PrototypeTeacher(K, **(given | settings))


def crowds(seed: int, *, spread: float = 0.1) -> tuple[Tensor, Tensor, Tensor]:
    """Embeddings (1, D, 16, 16) of two classes (1, 64, 64) around four directions each, (K, P, D)."""
    middles = F.normalize(torch.randn(K, P, D, generator=generator(99)), dim=2)
    classes = torch.arange(256).reshape(16, 16) // 128
    modes = torch.randint(0, P, (16, 16), generator=generator(seed))
    vectors = middles[classes, modes] + spread * torch.randn(16, 16, D, generator=generator(seed + 1))
    return vectors.movedim(-1, 0)[None], classes.repeat_interleave(4, 0).repeat_interleave(4, 1)[None], middles


def test_sinkhorn_by_hand() -> None:
    """Three rounds in float64, as the paper writes them down."""
    shares = sinkhorn(torch.tensor([[0.9, 0.1], [0.8, 0.2], [0.7, 0.6], [0.1, 0.3]]))
    torch.testing.assert_close(shares[:, 0], torch.tensor([0.9999, 0.9971, 0.0153, 0.0000]), rtol=0, atol=5e-5)


def test_each_pixel_is_shared_out_and_each_prototype_gets_as_much() -> None:
    shares = sinkhorn(torch.rand(500, 5, generator=generator()))
    torch.testing.assert_close(shares.sum(1), torch.ones(500))
    torch.testing.assert_close(shares.sum(0), torch.full((5,), 100.0), rtol=0.05, atol=0)


def test_sinkhorn_in_half_precision_does_not_overflow() -> None:
    assert sinkhorn(torch.tensor([[1.0, -1.0], [1.0, 0.9]], dtype=torch.float16)).isfinite().all()


def test_the_order_of_pixels_and_prototypes_means_nothing_to_sinkhorn() -> None:
    cosines = torch.rand(20, 3, generator=generator())
    torch.testing.assert_close(sinkhorn(cosines.flip(0, 1)).flip(0, 1), sinkhorn(cosines))


def test_classes_with_fewer_pixels_than_prototypes_have_none_assigned() -> None:
    directions = F.normalize(torch.randn(K, P, D, generator=generator()), dim=2)
    pixels = F.normalize(torch.randn(P + 3, D, generator=generator(1)), dim=1)
    classes = torch.tensor([0] * P + [1] * 3)
    own = assign(pixels, classes, directions)
    assert (own[:P] >= 0).all()
    assert own[P:].tolist() == [-1, -1, -1]


def test_losses_are_those_of_the_paper() -> None:
    """With every pixel on a prototype of its own, whose cosines to the others are 0."""
    head = head_for(embedding_size=K * P)
    head.prototypes.copy_(torch.eye(K * P).reshape(K, P, K * P))
    embedding = torch.eye(K * P).t().reshape(1, K * P, K, P)
    target = torch.arange(K).repeat_interleave(P).reshape(1, K, P)
    others = (K * P - 1) * torch.tensor(-10.0).exp()
    ppc = teacher_for(ppd_weight=0.0)(head, embedding, target)
    torch.testing.assert_close(ppc, torch.log1p(others), rtol=1e-3, atol=0)
    torch.testing.assert_close(teacher_for(ppc_weight=0.0)(head, embedding, target), torch.tensor(0.0))
    halfway = F.normalize(embedding + embedding.roll(1, 3), dim=1)  # each between two prototypes of its class
    ppd = teacher_for(ppc_weight=0.0)(head, halfway, target)
    torch.testing.assert_close(ppd, torch.tensor((1.0 - 0.5**0.5) ** 2), rtol=1e-4, atol=0)


@torch.no_grad()
def test_void_and_other_worlds_teach_nothing() -> None:
    embedding, target, _ = crowds(0)
    head = head_for()
    before = head.prototypes.clone()
    for nothing, void in ((VOID, VOID), (-1, VOID), (-2, VOID), (1, 1)):  # the last is the id of a class
        teacher = teacher_for(ignore_index=void)
        assert teacher(head, embedding, torch.full_like(target, nothing)) == 0.0
        teacher.move(head)
        assert torch.equal(head.prototypes, before)
    half = target.clone()
    half[:, :32] = VOID
    teacher, other = teacher_for(), teacher_for()
    spoilt = embedding.clone()
    spoilt[:, :, :8] = 7.0  # where the target is void
    assert teacher(head, embedding, half) == other(head, spoilt, half)


def test_losses_pull_embeddings_and_no_prototype() -> None:
    embedding, target, _ = crowds(0)
    head, teacher = head_for(), teacher_for()
    embedding.requires_grad_()
    teacher(head, embedding, target).backward()
    assert embedding.grad is not None
    assert embedding.grad.abs().sum() > 0
    assert not head.prototypes.requires_grad


@torch.no_grad()
def test_prototypes_stay_several_and_find_the_crowds() -> None:
    """The authors' update, which draws from shares as if they were logarithms, draws them together (below)."""
    head, teacher = head_for(), teacher_for(warmup=5)
    for step in range(60):
        embedding, target, middles = crowds(step)
        teacher(head, embedding, target)
        teacher.move(head)
    torch.testing.assert_close(head.prototypes.norm(dim=2), torch.ones(K, P))
    for k in range(K):
        found = (head.directions[k] @ middles[k].t()).max(0)
        assert found.values.min() > 0.98
        assert sorted(found.indices.tolist()) == list(range(P))
    assert within(head) < 0.3
    assert within(authors_update(head_for(), steps=100)) > 0.6


def within(head: PrototypeHead) -> float:
    cosines = head.directions @ head.directions.mT
    return float((cosines.sum((1, 2)) - P).mean() / (P * (P - 1)))


@torch.no_grad()
def authors_update(head: PrototypeHead, *, steps: int) -> PrototypeHead:
    """The same pixels, each sent where Gumbel noise on its shares says."""
    noise = generator(5)
    for step in range(steps):
        embedding, target, _ = crowds(step)
        pixels = F.normalize(embedding[0].flatten(1).t(), dim=1)
        classes = target[0, ::4, ::4].flatten()
        for k in range(K):
            mine = pixels[classes == k]
            shares = sinkhorn(mine @ head.directions[k].t())
            gumbel = -(-torch.rand(shares.shape, generator=noise).log()).log()
            own = (shares + gumbel).argmax(1)
            sums = torch.zeros(P, D).index_add_(0, own, mine)
            head.prototypes[k] = F.normalize(0.9 * head.directions[k] + 0.1 * F.normalize(sums, dim=1), dim=1)
    return head


@torch.no_grad()
def test_a_prototype_keeps_its_share_of_itself() -> None:
    head, teacher = head_for(prototypes=1), teacher_for(momentum=0.75, known=range(K))
    embedding, target, _ = crowds(0)
    before = head.directions.clone()
    teacher(head, embedding, target)
    teacher.move(head)
    pixels = F.normalize(embedding[0].flatten(1).t(), dim=1)
    for k in range(K):
        mean = F.normalize(pixels[target[0, ::4, ::4].flatten() == k].mean(0), dim=0)
        torch.testing.assert_close(head.prototypes[k, 0], F.normalize(0.75 * before[k, 0] + 0.25 * mean, dim=0))


@torch.no_grad()
def test_after_the_warm_up_prototypes_start_where_pixels_crowd() -> None:
    head, teacher = head_for(), teacher_for(warmup=1, momentum=0.999)
    for step in range(2):
        embedding, target, middles = crowds(step)
        teacher(head, embedding, target)
        assert teacher.move(head) is (step == 1)
        assert teacher.started.tolist() == [step == 1] * K
    for k in range(K):
        assert (head.directions[k] @ middles[k].t()).max(0).values.min() > 0.95


@torch.no_grad()
def test_an_interrupted_teacher_goes_on_as_if_nothing_had_been() -> None:
    whole, head = teacher_for(warmup=2), head_for()
    for step in range(2):
        embedding, target, _ = crowds(step)
        whole(head, embedding, target)
        whole.move(head)
    resumed, other = teacher_for(warmup=2), copy.deepcopy(head)
    resumed.load_state_dict(whole.state_dict())
    for step in range(2, 5):
        embedding, target, _ = crowds(step)
        for teacher, prototypes in ((whole, head), (resumed, other)):
            teacher(prototypes, embedding, target)
            teacher.move(prototypes)
    assert torch.equal(head.prototypes, other.prototypes)


def test_prototypes_cannot_follow_pixels_that_nobody_assigned() -> None:
    with pytest.raises(ValueError, match="no pixels"):
        teacher_for().move(head_for())


def test_only_a_head_of_prototypes_has_a_teacher() -> None:
    tree, cpu = flat_tree(["sky", "road"]), torch.device("cpu")
    assert make_teacher(TrainConfig(), tree, 1000, known=(), device=cpu) is None
    found = make_teacher(TrainConfig(head="prototypes", prototype_momentum=0.5), tree, 1000, known=(), device=cpu)
    assert found is not None
    assert (found.momentum, found.warmup, found.started.tolist()) == (0.5, 100, [False, False])


def test_ranks_assign_the_pixels_of_all() -> None:
    """More than are looked at, of which two ranks have not alike many; losses and gradients add up."""
    embedding = torch.cat([crowds(seed)[0] for seed in range(210)]).numpy()
    target = crowds(0)[1].repeat(210, 1, 1).numpy()
    target[::3], target[1, :4, :4] = VOID, VOID  # so that the second rank begins at an odd pixel
    (alone,) = [taught(ALONE, embedding, target, (slice(None),))]
    both = run_ranks(2, taught, embedding, target, (slice(0, 61), slice(61, 210)))
    assert sum(loss for loss, _, _ in both) == pytest.approx(alone[0], rel=1e-5)
    slopes = np.concatenate([slope for _, slope, _ in both])
    assert 0.3 < (slopes != 0).any(1).mean() < 0.4
    np.testing.assert_allclose(slopes, alone[1], rtol=1e-4, atol=1e-9)
    for _, _, prototypes in both:
        np.testing.assert_allclose(prototypes, alone[2], atol=1e-6)
