"""A bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support import Hypseg, photograph

from hypsegcli.cli.show.progress import Lines, progress_for


def test_a_plain_line_says_how_far_it_is_and_the_last_one_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    with Lines(3, "images", every=0.0) as progress:
        for _ in range(3):
            progress.advance()
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(", about ")[0] for line in lines] == ["1/3 images", "2/3 images"]


def test_plain_lines_wait_for_their_time(capsys: pytest.CaptureFixture[str]) -> None:
    with Lines(3, "images", every=3600.0) as progress:
        progress.advance()
    assert capsys.readouterr().err == ""


def test_where_there_is_no_terminal_there_are_plain_lines(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    assert isinstance(progress_for(3, quiet=False), Lines)
    stderr = hypseg("predict", photos, "--out", tmp_path / "out").stderr
    assert "\r" not in stderr
    assert "\x1b" not in stderr


@pytest.mark.skipif(os.name == "nt", reason="there is no pseudo-terminal there")
def test_a_terminal_gets_a_bar(photos: Path, tmp_path: Path) -> None:
    import pty

    ours, theirs = pty.openpty()
    arguments = [sys.executable, "-m", "hypsegcli", "predict", str(photos), "--out", str(tmp_path / "out")]
    process = subprocess.Popen(arguments, stderr=theirs, stdout=subprocess.DEVNULL, env=os.environ | {"TERM": "xterm"})
    os.close(theirs)
    shown = b""
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        try:
            while piece := terminal.read(4096):
                shown += piece
        except OSError:  # the other end is closed
            pass
    assert process.wait(timeout=60) == 0
    assert "━" in shown.decode()
    assert "3/3" in shown.decode()


@pytest.mark.skipif(os.name == "nt", reason="there is no pseudo-terminal there")
def test_a_terminal_that_goes_away_does_not_stop_the_run(photos: Path, tmp_path: Path) -> None:
    import pty

    for number in range(20):
        photograph(photos / f"more/{number}.png", seed=number)
    ours, theirs = pty.openpty()
    out = tmp_path / "out"
    arguments = [sys.executable, "-m", "hypsegcli", "predict", str(photos), "--out", str(out), "--engine", "torch"]
    process = subprocess.Popen(
        arguments,
        stderr=theirs,
        stdout=subprocess.PIPE,
        env=os.environ | {"TERM": "xterm"},
        text=True,
        start_new_session=True,
    )
    os.close(theirs)
    assert os.read(ours, 1)  # the bar is there
    os.close(ours)
    answer, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    assert answer.startswith("23 images")
    assert json.loads((out / "run.json").read_text())["status"] == "finished"
