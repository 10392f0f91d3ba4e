"""Two ranks normalise as one process that has all images, forwards and backwards."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from support.ranks import Normed, normed, run_ranks

from hypsegcli.training.ranks import ALONE
from hypsegcli.training.synced_norm import norms_over

PARTS = (slice(0, 1), slice(1, 4))  # not alike many


@pytest.mark.parametrize(("kind", "affine", "tolerance"), [("float32", True, 2e-6), ("float32", False, 2e-6),
                                                             ("bfloat16", True, 2e-2)])  # fmt: skip
def test_ranks_normalise_as_one_process(kind: str, affine: bool, tolerance: float) -> None:
    rng = np.random.default_rng(0)
    images = rng.normal(3.0, 2.0, (4, 5, 6, 7)).astype(np.float32)
    images[0] += 10.0  # or means of means would do
    whole = normed(ALONE, images, (slice(None),), kind, affine)
    parts: list[Normed] = run_ranks(2, normed, images, PARTS, kind, affine)
    for name in ("output", "slope"):
        joint = np.concatenate([getattr(part, name) for part in parts])
        np.testing.assert_allclose(joint, getattr(whole, name), rtol=tolerance, atol=10 * tolerance)
    largest = max(abs(gradient).max() for gradient in whole.gradients) if affine else 0.0
    for part in parts:
        assert part.kind == whole.kind
        for name, tensor in whole.state.items():
            np.testing.assert_allclose(part.state[name], tensor, rtol=tolerance, atol=tolerance)
        for gradient, expected in zip(part.gradients, whole.gradients, strict=True):
            np.testing.assert_allclose(gradient, expected, rtol=10 * tolerance, atol=10 * tolerance * largest)
    for one, other in zip(parts[0].state.values(), parts[1].state.values(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_alone_nothing_changes() -> None:
    images, mean, var = torch.randn(2, 3, 4, 4), torch.zeros(3), torch.ones(3)
    with norms_over(ALONE):
        found = F.batch_norm(images, mean, var, training=True)
    assert torch.equal(found, F.batch_norm(images, torch.zeros(3), torch.ones(3), training=True))
