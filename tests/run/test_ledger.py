"""What the books say at every moment of a run's beginning, before its first image."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from support import Hypseg, manifest, photograph

SAVE = ("--save", "labels,confidence")


@pytest.fixture
def days(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three folders of two photographs each, with names of their own; returns where their maps go."""
    for seed in range(6):
        photograph(tmp_path / f"day{seed // 2 + 1}" / f"{seed}.png", seed=seed)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "out"


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


def test_a_ranking_that_a_killed_run_was_to_make_anew_is_in_no_later_book(
    hypseg: Hypseg, days: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert hypseg("uncertainty", "day1", "--out", days).code == 0

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("hypsegcli.run.ledger.Ledger.open", stop)
        assert hypseg("uncertainty", "day1", "day2", "--out", days, "--resume").code == 130
    assert not (days / "ranking.csv").exists()
    assert hypseg("predict", "day2", "--out", days, "--save", "labels", "--resume").code == 0
    assert hypseg("verify", days).code == 0
