"""Three classifiers behind one interface."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from hypsegcli.geometry.poincare import T_MAX, exp_map_zero
from hypsegcli.network.config import PROTOTYPES, ModelConfig
from hypsegcli.network.head import HEADS, EuclideanHead, HyperbolicHead, ReferenceHead

D, M = 6, 5
heads = pytest.mark.parametrize("name", HEADS)
hyperbolic = pytest.mark.parametrize("name", ["hyperbolic", "hyperbolic-reference"])
curvatures = pytest.mark.parametrize("c", [0.1, 1.0, 3.0])


def config_for(name: Any, **fields: Any) -> ModelConfig:
    softmax: Any = "flat" if name in PROTOTYPES else "hierarchical"
    return ModelConfig(nodes=M, embedding_size=D, head=name, softmax=softmax, **fields)


def tangents(reach: float = 1.0, seed: int = 0) -> Tensor:
    return reach * torch.randn(2, D, 3, 4, generator=torch.Generator().manual_seed(seed))


def lengths(v: Tensor) -> Tensor:
    norms: Tensor = v.norm(dim=1)
    return norms


@heads
@curvatures
@pytest.mark.parametrize("reach", [0.0, 1e-15, 1.0, 1e4])
def test_logits_and_distance_have_the_shapes_and_types_promised(name: str, c: float, reach: float) -> None:
    head = HEADS[name](config_for(name, curvature=c))
    v = tangents(reach).requires_grad_()
    logits, distance = head(v)
    assert logits.shape == (2, M, 3, 4)
    assert distance.shape == (2, 3, 4)
    assert logits.dtype == distance.dtype == torch.float32
    assert (distance >= 0).all()
    gradients = torch.autograd.grad(logits.sum() + distance.sum(), [v, *head.parameters()])
    for tensor in (logits, distance, *gradients):
        assert tensor.isfinite().all()


@pytest.mark.parametrize(
    ("name", "shapes"),
    [
        ("hyperbolic", {"normals": (M, D), "bias": (M,)}),
        ("hyperbolic-reference", {"normals": (M, D), "offsets": (M, D)}),
        ("euclidean", {"classify.weight": (M, D, 1, 1), "classify.bias": (M,)}),
    ],
)
def test_the_names_that_checkpoints_rely_on(name: str, shapes: dict[str, tuple[int, ...]]) -> None:
    state = HEADS[name](config_for(name)).state_dict()
    assert {key: tuple(value.shape) for key, value in state.items()} == shapes


@hyperbolic
@curvatures
@pytest.mark.parametrize("limit", ["hard", "smooth"])
@pytest.mark.parametrize("t_max", [3.0, T_MAX])
def test_distance_never_passes_full_scale(name: str, c: float, limit: str, t_max: float) -> None:
    config = config_for(name, curvature=c, radial_limit=limit, t_max=t_max)
    assert config.max_distance == pytest.approx(t_max / math.sqrt(c), rel=1e-15)
    _, distance = HEADS[name](config)(tangents(1e3))
    # The last place of a float32.
    assert distance.max().item() <= config.max_distance * (1.0 + 2**-23)
    assert distance.max().item() == pytest.approx(config.max_distance, rel=1e-6)


@heads
@curvatures
def test_well_inside_the_limit_distance_is_twice_the_length(name: str, c: float) -> None:
    v = tangents(1e-3)
    _, distance = HEADS[name](config_for(name, curvature=c))(v)
    # The smooth limit takes (t / t_max)^2 / 3 off: t = 2 sqrt(3) * 1e-3 * |6 normal numbers|, below 2e-2.
    torch.testing.assert_close(distance, 2.0 * lengths(v), rtol=1e-5, atol=0.0)


@curvatures
def test_hyperbolic_heads_agree_where_both_describe_the_same_planes(c: float) -> None:
    """An offset on the normal's line at distance |b| / sqrt(c), within reach of no projection."""
    one = HyperbolicHead(config_for("hyperbolic", curvature=c, radial_limit="hard"))
    other = ReferenceHead(config_for("hyperbolic-reference", curvature=c))
    with torch.no_grad():
        one.normals.normal_(generator=torch.Generator().manual_seed(1))
        one.bias.copy_(torch.linspace(-1.0, 1.0, M))
        unit = one.normals / one.normals.norm(dim=1, keepdim=True)
        other.normals.copy_(one.normals)
        other.offsets.copy_(exp_map_zero(unit * (one.bias / (2.0 * math.sqrt(c)))[:, None], c=c))
    v = tangents(0.3 / math.sqrt(c))
    for found, wanted in zip(one(v), other(v), strict=True):
        # 1 - c |z|^2 is 0.02 at the longest of these vectors, which costs float32 two of its seven digits.
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4 / math.sqrt(c))


