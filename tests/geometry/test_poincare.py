"""Laws of the Poincaré ball: inverses, metric, limits, and agreement with geoopt in float64."""

import math
import warnings
from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor

from hypsegcli.geometry.poincare import (
    EDGE,
    T_MAX,
    distance,
    distance_to_origin,
    exp_map_zero,
    log_map_zero,
    mobius_add,
    project,
)

with warnings.catch_warnings():  # geoopt decorates its functions with a deprecated torch function
    warnings.filterwarnings("ignore", message="`torch.jit.script`", category=FutureWarning)
    from geoopt.manifolds.stereographic import math as geoopt_math

CURVATURES = (1e-3, 0.1, 1.0, 2.0, 10.0)
DIMENSIONS = (2, 3, 64)
DTYPES = (torch.float32, torch.float64)

# At the edge artanh has the slope 1 / (1 - (1 - EDGE)^2) = 500: so much is a rounding error enlarged there.
STEEP = 1.0 / (1.0 - (1.0 - EDGE) ** 2)
# Rounding errors of a handful of operations on up to 64 terms, in units of the last place.
ULPS = 16
# The largest sqrt(c) |v| that is not projected.
X_MAX = T_MAX / 2.0
# Zero, what underflows when squared in float32 (1e-30 and 1e-22), what does not, and far outside the ball.
MAGNITUDES = (0.0, 1e-30, 1e-22, 1e-15, 1e-8, 1e-3, 1.0, 1e4)

law = pytest.mark.parametrize("c", CURVATURES)
dims = pytest.mark.parametrize("D", DIMENSIONS)
dtypes = pytest.mark.parametrize("dtype", DTYPES, ids=("float32", "float64"))


def eps(dtype: torch.dtype) -> float:
    return torch.finfo(dtype).eps


