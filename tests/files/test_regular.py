"""Files that are files; everything else is told at once."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from hypsegcli.files.regular import ChangedFileError, open_regular, unchanging


def test_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    (tmp_path / "link").symlink_to("a")
    for name in ("a", "link"):
        with open_regular(tmp_path / name) as file:
            assert file.read() == b"abc"


def test_what_would_wait_or_never_end_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    for path, what in ((tmp_path / "pipe", "a pipe"), (tmp_path / "link", "a pipe"), (Path("/dev/zero"), "a device")):
        with pytest.raises(OSError, match=f"it is {what}"):
            open_regular(path)


def test_sockets_folders_and_nothing_are_refused(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        with pytest.raises(OSError, match=r"No such device|a socket"):
            open_regular(tmp_path / "s")
    with pytest.raises(IsADirectoryError):
        open_regular(tmp_path)
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "none")


def test_a_file_that_nobody_touches_may_be_read_twice(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    with unchanging(path) as file:
        assert file.read() == path.read_bytes() == b"abc"


def replace(path: Path) -> None:
    path.with_name("new").write_bytes(b"xyz")
    path.with_name("new").replace(path)


def write_over(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"xyz")
    os.utime(path, ns=(1, 1))  # as copying tools set the time of what they copied


def exchange_twice(path: Path) -> None:
    replace_of = path.rename(path.with_name("aside"))
    path.write_bytes(b"xyz")
    replace_of.replace(path)


@pytest.mark.parametrize("change", [replace, write_over, Path.unlink, exchange_twice])
def test_a_file_that_changes_between_two_readings_is_told(tmp_path: Path, change: Callable[[Path], None]) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    os.utime(path, ns=(1, 1))
    with pytest.raises(ChangedFileError), unchanging(path):
        change(path)


def test_what_goes_wrong_in_the_block_itself_comes_through(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.touch()
    with pytest.raises(FileExistsError), unchanging(path):
        path.rename(tmp_path / "b").with_name("b").touch(exist_ok=False)
