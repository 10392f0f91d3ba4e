"""Whether label maps hold the likeliest class of the probabilities beside them."""

from __future__ import annotations

import numpy as np
import pytest

from hypsegcli.truth.plane_order import Agreement, count_others

SHAPE = (20, 30)


def test_others_against_a_loop() -> None:
    """A label that is as likely as the likeliest is none of them, and no class counts for nothing."""
    rng = np.random.default_rng(0)
    values = rng.integers(1, 4, (4, *SHAPE)).astype(np.float32)
    labels = rng.integers(0, 5, SHAPE).astype(np.uint8)
    known = [(y, x) for y, x in np.ndindex(SHAPE) if labels[y, x] < 4]
    others = [at for at in known if values[(labels[at], *at)] < max(values[:, at[0], at[1]])]
    assert count_others(values, labels) == (len(known), len(others))
    assert 0 < len(others) < len(known)


@pytest.mark.parametrize(
    ("others", "told"), [((0, 0), None), ((50, 50), None), ((50, 51), "50.5%"), ((0, 200), "66.7%")]
)
def test_most_pixels_of_all_images_decide(others: tuple[int, int], told: str | None) -> None:
    agreement = Agreement()
    for many in others:
        agreement.add(max(100, many), many)
    mistake = agreement.mistake(mapped=False)
    assert (mistake is None) == (told is None)
    assert mistake is None or told is None or told in mistake


def test_nothing_is_said_of_nothing() -> None:
    assert Agreement().mistake(mapped=True) is None
