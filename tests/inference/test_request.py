"""What is asked of the network: to which size images are shrunk."""

from __future__ import annotations

import pytest

from hypsegcli.errors import UsageError
from hypsegcli.hierarchy.tree import flat_tree
from hypsegcli.inference.request import LongestSide, Tile, check_prototypes, decide_longest_side
from hypsegcli.network.config import ModelConfig


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


def test_more_prototypes_than_16_bits_can_number_are_refused() -> None:
    tree = flat_tree([f"class {index}" for index in range(66)])
    for count, refused in ((992, False), (993, True)):  # 66 * 993 = 65,538
        config = ModelConfig(nodes=66, softmax="flat", head="prototypes", prototypes=count)
        if not refused:
            check_prototypes(config, tree, level=None)
            continue
        with pytest.raises(UsageError, match="66 classes of 993 are more than 65,536"):
            check_prototypes(config, tree, level=None)
