"""Classes that are several prototypes each."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from hypsegcli.network.config import PROTOTYPES, ModelConfig
from hypsegcli.network.prototypes import FARTHEST, PrototypeHead

with warnings.catch_warnings():  # geoopt decorates its functions with a deprecated torch function
    warnings.simplefilter("ignore", FutureWarning)
    from geoopt import PoincareBall

K, P, D = 4, 3, 6
heads = pytest.mark.parametrize("name", PROTOTYPES)


def head_for(name: Any = "prototypes", **fields: Any) -> PrototypeHead:
    torch.manual_seed(0)
    config = ModelConfig(nodes=K, embedding_size=D, head=name, softmax="flat", **{"prototypes": P, **fields})
    return PrototypeHead(config)


def tangents() -> Tensor:
    return torch.randn(2, D, 5, 7, generator=torch.Generator().manual_seed(0))


@heads
def test_the_names_that_checkpoints_rely_on(name: str) -> None:
    shapes = {key: tuple(value.shape) for key, value in head_for(name).state_dict().items()}
    radius = {} if name == "prototypes-cosine" else {"raw_radius": ()}
    assert shapes == {"prototypes": (K, P, D), "log_scale": (), **radius}


@heads
@torch.no_grad()
def test_the_class_of_the_largest_cosine_has_the_largest_logit(name: str) -> None:
    """Since all prototypes lie at one distance to the origin, in every space."""
    head, v = head_for(name), tangents()
    cosines = torch.einsum("bdhw,kpd->bkphw", F.normalize(v, dim=1), head.directions).amax(2)
    logits, _ = head(v)
    assert torch.equal(logits.argsort(1), cosines.argsort(1))


@pytest.mark.parametrize("c", [0.5, 1.0, 2.0])
@torch.no_grad()
def test_logits_are_distances_in_the_ball(c: float) -> None:
    head, v = head_for(curvature=c, radial_limit="hard"), 0.5 * tangents()
    ball = PoincareBall(c=c)
    points = ball.expmap0(v.double().movedim(1, -1))
    length = float(head.radius) / (2.0 * c**0.5)
    prototypes = ball.expmap0(length * head.directions.double())
    each = ball.dist(points[..., None, None, :], prototypes)  # (B, h, w, K, P)
    expected = -head.log_scale.exp().double() * each.amin(-1).movedim(-1, 1)
    torch.testing.assert_close(head(v)[0].double(), expected, rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_cosines_are_those_that_decide() -> None:
    head, v = head_for("prototypes-cosine"), tangents()
    each = torch.stack([head.cosines(v, k) for k in range(K)], dim=1)
    assert each.shape == (2, K, P, 5, 7)
    torch.testing.assert_close(head.log_scale.exp() * each.amax(2), head(v)[0])


@torch.no_grad()
def test_the_order_of_prototypes_and_their_length_mean_nothing() -> None:
    head, v = head_for(), tangents()
    before, _ = head(v)
    head.prototypes.copy_(3.0 * head.prototypes.flip(1))
    torch.testing.assert_close(head(v)[0], before)


def test_prototypes_learn_by_no_gradient_and_their_radius_does() -> None:
    head = head_for()
    assert [name for name, _ in head.named_parameters()] == ["log_scale", "raw_radius"]
    head(tangents())[0].sum().backward()
    assert head.raw_radius.grad is not None
    assert head.raw_radius.grad.abs() > 0
    with torch.no_grad():
        head.raw_radius.fill_(1e3)
    assert head.radius == FARTHEST


def test_prototypes_are_of_classes_alone() -> None:
    with pytest.raises(ValueError, match="prototypes of classes alone"):
        ModelConfig(nodes=K, head="prototypes")
