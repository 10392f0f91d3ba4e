"""Help, info, start-up."""

from __future__ import annotations

import errno
import json
import os
import shlex
import socket
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support import Hypseg, photograph

from hypsegcli.cli.app import app
from hypsegcli.confidence.measures import MEASURES


def modules_after(*arguments: str, program: str = "from hypsegcli.cli.app import main") -> set[str]:
    """What is imported once a command has run in a fresh interpreter; `program` brings a `main`."""
    code = f"import sys\n{program}\ncode = main(sys.argv[1:])\nprint('\\nMODULES', *sys.modules)\nsys.exit(code)"
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    return set(done.stdout.rpartition("MODULES ")[2].split())


# What any program with Typer pays: two commands that do nothing.
PLAIN = """
import typer
app = typer.Typer()
@app.command()
def one(x: int = 1): ...
@app.command()
def two(x: int = 1): ...
def main(arguments):
    app(arguments, standalone_mode=False)
"""


def packages(modules: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in modules}


@pytest.mark.parametrize(
    ("ours", "plain"),
    [
        (["--help"], ["--help"]),
        (["--version"], ["--help"]),
        (["predict", "--help"], ["one", "--help"]),
        (["evaluate", "--help"], ["one", "--help"]),
        (["train", "--help"], ["one", "--help"]),
    ],
)
def test_help_imports_little_more_than_typer_itself(ours: list[str], plain: list[str]) -> None:
    """Our own modules, and the standard library's for the version and the bundled checkpoint; no package."""
    modules, typer = modules_after(*ours), modules_after(*plain, program=PLAIN)
    assert "typer" in modules & typer
    assert packages(modules) - packages(typer) <= {"hypsegcli", *sys.stdlib_module_names}
    assert len(modules - typer) <= 112


def test_the_network_of_a_bundled_model_runs_without_a_compiler(photos: Path, tmp_path: Path) -> None:
    """PyTorch's own takes as long to import as PyTorch, and torchvision imports it."""
    modules = modules_after("predict", str(photos), "--out", str(tmp_path / "out"), "--engine", "torch")
    assert "torch" in modules
    assert not {"torchvision", "torch._dynamo", "torch._inductor", "sympy", "timm"} & modules


def test_info_and_dry_run_do_not_import_torch(photos: Path, tmp_path: Path) -> None:
    assert "torch" not in modules_after("info")
    assert "torch" not in modules_after("predict", str(photos), "--out", str(tmp_path / "out"), "--dry-run")


@pytest.mark.parametrize("command", [str(command.name) for command in app.registered_commands])
def test_every_command_has_help(hypseg: Hypseg, command: str) -> None:
    outcome = hypseg(command, "--help")
    assert outcome.code == 0
    assert "Usage: hypseg" in outcome.stdout


def test_the_version_is_that_of_the_package(hypseg: Hypseg) -> None:
    assert hypseg("--version") == (0, f"hypseg {version('hypseg')}\n", "")


@pytest.mark.parametrize("command", ["predict", "uncertainty"])
def test_help_names_every_measure(hypseg: Hypseg, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    text = hypseg(command, "--help").stdout
    assert [name for name in MEASURES if name not in text] == []


def test_no_command_shows_help_and_exits_2(hypseg: Hypseg) -> None:
    outcome = hypseg()
    assert outcome.code == 2
    assert "predict" in outcome.stdout + outcome.stderr


# What is printed then waits in a buffer.
BUFFERED = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}


def leave(before: str, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """`hypseg` as it is installed, in an interpreter that has done something else before."""
    script = f"{before}\nfrom hypsegcli.__main__ import run_and_leave\nrun_and_leave()"
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.run(command, text=True, stderr=subprocess.PIPE, env=BUFFERED, check=False, **options)


def test_leaving_at_once_loses_no_output_and_what_was_put_off_until_then_is_done() -> None:
    done = leave("import atexit; atexit.register(print, 'the end')", "--help", stdout=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (0, "")
    assert "predict" in done.stdout
    assert done.stdout.endswith("the end\n")


def test_nothing_is_taken_apart() -> None:
    """What lives until the interpreter's end is not told of it; a plain exit tells it."""
    # Not by a stream, which may be taken apart before.
    living = "import os\nclass Living:\n def __del__(self, write=os.write): write(1, b'taken apart')\nliving = Living()"
    assert "taken apart" not in leave(living, "--help", stdout=subprocess.PIPE).stdout
    plain = [sys.executable, "-c", f"{living}\nfrom hypsegcli.__main__ import run\nrun()", "--help"]
    assert "taken apart" in subprocess.run(plain, text=True, capture_output=True, check=True).stdout


def test_the_exit_code_is_kept() -> None:
    assert leave("", "predict", "no/such/file", "--out", "nowhere", stdout=subprocess.PIPE).returncode == 2


def test_a_thread_that_still_works_is_waited_for(tmp_path: Path) -> None:
    late = tmp_path / "late"
    before = f"import threading, pathlib; threading.Timer(1.0, pathlib.Path({str(late)!r}).touch).start()"
    assert leave(before, "--help", stdout=subprocess.PIPE).returncode == 0
    assert late.exists()


def test_a_reader_that_leaves_early_shows_no_traceback_of_ours() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing) as pipe:
        done = leave("print('unread')", "info", "--json", stdout=pipe)
    assert "Traceback" not in done.stderr
    assert "hypsegcli" not in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="a shell closes the stream")
