"""A folder that one process at a time writes into."""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support import Hypseg, photograph

from hypsegcli.errors import PlanError
from hypsegcli.files.hold import LOCK
from hypsegcli.files.lock import locked
from hypsegcli.files.shard import Shard

HOLD = """
import sys, time
from pathlib import Path
from hypsegcli.files.lock import locked
with locked(Path(sys.argv[1]), "predict"):
    print("held", flush=True)
    time.sleep(60)
"""

FORK = """
import os, sys, time
from pathlib import Path
from hypsegcli.files.lock import locked
with locked(Path(sys.argv[1]), "train"):
    child = os.fork()
    if child == 0:
        print(os.getpid(), flush=True)
        if sys.argv[2] == "lives on":
            time.sleep(60)
    elif sys.argv[2] == "ends":
        os.waitpid(child, 0)
        print("ended", flush=True)
    if child:
        time.sleep(60)
"""


def test_since_when_it_is_held_is_told_by_the_clock_of_its_file_system(tmp_path: Path) -> None:
    with locked(tmp_path / "out", "predict") as hold:
        os.utime(tmp_path / "out" / LOCK, (5, 5))
        assert hold.since() == 5


def test_the_folder_is_made_and_nothing_is_left_in_it(tmp_path: Path) -> None:
    for _ in range(2):
        with locked(tmp_path / "a/b", "train"):
            assert (tmp_path / "a/b" / LOCK).is_file()
        assert list(tmp_path.iterdir()) == []
    with locked(tmp_path / "a/b", "train"):
        (tmp_path / "a/other").mkdir()
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["other"]
    (tmp_path / "a/b").mkdir()
    with locked(tmp_path / "a/b", "train"):
        pass
    assert list((tmp_path / "a/b").iterdir()) == []


LEFT_BY_OTHERS: dict[str, tuple[str, Callable[[Path, Path], object]]] = {
    "a link": ("a link", lambda lock, precious: lock.symlink_to(precious)),
    "a link to nowhere": ("a link", lambda lock, _: lock.symlink_to("nowhere")),
    "a further name": ("a file with further names", lambda lock, precious: lock.hardlink_to(precious)),
    "a pipe": ("a pipe", lambda lock, _: os.mkfifo(lock)),
}


@pytest.mark.skipif(os.name == "nt", reason="there is no lock")
@pytest.mark.parametrize("kind", LEFT_BY_OTHERS)
def test_nothing_is_written_into_what_is_no_lock(tmp_path: Path, kind: str) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "precious").write_text("precious")
    said, make = LEFT_BY_OTHERS[kind]
    make(tmp_path / "out" / LOCK, tmp_path / "precious")
    before = (tmp_path / "out" / LOCK).lstat()
    with (
        pytest.raises(PlanError, match=rf"out/\{LOCK}: is {said}, where hypseg keeps .*; remove it, or choose"),
        locked(tmp_path / "out", "predict"),
    ):
        pass
    assert (tmp_path / "precious").read_text() == "precious"
    assert os.path.samestat((tmp_path / "out" / LOCK).lstat(), before)
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.skipif(os.name == "nt", reason="there is no lock")
def test_a_lock_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "folder" / LOCK).mkdir(parents=True)
    (tmp_path / "socket").mkdir()
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(os.path.relpath(tmp_path / "socket" / LOCK))  # their names are short
        for name in ("folder", "socket"):
            with pytest.raises(OSError, match=rf"{name}/\{LOCK}"), locked(tmp_path / name, "predict"):
                pass


def test_a_folder_that_vanishes_while_it_is_made_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where another run that made those above it leaves at that moment."""
    made = [FileNotFoundError(), FileNotFoundError()]
    own = Path.mkdir

    def mkdir(path: Path, *arguments: Any, **named: Any) -> None:
        if made and path.name == "b":
            raise made.pop()
        own(path, *arguments, **named)

    monkeypatch.setattr(Path, "mkdir", mkdir)
    with locked(tmp_path / "a/b", "train"):
        assert (tmp_path / "a/b" / LOCK).is_file()
    assert not made
    assert list(tmp_path.iterdir()) == []
    made += [FileNotFoundError()] * 1000
    with pytest.raises(FileNotFoundError), locked(tmp_path / "a/b", "train"):
        pass


@pytest.mark.skipif(os.name == "nt", reason="there are no limits of resources")
def test_a_full_disk_is_told_with_the_name_of_the_lock(tmp_path: Path) -> None:
    """Here for a limit of the file's size."""
    import resource

    before, ignored = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        with pytest.raises(OSError, match=rf"out/\{LOCK}"), locked(tmp_path / "out", "predict"):
            pass
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(os.name == "nt", reason="there is no lock")
def test_a_file_system_without_locks_holds_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with locked(tmp_path, "predict"), locked(tmp_path, "predict"):
        pass


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


@pytest.fixture
def forking(tmp_path: Path) -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Start a process that holds the folder and forks another, as a loader of batches does; both are ended."""
    started: list[subprocess.Popen[str]] = []

    def start(what: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", FORK, str(tmp_path), what]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True))
        return started[-1]

    yield start
    for holder in started:
        os.killpg(holder.pid, signal.SIGKILL)
        holder.communicate()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks")
def test_a_lock_goes_with_who_took_it_though_a_fork_lives_on(
    tmp_path: Path, forking: Callable[[str], subprocess.Popen[str]]
) -> None:
    holder = forking("lives on")
    assert holder.stdout is not None
    child = int(holder.stdout.readline())
    with pytest.raises(PlanError, match=f"process {holder.pid} on "), locked(tmp_path, "predict"):
        pass
    holder.kill()
    holder.wait()
    with locked(tmp_path, "predict"):
        os.kill(child, 0)  # it is there indeed


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks")
def test_a_fork_that_leaves_the_block_leaves_the_lock(
    tmp_path: Path, forking: Callable[[str], subprocess.Popen[str]]
) -> None:
    holder = forking("ends")
    assert holder.stdout is not None
    assert int(holder.stdout.readline()) != holder.pid
    assert holder.stdout.readline() == "ended\n"
    with pytest.raises(PlanError, match=f"process {holder.pid} on "), locked(tmp_path, "predict"):
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


def test_shards_of_one_number_hold_a_folder_beside_each_other_alone(tmp_path: Path) -> None:
    with locked(tmp_path, "predict", Shard(0, 2)) as hold, locked(tmp_path, "predict", Shard(1, 2)):
        hold.check()
        for shard in (None, Shard(0, 2), Shard(1, 3)):
            with (
                pytest.raises(PlanError, match=r"another run is writing here \(hypseg predict, shard"),
                locked(tmp_path, "predict", shard),
            ):
                pass
        hold.check()
    with (
        locked(tmp_path, "predict"),
        pytest.raises(PlanError, match="another run"),
        locked(tmp_path, "predict", Shard(0, 2)),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


def test_locks_of_killed_shards_hinder_nobody_and_go_with_the_next_run(tmp_path: Path) -> None:
    dead = tmp_path / Shard(1, 3).named(LOCK)
    dead.write_text("{}")
    with locked(tmp_path, "predict", Shard(0, 2)):
        assert dead.exists()
    with locked(tmp_path, "predict"):
        assert not dead.exists()
