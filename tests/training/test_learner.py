"""What learns, what is frozen, and a curvature that stays positive."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch

from hypsegcli.network.config import ModelConfig
from hypsegcli.network.model import build_deeplab
from hypsegcli.training.learner import LearnedCurvature, Learner, moving_average

IMAGE = torch.randn(2, 3, 32, 32)


def learner(
    *, learn_curvature: bool = False, train_only: str = "all", freeze_batch_norm: bool = False, **fields: Any
) -> Learner:
    torch.manual_seed(0)
    config = ModelConfig(backbone="mobilenet_v3_small", embedding_size=3, nodes=4, softmax="flat", **fields)
    return Learner(
        build_deeplab(config),
        learn_curvature=learn_curvature,
        train_only=train_only,
        freeze_batch_norm=freeze_batch_norm,
    )


@pytest.mark.parametrize("start", [1e-6, 0.1, 1.0, 30.0, 1e5])
def test_a_learned_curvature_starts_where_it_is_told(start: float) -> None:
    assert LearnedCurvature(start)().item() == pytest.approx(start, rel=1e-4)


def test_a_learned_curvature_cannot_leave_the_positive_numbers() -> None:
    curvature = LearnedCurvature(1.0)
    with torch.no_grad():
        curvature.raw.fill_(-50.0)
    assert 0 < curvature().item() < 1e-20


def test_it_has_a_gradient_and_ends_as_a_number() -> None:
    one = learner(learn_curvature=True, curvature=0.5)
    output = one(IMAGE)
    output.logits.sum().backward()
    assert one.curvature is not None
    assert one.curvature.raw.grad is not None
    assert one.curvature.raw.grad != 0
    with torch.no_grad():
        one.curvature.raw.add_(0.3)
        expected = one.eval()(IMAGE)
    finished = one.finished()
    assert isinstance(finished.head.curvature, float)
    assert finished.config.curvature == finished.head.curvature == pytest.approx(one.curvature().item())
    assert finished.config.curvature > 0.6
    for found, wanted in zip(finished(IMAGE), expected, strict=True):
        torch.testing.assert_close(found, wanted)
    copy.deepcopy(finished)


def test_a_fixed_curvature_is_left_alone() -> None:
    one = learner(curvature=0.5)
    one(IMAGE)
    assert one.finished().config.curvature == one.finished().head.curvature == 0.5
    assert not [name for name, _ in one.named_parameters() if "raw" in name]


@pytest.mark.parametrize("train_only", ["head", "last"])
def test_only_embedding_and_classifier_learn(train_only: str) -> None:
    one = learner(train_only=train_only).train()
    before = {name: tensor.clone() for name, tensor in one.state_dict().items()}
    optimizer = torch.optim.SGD([p for p in one.parameters() if p.requires_grad], lr=0.1)
    one(IMAGE).logits.square().sum().backward()
    optimizer.step()
    changed = {name for name, tensor in one.state_dict().items() if not torch.equal(tensor, before[name])}
    assert changed == {
        "model.decoder.embed.weight",
        "model.decoder.embed.bias",
        "model.head.normals",
        "model.head.bias",
    }
    assert one.model.get_submodule("decoder.embed").training
    assert not one.model.get_submodule("backbone").training


def test_everything_learns_otherwise() -> None:
    one = learner().train()
    one(IMAGE).logits.square().sum().backward()
    assert all(parameter.grad is not None for parameter in one.parameters())
    assert all(module.training for module in one.modules())


def test_frozen_batch_norm_keeps_its_statistics_while_all_weights_learn() -> None:
    one = learner(freeze_batch_norm=True).train()
    statistics = {name: buffer.clone() for name, buffer in one.named_buffers() if "running" in name}
    one.freeze()
    one.freeze(False)  # as after the epochs of the head alone
    one.train()
    one(IMAGE).logits.square().sum().backward()
    assert all(parameter.grad is not None for parameter in one.parameters())
    assert statistics
    assert all(torch.equal(one.get_buffer(name), before) for name, before in statistics.items())


@pytest.mark.parametrize("c", [1.0, 4.0])
def test_points_are_held_in_the_ball(c: float) -> None:
    one = learner(head="hyperbolic-reference", curvature=c)
    offsets = one.model.head.get_parameter("offsets")
    inside = 0.3 / c**0.5 * torch.eye(4, 3)
    with torch.no_grad():
        offsets.copy_(inside)
    one.hold()
    assert torch.equal(offsets, inside)
    with torch.no_grad():
        offsets.copy_(100 * inside)
    one.hold()
    assert offsets.norm(dim=1)[:3].tolist() == pytest.approx([0.999 / c**0.5] * 3)


def test_a_moving_average_follows_at_its_pace() -> None:
    """Weights and batch norm's statistics by `(1 + n) / (10 + n)`, later by the decay; counts as they are."""
    one = learner()
    average = moving_average(one, 0.5)
    wanted = {name: tensor.clone().double() for name, tensor in one.state_dict().items()}
    for n in range(12):
        with torch.no_grad():
            for parameter in (*one.parameters(), *one.buffers()):
                parameter.add_(1)
        average.update_parameters(one)
        share = min(0.5, (1 + n) / (10 + n)) if n else 0.0
        for name, tensor in one.state_dict().items():
            counts = not tensor.is_floating_point()
            wanted[name] = tensor.double() if counts else share * wanted[name] + (1 - share) * tensor.double()
    for name, tensor in average.module.state_dict().items():
        torch.testing.assert_close(tensor.double(), wanted[name], rtol=1e-5, atol=1e-5)
