"""Pairs become predicted images, in order, whatever runs side by side."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.limited_engine import TREE, LimitedEngine, picture

from hypsegcli.errors import DataError
from hypsegcli.inference.request import Request
from hypsegcli.inference.segmenter import Segmenter
from hypsegcli.scores.reading import predicted_images
from hypsegcli.scores.sources import NetworkSource
from hypsegcli.truth.pairs import Pair


class TwoLanes(LimitedEngine):
    lanes = 2


@pytest.fixture
def pairs(tmp_path: Path) -> list[Pair]:
    made = []
    for number in range(7):
        image, mask = tmp_path / f"{number}.png", tmp_path / f"{number} mask.png"
        Image.fromarray(picture(32, 48 + 16 * (number % 2), seed=number)).save(image)
        size = (32, 48 + 16 * (number % 2))
        Image.fromarray(np.random.default_rng(number).integers(0, 3, size, np.uint8)).save(mask)
        made.append(Pair(f"{number}", mask, image, None))
    return made


def read(pairs: list[Pair], engine: LimitedEngine, workers: int) -> list[tuple[str, bytes]]:
    segmenter = Segmenter(engine, TREE, request=Request(measures=("distance",)))
    source, seconds = NetworkSource(segmenter, sampler=None), dict.fromkeys(("decode", "network", "reduce"), 0.0)
    images = predicted_images(pairs, source, classes=3, ignore_index=255, workers=workers, seconds=seconds)
    found = [(one.sample.key, one.sample.labels.tobytes() + one.sample.levels["distance"].tobytes()) for one in images]
    assert min(seconds.values()) > 0
    return found


def test_pairs_come_in_order_with_the_same_answers(pairs: list[Pair]) -> None:
    alone = read(pairs, LimitedEngine(10**9), workers=0)
    assert [key for key, _ in alone] == [pair.key for pair in pairs]
    for workers in (1, 3):
        assert read(pairs, TwoLanes(10**9), workers=workers) == alone


def test_a_pair_that_cannot_be_read_ends_it(pairs: list[Pair]) -> None:
    Image.new("L", (8, 8)).save(pairs[4].mask)
    segmenter = Segmenter(TwoLanes(10**9), TREE, request=Request(measures=("distance",)))
    images = predicted_images(pairs, NetworkSource(segmenter, sampler=None), classes=3, ignore_index=255, workers=2)
    with pytest.raises(DataError, match=r"4\.png and .*4 mask\.png"):
        list(images)
