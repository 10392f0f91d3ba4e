"""The loss of clusters: golden values, laws, and that the Fourier transform gives what convolution gives."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from hypsegcli.training.clustering.information import information_loss, joint_distributions


def random_views(*shape: int, seed: int = 0, sure: float = 3.0) -> tuple[Tensor, Tensor]:
    """Two views (B, K, h, w) in float64 whose clusters depend on each other."""
    generator = torch.Generator().manual_seed(seed)
    common = torch.randn(shape, generator=generator, dtype=torch.float64)
    noises = (torch.randn(shape, generator=generator, dtype=torch.float64) for _ in range(2))
    first, second = ((sure * (common + noise)).softmax(1).requires_grad_() for noise in noises)
    return first, second


def one_hot_images(clusters: int, side: int = 6) -> Tensor:
    """(K, K, side, side): as many images as clusters, each all of one of them."""
    return torch.eye(clusters)[:, :, None, None].expand(-1, -1, side, side).clone()


def by_convolution(first: Tensor, second: Tensor, reach: int, balance: float) -> Tensor:
    """The loss as it is written down: the second view is a kernel that slides over the first."""
    sums = F.conv2d(second.transpose(0, 1), first.transpose(0, 1), padding=reach).permute(2, 3, 1, 0)
    joint = sums + sums.transpose(-1, -2)
    joint = joint / joint.sum((-1, -2), keepdim=True)
    rows, columns = joint.sum(-1, keepdim=True), joint.sum(-2, keepdim=True)
    return (joint * (balance * (rows.log() + columns.log()) - joint.log())).sum((-1, -2)).mean()


@pytest.mark.parametrize("clusters", [2, 3, 8])
@pytest.mark.parametrize("reach", [0, 2, 5])
def test_sure_and_balanced_clusters_give_all_the_information_there_is(clusters: int, reach: int) -> None:
    views = one_hot_images(clusters)
    assert float(information_loss(views, views, reach=reach).detach()) == pytest.approx(-math.log(clusters), abs=1e-6)
    heavier = float(information_loss(views, views, reach=reach, balance=1.5).detach())
    assert heavier == pytest.approx(-2 * math.log(clusters), abs=1e-6)


@pytest.mark.parametrize("answer", [(0.25, 0.25, 0.25, 0.25), (1.0, 0.0, 0.0, 0.0), (0.7, 0.1, 0.1, 0.1)])
def test_what_is_the_same_everywhere_gives_none(answer: tuple[float, ...]) -> None:
    view = torch.tensor(answer)[None, :, None, None].expand(3, -1, 7, 9).clone()
    assert float(information_loss(view, view, reach=3).detach()) == pytest.approx(0.0, abs=1e-6)


def test_the_loss_is_the_mutual_information_by_its_definition() -> None:
    first, second = random_views(2, 3, 4, 4)
    joint = joint_distributions(first, second, 0)[0, 0].double().detach()
    information = sum(
        float(p) * math.log(float(p) / (float(joint[i].sum()) * float(joint[:, j].sum())))
        for i, row in enumerate(joint)
        for j, p in enumerate(row)
    )
    assert float(information_loss(first, second, reach=0).detach()) == pytest.approx(-information, abs=1e-6)


@pytest.mark.parametrize("balance", [1.0, 1.5])
def test_the_views_may_be_exchanged_and_the_clusters_renamed(balance: float) -> None:
    first, second = random_views(2, 5, 8, 11)
    loss = float(information_loss(first, second, reach=3, balance=balance).detach())
    assert float(information_loss(second, first, reach=3, balance=balance).detach()) == pytest.approx(loss, abs=1e-5)
    order = torch.tensor([3, 0, 4, 1, 2])
    renamed = float(information_loss(first[:, order], second[:, order], reach=3, balance=balance).detach())
    assert renamed == pytest.approx(loss, abs=1e-5)


@pytest.mark.parametrize(
    ("shape", "reach"), [((1, 2, 5, 5), 0), ((2, 3, 8, 8), 4), ((3, 4, 7, 12), 3), ((2, 6, 9, 4), 2)]
)
@pytest.mark.parametrize("balance", [1.0, 1.5])
def test_it_is_that_of_convolution_in_value_and_gradient(shape: tuple[int, ...], reach: int, balance: float) -> None:
    first, second = random_views(*shape)
    wanted = by_convolution(first, second, reach, balance)
    wanted_gradients = torch.autograd.grad(wanted, (first, second))
    loss = information_loss(first, second, reach=reach, balance=balance)
    gradients = torch.autograd.grad(loss, (first, second))
    assert float(loss.detach()) == pytest.approx(float(wanted.detach()), abs=1e-5)
    for found, expected in zip(gradients, wanted_gradients, strict=True):
        assert torch.allclose(found, expected, atol=1e-6 + 1e-4 * float(expected.abs().max()))


def test_a_displacement_is_from_the_first_view_to_the_second() -> None:
    """A pixel of cluster 0 in one, and of cluster 1 two rows below and a column to the left of it in the other."""
    first, second = torch.zeros(1, 2, 8, 8), torch.zeros(1, 2, 8, 8)
    first[0, 0, 3, 4] = 1.0
    second[0, 1, 5, 3] = 1.0
    joint = joint_distributions(first, second, 3)
    assert joint.shape == (7, 7, 2, 2)
    assert torch.allclose(joint[3 + 2, 3 - 1], torch.tensor([[0.0, 0.5], [0.5, 0.0]]), atol=1e-5)


def test_nothing_comes_round_from_the_other_side() -> None:
    first, second = torch.zeros(1, 2, 6, 6), torch.zeros(1, 2, 6, 6)
    first[0, 0, 0, 0] = second[0, 1, 5, 5] = 1.0
    first[0, 1, 2:4, 2:4] = second[0, 1, 2:4, 2:4] = 1.0
    apart = joint_distributions(first, second, 3)[..., 0, 1]
    assert float(apart[3 - 1, 3 - 1]) < 0.01  # from 0 to 5, had six been a circle


def test_what_a_view_does_not_show_does_not_count() -> None:
    first, second = random_views(2, 3, 6, 6)
    blank = torch.zeros(2, 3, 6, 4, dtype=torch.float64)
    padded = [torch.cat([view, blank], -1) for view in (first, second)]
    plain = float(information_loss(first, second, reach=2).detach())
    assert float(information_loss(*padded, reach=2).detach()) == pytest.approx(plain, abs=1e-5)


def test_views_that_never_meet_give_a_number_and_a_gradient() -> None:
    view = torch.zeros(1, 3, 5, 5, requires_grad=True)
    loss = information_loss(view, view, reach=2)
    loss.backward()
    assert float(loss.detach()) == 0.0
    assert view.grad is not None
    assert torch.isfinite(view.grad).all()


@pytest.mark.parametrize("reach", [-1, 4, 9])
def test_a_reach_that_leaves_the_view_is_refused(reach: int) -> None:
    view = one_hot_images(2, side=4)
    with pytest.raises(ValueError, match="reach"):
        information_loss(view, view, reach=reach)
