"""Processes that share a run: the files and books of one, whoever is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from itertools import product
from pathlib import Path

import pytest
from support import Hypseg, make_checkpoint
from support.deadly import Deadly, nothing
from support.shared_runs import files, here, lines, pictures, segment

from hypsegcli.hierarchy.tree import flat_tree
from hypsegcli.inference.request import Request
from hypsegcli.products.outputs import Outputs
from hypsegcli.run.order import Order
from hypsegcli.run.processes import processes
from hypsegcli.run.source import Work

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals cannot be sent to one process there")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint(tmp_path_factory.mktemp("c") / "c.safetensors", flat_tree(["a", "b", "c"]))


def options(out: Path) -> dict[str, object]:
    run = json.loads((out / "run.json").read_text())
    return {name: run[name] for name in ("recipe", "options", "counts", "files", "engine", "status")}


def test_two_processes_write_what_one_does_and_each_goes_on_where_the_other_stopped(
    hypseg: Hypseg, tmp_path: Path, checkpoint: Path
) -> None:
    given = pictures(tmp_path / "in", 9)
    (given / "008.png").write_bytes((given / "008.png").read_bytes()[:300])
    (given / "sub").mkdir()
    (given / "007.png").rename(given / "sub/007.png")
    command = ("uncertainty", given, "--checkpoint", checkpoint, "--engine", "torch", "--workers", "2")
    one, two = tmp_path / "one", tmp_path / "two"
    assert hypseg(*command, "--out", one).code == 3
    outcome = hypseg(*command, "--out", two, "--device", "cpu,cpu", "--profile")
    assert outcome.code == 3, outcome.stderr
    assert "in " + str(two) + " (torch" in outcome.stdout
    assert ", 2 x cpu, fp32)" in outcome.stdout
    assert files(one) == files(two)
    assert lines(one) == lines(two)
    assert options(one) == options(two)
    next(two.rglob("heatmap/001.png")).unlink()
    outcome = hypseg(*command, "--out", two, "--resume")  # on one device
    assert "7 of 9 images done already" in outcome.stderr
    assert files(one) == files(two)


def test_a_worker_is_killed_and_an_image_kills_all_that_touch_it(tmp_path: Path, checkpoint: Path) -> None:
    given = pictures(tmp_path / "in", 14)
    marks = tmp_path / "marks"
    marks.mkdir()
    results = segment(
        given,
        tmp_path / "out",
        checkpoint,
        Deadly(marks, always=66, once=70),
        lambda order: processes(order, ["cpu", "cpu"], tell=print),
    )
    assert len(results) == 14
    found = lines(tmp_path / "out")
    assert {key: line["code"] for key, line in found.items() if line["status"] == "failed"} == {"002": "worker"}
    assert sum(line["status"] == "done" for line in found.values()) == 13
    assert sorted(path.name.partition("-")[0] for path in marks.iterdir()) == ["66", "66", "70"]
    results = segment(given, tmp_path / "whole", checkpoint, Deadly(marks), here)
    whole = files(tmp_path / "whole")
    assert whole.pop("labels/002.bin")
    assert files(tmp_path / "out") == whole  # and no hidden file


START = """
import signal
import sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests may ignore it
sys.path[:0] = sys.argv[1].split(":")
from hypsegcli.__main__ import run_and_leave
sys.argv = ["hypseg", *sys.argv[2:]]
run_and_leave()
"""


def start(given: Path, out: Path, checkpoint: Path, *further: str) -> subprocess.Popen[str]:
    """A run in two processes, of which some images are done and others are not yet."""
    command = ["predict", given, "--out", out, "--checkpoint", checkpoint, "--engine", "torch", "--workers", "1"]
    process = subprocess.Popen(
        [sys.executable, "-c", START, ":".join(sys.path), *map(str, command), "--device", "cpu,cpu", *further],
        stderr=subprocess.PIPE,
        text=True,
    )
    books, until = out / "manifest.jsonl", time.monotonic() + 60
    while not books.is_file() or books.read_bytes().count(b'"done"') < 3:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.01)
    return process


def children(process: subprocess.Popen[str]) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="who has started whom is not told here")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_stopped_in_the_middle_workers_end_and_another_number_goes_on(
    hypseg: Hypseg, tmp_path: Path, checkpoint: Path, how: signal.Signals
) -> None:
    given, out = pictures(tmp_path / "in", 160), tmp_path / "out"
    process = start(given, out, checkpoint)
    workers = children(process)
    assert len(workers) == 2
    if how == signal.SIGINT:  # as from whoever stops all processes of a job
        for worker, number in product(workers, (signal.SIGINT, signal.SIGTERM)):
            os.kill(worker, number)
    process.send_signal(how)
    _, told = process.communicate(timeout=120)
    assert process.returncode == (130 if how == signal.SIGINT else -how)
    until = time.monotonic() + 60
    while any(Path(f"/proc/{pid}").exists() for pid in workers):
        assert time.monotonic() < until
        time.sleep(0.01)
    if how == signal.SIGINT:
        done = sum(line["status"] == "done" for line in lines(out).values())
        assert 3 <= done < 160
        assert f"interrupted after {done} of 160 images; the same command with --resume continues" in told
        # What was begun is finished and in the books, but for one image whose result was being taken in.
        assert 0 <= len(files(out)) - 4 * done <= 4
    command = ("predict", given, "--out", out, "--checkpoint", checkpoint, "--engine", "torch", "--resume")
    outcome = hypseg(*command)
    assert outcome.code == 0
    assert "of 160 images done already" in outcome.stderr
    assert hypseg("verify", out).code == 0


@pytest.mark.parametrize(
    ("device", "sentence"),
    [
        ("cpu,", "--device cpu,: expected names with commas between them"),
        ("cpu,gpu", "--device gpu: expected auto, cpu, cuda"),
        ("cuda:all", "torch sees no CUDA device here"),
    ],
)
def test_lists_of_devices_that_cannot_be_are_refused(
    hypseg: Hypseg, photos: Path, tmp_path: Path, checkpoint: Path, device: str, sentence: str
) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    outcome = hypseg("predict", photos, "--out", tmp_path / "out", "--checkpoint", checkpoint, "--device", device)
    assert outcome.code == 2
    assert sentence in outcome.stderr
    assert not (tmp_path / "out").exists()


def test_a_checkpoint_that_is_replaced_meanwhile_is_refused(tmp_path: Path, checkpoint: Path) -> None:
    from hypsegcli.errors import CheckpointError

    order = Order(
        checkpoint=checkpoint,
        sha256="0" * 64,
        request=Request(),
        work=Work(outputs=Outputs({}, nothing), max_pixels=1),
        out=tmp_path,
        engine="torch",
    )
    with (
        pytest.raises(CheckpointError, match="is not the file that this run began with"),
        processes(order, ["cpu"], tell=print),
    ):
        pass
