"""What is asked of the network: to which size images are shrunk."""

from __future__ import annotations

import pytest

from hypsegcli.errors import UsageError
from hypsegcli.inference.request import LongestSide, Tile, decide_longest_side


@pytest.mark.parametrize(
    ("asked", "trained", "tile", "side"),
    [
        ("auto", 480, "auto", 480),
        ("auto", 480, "off", 480),
        ("auto", 480, 512, None),  # a window's side is for those who want every pixel
        ("auto", None, "auto", None),
        ("off", 480, "auto", None),
        ("off", 480, 512, None),
        (960, 480, "auto", 960),
        (960, None, "off", 960),
    ],
)
def test_what_images_are_shrunk_to(asked: LongestSide, trained: int | None, tile: Tile, side: int | None) -> None:
    assert decide_longest_side(asked, trained, tile=tile) == side


@pytest.mark.parametrize(("asked", "tile"), [(15, "auto"), (0, "auto"), ("half", "auto"), (960, 512)])
def test_what_they_cannot_be_shrunk_to(asked: int | str, tile: Tile) -> None:
    with pytest.raises(UsageError, match=f"longest_side={asked}"):
        decide_longest_side(asked, 480, tile=tile)
