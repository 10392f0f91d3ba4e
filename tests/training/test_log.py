"""log.csv: every epoch a line, and none that vanishes."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from hypsegcli.errors import DataError
from hypsegcli.training.log import COLUMNS, Log


def line(epoch: int) -> dict[str, object]:
    return {name: epoch if name == "epoch" else 0.5 for name in COLUMNS}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The log of three epochs."""
    path = tmp_path / "log.csv"
    log = Log(path, done=0)
    for epoch in (1, 2, 3):
        log.add(epoch, line(epoch))
    return path


def epochs(path: Path) -> list[str]:
    return [row["epoch"] for row in csv.DictReader(path.read_text().splitlines())]


def test_epochs_follow_each_other(path: Path) -> None:
    log = Log(path, done=3)
    assert not log.notes
    before = path.read_text()
    log.add(4, line(4))
    log.add(5, line(5))
    assert epochs(path) == ["1", "2", "3", "4", "5"]
    assert path.read_text().startswith(before.rstrip())
    assert path.read_text().splitlines()[0] == ",".join(COLUMNS)


def test_an_epoch_that_was_logged_and_not_saved_is_told_and_done_again(path: Path) -> None:
    log = Log(path, done=2)
    assert log.notes == ("log.csv has epoch 3 already, of which nothing was saved",)
    log.add(3, line(3))
    assert epochs(path) == ["1", "2", "3"]


def test_a_log_that_was_taken_away_begins_anew(path: Path) -> None:
    path.unlink()
    log = Log(path, done=3)
    assert log.notes == ("there is no log.csv of the epochs that are done; it begins with the next one",)
    log.add(4, line(4))
    assert epochs(path) == ["4"]
    assert not Log(path, done=4).notes


def test_a_log_of_fewer_columns_goes_on(path: Path) -> None:
    """As an earlier version wrote it."""
    path.write_text("epoch,loss,mean_iou\n1,0.5,\n2,0.5,nan\n")
    Log(path, done=2).add(3, line(3))
    rows = list(csv.DictReader(path.read_text().splitlines()))
    assert [row["loss"] for row in rows] == ["0.5"] * 3
    assert [row["seconds"] for row in rows] == ["", "", "0.5"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"garbage\n", "line 1: found 'garbage'"),
        (b"epoch,epoch\n1,1\n", "line 1"),
        (b"epoch,loss,strange\n1,1,1\n", "line 1"),
        (b"epoch,loss\nx,y\n", "line 2: found 'x,y', expected the 2 numbers of epoch 1"),
        (b"epoch,loss\n1,0.5\n2,y\n3,0\n", "line 3: found '2,y', expected the 2 numbers of epoch 2"),
        (b"epoch,loss\n1,0.5\n2\n", "line 3"),
        (b"epoch,loss\n1,0.5\n2,0.5,0.5\n3,0\n", "line 3"),
        (b"epoch,loss\n1,0.5\n3,0.5\n", "line 3"),
        (b"epoch,loss\n1,0.5\n\n3,0.5\n", "line 3"),
        (b"epoch,loss\n-1,0.5\n", "line 2"),
        (b"epoch,loss\n1,0.5\n2,0.5\n", "ends with epoch 2, but 3 epochs are done"),
        (b"epoch,loss\n", "holds no epoch"),
        (b"", "holds no epoch"),
        (b"\xff\xfe\x00", "cannot be read"),
        (b"epoch,loss\n1,\0\n", "cannot be read"),
        (b'epoch,loss\n1,"0.5\n', "cannot be read"),
    ],
)
def test_what_is_not_the_log_is_refused_and_stays(path: Path, content: bytes, said: str) -> None:
    path.write_bytes(content)
    with pytest.raises(DataError, match=said) as error:
        Log(path, done=3)
    assert str(error.value).startswith(str(path))
    assert "move the file away" in str(error.value)
    assert path.read_bytes() == content


def test_a_folder_in_its_place(path: Path) -> None:
    path.unlink()
    path.mkdir()
    with pytest.raises(DataError, match="cannot be read"):
        Log(path, done=3)


def test_a_log_that_cannot_be_written_keeps_its_lines(path: Path) -> None:
    log = Log(path, done=3)
    path.unlink()
    path.mkdir()
    with pytest.raises(OSError, match="log"):
        log.add(4, line(4))
    path.rmdir()
    log.add(4, line(4))
    assert epochs(path) == ["1", "2", "3", "4"]
