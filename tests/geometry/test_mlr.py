"""Laws of the hyperbolic logits: three ways to compute them, their symmetries, limits, memory and gradients."""

import math
import warnings
from typing import Any

import pytest
import torch
from support.golden import golden_cases, golden_values
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from hypsegcli.geometry.mlr import Gyroplanes, closed_form_logits, from_bias, from_points, radial, reference_logits
from hypsegcli.geometry.poincare import EDGE, T_MAX, exp_map_zero, log_map_zero, mobius_add, project

with warnings.catch_warnings():  # geoopt decorates its functions with a deprecated torch function
    warnings.filterwarnings("ignore", message="`torch.jit.script`", category=FutureWarning)
    from geoopt.manifolds.stereographic import math as geoopt_math

CURVATURES = (1e-3, 0.1, 1.0, 2.0, 10.0)
DIMENSIONS = (2, 3, 64)
MAGNITUDES = (0.0, 1e-30, 1e-22, 1e-15, 1e-8, 1e-3, 1.0, 1e4)
M = 7
H, W = 5, 6  # of the pixel grid

law = pytest.mark.parametrize("c", CURVATURES)
dims = pytest.mark.parametrize("D", DIMENSIONS)
dtypes = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=("float32", "float64"))
limits = pytest.mark.parametrize("limit", ["hard", "smooth"])


def eps(dtype: torch.dtype) -> float:
    return torch.finfo(dtype).eps


def close(found: Tensor, wanted: Tensor, *, rtol: float, atol: float = 0.0) -> None:
    torch.testing.assert_close(found, wanted, rtol=rtol, atol=atol)


