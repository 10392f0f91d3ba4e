"""Ctrl-C in every command: a sentence, exit code 130, no traceback, nothing half written."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import photograph

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Ctrl-C cannot be sent to one process there")

# Shells start background jobs deaf to Ctrl-C, and children inherit it. A command waits where a test can meet it.
START = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
from hypsegcli.__main__ import run_and_leave
place, method, seconds = sys.argv[1].rpartition(".")[0], sys.argv[1].rpartition(".")[2], float(sys.argv[2])
import importlib
module = importlib.import_module(place)
def wait(*_, **__):
    try:
        print("waiting", file=sys.stderr, flush=True)
        time.sleep(60)
    finally:
        time.sleep(seconds)
setattr(module, method, wait)
sys.argv = ["hypseg", *sys.argv[3:]]
run_and_leave()
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for number in range(2):
        photograph(tmp_path / f"images/{number}.png", seed=number)
        (tmp_path / "masks").mkdir(exist_ok=True)
        Image.fromarray(np.eye(48, 64, dtype=np.uint8)).save(tmp_path / f"masks/{number}.png")
    (tmp_path / "classes.txt").write_text("0:near\n1:far\n")
    return tmp_path


def interrupt(data: Path, place: str, *arguments: str, again: bool = False) -> tuple[int, str]:
    """Exit code and what was told, of a command that is told to stop while it waits in a function."""
    command = [sys.executable, "-c", START, place, "30" if again else "0", *arguments]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, cwd=data)
    assert process.stderr is not None
    told = []
    for line in process.stderr:
        if line == "waiting\n":
            break
        told.append(line)
    time.sleep(0.3)  # until it waits indeed
    process.send_signal(signal.SIGINT)
    if again:
        time.sleep(1)
        process.send_signal(signal.SIGINT)
    told.append(process.communicate(timeout=20)[1])
    return process.returncode, "".join(told)


EVALUATE = ("evaluate", "--predictions", "masks", "masks", "--classes", "classes.txt", "--out", "report")
COMMANDS = {
    "evaluate": (
        "hypsegcli.cli.evaluation.score.progress_for",
        EVALUATE,
        "0 of 2 images were scored, and nothing is written",
    ),
    "calibrate": (
        "hypsegcli.confidence.calibration.image_counts",
        ("calibrate", "images", "masks", "--name", "x", "--out", "c.safetensors", "--engine", "torch"),
        "0 of 2 images were read, and no checkpoint is written",
    ),
    "report": ("hypsegcli.report.files.report_to_json", EVALUATE, "only where report.json is written"),
    "compare": ("hypsegcli.report.compare.read_report", ("compare", "a", "b"), "no file is left half written"),
    "disk": ("hypsegcli.images.decode.open_upright", ("disk", "images/0.png", "--out", "d.svg"), "no file is left"),
    "verify": ("hypsegcli.run.verify.read_manifest", ("verify", "run"), "no file is left half written"),
    "info": ("hypsegcli.checkpoint.read_header.header_from_json", ("info",), "no file is left half written"),
    "predict": ("hypsegcli.images.discover.Skipped", ("predict", "images", "--out", "out"), "with --resume continues"),
    "uncertainty": (
        "hypsegcli.run.ranking_csv.write_csv",
        ("uncertainty", "images", "--out", "out", "--engine", "torch"),
        "with --resume continues",
    ),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_that_is_interrupted_says_what_is_saved(data: Path, name: str) -> None:
    place, arguments, sentence = COMMANDS[name]
    (data / "run").mkdir()
    (data / "run/manifest.jsonl").touch()
    (data / "a").touch()
    code, told = interrupt(data, place, *arguments)
    assert code == 130, told
    assert re.search("^hypseg: interrupted(; | after 2 of 2 images; )", told, re.M)
    assert sentence in told
    assert "Traceback" not in told
    assert not list(data.rglob("*.tmp"))
    for written in ("report/report.json", "c.safetensors", "d.svg", "out/ranking.csv", "out/regions.csv"):
        assert not (data / written).exists()


def test_a_training_says_which_epoch_is_saved(data: Path) -> None:
    for split in ("train", "val"):
        for kind in ("images", "masks"):
            (data / "data" / split).mkdir(parents=True, exist_ok=True)
            (data / "data" / split / kind).symlink_to(data / kind)
    (data / "data/classes.txt").write_text("0:near\n1:far\n")
    small = ("--batch-size", "2", "--crop", "48", "64", "--workers", "0", "--backbone", "mobilenet_v3_small")
    arguments = ("train", "--data", "data", "--out", "run", "--epochs", "2", *small)
    code, told = interrupt(data, "hypsegcli.training.pictures.write_sheet", *arguments)
    assert code == 130, told
    assert "hypseg: interrupted; run holds what there was after epoch 0; the same command with --resume goes" in told
    assert "Traceback" not in told


@pytest.mark.parametrize("place", ["hypsegcli.scores.reading.read_mask", "hypsegcli.report.files.report_to_json"])
def test_the_second_time_it_ends_at_once(data: Path, place: str) -> None:
    """Whatever it still had to finish: here something that takes half a minute."""
    code, told = interrupt(data, place, *EVALUATE, again=True)
    assert code == 130
    assert told.endswith("hypseg: ended at once; what is finished is whole\n")
    assert "Exception ignored" not in told
    assert "Traceback" not in told


def test_the_second_time_it_ends_at_once_in_a_call_of_a_library() -> None:
    """In which the main thread runs no handler: here one of OpenSSL's, which takes minutes."""
    busy = (
        "import hashlib, signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "import hypsegcli.cli.app as app\n"
        "from hypsegcli.__main__ import run_and_leave\n"
        "def main(_arguments):\n"
        "    print('busy', file=sys.stderr, flush=True)\n"
        "    hashlib.pbkdf2_hmac('sha256', b'', b'', 2**30)\n"
        "app.main = main\n"
        "run_and_leave()"
    )
    process = subprocess.Popen([sys.executable, "-c", busy], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    assert process.stderr.readline() == "busy\n"
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    time.sleep(1)
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(10)
    process.kill()
    told = process.communicate()[1]
    assert (process.returncode, told) == (130, "hypseg: ended at once; what is finished is whole\n")


def test_what_a_forked_process_is_told_ends_it_alone() -> None:
    """As a training ends those that read for it, once it has been interrupted itself."""
    forking = (
        "import os, signal, sys, time\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "import hypsegcli.cli.app as app\n"
        "from hypsegcli.__main__ import run_and_leave\n"
        "def main(_arguments):\n"
        "    child = os.fork()\n"
        "    if child == 0:\n"
        "        signal.signal(signal.SIGTERM, lambda *_: None)\n"
        "        print('forked', file=sys.stderr, flush=True)\n"
        "        time.sleep(60)\n"
        "    try:\n"
        "        time.sleep(60)\n"
        "    except KeyboardInterrupt:\n"
        "        time.sleep(0.5)\n"
        "        os.kill(child, signal.SIGTERM)\n"
        "        time.sleep(0.5)\n"
        "        os.kill(child, signal.SIGKILL)\n"
        "        return 7\n"
        "app.main = main\n"
        "run_and_leave()"
    )
    process = subprocess.Popen([sys.executable, "-c", forking], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    assert process.stderr.readline() == "forked\n"
    process.send_signal(signal.SIGINT)
    assert (process.communicate(timeout=20)[1], process.returncode) == ("", 7)


def test_one_that_is_told_while_it_begins_to_listen_says_so() -> None:
    """Ctrl-C is heard already, and being told to stop is not yet."""
    between = (
        "import os, signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "listen = signal.signal\n"
        "def interrupted(number, handler):\n"
        "    listen(number, handler)\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "signal.signal = interrupted\n"
        "from hypsegcli.__main__ import run_and_leave\n"
        "sys.argv = ['hypseg', 'info']\n"
        "run_and_leave()"
    )
    ended = subprocess.run([sys.executable, "-c", between], check=False, capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stderr) == (130, "hypseg: interrupted before anything was done\n")
