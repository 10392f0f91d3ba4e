"""What goes wrong in reading processes comes out as the sentence it would be without them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from hypsegcli.errors import DataError, ImageError
from hypsegcli.inference.device import Device
from hypsegcli.training.config import TrainConfig
from hypsegcli.training.read_batches import batches, leave_stopping_to_training
from hypsegcli.training.run import Job, prepare


class Failing:
    """In a loader's place."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __iter__(self) -> Iterator[Any]:
        raise self.error
        yield


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("unable to allocate shared memory(shm) for file </torch_1_2_0>: No space left on device (28)", "shm_size=2g"),
        ("DataLoader worker (pid 7) is killed by signal: Bus error. It is possible that ...", "shm_size=2g"),
        ("DataLoader worker (pid 7) is killed by signal: Killed. ", "for want of memory; read in fewer with workers=1"),
        ("DataLoader worker (pid(s) 7) exited unexpectedly", "for want of memory"),
    ],
)
def test_want_of_memory_is_told(text: str, said: str) -> None:
    with pytest.raises(DataError, match="workers=0") as caught:
        next(batches(Failing(RuntimeError(text))))  # type: ignore[arg-type]
    assert said in str(caught.value)


def test_defects_stay_defects() -> None:
    with pytest.raises(RuntimeError, match="shapes do not match"):
        next(batches(Failing(RuntimeError("shapes do not match"))))  # type: ignore[arg-type]


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("kind", ["images", "sizes"])
def test_a_file_that_goes_bad_while_training_runs(data: Path, tmp_path: Path, workers: int, kind: str) -> None:
    config = TrainConfig(
        backbone="mobilenet_v3_small", batch_size=2, crop_height=64, crop_width=64, workers=workers, epochs=1
    )
    run = prepare(Job(data, tmp_path, config, Device(torch.device("cpu"))))
    for path in (data / "train/images").iterdir():
        if kind == "images":
            path.write_bytes(b"")
        else:
            Image.new("RGB", (16, 16)).save(path)
    expected = ImageError if kind == "images" else DataError
    with pytest.raises(expected) as caught:
        list(batches(run.loader))
    assert str(caught.value).startswith(str(data / "train/images"))
    assert "Traceback" not in str(caught.value)
    if isinstance(caught.value, ImageError):
        assert caught.value.code == "empty"


@pytest.mark.skipif(os.name == "nt", reason="there is no telling a process to stop there")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_stops_the_whole_group_ends_no_reading(data: Path, tmp_path: Path, number: signal.Signals) -> None:
    """It reaches the training too, which ends when it has said what is saved."""
    config = TrainConfig(
        backbone="mobilenet_v3_small", batch_size=2, crop_height=64, crop_width=64, workers=2, epochs=1
    )
    run = prepare(Job(data, tmp_path, config, Device(torch.device("cpu"))))
    others = multiprocessing.active_children()
    reading = batches(run.loader)
    next(reading)
    processes = [process for process in multiprocessing.active_children() if process not in others]
    assert len(processes) == 2
    for process in processes:
        assert process.pid is not None
        os.kill(process.pid, number)
    assert len(list(reading)) == len(run.loader) - 1
    assert not any(process.is_alive() for process in processes)


@pytest.mark.skipif(os.name == "nt", reason="there is no telling a process to stop there")
def test_a_process_that_cannot_end_in_peace_ends_when_it_is_told_again() -> None:
    process = multiprocessing.get_context("fork").Process(target=_read_for_ever)
    process.start()
    time.sleep(1)
    process.terminate()
    process.join(1)
    assert process.is_alive()
    process.terminate()
    process.join(20)
    assert process.exitcode == -signal.SIGTERM


def _read_for_ever() -> None:
    leave_stopping_to_training(0)
    while True:
        time.sleep(0.1)
