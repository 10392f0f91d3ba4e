"""A long folder takes no more memory than a short one: what belongs to an image dies with it."""

from __future__ import annotations

import gc
import os
import threading
import weakref
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from support import Hypseg, make_checkpoint, photograph

from hypsegcli.files.atomic import writing
from hypsegcli.hierarchy.tree import flat_tree
from hypsegcli.images.decode import DecodedImage
from hypsegcli.inference.prediction import Prediction


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("batch_size", [1, 3])
def test_only_one_batch_of_images_is_alive_and_what_workers_hold(
    hypseg: Hypseg, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch_size: int, workers: int
) -> None:
    images = 24
    for number in range(images):
        photograph(tmp_path / f"in/{number}.jpg", seed=number)
    alive: dict[type, weakref.WeakSet[object]] = {DecodedImage: weakref.WeakSet(), Prediction: weakref.WeakSet()}
    most = dict.fromkeys(alive, 0)
    for kind, living in alive.items():
        original: Callable[..., None] = vars(kind)["__init__"]

        def init(
            self: object,
            *arguments: object,
            made: Callable[..., None] = original,
            living: weakref.WeakSet[object] = living,
            **named: object,
        ) -> None:
            made(self, *arguments, **named)
            living.add(self)

        monkeypatch.setattr(kind, "__init__", init)

    def count(maps: Mapping[Path, bytes]) -> AbstractContextManager[None]:
        gc.collect()
        for kind, living in alive.items():
            most[kind] = max(most[kind], len(living))
        return writing(maps)

    monkeypatch.setattr("hypsegcli.run.process.writing", count)
    arguments = ("--batch-size", batch_size, "--workers", workers, "--save", "labels")
    assert hypseg("predict", tmp_path / "in", "--out", tmp_path / "out", *arguments).code == 0
    behind = workers + 1 if workers else 0  # one for each worker that encodes, and one that waits for them
    before = workers + batch_size if workers else 1  # decoded already: one for each worker, and the next batch
    assert 1 <= most[Prediction] <= batch_size + behind
    assert 1 <= most[DecodedImage] <= batch_size + behind + before


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="open files are counted there")
def test_many_images_leave_no_open_files_and_no_threads(
    hypseg: Hypseg, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images, workers = 300, 2
    for number in range(images):
        path = photograph(tmp_path / f"in/{number:03}.png", size=(16, 16), seed=number)
        if number % 10 == 9:
            path.write_bytes(path.read_bytes()[:100])
    checkpoint = make_checkpoint(tmp_path / "random.safetensors", flat_tree(["a", "b"]))
    files, threads = list[int](), list[int]()

    def count(maps: Mapping[Path, bytes]) -> AbstractContextManager[None]:
        files.append(len(os.listdir("/proc/self/fd")))  # noqa: PTH208 (names alone)
        threads.append(threading.active_count())
        return writing(maps)

    monkeypatch.setattr("hypsegcli.run.process.writing", count)
    before = len(os.listdir("/proc/self/fd")), threading.active_count()  # noqa: PTH208
    options = ("--checkpoint", checkpoint, "--save", "labels", "--workers", workers)
    assert hypseg("predict", tmp_path / "in", "--out", tmp_path / "out", *options).code == 3
    assert len(files) == images - images // 10
    assert max(files[images // 2 :]) <= before[0] + 4 * workers + 4
    assert max(threads) <= before[1] + 2 * workers + 1
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) <= before[0] + 1  # noqa: PTH208
    assert threading.active_count() == before[1]