def directions(count: int, D: int, dtype: torch.dtype, seed: int = 0) -> Tensor:
    drawn = torch.randn(count, D, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    unit: Tensor = drawn / drawn.norm(dim=1, keepdim=True)
    return unit.to(dtype)


def tangents(c: float, D: int, dtype: torch.dtype, seed: int = 0) -> Tensor:
    """Vectors with sqrt(c) |v| from 1e-15 to where the projection begins, evenly in the exponent."""
    x = torch.logspace(-15, math.log10(X_MAX), 61, dtype=torch.float64)
    return directions(len(x), D, dtype, seed) * (x / math.sqrt(c)).to(dtype)[:, None]


def points(c: float, D: int, dtype: torch.dtype, seed: int = 0, reach: float = 1.0 - EDGE) -> Tensor:
    """Points of the ball at 0 to `reach` of its radius, evenly."""
    radii = torch.linspace(0.0, reach, 41, dtype=torch.float64) / math.sqrt(c)
    return directions(len(radii), D, dtype, seed) * radii.to(dtype)[:, None]


def close(found: Tensor, wanted: Tensor, *, rtol: float, atol: float = 0.0) -> None:
    torch.testing.assert_close(found, wanted, rtol=rtol, atol=atol)


@law
@dims
@dtypes
def test_log_undoes_exp_at_every_magnitude(c: float, D: int, dtype: torch.dtype) -> None:
    v = tangents(c, D, dtype)
    back = log_map_zero(exp_map_zero(v, c=c), c=c)
    assert back.dtype == dtype
    error = (back - v).norm(dim=1) / v.norm(dim=1)
    assert error.max() <= ULPS * STEEP * eps(dtype)


@law
@dims
@dtypes
def test_exp_undoes_log_up_to_the_edge(c: float, D: int, dtype: torch.dtype) -> None:
    z = points(c, D, dtype)
    # The slope of tanh is at most 1, so nothing is enlarged; the series is right to 2 x^4 / 15 at x = 1e-3.
    close(exp_map_zero(log_map_zero(z, c=c), c=c), z, rtol=0.0, atol=(ULPS * eps(dtype) + 1e-12) / math.sqrt(c))


@law
@dims
@dtypes
def test_the_origin_maps_to_the_origin(c: float, D: int, dtype: torch.dtype) -> None:
    zero = torch.zeros(3, D, dtype=dtype)
    for mapped in (exp_map_zero(zero, c=c), log_map_zero(zero, c=c), project(zero, c=c)):
        assert torch.equal(mapped, zero)
    assert torch.equal(distance_to_origin(zero, c=c), torch.zeros(3, dtype=dtype))


@law
@dims
@dtypes
def test_near_the_origin_exp_and_log_are_the_identity(c: float, D: int, dtype: torch.dtype) -> None:
    v = directions(5, D, dtype) * torch.tensor([1e-30, 1e-22, 1e-15, 1e-12, 1e-9], dtype=dtype)[:, None]
    # tanh(x) / x = 1 - x^2 / 3 + ...: with x <= 1e-9 sqrt(10) the second term is below the last place.
    close(exp_map_zero(v, c=c), v, rtol=2 * eps(dtype))
    close(log_map_zero(v, c=c), v, rtol=2 * eps(dtype))


@law
@dtypes
def test_the_series_meets_the_function(c: float, dtype: torch.dtype) -> None:
    """No step where `exp_map_zero` and `log_map_zero` change from the series to the quotient."""
    x = torch.linspace(0.9e-3, 1.1e-3, 201, dtype=torch.float64) / math.sqrt(c)
    v = torch.stack([x, torch.zeros_like(x)], dim=1).to(dtype)
    exact = v.double() * math.sqrt(c)
    # 2 x^4 / 15 and x^4 / 5 at x = 1e-3 are what the series leave out.
    bound = 4 * eps(dtype) + 0.3e-12
    close(exp_map_zero(v, c=c)[:, 0].double() * math.sqrt(c), exact[:, 0].tanh(), rtol=bound)
    close(log_map_zero(v, c=c)[:, 0].double() * math.sqrt(c), exact[:, 0].atanh(), rtol=bound)


@law
@dims
def test_maps_agree_with_geoopt(c: float, D: int) -> None:
    k = torch.tensor(-c, dtype=torch.float64)
    v = tangents(c, D, torch.float64)[15:]  # geoopt holds norms above 1e-15 and loses digits just above
    z = points(c, D, torch.float64)[1:]
    close(exp_map_zero(v, c=c), geoopt_math.expmap0(v, k=k), rtol=1e-12)
    close(log_map_zero(z, c=c), geoopt_math.logmap0(z, k=k), rtol=1e-10)
    close(distance_to_origin(z, c=c), geoopt_math.dist0(z, k=k), rtol=1e-10)
    outside = 10.0 * z / math.sqrt(c)
    close(project(outside, c=c), geoopt_math.project(outside, k=k, eps=EDGE), rtol=1e-12)


@law
@dims
def test_addition_and_distance_agree_with_geoopt(c: float, D: int) -> None:
    k = torch.tensor(-c, dtype=torch.float64)
    x, y = points(c, D, torch.float64, 1), points(c, D, torch.float64, 2).flip(0)
    close(mobius_add(x, y, c=c), geoopt_math.mobius_add(x, y, k=k), rtol=1e-10, atol=1e-13 / math.sqrt(c))
    # geoopt takes artanh of the Möbius sum's length and holds it below 1 - 1e-7.
    inside = math.sqrt(c) * mobius_add(-x, y, c=c).norm(dim=1) < 1.0 - 1e-6
    assert inside.sum() > 20
    close(distance(x, y, c=c)[inside], geoopt_math.dist(x, y, k=k)[inside], rtol=1e-8)


@law
@dims
@dtypes
def test_distance_is_a_metric(c: float, D: int, dtype: torch.dtype) -> None:
    x, y, z = (points(c, D, dtype, seed)[torch.randperm(41, generator=generator(seed))] for seed in (1, 2, 3))
    straight = distance(x, z, c=c)
    assert torch.equal(straight, distance(z, x, c=c))
    assert (straight > 0).all()
    assert torch.equal(distance(x, x, c=c), torch.zeros(41, dtype=dtype))
    detour = distance(x, y, c=c) + distance(y, z, c=c)
    # 1 - c |x|^2 loses STEEP ulps, which the root halves and asinh turns into an absolute error.
    assert (straight <= detour + ULPS * STEEP * eps(dtype) / math.sqrt(c)).all()


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@law
@dims
@dtypes
def test_distance_to_zero_is_distance_to_origin(c: float, D: int, dtype: torch.dtype) -> None:
    z = points(c, D, dtype)
    bound = ULPS * STEEP * eps(dtype)
    close(distance(torch.zeros_like(z), z, c=c), distance_to_origin(z, c=c), rtol=bound)
    close(distance_to_origin(z, c=c), 2.0 * log_map_zero(z, c=c).norm(dim=1), rtol=bound)


@law
@dims
@dtypes
def test_distance_to_the_origin_is_twice_the_tangent_length(c: float, D: int, dtype: torch.dtype) -> None:
    v = tangents(c, D, dtype)
    found = distance_to_origin(exp_map_zero(v, c=c), c=c)
    close(found, 2.0 * v.norm(dim=1), rtol=ULPS * STEEP * eps(dtype))


@law
@dims
def test_the_edge_is_t_max_away(c: float, D: int) -> None:
    z = project(1e6 * directions(5, D, torch.float64) / math.sqrt(c), c=c)
    close(distance_to_origin(z, c=c), torch.full((5,), T_MAX / math.sqrt(c), dtype=torch.float64), rtol=1e-12)


@law
@dims
@dtypes
def test_left_cancellation(c: float, D: int, dtype: torch.dtype) -> None:
    x, y = points(c, D, dtype, 1, reach=0.9), points(c, D, dtype, 2, reach=0.9).flip(0)
    back = mobius_add(-x, mobius_add(x, y, c=c), c=c)
    # x (+) y may come as close to the edge as (.9 + .9) / (1 + .81), where 1 - c |.|^2 is 1 / 90: it enters twice.
    close(back, y, rtol=0.0, atol=ULPS * 90 * eps(dtype) / math.sqrt(c))


@law
@dims
@dtypes
def test_zero_is_the_neutral_element_and_negation_the_inverse(c: float, D: int, dtype: torch.dtype) -> None:
    x = points(c, D, dtype)
    zero = torch.zeros_like(x)
    close(mobius_add(zero, x, c=c), x, rtol=4 * eps(dtype))
    close(mobius_add(x, zero, c=c), x, rtol=4 * eps(dtype))
    close(mobius_add(-x, x, c=c), zero, rtol=0.0, atol=ULPS * STEEP * eps(dtype) / math.sqrt(c))


@law
@dims
def test_left_translation_keeps_distances(c: float, D: int) -> None:
    p, x, y = (points(c, D, torch.float64, seed, reach=0.9).roll(seed * 7, 0) for seed in (1, 2, 3))
    close(distance(mobius_add(p, x, c=c), mobius_add(p, y, c=c), c=c), distance(x, y, c=c), rtol=1e-9)


@law
@dims
@dtypes
def test_close_points_keep_their_digits(c: float, D: int, dtype: torch.dtype) -> None:
    """Where points nearly coincide the distance is |x - y| times the conformal factor 2 / (1 - c |x|^2)."""
    x = points(c, D, dtype, reach=0.9)
    step = 1e-4 / math.sqrt(c) * directions(41, D, dtype, seed=5)
    y = x + step
    gap = (y.double() - x.double()).norm(dim=1)
    middle = (x.double() + y.double()) / 2.0
    wanted = 2.0 * gap / (1.0 - c * middle.square().sum(1))
    # The next term of the metric is of second order in the step over the room to the edge: (1e-4 / .1)^2.
    close(distance(x, y, c=c).double(), wanted, rtol=1e-6 + ULPS * 10 * eps(dtype))


@law
@dims
@dtypes
def test_project_leaves_the_inside_alone(c: float, D: int, dtype: torch.dtype) -> None:
    z = points(c, D, dtype, reach=(1.0 - EDGE) * (1.0 - 8 * eps(dtype)))
    assert torch.equal(project(z, c=c), z)


@law
@dims
@dtypes
@pytest.mark.parametrize("edge", [EDGE, 4e-3, 0.5])
def test_project_puts_the_outside_on_the_limit(c: float, D: int, dtype: torch.dtype, edge: float) -> None:
    limit = (1.0 - edge) / math.sqrt(c)
    lengths = limit * torch.tensor([1.001, 1.1, 2.0, 1e4, 1e9], dtype=dtype)
    toward = directions(5, D, dtype)
    found = project(toward * lengths[:, None], c=c, edge=edge)
    close(found, limit * toward, rtol=ULPS * eps(dtype), atol=eps(dtype) * limit)
    # A point that was projected once stays, but for the last place of its length.
    close(project(found, c=c, edge=edge), found, rtol=4 * eps(dtype))


@law
@dtypes
def test_the_vector_axis_may_be_any(c: float, dtype: torch.dtype) -> None:
    x = points(c, 3, dtype, 1)[:40].reshape(2, 4, 5, 3)
    y = points(c, 3, dtype, 2)[:40].flip(0).reshape(2, 4, 5, 3)
    xs, ys = x.movedim(-1, 1), y.movedim(-1, 1)
    bound = {"rtol": 0.0, "atol": ULPS * STEEP * eps(dtype) / math.sqrt(c)}
    for function in (exp_map_zero, log_map_zero, project):
        close(function(xs, c=c, dim=1), function(x, c=c).movedim(-1, 1), **bound)
    close(mobius_add(xs, ys, c=c, dim=1), mobius_add(x, y, c=c).movedim(-1, 1), **bound)
    close(distance(xs, ys, c=c, dim=1), distance(x, y, c=c), **bound)
    close(distance_to_origin(xs, c=c, dim=1), distance_to_origin(x, c=c), **bound)


# Tangent vector to something that depends on every function of the room, never outside its domain.
CHAINS: dict[str, Callable[[Tensor, float], Tensor]] = {
    "exp": lambda v, c: exp_map_zero(v, c=c),
    "project": lambda v, c: project(v, c=c),
    "project exp": lambda v, c: project(exp_map_zero(v, c=c), c=c),
    "log project": lambda v, c: log_map_zero(project(v, c=c), c=c),
    "log project exp": lambda v, c: log_map_zero(project(exp_map_zero(v, c=c), c=c), c=c),
    "distance to origin": lambda v, c: distance_to_origin(project(v, c=c), c=c),
    "distance to zero": lambda v, c: distance(project(v, c=c), torch.zeros_like(v), c=c),
    "distance to itself": lambda v, c: distance(project(v, c=c), project(v, c=c), c=c),
    "distance to opposite": lambda v, c: distance(project(v, c=c), project(-v, c=c), c=c),
    "minus itself": lambda v, c: mobius_add(-project(v, c=c), project(v, c=c), c=c),
    "twice": lambda v, c: mobius_add(project(v, c=c), project(v, c=c), c=c),
}


@law
@dims
@dtypes
@pytest.mark.parametrize("chain", CHAINS)
def test_values_and_gradients_are_finite(c: float, D: int, dtype: torch.dtype, chain: str) -> None:
    sizes = torch.tensor(MAGNITUDES, dtype=dtype)
    v = (directions(len(sizes), D, dtype) * sizes[:, None]).requires_grad_()
    value = CHAINS[chain](v, c)
    (gradient,) = torch.autograd.grad(value.sum(), v)
    assert value.isfinite().all()
    assert gradient.isfinite().all()


@law
@dtypes
def test_gradients_at_the_origin_are_those_of_flat_space(c: float, dtype: torch.dtype) -> None:
    sizes = torch.tensor(MAGNITUDES[:4], dtype=dtype)
    v = (directions(len(sizes), 3, dtype) * sizes[:, None]).requires_grad_()
    for function in (exp_map_zero, log_map_zero):
        (gradient,) = torch.autograd.grad(function(v, c=c).sum(), v)
        close(gradient, torch.ones_like(v), rtol=4 * eps(dtype))
    # A distance is not differentiable at 0; and where squares underflow, the direction has too few digits.
    z = v.detach()[3:].requires_grad_()
    for measured in (distance_to_origin(z, c=c), distance(z, torch.zeros_like(z), c=c)):
        (gradient,) = torch.autograd.grad(measured.sum(), z)
        close(gradient, 2.0 * directions(len(sizes), 3, dtype)[3:], rtol=ULPS * eps(dtype))


@law
@dtypes
def test_distances_have_no_gradient_where_points_coincide(c: float, dtype: torch.dtype) -> None:
    z = points(c, 3, dtype).requires_grad_()
    (gradient,) = torch.autograd.grad(distance(z, z.detach(), c=c).sum(), z)
    assert torch.equal(gradient, torch.zeros_like(z))


@law
@pytest.mark.parametrize("scale", [1e-6, 1e-2, 0.5, 0.9])
def test_gradients_agree_with_finite_differences(c: float, scale: float) -> None:
    radius = scale / math.sqrt(c)
    x = (radius * directions(2, 3, torch.float64, 1)).requires_grad_()
    y = (radius * directions(2, 3, torch.float64, 2)).requires_grad_()

    def check(function: Callable[..., Tensor], *inputs: Tensor) -> bool:
        eps = 1e-5 * radius
        return torch.autograd.gradcheck(partial(function, c=c), inputs, eps=eps, atol=1e-6, rtol=1e-5)

    assert all(check(function, x) for function in (exp_map_zero, log_map_zero, distance_to_origin))
    assert all(check(function, x, y) for function in (mobius_add, distance))


@law
def test_gradient_of_the_projection_agrees_with_finite_differences(c: float) -> None:
    outside = (3.0 / math.sqrt(c) * directions(2, 3, torch.float64)).requires_grad_()
    assert torch.autograd.gradcheck(lambda v: project(v, c=c), (outside,), eps=1e-6 / math.sqrt(c))


@dims
def test_without_curvature_the_ball_is_flat(D: int) -> None:
    c = 1e-12
    x, y = (3.0 * directions(20, D, torch.float64, seed) for seed in (1, 2))
    # Corrections are of order c |x|^2 = 1e-11.
    close(exp_map_zero(x, c=c), x, rtol=1e-10)
    close(log_map_zero(x, c=c), x, rtol=1e-10)
    close(mobius_add(x, y, c=c), x + y, rtol=1e-9, atol=1e-9)
    close(distance(x, y, c=c), 2.0 * (x - y).norm(dim=1), rtol=1e-9)
    close(distance_to_origin(x, c=c), 2.0 * x.norm(dim=1), rtol=1e-10)


@law
@dims
def test_float32_follows_float64(c: float, D: int) -> None:
    """In units of the ball's radius: ULPS last places, times STEEP where artanh or 1 - c |z|^2 enlarge them."""
    v = tangents(c, D, torch.float32)
    x, y = points(c, D, torch.float32, 1), points(c, D, torch.float32, 2).flip(0)
    flat = ULPS * eps(torch.float32)
    radius = 1.0 / math.sqrt(c)
    close(exp_map_zero(v, c=c).double(), exp_map_zero(v.double(), c=c), rtol=flat, atol=flat * radius * 1e-15)
    close(log_map_zero(x, c=c).double(), log_map_zero(x.double(), c=c), rtol=0.0, atol=STEEP * flat * radius)
    close(distance(x, y, c=c).double(), distance(x.double(), y.double(), c=c), rtol=STEEP * flat)
    sums = mobius_add(x, y, c=c).double()
    close(sums, mobius_add(x.double(), y.double(), c=c), rtol=0.0, atol=STEEP * flat * radius)
