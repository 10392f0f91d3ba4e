"""How images are parted to be quantised on, and which of them are named."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import make_checkpoint, photograph
from support.quantised import GRAPHS

from hypsegcli.checkpoint.store import load_checkpoint
from hypsegcli.errors import DataError
from hypsegcli.hierarchy.tree import flat_tree
from hypsegcli.inference.engines.quantise import MOST, Compared
from hypsegcli.scores.quantise import Trial, part_pairs, quantise_on
from hypsegcli.truth.pairs import Pair

PAIRS = [Pair(f"{number:03}", Path("mask"), Path("image"), None) for number in range(101)]


@pytest.mark.parametrize("count", [2, 3, 4, 5, 59, 60, 61, 101])
def test_at_most_half_give_ranges_and_all_others_are_scored(count: int) -> None:
    adjusted, compared = part_pairs(PAIRS[:count])
    assert sorted([*adjusted, *compared]) == PAIRS[:count]
    assert len(adjusted) == min(MOST, count // 2)
    places = [PAIRS.index(pair) for pair in adjusted]
    steps = {after - before for before, after in pairwise(places)}
    assert not steps or max(steps) - min(steps) <= 1


@pytest.mark.parametrize("count", [0, 1])
def test_what_cannot_be_parted_is_refused(count: int) -> None:
    with pytest.raises(DataError, match=f"^{count} images? with labelled pixels: "):
        part_pairs(PAIRS[:count])


def test_the_images_that_ranges_are_taken_of_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in "abc":
        photograph(tmp_path / f"{name}.png")
    Image.fromarray(np.zeros((48, 64, 4), np.uint8)).save(tmp_path / "b.png")
    a, b, c = (Pair(name, tmp_path / "mask", tmp_path / f"{name}.png", None) for name in "abc")
    checkpoint = load_checkpoint(make_checkpoint(tmp_path / "x.safetensors", flat_tree(["one", "two"])))
    trial = Trial(adjusted=[b], compared=[a, c], ignore_index=255, id_map=None, longest_side=None, max_pixels=10**6)
    monkeypatch.setattr("hypsegcli.scores.quantise.quantise", lambda *_, **__: GRAPHS)
    monkeypatch.setattr("hypsegcli.scores.quantise.compare_with_fp32", lambda *_: Compared(0.9, 0.1, 2.0))
    monkeypatch.setattr("hypsegcli.scores.quantise.made_with", lambda: "nothing")
    told: list[str] = []
    facts = quantise_on(checkpoint, trial, tell=told.append).header.int8
    assert facts is not None
    assert (facts.images, facts.compared) == (1, 2)
    assert told[0] == "ranges are taken of 1 of 3 images: b"
    assert told[1].startswith("of these, 1 image: alpha that is 0 everywhere")
    assert len(told) == 2
