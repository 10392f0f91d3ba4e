"""review.csv: what is said is on the disk at once and stays, whoever else writes, edits or dies."""

from __future__ import annotations

import csv
import errno
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from support import REPOSITORY

from hypsegcli.errors import HypsegError, PlanError
from hypsegcli.files.held import in_turn
from hypsegcli.review.places import Mark
from hypsegcli.review.verdicts import COLUMNS, Verdicts

A, B = Mark("a", 1, 2, 30, 40), Mark("sub/b", 5, 6, 7, 8)
HEADER = b"key,x,y,width,height,verdict,time,seen\r\n"
OLDER = b"key,x,y,width,height,verdict,time\r\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "review.csv"


def said(path: Path) -> list[list[str]]:
    with path.open(newline="") as file:
        return [row[:6] for row in csv.reader(file)][1:]


def test_a_verdict_is_a_line_and_the_last_one_of_a_place_counts(path: Path) -> None:
    verdicts = Verdicts(path)
    assert not path.exists()
    assert [verdicts.give(A, "wrong"), verdicts.give(B, "right"), verdicts.give(A, "right"), verdicts.give(B, "")] == [
        "",
        "",
        "wrong",
        "right",
    ]
    first, *lines = path.read_bytes().splitlines(keepends=True)
    assert first == HEADER
    assert re.fullmatch(rb"a,1,2,30,40,wrong,\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ,\r\n", lines[0])
    assert said(path)[1:] == [
        ["sub/b", "5", "6", "7", "8", "right"],
        ["a", "1", "2", "30", "40", "right"],
        [*"", "sub/b", "5", "6", "7", "8", ""],
    ]
    again = Verdicts(path)
    assert (again.of(A), again.of(B), len(again)) == ("right", "", 1)


def test_two_servers_keep_the_verdicts_of_both(path: Path) -> None:
    one, other = Verdicts(path), Verdicts(path)
    one.give(A, "wrong")
    assert other.give(A, "right") == "wrong"  # it has looked before it wrote
    other.give(B, "wrong")
    one.refresh()
    assert (one.of(A), one.of(B)) == ("right", "wrong")


MANY = """
import sys
from pathlib import Path
from hypsegcli.review.places import Mark
from hypsegcli.review.verdicts import Verdicts
verdicts = Verdicts(Path(sys.argv[1]))
for number in range(int(sys.argv[3])):
    verdicts.give(Mark(sys.argv[2], number, 0, 1, 1), "wrong")
    print(number, flush=True)
"""


