"""Refined class probabilities: class by class the same as all at once, and what they decide for."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from hypsegcli.inference.refine import RefinedProbabilities, smoother_of
from hypsegcli.inference.smoother import Smoother
from hypsegcli.inference.upsample import Cells, upsample_rows

HEIGHT, WIDTH, CLASSES = 24, 36, 7
CELL = Cells(4, 4)


@pytest.fixture(scope="module")
def photograph() -> NDArray[np.uint8]:
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (6, 9, 3)).repeat(4, 0).repeat(4, 1).astype(np.uint8)


@pytest.fixture(scope="module")
def scores() -> Tensor:
    """Log-probabilities of seven classes, two of which are nowhere likely."""
    logits = 2 * torch.randn(1, CLASSES, HEIGHT // 4, WIDTH // 4, generator=torch.Generator().manual_seed(0))
    logits[:, 2:4] -= 12
    return logits.log_softmax(1)


def refined(
    scores: Tensor, photograph: NDArray[np.uint8], *, budget: int = 2**24, scale: float = 1.0, are_logs: bool = True
) -> RefinedProbabilities:
    return RefinedProbabilities(scores, photograph, are_logs=are_logs, cell=CELL, scale=scale, budget=budget)


def at_pixels(scores: Tensor) -> Tensor:
    return upsample_rows(scores, cell=CELL, start=0, stop=HEIGHT, width=WIDTH)[0]


@pytest.mark.parametrize("scale", [1.0, 3.0])
def test_they_are_the_smoothed_softmax_of_the_blended_scores(
    scores: Tensor, photograph: NDArray[np.uint8], scale: float
) -> None:
    smooth = Smoother(photograph, strength=100.0 * scale**2, sigma=photograph.std() / 16)
    expected = smooth(at_pixels(scores).softmax(0).numpy())
    np.testing.assert_allclose(refined(scores, photograph, scale=scale).every()[0].numpy(), expected, atol=1e-6)


def test_a_dark_photograph_has_the_edges_of_a_bright_one(scores: Tensor, photograph: NDArray[np.uint8]) -> None:
    dark = (photograph // 3).astype(np.uint8)
    found, expected = refined(scores, dark).every(), refined(scores, dark * 3).every()
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-4)


def test_noise_of_a_grey_level_is_no_edge(scores: Tensor) -> None:
    rng = np.random.default_rng(1)
    flat = np.full((HEIGHT, WIDTH, 3), 40, np.uint8)
    noisy = (flat + rng.integers(0, 2, flat.shape)).astype(np.uint8)
    found = refined(scores, noisy).every()
    apart = (found - refined(scores, flat).every()).abs().mean()
    smoothed = (found - at_pixels(scores).softmax(0)[None]).abs().mean()
    assert apart < smoothed / 4


def test_blended_probabilities_are_scaled_to_sum_to_one(scores: Tensor, photograph: NDArray[np.uint8]) -> None:
    twice = 2 * scores.exp()
    expected = smoother_of(photograph, 1.0)(at_pixels(scores.exp()).numpy())
    found = refined(twice, photograph, are_logs=False).every()[0].numpy()
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("budget", [1, 4 * HEIGHT * WIDTH * 2, 2**24])  # one class at a time, two, all
def test_neither_probabilities_nor_decisions_depend_on_how_many_classes_are_held(
    scores: Tensor, photograph: NDArray[np.uint8], budget: int
) -> None:
    whole, by_parts = refined(scores, photograph), refined(scores, photograph, budget=budget)
    torch.testing.assert_close(by_parts.every(), whole.every(), rtol=0, atol=1e-6)
    np.testing.assert_array_equal(by_parts.best(None), whole.best(None))


@pytest.mark.parametrize("among", [None, (1, 2, 5), (3,)])
def test_the_best_class_is_the_most_probable_one(
    scores: Tensor, photograph: NDArray[np.uint8], among: tuple[int, ...] | None
) -> None:
    image = refined(scores, photograph)
    chosen = np.array(among if among is not None else range(CLASSES))
    expected = chosen[image.every()[0].numpy()[chosen].argmax(0)]
    np.testing.assert_array_equal(image.best(among), expected)


def test_classes_that_can_win_nowhere_are_not_smoothed(
    scores: Tensor, photograph: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    smooth = Smoother.__call__

    def counted(self: Smoother, planes: NDArray[np.float32]) -> NDArray[np.float32]:
        seen.append(len(planes))
        return smooth(self, planes)

    monkeypatch.setattr(Smoother, "__call__", counted)
    refined(scores, photograph).best(None)
    assert sum(seen) == CLASSES - 2
