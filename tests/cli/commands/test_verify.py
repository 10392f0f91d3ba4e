"""`hypseg verify`: what it finds in the folder of a run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support import Hypseg, photograph


@pytest.fixture
def out(hypseg: Hypseg, photos: Path, tmp_path: Path) -> Path:
    assert hypseg("predict", photos, "--out", tmp_path / "out", "--save", "labels,overlay").code == 0
    return tmp_path / "out"


def found(hypseg: Hypseg, out: Path) -> dict[str, object]:
    outcome = hypseg("verify", out, "--json")
    answer: dict[str, object] = json.loads(outcome.stdout)
    assert outcome.code == (0 if answer["is_whole"] else 3)
    return answer


def test_what_a_run_has_written_is_whole(hypseg: Hypseg, out: Path, photos: Path, tmp_path: Path) -> None:
    outcome = hypseg("verify", out)
    assert outcome.code == 0
    assert outcome.stdout == "3 images, 6 files as they were written, nothing missing, changed or foreign\n"
    assert hypseg("uncertainty", photos, "--out", tmp_path / "doubt").code == 0
    assert hypseg("verify", tmp_path / "doubt").code == 0


def test_what_is_missing_changed_or_foreign_is_named(hypseg: Hypseg, out: Path) -> None:
    (out / "labels/a.png").unlink()
    content = bytearray((out / "overlay/b.png").read_bytes())
    content[-20] ^= 4
    (out / "overlay/b.png").write_bytes(content)
    photograph(out / "labels/sub/d.png")
    outcome = hypseg("verify", out)
    assert outcome.code == 3
    assert outcome.stdout == "missing: labels/a.png\nchanged: overlay/b.png\nforeign: labels/sub/d.png\n"
    assert "4 files as they were written; not whole" in outcome.stderr
    answer = found(hypseg, out)
    assert [answer[name] for name in ("missing", "changed", "foreign", "files")] == [
        ["labels/a.png"], ["overlay/b.png"], ["labels/sub/d.png"], 4
    ]  # fmt: skip


def test_images_that_failed_make_it_less_than_whole(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    (photos / "bad.png").touch()
    assert hypseg("predict", photos, "--out", tmp_path / "out").code == 3
    outcome = hypseg("verify", tmp_path / "out")
    assert outcome.code == 3
    assert outcome.stdout.startswith("failed: bad: ")


def test_a_run_that_was_killed_is_not_whole(hypseg: Hypseg, out: Path) -> None:
    """Its run.json says that it is under way, and images have no line."""
    run = json.loads((out / "run.json").read_text())
    (out / "run.json").write_text(json.dumps(run | {"status": "running"}))
    lines = (out / "manifest.jsonl").read_text().splitlines(keepends=True)
    (out / "manifest.jsonl").write_text("".join(lines[:-1]))
    answer = found(hypseg, out)
    assert (answer["status"], answer["lacking"]) == ("running", 1)
    assert answer["foreign"] == ["labels/sub/c.png", "overlay/sub/c.png"]


def test_a_folder_that_is_no_run_s_is_refused(hypseg: Hypseg, tmp_path: Path) -> None:
    outcome = hypseg("verify", tmp_path)
    assert outcome.code == 2
    assert "manifest.jsonl" in outcome.stderr
