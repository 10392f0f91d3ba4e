"""Logits without gradient: the values of the formulas, in any layout and any number of bands, in no more memory."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support import REPOSITORY
from torch import Tensor

from hypsegcli.geometry.bands import closed_form_in_bands, reference_in_bands, scaled_asinh_
from hypsegcli.geometry.mlr import closed_form_logits, from_bias, radial, reference_logits
from hypsegcli.geometry.poincare import T_MAX, exp_map_zero, project

LAYOUTS: dict[str, Callable[[Tensor], Tensor]] = {
    "channels last": lambda v: v.to(memory_format=torch.channels_last),
    "channels first": lambda v: v.contiguous(),
    "a window of something larger": lambda v: torch.nn.functional.pad(v, (2, 1, 3, 1))[:, :, 3:-1, 2:-1],
}
layouts = pytest.mark.parametrize("layout", LAYOUTS)
dtypes = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=("float32", "float64"))


def drawn(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def tangents(c: float, *, B: int = 2, D: int = 5, h: int = 7, w: int = 6) -> Tensor:
    """Vectors from none at all to far beyond the limit."""
    v = drawn(B, D, h, w, seed=0)
    sizes = torch.cat([torch.zeros(1), torch.logspace(-30, 1.5, B * h * w - 1)]).double().reshape(B, 1, h, w)
    scaled: Tensor = v / v.norm(dim=1, keepdim=True) * sizes / math.sqrt(c)
    return scaled


@layouts
@dtypes
@pytest.mark.parametrize("c", [1e-8, 0.1, 1.0, 3.0])
@pytest.mark.parametrize("limit", ["hard", "smooth"])
@pytest.mark.parametrize("budget", [1, 2000, 2**22])  # bytes: a row of pixels in a band, some, and all of them
def test_bands_say_what_the_formula_says(layout: str, dtype: torch.dtype, c: float, limit: Any, budget: int) -> None:
    v = LAYOUTS[layout](tangents(c).to(dtype))
    planes = from_bias(drawn(9, 5, seed=1).to(dtype), torch.linspace(-3.0, 3.0, 9, dtype=dtype), c=c)
    logits, t = closed_form_in_bands(v, planes, c=c, limit=limit, t_max=6.0, budget=budget)
    wanted_t = radial(v, c=c, limit=limit, t_max=6.0)
    wanted = closed_form_logits(v, planes, wanted_t, c=c)
    assert logits.shape == wanted.shape
    assert logits.dtype == t.dtype == dtype
    torch.testing.assert_close(t, wanted_t, rtol=4 * torch.finfo(dtype).eps, atol=0.0)
    # Terms of the argument reach cosh(3) (cosh(t) + sinh(t)) and may cancel; an ulp of t counts t-fold in them.
    terms = 2.0 * math.cosh(3.0) * wanted_t.cosh() / (wanted / planes.scale[:, None, None]).cosh()
    bound = (16 + T_MAX) * torch.finfo(dtype).eps * planes.scale[:, None, None] * (1.0 + terms)
    assert ((logits - wanted).abs() <= bound).all()


@layouts
@dtypes
@pytest.mark.parametrize("budget", [1, 2000, 2**22])
def test_bands_say_what_the_expansion_says(layout: str, dtype: torch.dtype, budget: int) -> None:
    c = 0.5
    v = LAYOUTS[layout](tangents(c).to(dtype))
    a = drawn(9, 5, seed=1).to(dtype)
    p = exp_map_zero(0.5 * drawn(9, 5, seed=2), c=c).to(dtype)
    found = reference_in_bands(v, a, p, c=c, budget=budget)
    wanted = reference_logits(project(exp_map_zero(v, c=c, dim=1), c=c, dim=1), a, p, c=c)
    # Both are the same operations; only sums over channels may be taken in another order.
    torch.testing.assert_close(found, wanted, rtol=1e4 * torch.finfo(dtype).eps, atol=1e4 * torch.finfo(dtype).eps)


def test_the_answer_lies_in_channels_last_memory() -> None:
    v = tangents(1.0).float()
    logits, _ = closed_form_in_bands(v, from_bias(torch.eye(9, 5), torch.zeros(9), c=1.0), c=1.0)
    assert logits.is_contiguous(memory_format=torch.channels_last)


def test_one_class_and_one_pixel() -> None:
    v, planes = torch.tensor([0.3, 0.4]).reshape(1, 2, 1, 1), from_bias(torch.eye(1, 2), torch.zeros(1), c=1.0)
    logits, t = closed_form_in_bands(v, planes, c=1.0)
    assert t.item() == pytest.approx(1.0)
    assert logits.item() == pytest.approx(2.0 * math.asinh(math.sinh(1.0) * 0.6))


@dtypes
def test_asinh_is_right_to_a_rounding_of_one_and_of_itself(dtype: torch.dtype) -> None:
    sizes = torch.cat([torch.zeros(1), torch.logspace(-30, 9, 4000)])
    x = torch.cat([sizes, -sizes]).double().to(dtype)[:, None].repeat(1, 2)
    scale = torch.tensor([1.0, 7.5], dtype=dtype)
    wanted = np.arcsinh(x.double().numpy()) * scale.double().numpy()
    scaled_asinh_(x, scale, short=True)
    error = np.abs(x.double().numpy() - wanted) / scale.double().numpy()
    assert (error <= 4 * torch.finfo(dtype).eps * (1.0 + np.abs(wanted))).all()
    assert (np.sign(x.numpy()) * np.sign(wanted) >= 0).all()


@pytest.mark.parametrize("c", [1e-4, 1e-8, 1e-12])
@pytest.mark.parametrize("way", ["closed form", "expansion"])
def test_towards_a_flat_space_no_digits_are_lost(c: float, way: str) -> None:
    """Arguments shrink and scales grow with 1 / sqrt(c): an error of a rounding of 1 would be all that is left."""
    v, a, p = drawn(1, 5, 4, 6, seed=0), drawn(9, 5, seed=1), drawn(9, 5, seed=2)
    if way == "closed form":
        b = 2.0 * math.sqrt(c) * p[:, 0]
        planes = from_bias(a.float(), b.float(), c=c)
        found = closed_form_in_bands(v.float(), planes, c=c)[0].double()
    else:
        found = reference_in_bands(v.float(), a.float(), p.float(), c=c).double()
    flat = 4.0 * torch.einsum("md,bdhw->bmhw", a, v)
    flat -= 4.0 * (a.norm(dim=1) * p[:, 0] if way == "closed form" else (a * p).sum(1))[:, None, None]
    # The space is not flat yet by some c |v|^2 and c |p|^2, which reach 20.
    assert ((found - flat).abs() <= 1e-4 + 100.0 * c * flat.abs().max()).all()


@pytest.mark.parametrize(("bias", "t_max"), [(40.0, T_MAX), (26.0, 20.0)])
def test_arguments_whose_square_is_no_float_give_finite_logits(bias: float, t_max: float) -> None:
    v, planes = tangents(1.0).float(), from_bias(drawn(9, 5, seed=1).float(), torch.full((9,), bias), c=1.0)
    found, t = closed_form_in_bands(v, planes, c=1.0, t_max=t_max)
    assert found.isfinite().all()
    torch.testing.assert_close(found, closed_form_logits(v, planes, t, c=1.0), rtol=1e-5, atol=1e-4)


def test_not_a_number_remains_one() -> None:
    """The network's answer is searched for them."""
    v = tangents(1.0).float()
    v[0, 2, 3, 4] = math.nan
    logits, t = closed_form_in_bands(v, from_bias(torch.eye(9, 5), torch.zeros(9), c=1.0), c=1.0)
    assert logits[0, :, 3, 4].isnan().all()
    assert t[0, 0, 3, 4].isnan()
    assert logits.isnan().sum() == 9


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="peak memory is read from Linux's /proc")
def test_at_its_peak_it_takes_no_more_memory_than_a_convolution() -> None:
    """Each in a process of its own, which gives memory back as soon as it is free."""
    batch, side, D, M = 1, 513, 64, 150

    def grown(way: str) -> float:
        command = [sys.executable, "benchmarks/head.py", "--grown", way, *map(str, (batch, side, D, M))]
        own = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536", "OMP_NUM_THREADS": "1"}
        done = subprocess.run(command, cwd=REPOSITORY, env=os.environ | own, capture_output=True, text=True, check=True)
        return float(done.stdout)

    flat = grown("euclidean")
    assert flat > 0.98 * 4.0 * batch * side**2 * M  # the logits alone; the system counts to some hundred kilobytes
    assert grown("ours") <= 1.05 * flat