def process(path: Path, key: str, many: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", MANY, str(path), key, str(many)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY)


def test_processes_and_threads_that_write_at_once_lose_nothing(path: Path) -> None:
    others = [process(path, key, 20) for key in "xy"]
    verdicts = Verdicts(path)
    threads = [
        threading.Thread(target=lambda key=key: [verdicts.give(Mark(key, n, 0, 1, 1), "right") for n in range(20)])
        for key in "zw"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(len(other.communicate(timeout=60)[0].splitlines()) == 20 for other in others)
    again = Verdicts(path)
    assert len(again) == 80
    assert not again.damaged
    assert path.read_bytes().count(HEADER) == 1


def test_what_was_answered_is_there_after_a_kill(path: Path) -> None:
    with process(path, "k", 10**6) as killed:
        assert killed.stdout is not None
        told = [killed.stdout.readline() for _ in range(5)]
        killed.send_signal(signal.SIGKILL)
        told += killed.stdout.readlines()
    again = Verdicts(path)
    assert all(again.of(Mark("k", int(number), 0, 1, 1)) == "wrong" for number in told if number.endswith("\n"))
    again.give(A, "right")  # and the next goes on, whatever was left half written
    assert Verdicts(path).of(A) == "right"


@pytest.mark.parametrize("half", [b"sub/b,5,6,7,8,wr", b"sub/b,5,6,7,8,", b'"sub/b,5', b"s"])
def test_a_line_that_was_cut_off_is_kept_and_costs_no_other(path: Path, half: bytes) -> None:
    path.write_bytes(OLDER + b"a,1,2,30,40,wrong,\r\n" + half)
    verdicts = Verdicts(path)
    assert (verdicts.of(A), verdicts.of(B), verdicts.damaged) == ("wrong", "", [3])
    (notice,) = verdicts.notices()
    assert "1 line cannot be read (3); it stays, and counts for nothing" in notice
    verdicts.give(B, "right")
    assert path.read_bytes().startswith(OLDER + b"a,1,2,30,40,wrong,\r\n" + half + b"\r\nsub/b,5,6,7,8,right,")
    again = Verdicts(path)
    assert (again.of(A), again.of(B), again.damaged) == ("wrong", "right", [3])


def test_a_person_may_edit_the_file(path: Path) -> None:
    verdicts = Verdicts(path)
    verdicts.give(A, "wrong")
    # As a spreadsheet of another country saves it, with a note, in another order, and with words as people write them.
    path.write_text(
        "\ufeffnote;verdict;key;x;y;width;height;time\nsee;Right ;a;1;2;30;40;\n;maybe;a;1;2;30;40;\n", "utf-8"
    )
    verdicts.refresh()
    assert (verdicts.of(A), verdicts.damaged) == ("right", [3])
    verdicts.give(B, "wrong")
    assert path.read_text("utf-8-sig").splitlines()[-1].startswith(";wrong;sub/b;5;6;7;8;20")
    assert Verdicts(path).of(B) == "wrong"
    path.unlink()
    verdicts.refresh()
    assert len(verdicts) == 0
    verdicts.give(A, "right")
    assert said(path) == [["a", "1", "2", "30", "40", "right"]]


def test_a_verdict_counts_for_what_was_seen(path: Path) -> None:
    """Whatever has been seen since, it is the last one on what there is now, or on who knows what."""
    first, then = Verdicts(path, lambda _: "first"), Verdicts(path, lambda _: "then")
    first.give(A, "wrong")
    assert path.read_bytes().endswith(b"Z,first\r\n")
    assert then.give(A, "right") == ""
    first.refresh()
    assert (first.of(A), first.marks(), first.of_something_else()) == ("wrong", [A], [A])
    then.give(A, "")
    then.give(B, "wrong")
    again = Verdicts(path, lambda _: "first")
    assert (again.of(A), again.marks(), again.of_something_else()) == ("wrong", [A], [B])
    with path.open("ab") as file:
        file.write(b"a,1,2,30,40,right,, \r\nsub/b,5,6,7,8,right,,\r\n")
    again.refresh()
    assert (again.of(A), again.of(B)) == ("right", "right")


def test_a_file_without_what_was_seen_goes_on_without_it(path: Path) -> None:
    path.write_bytes(OLDER + b"a,1,2,30,40,wrong,\r\n")
    verdicts = Verdicts(path, lambda _: "now")
    verdicts.give(B, "right")
    assert path.read_bytes().endswith(b"Z\r\n")
    again = Verdicts(path, lambda _: "later")
    assert (again.of(A), again.of(B)) == ("wrong", "right")


def test_an_edit_of_the_same_length_is_seen(path: Path) -> None:
    path.write_bytes(OLDER + b"a,1,2,30,40,wrong,\r\n")
    verdicts = Verdicts(path)
    path.write_bytes(OLDER + b"a,1,2,30,40,right,\r\n")
    os.utime(path, (1, 1))
    verdicts.refresh()
    assert verdicts.of(A) == "right"


def test_names_that_tables_quote_come_back(path: Path) -> None:
    odd = Mark('a,"b";c \udcff', 0, 0, 1, 1)  # a byte that is no text
    Verdicts(path).give(odd, "wrong")
    assert Verdicts(path).of(odd) == "wrong"


@pytest.mark.parametrize("content", [b"these are my notes\n", b"key,x,y\r\n", b"\xff\xfek\0e\0y\0"])
def test_what_is_no_file_of_verdicts_is_refused_and_left_alone(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(PlanError, match=r"review.csv: cannot be used for verdicts \(its first line names no columns"):
        Verdicts(path)
    assert path.read_bytes() == content


def test_pipes_folders_and_links_into_nothing_are_refused(path: Path) -> None:
    os.mkfifo(path)
    with pytest.raises(PlanError, match="it is no regular file"):
        Verdicts(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(PlanError, match="cannot be used for verdicts"):
        Verdicts(path)
    path.rmdir()
    path.symlink_to("elsewhere.csv")
    with pytest.raises(HypsegError, match="this verdict was not saved"):
        Verdicts(path).give(A, "wrong")
    assert not (path.parent / "elsewhere.csv").exists()


def test_a_full_disk_is_told_and_leaves_no_half_line(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    verdicts = Verdicts(path)
    verdicts.give(A, "wrong")
    before, write = path.read_bytes(), os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:7]))
    with pytest.raises(HypsegError, match=f"{os.strerror(errno.ENOSPC)}.*this verdict was not saved"):
        verdicts.give(B, "wrong")
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert verdicts.of(B) == ""
    verdicts.give(B, "wrong")
    assert Verdicts(path).of(B) == "wrong"


def test_columns_are_those_that_other_commands_read() -> None:
    assert COLUMNS == ("key", "x", "y", "width", "height", "verdict", "time", "seen")


def test_a_verdict_waits_for_the_turn_of_another_server(path: Path) -> None:
    """Which may be taking back what a full disk did not take, or writing the first line."""
    thread = threading.Thread(target=Verdicts(path).give, args=(A, "wrong"))
    with in_turn(path.parent, patience=5):
        thread.start()
        thread.join(0.3)
        assert not path.exists()
    thread.join(20)
    assert Verdicts(path).of(A) == "wrong"


def test_a_file_that_is_spoilt_after_verdicts_were_saved_does_not_say_that_none_was(tmp_path: Path) -> None:
    verdicts = Verdicts(tmp_path / "review.csv")
    verdicts.give(A, "wrong")
    verdicts.path.write_text("name,age\n")
    with pytest.raises(HypsegError, match=r".*; what was judged until then was saved in it"):
        verdicts.refresh()
    with pytest.raises(HypsegError, match=r"cannot be used for verdicts .*; this verdict was not saved"):
        verdicts.give(B, "right")
    unused = tmp_path / "other/review.csv"
    unused.parent.mkdir()
    other = Verdicts(unused)
    unused.write_text("name,age\n")
    with pytest.raises(HypsegError, match=r"mend it$"):
        other.refresh()