def test_without_a_standard_output_nothing_fails() -> None:
    script = "from hypsegcli.__main__ import run_and_leave; run_and_leave()"
    command = f"{shlex.quote(sys.executable)} -c {shlex.quote(script)} predict --help >&-"
    done = subprocess.run(["sh", "-c", command], text=True, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (0, "")


ODD = "straße ☃ \udcff\n"


@pytest.mark.parametrize("encoding", ["ascii", "utf-8", "latin-1"])
def test_names_of_any_letters_are_told_in_any_encoding(tmp_path: Path, encoding: str) -> None:
    photograph(tmp_path / f"{ODD}.png")
    command = [
        sys.executable,
        "-m",
        "hypsegcli",
        "predict",
        str(tmp_path),
        "--out",
        str(tmp_path / "../out"),
        "--dry-run",
    ]
    environment = os.environ | {"PYTHONIOENCODING": f"{encoding}:strict"}
    done = subprocess.run(command, capture_output=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert b"stra" in done.stdout
    assert b"Traceback" not in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="a shell closes the stream")
@pytest.mark.parametrize("streams", ["2>&-", "2>/dev/full", ">&- 2>&-"])
def test_a_run_whose_talk_cannot_be_heard_is_done_all_the_same(photos: Path, tmp_path: Path, streams: str) -> None:
    (photos / "bad.png").touch()  # there is something to talk about
    command = [
        sys.executable,
        "-m",
        "hypsegcli",
        "predict",
        str(photos),
        "--out",
        str(tmp_path / "out"),
        "--save",
        "labels",
    ]
    done = subprocess.run(["sh", "-c", f"{shlex.join(command)} {streams}"], capture_output=True, check=False)
    assert done.returncode == 3
    assert json.loads((tmp_path / "out/run.json").read_text())["status"] == "finished"
    assert len(list((tmp_path / "out/labels").rglob("*.png"))) == 3


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="it has no device that is full")
def test_a_standard_output_that_is_full_is_told_when_the_maps_are_written(photos: Path, tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = leave("", "predict", str(photos), "--out", str(tmp_path / "out"), "--save", "labels", stdout=full)
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    assert len(list((tmp_path / "out/labels").rglob("*.png"))) == 3


def test_nothing_is_fetched_unasked(
    hypseg: Hypseg, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every way out is closed, and noted where somebody tries it."""
    tried: list[object] = []

    def refuse(*arguments: object, **_: object) -> None:
        tried.append(arguments)
        raise OSError("no network")

    for name in ("socket", "create_connection", "getaddrinfo"):
        monkeypatch.setattr(socket, name, refuse)
    with pytest.raises(OSError, match="no network"):
        socket.create_connection(("localhost", 1))
    tried.clear()
    (tmp_path / "masks").mkdir()
    Image.fromarray(np.zeros((48, 64), np.uint8)).save(tmp_path / "masks" / "a.png")
    for command in (
        ("info",),
        ("info", "streets"),
        ("predict", photos, "--out", tmp_path / "out"),
        ("uncertainty", photos / "a.jpg", "--out", tmp_path / "doubt"),
        ("evaluate", photos / "a.jpg", tmp_path / "masks" / "a.png", "--out", tmp_path / "report"),
        ("disk", photos / "a.jpg", "--out", tmp_path / "disk.svg"),
        ("verify", tmp_path / "out"),
    ):
        outcome = hypseg(*command)
        assert outcome.code == 0, outcome.stderr
    assert tried == []


@pytest.mark.parametrize(
    "problem",
    [
        MemoryError(),
        RuntimeError("can't start new thread"),
        RuntimeError("[enforce fail] can't allocate memory"),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        ImportError("libtorch_cpu.so: failed to map segment from shared object"),
    ],
)
def test_want_of_memory_is_a_sentence(hypseg: Hypseg, monkeypatch: pytest.MonkeyPatch, problem: Exception) -> None:
    def fail(*_: object) -> None:
        raise problem

    monkeypatch.setattr("hypsegcli.checkpoint.read_header.read_header", fail)
    outcome = hypseg("info")
    assert outcome.code == 1
    assert outcome.stderr == (
        "hypseg: the memory that this process may have does not suffice; close other programs or raise its limit\n"
    )


def test_defects_keep_their_traceback(hypseg: Hypseg, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr("hypsegcli.checkpoint.read_header.read_header", fail)
    with pytest.raises(RuntimeError, match="shapes do not match"):
        hypseg("info")
