"""A long folder takes no more memory than a short one: what belongs to an image dies with it."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from pathlib import Path

import pytest
from support import Hypseg, photograph

from hypsegcli.images.decode import DecodedImage
from hypsegcli.inference.prediction import Prediction
from hypsegcli.pipeline.ledger import Ledger
from hypsegcli.pipeline.process import FileResult


@pytest.mark.parametrize("batch_size", [1, 3])
def test_only_one_batch_of_images_is_alive(
    hypseg: Hypseg, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch_size: int
) -> None:
    images = 12
    for number in range(images):
        photograph(tmp_path / f"in/{number}.jpg", seed=number)
    alive: dict[type, weakref.WeakSet[object]] = {DecodedImage: weakref.WeakSet(), Prediction: weakref.WeakSet()}
    most = dict.fromkeys(alive, 0)
    for kind, living in alive.items():

        def init(
            self: object,
            *arguments: object,
            made: Callable[..., None] = kind.__init__,
            living: weakref.WeakSet[object] = living,
            **named: object,
        ) -> None:
            made(self, *arguments, **named)
            living.add(self)

        monkeypatch.setattr(kind, "__init__", init)
    add = Ledger.add

    def count(self: Ledger, result: FileResult) -> None:
        add(self, result)
        gc.collect()
        for kind, living in alive.items():
            most[kind] = max(most[kind], len(living))

    monkeypatch.setattr(Ledger, "add", count)
    assert hypseg("predict", tmp_path / "in", "--out", tmp_path / "out", "--batch-size", batch_size).code == 0
    assert 1 <= most[Prediction] <= batch_size
    assert 1 <= most[DecodedImage] <= batch_size + 1  # the next one may be decoded already