@curvatures
def test_the_reference_head_projects_points_before_it_compares_them(c: float) -> None:
    """Far pixels answer as the point on the limit sphere does, not as one on the ball's edge.

    From an offset at 0.9 of the radius that point is at (0.999 - 0.9) / (1 - 0.999 * 0.9) = 0.98, the edge at 1.
    """
    head = ReferenceHead(config_for("hyperbolic-reference", curvature=c))
    direction = tangents() / lengths(tangents())[:, None]
    with torch.no_grad():
        head.offsets.copy_(0.9 / math.sqrt(c) * direction[0, :, 0, 0].expand(M, D))
        head.normals.copy_(direction[0, :, 0, 0].expand(M, D))
        far, _ = head(1e3 / math.sqrt(c) * direction)
        limit, _ = head(T_MAX / (2.0 * math.sqrt(c)) * direction)
    # On the line of offset and normal the logit is twice the distance between the two points.
    exact = T_MAX - 2.0 * math.atanh(0.9)
    assert far[0, :, 0, 0].tolist() == pytest.approx([2.0 / math.sqrt(c) * exact] * M, rel=1e-3)
    torch.testing.assert_close(far, limit, rtol=1e-3, atol=1e-3 / math.sqrt(c))


def test_as_curvature_vanishes_the_hyperbolic_head_is_four_times_the_euclidean_one() -> None:
    c = 1e-6
    curved = HyperbolicHead(config_for("hyperbolic", curvature=c))
    flat = EuclideanHead(config_for("euclidean", curvature=c))
    assert flat.classify.bias is not None
    with torch.no_grad():
        flat.classify.bias.zero_()
        curved.normals.copy_(flat.classify.weight[:, :, 0, 0])
    v = tangents()
    torch.testing.assert_close(curved(v)[0], 4.0 * flat(v)[0], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(curved(v)[1], flat(v)[1], rtol=1e-5, atol=0.0)


@pytest.mark.parametrize("name", ["euclidean", "hyperbolic"])
def test_every_distance_is_held_below_full_scale_and_keeps_its_order(name: str) -> None:
    """Also that of the Euclidean head, which has no ball to end at."""
    config = config_for(name, curvature=0.5)
    v = (
        torch.linspace(0.1, 20.0, 40)[None, None, None]
        * torch.tensor([0.6, 0.8, *[0.0] * (D - 2)])[None, :, None, None]
    )
    distance = HEADS[name](config)(v)[1].flatten()
    assert (distance.diff() > 0).all()
    assert distance.max() <= config.max_distance
    torch.testing.assert_close(distance[:1], torch.tensor([0.2]), rtol=1e-3, atol=0.0)


def test_a_settled_head_answers_with_its_new_curvature() -> None:
    head, other = HyperbolicHead(config_for("hyperbolic")), HyperbolicHead(config_for("hyperbolic", curvature=0.3))
    other.load_state_dict(head.state_dict())
    head.settle(other.config)
    v = tangents()
    for one, two in zip(head(v), other(v), strict=True):
        assert torch.equal(one, two)


def test_a_curvature_that_is_learned_answers_like_a_number_and_has_the_right_slope() -> None:
    head = HyperbolicHead(config_for("hyperbolic", curvature=0.7)).double()
    v = tangents().double()
    plain = [part.sum() for part in head(v)]
    c = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    for index, expected in enumerate(plain):
        head.curvature = c
        (slope,) = torch.autograd.grad(head(v)[index].sum(), c)
        head.curvature = 0.7 + 1e-6
        assert slope.item() == pytest.approx((head(v)[index].sum() - expected).item() / 1e-6, rel=1e-3)


@heads
def test_a_pixel_s_answer_is_its_own(name: str) -> None:
    head, v = HEADS[name](config_for(name)), tangents()
    alone = head(v[:1, :, 1:2, 2:3])
    for part, whole in zip(alone, head(v), strict=True):
        torch.testing.assert_close(part, whole[:1, ..., 1:2, 2:3], rtol=1e-5, atol=1e-6)


@heads
def test_channels_last_changes_nothing(name: str) -> None:
    head, v = HEADS[name](config_for(name)), tangents()
    for found, wanted in zip(head(v.to(memory_format=torch.channels_last)), head(v), strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-6)


def test_the_smooth_limit_still_tells_far_pixels_apart() -> None:
    v = torch.zeros(1, D, 1, 3)
    v[0, 0, 0] = torch.tensor([4.0, 5.0, 6.0])  # t = 8, 10, 12: beyond 7.6
    _, smooth = HyperbolicHead(config_for("hyperbolic", radial_limit="smooth"))(v)
    _, hard = HyperbolicHead(config_for("hyperbolic", radial_limit="hard"))(v)
    assert (smooth.flatten().diff() > 0).all()
    assert (hard.flatten().diff() == 0).all()


@heads
@pytest.mark.parametrize("c", [0.1, 2.0])
def test_without_gradient_a_head_says_the_same(name: str, c: float) -> None:
    head = HEADS[name](config_for(name, curvature=c))
    v = tangents(2.0)
    with_gradient = head(v)
    assert with_gradient[0].requires_grad
    with torch.no_grad():
        without = head(v)
    for one, two in zip(without, with_gradient, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-5, atol=1e-5)


@hyperbolic
def test_a_graph_of_a_head_is_that_of_its_formula(name: str) -> None:
    """Bands are written in place, into slices: nothing for a compiler to work with."""
    with torch.no_grad():
        program = torch.export.export(HEADS[name](config_for(name)), (tangents(),))
    called = [str(node.target) for node in program.graph.nodes if node.op == "call_function"]
    assert sum("asinh" in name for name in called) == 1
    assert not any("copysign" in name or "copy_" in name for name in called)
