"""A folder that one process at a time writes into."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support import Hypseg, photograph

from hypsegcli.errors import PlanError
from hypsegcli.files.lock import LOCK, locked

HOLD = """
import sys, time
from pathlib import Path
from hypsegcli.files.lock import locked
with locked(Path(sys.argv[1]), "predict"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_the_folder_is_made_and_nothing_is_left_in_it(tmp_path: Path) -> None:
    for _ in range(2):
        with locked(tmp_path / "a/b", "train"):
            assert (tmp_path / "a/b" / LOCK).is_file()
        assert list((tmp_path / "a/b").iterdir()) == []


def test_a_second_one_hears_who_holds_it(tmp_path: Path) -> None:
    with (
        locked(tmp_path, "train"),
        pytest.raises(PlanError, match=rf"another run is writing here \(hypseg train, process {os.getpid()} on "),
        locked(tmp_path, "predict"),
    ):
        pass
    with locked(tmp_path, "predict"):
        pass


def test_a_kill_leaves_no_lock_behind(tmp_path: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(PlanError, match=f"process {holder.pid} on "), locked(tmp_path, "predict"):
        pass
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    with locked(tmp_path, "predict"):
        pass


@pytest.mark.parametrize("command", ["predict", "uncertainty"])
def test_runs_hold_their_folder(hypseg: Hypseg, tmp_path: Path, command: str) -> None:
    image = photograph(tmp_path / "a.png")
    with locked(tmp_path / "out", "predict"):
        outcome = hypseg(command, image, "--out", tmp_path / "out")
        assert outcome.code == 2
        assert "another run is writing here" in outcome.stderr
        assert "--out" in outcome.stderr
        assert {path.name for path in (tmp_path / "out").iterdir()} == {LOCK}
    assert hypseg(command, image, "--out", tmp_path / "out").code == 0
    assert not (tmp_path / "out" / LOCK).exists()
