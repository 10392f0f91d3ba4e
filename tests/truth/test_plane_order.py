"""Whether label maps hold the likeliest class of the probabilities beside them."""

from __future__ import annotations

import numpy as np
import pytest

from hypsegcli.truth.masks import IdMap
from hypsegcli.truth.plane_order import Agreement, classes_of_planes, count_others

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


VOID = (255, None)


@pytest.mark.parametrize(
    ("planes", "changes", "order"),
    [
        (4, [VOID], None),  # no plane is led elsewhere: plane I is that of class I, and all must be there
        (3, [VOID], None),
        (3, [(0, 1), (1, 0), (2, 2)], [1, 0, 2]),  # another tool's, that has no class 3
        (4, [(1, 0)], [0, 0, 2, 3]),  # a class becomes one with another of the list
        (4, [(4, 3)], None),  # ids begin at 1
        (4, [(3, None)], [0, 1, 2, 4]),
    ],
)
def test_planes_go_where_the_ids_of_label_maps_go(
    planes: int, changes: list[tuple[int, int | None]], order: list[int] | None
) -> None:
    found = classes_of_planes(planes, classes=4, ignore_index=255, id_map=IdMap(tuple(changes)))
    assert (None if found is None else found[0].tolist()) == order