def drawn(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def unit(x: Tensor, dim: int) -> Tensor:
    scaled: Tensor = x / x.norm(dim=dim, keepdim=True)
    return scaled


def pixels(c: float, D: int, *, reach: float = T_MAX / 2.0, seed: int = 0) -> Tensor:
    """Tangent vectors (1, D, H, W) with sqrt(c) |v| evenly from 0 to `reach`, in float64."""
    lengths = torch.linspace(0.0, reach, H * W, dtype=torch.float64).reshape(1, 1, H, W) / math.sqrt(c)
    return unit(drawn(1, D, H, W, seed=seed), 1) * lengths


def normals_of(D: int, seed: int = 1) -> Tensor:
    """Normals (M, D) of very different lengths."""
    lengths = torch.logspace(-2, 1, M, dtype=torch.float64)[:, None]
    return unit(drawn(M, D, seed=seed), 1) * lengths


def offsets_of(c: float, D: int, *, reach: float = 0.9, seed: int = 2) -> Tensor:
    """Offsets (M, D) at 0 to `reach` of the ball's radius."""
    lengths = torch.linspace(0.0, reach, M, dtype=torch.float64)[:, None] / math.sqrt(c)
    return unit(drawn(M, D, seed=seed), 1) * lengths


def bias_of() -> Tensor:
    return torch.linspace(-3.0, 3.0, M, dtype=torch.float64)


def sums(z: Tensor, offsets: Tensor, *, c: float) -> Tensor:
    """Every Möbius sum -p (+) z, (B, M, h, w, D): what the room itself must never build."""
    points = z.movedim(1, -1)[:, None]
    return mobius_add(-offsets[None, :, None, None], points, c=c)


def logits_of(v: Tensor, planes: Gyroplanes, *, c: float, limit: Any = "hard") -> Tensor:
    return closed_form_logits(v, planes, radial(v, c=c, limit=limit), c=c)


@law
@dims
def test_the_closed_form_equals_the_expansion_of_the_paper(c: float, D: int) -> None:
    v, a, p = pixels(c, D), normals_of(D), offsets_of(c, D)
    z = exp_map_zero(v, c=c, dim=1)
    unprojected = c * sums(z, p, c=c).square().sum(-1) < (1.0 - EDGE) ** 2
    assert unprojected.double().mean() > 0.5
    found = logits_of(v, from_points(a, p, c=c), c=c)
    wanted = reference_logits(z, a, p, c=c)
    # Logits reach 2 |a| / sqrt(c) * 7.6, with |a| up to 10; 1e-9 of that scale.
    scale = (2.0 * a.norm(dim=1) / math.sqrt(c))[:, None, None]
    assert ((found - wanted).abs() / scale)[unprojected].max() < 1e-9


@law
@dims
def test_both_equal_a_naive_implementation_on_geoopt(c: float, D: int) -> None:
    """2 |a| times the signed distance to the gyroplane, with the Möbius sum formed for every pixel and class."""
    k = torch.tensor(-c, dtype=torch.float64)
    v, a, p = pixels(c, D), normals_of(D), offsets_of(c, D)
    z = geoopt_math.expmap0(v.movedim(1, -1), k=k)
    naive = 2.0 * geoopt_math.dist2plane(
        z[:, None], a=a[None, :, None, None], p=p[None, :, None, None], k=k, signed=True, scaled=True
    )
    diff = geoopt_math.mobius_add(-p[None, :, None, None], z[:, None], k=k)
    unprojected = c * diff.square().sum(-1) < (1.0 - EDGE) ** 2
    scale = (2.0 * a.norm(dim=1) / math.sqrt(c))[:, None, None]
    closed = logits_of(v, from_points(a, p, c=c), c=c)
    # Nothing is projected here; the naive sum loses digits as it nears the edge, the closed form does not. And
    # geoopt adds 1e-15 to denominators, the smallest of which has |a| = 1e-2 as a factor.
    room = (1.0 - c * diff.square().sum(-1)) * (1.0 - c * z.square().sum(-1))[:, None]
    assert ((closed - naive).abs() / scale <= 1e-12 / room).all()
    expanded = reference_logits(z.movedim(-1, 1), a, p, c=c)
    assert ((expanded - naive).abs() / scale)[unprojected].max() < 1e-9


@law
@dims
def test_the_expansion_projects_the_sum_as_a_naive_implementation_does(c: float, D: int) -> None:
    # Where the sum (u + r) / (1 + u r) of the radii u = 0.999 and r = 0.9 points the same way it passes the limit.
    p = offsets_of(c, D, reach=0.9)
    v = -(T_MAX / 2.0 / math.sqrt(c)) * unit(p + 1e-3 * drawn(M, D, seed=3), 1).T[None, :, :, None]
    a, z = normals_of(D), exp_map_zero(v, c=c, dim=1)
    formed = sums(z, p, c=c)
    assert (c * formed.square().sum(-1) > (1.0 - EDGE) ** 2).sum() >= M - 1
    held = project(formed, c=c)
    length = a.norm(dim=1)[None, :, None, None]
    dot = (held * a[None, :, None, None]).sum(-1) / length
    naive = 2.0 * length / math.sqrt(c) * torch.asinh(2.0 * math.sqrt(c) * dot / (1.0 - c * held.square().sum(-1)))
    found = reference_logits(z, a, p, c=c)
    assert ((found - naive) * math.sqrt(c) / length).abs().max() < 1e-9


@law
@dims
def test_gyroplanes_have_lorentz_norm_one(c: float, D: int) -> None:
    a = normals_of(D)
    for planes in (from_bias(a, bias_of(), c=c), from_points(a, offsets_of(c, D), c=c)):
        # Both terms may be large (cosh(3)^2 = 100; at 0.9 of the radius about as much), hence not 1e-16.
        close(planes.W.square().sum(1) - planes.w0.square(), torch.ones(M, dtype=torch.float64), rtol=1e-12)
        close(planes.scale, 2.0 * a.norm(dim=1) / math.sqrt(c), rtol=1e-14)


@law
@dims
def test_a_bias_is_the_distance_of_a_point(c: float, D: int) -> None:
    """With the offset on the normal's line, at distance |b| / sqrt(c) from the origin, both describe one plane."""
    a, b = normals_of(D), bias_of()
    p = exp_map_zero(unit(a, 1) * (b / (2.0 * math.sqrt(c)))[:, None], c=c)
    for found, wanted in zip(from_points(a, p, c=c), from_bias(a, b, c=c), strict=True):
        close(found, wanted, rtol=1e-11, atol=1e-12)


@dims
def test_without_curvature_the_classifier_is_linear(D: int) -> None:
    c = 1e-12
    v, a, p = drawn(1, D, H, W, seed=0), normals_of(D), drawn(M, D, seed=2)
    wanted = 4.0 * (torch.einsum("md,bdhw->bmhw", a, v) - (a * p).sum(1)[:, None, None])
    # Corrections are of order c |v|^2 |a|, rounding of order eps |a| |p|: both below 1e-9 here.
    close(logits_of(v, from_points(a, p, c=c), c=c), wanted, rtol=1e-9, atol=1e-9)
    close(reference_logits(exp_map_zero(v, c=c, dim=1), a, p, c=c), wanted, rtol=1e-9, atol=1e-9)
    b = 2.0 * math.sqrt(c) * (unit(a, 1) * p).sum(1)
    close(logits_of(v, from_bias(a, b, c=c), c=c), wanted, rtol=1e-9, atol=1e-9)


@law
@dims
@limits
def test_rotating_everything_changes_nothing(c: float, D: int, limit: Any) -> None:
    v, a, p = pixels(c, D), normals_of(D), offsets_of(c, D)
    Q, _ = torch.linalg.qr(drawn(D, D, seed=9))
    turned = torch.einsum("ij,bjhw->bihw", Q, v)
    scale = 2.0 * a.norm(dim=1)[:, None, None] / math.sqrt(c)

    def same(found: Tensor, wanted: Tensor) -> None:
        assert ((found - wanted).abs() / scale).max() < 1e-9

    same(
        logits_of(turned, from_points(a @ Q.T, p @ Q.T, c=c), c=c, limit=limit),
        logits_of(v, from_points(a, p, c=c), c=c, limit=limit),
    )
    b = bias_of()
    same(
        logits_of(turned, from_bias(a @ Q.T, b, c=c), c=c, limit=limit),
        logits_of(v, from_bias(a, b, c=c), c=c, limit=limit),
    )
    same(
        reference_logits(exp_map_zero(turned, c=c, dim=1), a @ Q.T, p @ Q.T, c=c),
        reference_logits(exp_map_zero(v, c=c, dim=1), a, p, c=c),
    )


@law
@dims
@dtypes
def test_turning_the_normal_round_changes_only_the_sign(c: float, D: int, dtype: torch.dtype) -> None:
    v, a, p, b = (x.to(dtype) for x in (pixels(c, D), normals_of(D), offsets_of(c, D), bias_of()))
    z = exp_map_zero(v, c=c, dim=1)
    scale = 2.0 * a.norm(dim=1)[:, None, None] / math.sqrt(c)
    for one, other in (
        (logits_of(v, from_bias(a, b, c=c), c=c), logits_of(v, from_bias(-a, -b, c=c), c=c)),
        (logits_of(v, from_points(a, p, c=c), c=c), logits_of(v, from_points(-a, p, c=c), c=c)),
        (reference_logits(z, a, p, c=c), reference_logits(z, -a, p, c=c)),
    ):
        assert ((one + other).abs() / scale).max() <= 16 * eps(dtype)


@law
@dims
def test_logits_vanish_on_the_gyroplane_and_only_there(c: float, D: int) -> None:
    """The gyroplane is { p (+) u : <u, a> = 0 }; a step along the normal leaves it on the normal's side."""
    a, p = normals_of(D), offsets_of(c, D)
    across = drawn(M, D, seed=4)
    across = across - (across * unit(a, 1)).sum(1, keepdim=True) * unit(a, 1)
    u = 0.5 / math.sqrt(c) * unit(across, 1)
    step = 0.1 / math.sqrt(c) * unit(a, 1)
    scale = 2.0 * a.norm(dim=1) / math.sqrt(c)
    for moved, sign in ((u, 0), (u + step, 1), (u - step, -1)):
        z = mobius_add(p, moved, c=c).T[None, :, :, None]  # pixel i is made for class i
        v = log_map_zero(z, c=c, dim=1)
        for logits in (logits_of(v, from_points(a, p, c=c), c=c), reference_logits(z, a, p, c=c)):
            own = logits[0, :, :, 0].diagonal() / scale
            if sign == 0:
                assert own.abs().max() < 1e-11
            else:
                # sinh^-1 of the step's share of at least 2 * 0.1 in the argument
                assert (sign * own).min() > 0.19


@law
@dims
@dtypes
def test_a_pixel_on_an_offset_has_the_logit_zero(c: float, D: int, dtype: torch.dtype) -> None:
    """There the reference takes the root of a difference that rounding turned negative: NaN, or any number."""
    a, p = normals_of(D).to(dtype), offsets_of(c, D).to(dtype)
    z = p.T[None, :, :, None].clone().requires_grad_()
    own = reference_logits(z, a, p, c=c)[0, :, :, 0].diagonal()
    scale = 2.0 * a.norm(dim=1) / math.sqrt(c)
    # alpha and beta are quotients by 1 - c |p|^2 = 0.19 of terms that cancel.
    assert (own.abs() / scale).max() <= 64 * eps(dtype) / 0.19**2
    (gradient,) = torch.autograd.grad(own.sum(), z)
    assert gradient.isfinite().all()


@law
@dims
@dtypes
@limits
def test_closed_form_gradients_are_finite(c: float, D: int, dtype: torch.dtype, limit: Any) -> None:
    sizes = torch.tensor(MAGNITUDES, dtype=torch.float64)
    v = (unit(drawn(1, D, len(sizes), 1, seed=5), 1) * sizes[None, None, :, None]).to(dtype).requires_grad_()
    a, b, p = (x.to(dtype).requires_grad_() for x in (normals_of(D), bias_of(), offsets_of(c, D)))
    for planes, free in ((from_bias(a, b, c=c), (v, a, b)), (from_points(a, p, c=c), (v, a, p))):
        logits = logits_of(v, planes, c=c, limit=limit)
        assert logits.isfinite().all()
        for gradient in torch.autograd.grad(logits.sum(), free):
            assert gradient.isfinite().all()


@law
@dims
@dtypes
def test_reference_gradients_are_finite(c: float, D: int, dtype: torch.dtype) -> None:
    sizes = torch.tensor(MAGNITUDES, dtype=torch.float64)
    v = (unit(drawn(1, D, len(sizes), 1, seed=5), 1) * sizes[None, None, :, None]).to(dtype).requires_grad_()
    a, p = (x.to(dtype).requires_grad_() for x in (normals_of(D), offsets_of(c, D, reach=1.0 - EDGE)))
    logits = reference_logits(project(exp_map_zero(v, c=c, dim=1), c=c, dim=1), a, p, c=c)
    assert logits.isfinite().all()
    for gradient in torch.autograd.grad(logits.sum(), (v, a, p)):
        assert gradient.isfinite().all()


@law
@dtypes
def test_normals_of_no_length_give_zero_logits(c: float, dtype: torch.dtype) -> None:
    a = torch.zeros(M, 3, dtype=dtype, requires_grad=True)
    v, p, b = (x.to(dtype) for x in (pixels(c, 3), offsets_of(c, 3), bias_of()))
    z = exp_map_zero(v, c=c, dim=1)
    for logits in (
        logits_of(v, from_bias(a, b, c=c), c=c),
        logits_of(v, from_points(a, p, c=c), c=c),
        reference_logits(z, a, p, c=c),
    ):
        assert torch.equal(logits, torch.zeros_like(logits))
        (gradient,) = torch.autograd.grad(logits.sum(), a)
        assert gradient.isfinite().all()


@law
@dims
@dtypes
@limits
def test_the_gradient_at_the_origin_is_four_normals(c: float, D: int, dtype: torch.dtype, limit: Any) -> None:
    """s cosh(b) 2 sqrt(c) / sqrt(1 + sinh(b)^2) = 4 |a|, whatever the bias, and at |v| = 0 itself too."""
    a, b = normals_of(D).to(dtype), bias_of().to(dtype)
    sizes = torch.tensor([0.0, 1e-30, 1e-22, 1e-15], dtype=torch.float64)[None, None, :, None]
    v = (unit(drawn(1, D, 4, 1, seed=6), 1) * sizes).to(dtype).requires_grad_()
    logits = logits_of(v, from_bias(a, b, c=c), c=c, limit=limit)
    for node in range(M):
        (gradient,) = torch.autograd.grad(logits[:, node].sum(), v, retain_graph=True)
        wanted = 4.0 * a[node][None, :, None, None].expand_as(gradient)
        # The radial part is a difference of two terms of this size, divided by |v| and multiplied by <W, v>.
        error = (gradient - wanted).norm(dim=1) / wanted.norm(dim=1)
        assert error.max() <= 32 * math.cosh(3.0) * eps(dtype)


@law
@limits
def test_gradients_agree_with_finite_differences(c: float, limit: Any) -> None:
    v = (0.3 / math.sqrt(c) * drawn(1, 3, 1, 2, seed=1)).requires_grad_()
    a, b = drawn(2, 3, seed=2).requires_grad_(), drawn(2, seed=3).requires_grad_()
    p = (0.3 / math.sqrt(c) * unit(drawn(2, 3, seed=4), 1)).requires_grad_()
    check = torch.autograd.gradcheck
    assert check(lambda v, a, b: logits_of(v, from_bias(a, b, c=c), c=c, limit=limit), (v, a, b), rtol=1e-5)
    assert check(lambda v, a, p: logits_of(v, from_points(a, p, c=c), c=c, limit=limit), (v, a, p), rtol=1e-5)
    z = (0.3 / math.sqrt(c) * unit(drawn(1, 3, 1, 2, seed=5), 1)).requires_grad_()
    assert check(lambda z, a, p: reference_logits(z, a, p, c=c), (z, a, p), rtol=1e-5)


@law
@dims
def test_closed_form_in_float32_follows_float64(c: float, D: int) -> None:
    """The argument <W, xs> - w0 x0 cancels near a plane: its error is an ulp of its terms, as asinh sees it."""
    v, a, b = pixels(c, D).float(), normals_of(D).float(), bias_of().float()
    found = logits_of(v, from_bias(a, b, c=c), c=c).double()
    exact = from_bias(a.double(), b.double(), c=c)
    wanted = logits_of(v.double(), exact, c=c)
    scale = exact.scale[:, None, None]
    t = radial(v.double(), c=c)
    terms = exact.W.norm(dim=1)[:, None, None] * t.sinh() + exact.w0.abs()[:, None, None] * t.cosh()
    slope = 1.0 / (wanted / scale).cosh()
    # t itself carries an ulp, which sinh and cosh enlarge by t <= 7.6.
    bound = scale * (16 + T_MAX) * eps(torch.float32) * (terms * slope + (wanted / scale).abs())
    assert ((found - wanted).abs() <= bound).all()


class LargestTensor(TorchDispatchMode):
    """Remembers the most elements that any operation, forward or backward, returned."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch gives it no type hints
        self.elements = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        sizes = [leaf.numel() for leaf in tree_leaves(result) if isinstance(leaf, Tensor)]
        self.elements = max(self.elements, *sizes, 0)
        return result


@pytest.mark.parametrize("way", ["bias", "points", "reference"])
@pytest.mark.parametrize(("D", "nodes"), [(256, 150), (16, 150)])
def test_no_tensor_is_larger_than_the_embedding_or_the_logits(way: str, D: int, nodes: int) -> None:
    count = 32 * 32
    v = (0.05 * drawn(1, D, 32, 32, seed=0)).float().requires_grad_()
    a = drawn(nodes, D, seed=1).float().requires_grad_()
    p = (0.01 * drawn(nodes, D, seed=2)).float().requires_grad_()
    with LargestTensor() as largest:
        if way == "bias":
            logits = logits_of(v, from_bias(a, p[:, 0], c=1.0), c=1.0, limit="smooth")
        elif way == "points":
            logits = logits_of(v, from_points(a, p, c=1.0), c=1.0)
        else:
            logits = reference_logits(project(exp_map_zero(v, c=1.0, dim=1), c=1.0, dim=1), a, p, c=1.0)
        logits.sum().backward()
    assert count * min(D, nodes) <= largest.elements <= count * max(D, nodes)


def test_the_tensor_that_is_looked_for_would_be_found() -> None:
    with LargestTensor() as largest:
        sums(torch.zeros(1, 16, 4, 4), torch.zeros(5, 16), c=1.0)
    assert largest.elements == 16 * 4 * 4 * 5


@law
@dtypes
@limits
def test_radius_is_monotone_and_held(c: float, dtype: torch.dtype, limit: Any) -> None:
    x = torch.logspace(-15, 4, 300, dtype=torch.float64)
    v = torch.stack([torch.zeros_like(x), x / math.sqrt(c)]).reshape(1, 2, 300, 1).to(dtype)
    t = radial(v, c=c, limit=limit).flatten()
    assert (t.diff() >= 0).all()
    assert t.max() <= torch.tensor(T_MAX, dtype=dtype)
    free = 2.0 * math.sqrt(c) * v.norm(dim=1).flatten()
    assert (t <= free * (1.0 + 4 * eps(dtype))).all()
    # t_max tanh(t / t_max) = t (1 - (t / t_max)^2 / 3 + ...), so up to 1e-4 it is t to nine digits.
    near = free < 1e-4
    close(t[near], free[near], rtol=4 * eps(dtype) + 1e-9)
    inside = free < T_MAX
    if limit == "hard":
        close(t[inside], free[inside], rtol=4 * eps(dtype))


@law
@dtypes
@pytest.mark.parametrize("t_max", [2.0, T_MAX, 20.0])
def test_the_smooth_limit_keeps_order_and_gradient_where_the_hard_one_does_not(
    c: float, dtype: torch.dtype, t_max: float
) -> None:
    # One to four times the limit; 1 - tanh(4) = 7e-4, far above an ulp.
    x = t_max * torch.linspace(1.01, 4.0, 50, dtype=torch.float64) / (2.0 * math.sqrt(c))
    v = torch.stack([x, torch.zeros_like(x)]).reshape(1, 2, 50, 1).to(dtype).requires_grad_()
    smooth, hard = (radial(v, c=c, t_max=t_max, limit=limit) for limit in ("smooth", "hard"))
    assert (smooth.flatten().diff() > 0).all()
    assert (smooth < t_max).all()
    assert torch.equal(hard, torch.full_like(hard, t_max))
    (along,) = torch.autograd.grad(smooth.sum(), v)
    assert (along[:, 0] > 0).all()
    (cut,) = torch.autograd.grad(hard.sum(), v)
    assert torch.equal(cut, torch.zeros_like(cut))


@law
@dims
def test_the_held_radius_is_the_distance_to_the_origin(c: float, D: int) -> None:
    v = pixels(c, D)
    close(radial(v, c=c).squeeze(1) / math.sqrt(c), 2.0 * v.norm(dim=1), rtol=1e-12)


@pytest.mark.parametrize("case", golden_cases())
def test_golden_values_of_the_reference_implementation(case: str) -> None:
    values = golden_values(case)
    c = float(values["c"])
    a, p = (torch.from_numpy(values[name]) for name in ("normals", "offsets"))
    v, ball, wanted = (torch.from_numpy(values[name]).permute(0, 3, 1, 2) for name in ("v", "ball", "logits"))
    z = project(exp_map_zero(v, c=c, dim=1), c=c, dim=1)
    close(z, ball, rtol=0.0, atol=4 * eps(torch.float32) / math.sqrt(c))

    formed = sums(ball.double(), p.double(), c=c)
    room = 1.0 - c * project(formed, c=c).square().sum(-1)
    unprojected = c * formed.square().sum(-1) < (1.0 - EDGE) ** 2
    # Both sides are float32: some ulps of the scale, enlarged where 1 - c |m|^2 cancels or 1 - c |z|^2 does.
    scale = (2.0 * a.double().norm(dim=1) / math.sqrt(c))[:, None, None]
    near = torch.minimum(room, 1.0 - c * ball.double().square().sum(1, keepdim=True))
    bound = 16 * scale * eps(torch.float32) / near
    assert ((reference_logits(z, a, p, c=c) - wanted).abs() <= bound).all()
    closed = logits_of(v, from_points(a, p, c=c), c=c)
    assert ((closed - wanted).abs() <= bound)[unprojected].all()
