"""What is decayed, and the learning rate over time."""

import itertools
import math

import pytest
import torch
from torch import nn

from hypsegcli.network.config import ModelConfig
from hypsegcli.network.model import build_model
from hypsegcli.training.config import TrainConfig
from hypsegcli.training.optimizer import build_optimizer, build_schedule


def rates(steps: int, **options: object) -> list[float]:
    config = TrainConfig.model_validate({"learning_rate": 1.0} | options)
    optimizer = build_optimizer(nn.Linear(2, 2), config)
    schedule = build_schedule(optimizer, config, steps=steps)
    found: list[float] = []
    for _ in range(steps):
        found.append(float(schedule.get_last_lr()[0]))
        optimizer.step()
        schedule.step()
    return [*found, float(schedule.get_last_lr()[0])]


def test_warm_up_and_decay() -> None:
    found = rates(1000, warmup_steps=50, poly_power=0.9)
    assert found[0] == pytest.approx(1 / 51)
    assert all(one < two for one, two in itertools.pairwise(found[:50]))
    assert all(one > two for one, two in itertools.pairwise(found[50:]))
    assert found[500] == pytest.approx(0.5**0.9)
    assert found[-1] == 0.0


@pytest.mark.parametrize("steps", [1, 3, 9, 30])
def test_short_runs_warm_up_for_a_tenth(steps: int) -> None:
    found = rates(steps, warmup_steps=300, poly_power=0.0)
    assert found[min(steps // 10, steps - 1)] == pytest.approx(1.0)
    assert all(0 < rate <= 1 for rate in found[:-1])


def test_only_kernels_and_normals_decay() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    loss = nn.Module()
    loss.slope = nn.Parameter(torch.tensor(0.5))
    frozen = nn.Linear(2, 2).requires_grad_(False)
    both = nn.ModuleList([model, loss, frozen])
    decayed, free = build_optimizer(both, TrainConfig(weight_decay=0.3)).param_groups
    assert (decayed["weight_decay"], free["weight_decay"]) == (0.3, 0.0)
    assert [p.shape for p in decayed["params"]] == [(4, 3, 3, 3)]
    assert [tuple(p.shape) for p in free["params"]] == [(4,), (4,), (4,), ()]


def test_other_schedules() -> None:
    cosine = rates(1000, warmup_steps=50, schedule="cosine")
    assert cosine[:50] == pytest.approx([math.cos(math.pi * s / 2000) ** 2 * (s + 1) / 51 for s in range(50)])
    assert cosine[500] == pytest.approx(0.5)
    assert cosine[-1] == pytest.approx(0.0, abs=1e-12)
    constant = rates(1000, warmup_steps=50, schedule="constant")
    assert constant[24] == pytest.approx(25 / 51)
    assert set(constant[50:]) == {1.0}


def test_stochastic_gradient_descent_with_momentum() -> None:
    layer = nn.Linear(1, 1, bias=False)
    config = TrainConfig(optimizer="sgd", momentum=0.5, learning_rate=0.1, weight_decay=0.0)
    optimizer, places = build_optimizer(layer, config), [layer.weight.item()]
    for _ in range(3):
        layer.weight.grad = torch.ones_like(layer.weight)
        optimizer.step()
        places.append(layer.weight.item())
    assert [b - a for a, b in itertools.pairwise(places)] == pytest.approx([-0.1, -0.15, -0.175])


@pytest.mark.parametrize("options", [{"seed": -1}, {"crop_height": 70}, {"batch_size": 1}, {"epochs": 0}, {"x": 1}])
def test_settings_that_cannot_work_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        TrainConfig.model_validate(options)


def test_of_a_transformer_norms_and_biases_do_not_decay() -> None:
    model = build_model(ModelConfig(backbone="timm:pvt_v2_b0", decoder="mlp", nodes=2, embedding_size=4))
    optimizer = build_optimizer(nn.ModuleList([model]), TrainConfig(backbone_rate=0.1, weight_decay=0.3))
    decayed = {id(p) for group in optimizer.param_groups if group["weight_decay"] for p in group["params"]}
    free = {name for name, parameter in model.named_parameters() if id(parameter) not in decayed}
    assert free == {name for name, _ in model.named_parameters() if name.endswith("bias") or "norm" in name} - {
        "head.normals"
    }
    slow = {id(p) for group in optimizer.param_groups[2:] for p in group["params"]}
    assert slow == {id(parameter) for parameter in model.backbone.parameters()}  # type: ignore[union-attr]


def test_the_backbone_learns_at_a_rate_of_its_own() -> None:
    model = nn.Module()
    model.backbone, model.decoder = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 2, 1)
    config = TrainConfig(learning_rate=0.4, backbone_rate=0.1, weight_decay=0.3)
    optimizer = build_optimizer(nn.ModuleList([model]), config)
    groups = [(group["params"][0].shape, group["weight_decay"], group["lr"]) for group in optimizer.param_groups]
    assert groups == [
        ((2, 4, 1, 1), 0.3, 0.4),
        ((2,), 0.0, 0.4),
        ((4, 3, 3, 3), 0.3, pytest.approx(0.04)),
        ((4,), 0.0, pytest.approx(0.04)),
    ]
    build_schedule(optimizer, config, steps=10)
    assert optimizer.param_groups[2]["lr"] / optimizer.param_groups[0]["lr"] == pytest.approx(0.1)
