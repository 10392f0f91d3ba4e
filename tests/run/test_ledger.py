"""What the books say at every moment of a run's beginning, before its first image."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support import Hypseg, manifest, photograph

from hypsegcli.files.atomic import write_atomically
from hypsegcli.files.hold import Hold
from hypsegcli.run.ledger import Ledger

SAVE = ("--save", "labels,confidence")


@pytest.fixture
def days(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three folders of two photographs each, with names of their own; returns where their maps go."""
    for seed in range(6):
        photograph(tmp_path / f"day{seed // 2 + 1}" / f"{seed}.png", seed=seed)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "out"


def stop_at_once(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.fixture
def stopped(hypseg: Hypseg, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Runs a command that is stopped as it comes to remove the second of an earlier run's arrays."""

    def run(error: BaseException, *arguments: object) -> int:
        unlink, seen = Path.unlink, list[Path]()

        def stop(path: Path, missing_ok: bool = False) -> None:
            if path.suffix == ".npy":
                seen.append(path)
                if len(seen) == 2:
                    raise error
            unlink(path, missing_ok)

        with monkeypatch.context() as patch:
            patch.setattr(Path, "unlink", stop)
            return hypseg(*arguments).code

    return run


@pytest.mark.parametrize(
    ("error", "status"), [(KeyboardInterrupt(), "interrupted"), (PermissionError(13, "denied"), "aborted")]
)
def test_nothing_that_was_asked_for_is_forgotten_while_old_files_are_removed(
    hypseg: Hypseg, days: Path, stopped: Callable[..., int], error: BaseException, status: str
) -> None:
    assert hypseg("predict", "day1", "--out", days, *SAVE, "--format", "npy").code == 0
    assert stopped(error, "predict", "day1", "day2", "--out", days, *SAVE, "--resume") != 0
    assert json.loads((days / "run.json").read_text())["status"] == status
    found = hypseg("verify", days)
    assert (found.code, "still to be done: 4 images" in found.stdout + found.stderr) == (3, True)

    assert hypseg("predict", "day1", "day3", "--out", days, *SAVE, "--resume").code == 0
    found = hypseg("verify", days)
    assert (found.code, "still to be done: 2 images" in found.stdout + found.stderr) == (3, True)

    assert hypseg("predict", "day2", "--out", days, *SAVE, "--resume").code == 0
    assert hypseg("verify", days).code == 0
    assert {line["status"] for line in manifest(days).values()} == {"done"}
    assert len((days / "manifest.jsonl").read_text().splitlines()) == 6
    assert not list(days.rglob("*.npy"))


def stop(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("where", ["hypsegcli.run.ledger.Ledger.open", "hypsegcli.run.ledger.Ledger.write"])
def test_a_ranking_that_a_stopped_run_was_to_make_is_missed_until_it_is_made(
    hypseg: Hypseg, days: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """Through runs of other images, of which none makes one."""
    assert hypseg("uncertainty", "day1", "--out", days).code == 0
    with monkeypatch.context() as patch:
        patch.setattr(where, stop)
        assert hypseg("uncertainty", "day1", "--out", days, "--resume").code == 130
    assert not (days / "ranking.csv").exists()
    for other in ("day2", "day3"):
        found = hypseg("predict", other, "--out", days, "--save", "labels", "--resume")
        assert (found.code, "ranking.csv is still to be written" in found.stderr) == (0, True)
        found = hypseg("verify", days)
        assert (found.code, "missing: ranking.csv" in found.stdout + found.stderr) == (3, True)
    assert hypseg("uncertainty", "day1", "--out", days, "--resume").code == 0
    assert hypseg("verify", days).code == 0


@pytest.mark.parametrize("before", [(), ("day1",)])
def test_nothing_is_forgotten_where_run_json_cannot_be_written(
    hypseg: Hypseg, days: Path, monkeypatch: pytest.MonkeyPatch, before: tuple[str, ...]
) -> None:
    """A run between two of its books: the manifest is there, and run.json not yet."""
    if before:
        assert hypseg("predict", *before, "--out", days, "--save", "labels").code == 0

    def full(path: Path, data: bytes) -> None:
        if path.name == "run.json" and b"unfinished" in data:
            raise OSError(28, "No space left on device", str(path))
        write_atomically(path, data)

    with monkeypatch.context() as patch:
        patch.setattr("hypsegcli.run.ledger.write_atomically", full)
        assert hypseg("predict", *before, "day2", "--out", days, "--save", "labels", "--resume").code != 0
    assert hypseg("predict", "day3", "--out", days, "--save", "labels", "--resume").code == 0
    found = hypseg("verify", days)
    assert (found.code, "still to be done: 2 images" in found.stdout + found.stderr) == (3, True)
    assert hypseg("predict", "day2", "--out", days, "--save", "labels", "--resume").code == 0
    assert hypseg("verify", days).code == 0


def test_what_overwrite_may_remove_need_not_be_said_again(
    hypseg: Hypseg, days: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped while it compares; but where the maps are wanted after all, the next run is to be told anew."""
    assert hypseg("predict", "day1", "--out", days, *SAVE).code == 0
    for kinds in (SAVE, ("--save", "labels")):
        with monkeypatch.context() as patch:
            patch.setattr("hypsegcli.run.ledger.look_back", stop)
            assert hypseg("predict", "day1", "--out", days, "--save", "labels", "--overwrite").code == 130
        assert hypseg("predict", "day1", "--out", days, *kinds, "--resume").code == 0
        if kinds == SAVE:
            assert hypseg("predict", "day1", "--out", days, "--save", "labels", "--resume").code == 2
    assert not (days / "confidence").exists()
    assert hypseg("verify", days).code == 0


def test_the_order_in_which_kinds_and_measures_are_named_is_no_setting(hypseg: Hypseg, days: Path) -> None:
    assert hypseg("predict", "day1", "--out", days, *SAVE, "--measure", "distance,entropy,margin").code == 0
    other = ("--save", "confidence,labels", "--measure", "distance,margin,entropy")
    assert "2 of 2 images done already" in hypseg("predict", "day1", "--out", days, *other, "--resume").stderr
    main = ("--save", "confidence,labels", "--measure", "entropy,distance,margin")
    assert hypseg("predict", "day1", "--out", days, *main, "--resume").code == 2  # it would lose confidence-entropy


def test_overwrite_forgets_images_that_never_were(hypseg: Hypseg, days: Path) -> None:
    Path("list.txt").write_text(f"{Path.cwd() / 'dya1/0.png'}\n{Path.cwd() / 'day1/1.png'}\n")
    assert hypseg("predict", "@list.txt", "--out", days, "--save", "labels").code == 3
    assert hypseg("predict", "day1", "day2", "--out", days, "--save", "labels", "--overwrite").code == 0
    assert hypseg("verify", days).code == 0


def test_a_file_system_whose_clock_is_behind_has_no_files_of_somebody(
    hypseg: Hypseg, days: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that was killed has left maps without lines, which are older than its own clock says that it is."""
    command = ("predict", "day1", "--out", days, *SAVE)
    behind = time.time() - 3600
    with monkeypatch.context() as patch:
        patch.setattr(Hold, "since", lambda _: behind)
        patch.setattr(Ledger, "add", stop_at_once)
        assert hypseg(*command).code == 130
    run = json.loads((days / "run.json").read_text())
    (days / "run.json").write_text(json.dumps(run | {"status": "running"}))
    assert list(days.glob("labels/*.png"))
    for path in days.rglob("*.png"):
        os.utime(path, (behind + 1, behind + 1))
    assert hypseg(*command, "--resume").code == 0
    assert hypseg("verify", days).code == 0
