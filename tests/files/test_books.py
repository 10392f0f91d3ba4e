"""The folder of a run, into which nothing else is written that its books would not know."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import Hypseg, photograph

from hypsegcli.errors import PlanError
from hypsegcli.files.books import REVIEW, is_book, is_of_all_images, refuse_in_a_run


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """What looks like a run's folder, and has folders in it and beside it."""
    for name in ("run/labels/sub", "beside"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("run.json", "manifest.jsonl"):
        (tmp_path / "run" / name).touch()
    (tmp_path / "beside/run.json").touch()
    photograph(tmp_path / "images/a.png")
    (tmp_path / "link").symlink_to("run/labels", target_is_directory=True)
    (tmp_path / "run/away").symlink_to("../beside", target_is_directory=True)
    return tmp_path / "run"


@pytest.mark.parametrize("place", ["run", "run/new", "run/labels/sub/new/newer", "link/new", "beside/../run/new"])
def test_what_lies_in_a_run_is_refused(run: Path, place: str) -> None:
    with pytest.raises(PlanError, match=f"{run}: holds the maps and the books of a run, .* do not know of a thing;"):
        refuse_in_a_run(run.parent / place, "a thing")


@pytest.mark.parametrize("place", ["", "new", "beside", "beside/new", "run/away/new", "run/../new", "running"])
def test_what_lies_elsewhere_is_not(run: Path, place: str) -> None:
    refuse_in_a_run(run.parent / place, "a thing")


def test_a_path_is_taken_from_where_one_is(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(run / "labels")
    with pytest.raises(PlanError, match="holds the maps"):
        refuse_in_a_run(Path("new"), "a thing")


@pytest.mark.parametrize(
    "command",
    [
        ("evaluate", "images", "masks", "--out", "run/report"),
        ("disk", "images", "--out", "run/disk.png"),
        ("calibrate", "images", "masks", "--name", "x", "--out", "run/labels/a.safetensors"),
        ("quantise", "images", "masks", "--out", "run/a.safetensors"),
        ("convert", "a.pth", "--out", "run/a.safetensors"),
        ("export", "streets", "--to", "onnx", "--out", "run/new/a.onnx"),
        ("card", "streets", "--out", "run/README.md"),
    ],
)
def test_commands_write_nothing_into_a_run(
    hypseg: Hypseg, run: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    """`hypseg verify` would find it foreign ever after; with `--overwrite` it might take the place of a map."""
    monkeypatch.chdir(run.parent)
    outcome = hypseg(*command, "--overwrite")
    assert outcome.code == 2
    assert f"{run}: holds the maps and the books of a run, which do not know of a" in outcome.stderr
    assert "choose another --out" in outcome.stderr


def test_verdicts_lie_among_the_books_and_no_run_writes_them() -> None:
    assert is_book(REVIEW)
    assert not is_of_all_images(REVIEW)
