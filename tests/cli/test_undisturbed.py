"""Ctrl-C while modules are imported: it waits, and is neither lost nor taken for an error."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.hearing import hearing_interrupts

from hypsegcli.cli.undisturbed import undisturbed

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Ctrl-C cannot be sent to one process there")

# A command that is told to stop when it looks for a module.
START = """
import importlib.abc, os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from hypsegcli.__main__ import run_and_leave
class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == wanted and self in sys.meta_path:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), number)
number, wanted = int(sys.argv[1]), sys.argv[2]
sys.meta_path.insert(0, Finder())
sys.argv = ["hypseg", *sys.argv[3:]]
run_and_leave()
"""


def test_an_interrupt_waits_for_the_end() -> None:
    done = []

    def work(problem: Exception | None) -> None:
        with undisturbed():
            os.kill(os.getpid(), signal.SIGINT)
            done.append("all")
            if problem:
                raise problem

    with hearing_interrupts():
        before = signal.getsignal(signal.SIGINT)
        for problem in (None, ImportError()):
            with pytest.raises(KeyboardInterrupt):
                work(problem)
            assert signal.getsignal(signal.SIGINT) is before
    assert done == ["all", "all"]


def test_who_is_not_told_hears_nothing() -> None:
    with undisturbed(), undisturbed():
        pass
    with ThreadPoolExecutor(1) as pool, hearing_interrupts():
        before = signal.getsignal(signal.SIGINT)
        with undisturbed():
            assert signal.getsignal(signal.SIGINT) is not before
        assert pool.submit(_handler_within).result() is before


def _handler_within() -> object:
    with undisturbed():
        return signal.getsignal(signal.SIGINT)


@pytest.mark.parametrize(
    ("command", "module", "number"),
    [
        ("train", "torch", signal.SIGTERM),
        ("train", "numpy", signal.SIGINT),
        ("train", "numpy._core.multiarray", signal.SIGTERM),
        ("train", "numpy.linalg", signal.SIGTERM),
        ("calibrate", "numpy._core.multiarray", signal.SIGINT),
        ("convert", "numpy.linalg", signal.SIGTERM),
        ("evaluate", "torch", signal.SIGTERM),
    ],
)
def test_a_command_that_is_told_while_it_imports_is_interrupted(
    tmp_path: Path, command: str, module: str, number: int
) -> None:
    arguments = {
        "train": ("--out", tmp_path / "run", "--resume"),
        "calibrate": (tmp_path, tmp_path, "--name", "x", "--out", tmp_path / "c.safetensors"),
        "convert": (tmp_path / "a.pth", "--out", tmp_path / "c.safetensors"),
        "evaluate": (tmp_path, tmp_path),
    }[command]
    (tmp_path / "run").mkdir()
    (tmp_path / "run/config.toml").touch()  # which leaves it to PyTorch to import NumPy
    words = (str(int(number)), module, command, *map(str, arguments))
    done = subprocess.run(
        [sys.executable, "-c", START, *words], capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, "Traceback" in done.stderr) == (130, False), done.stderr
    assert "hypseg: interrupted; " in done.stderr
    assert [path.name for path in tmp_path.rglob("*")] == ["run", "config.toml"]
