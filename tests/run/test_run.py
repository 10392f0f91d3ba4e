"""What a run does when something is in its way: refusals, failures, resume, interruption, exit codes."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest
from PIL import Image
from support import Hypseg, grow, manifest, photograph

from hypsegcli.files import atomic
from hypsegcli.files.atomic import make_folder
from hypsegcli.files.hold import LOCK, Hold
from hypsegcli.files.lock import locked


def snapshot(out: Path) -> dict[str, tuple[int, bytes]]:
    """Inode and content of every map."""
    return {str(path): (path.stat().st_ino, path.read_bytes()) for path in sorted(out.rglob("*.png"))}


def redone(before: dict[str, tuple[int, bytes]], out: Path) -> set[str]:
    """Keys of the maps that were written again (a replaced file has another inode)."""
    after = snapshot(out)
    return {Path(path).stem for path in after if before.get(path, (0,))[0] != after[path][0]}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["{photos}/nothing.jpg", "--out", "{tmp}/out"], "nothing.jpg"),
        (["{photos}", "--out", "{photos}/out"], "input folder"),
        (["{photos}", "--out", "{tmp}/out", "--save", "labels,maps"], "--save"),
        (["{photos}", "--out", "{tmp}/out", "--level", "9"], "levels 1 to 3"),
        (["{photos}", "--out", "{tmp}/out", "--level", "vehicles"], "inner nodes are"),
        (["{photos}", "--out", "{tmp}/out", "--tile", "100"], "multiple of 16"),
        (["{photos}", "--out", "{tmp}/out", "--device", "tpu"], "--device tpu"),
        (["{photos}", "--out", "{tmp}/out", "--overwrite", "--resume"], "contradict"),
        (["{photos}", "--out", "{tmp}/out", "--measure", "doubt"], "doubt"),
        (["{photos}", "--out", "{tmp}/out", "--no-such-option"], "--no-such-option"),
        (["{photos}", "--out", "{tmp}/out", "--threshold", "0.8"], "--level auto"),
        (["{photos}", "--out", "{tmp}/out", "--threshold", "0.3", "--level", "auto"], "--threshold"),
        (["{photos}", "--out", "{tmp}/out", "--save", "labels", "--format", "npy"], "--save"),
        (["{photos}"], "--out"),
    ],
)
def test_usage_errors_exit_2_and_write_nothing(
    hypseg: Hypseg, photos: Path, tmp_path: Path, arguments: list[str], sentence: str
) -> None:
    outcome = hypseg("predict", *(a.format(photos=photos, tmp=tmp_path) for a in arguments))
    assert outcome.code == 2
    assert sentence in outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert not list(tmp_path.rglob("labels"))


def test_two_inputs_that_share_an_output_are_refused(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    photograph(photos / "a.png")
    outcome = hypseg("predict", photos, "--out", tmp_path / "out")
    assert outcome.code == 2
    assert "a.jpg" in outcome.stderr
    assert "a.png" in outcome.stderr
    assert not (tmp_path / "out").exists()


def test_one_bad_image_costs_only_itself(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    (photos / "bad.jpg").write_bytes((photos / "a.jpg").read_bytes()[:400])
    (photos / "empty.png").touch()
    (photos / "text.webp").write_text("not a picture")
    outcome = hypseg("predict", photos, "--out", tmp_path / "out")
    assert outcome.code == 3
    lines = manifest(tmp_path / "out")
    assert {key for key, line in lines.items() if line["status"] == "done"} == {"a", "b", "sub/c"}
    for key in ("bad", "empty", "text"):
        assert lines[key]["status"] == "failed"
        assert key in str(lines[key]["reason"])
        assert str(lines[key]["reason"]) in outcome.stderr
        assert not (tmp_path / f"out/labels/{key}.png").exists()
    assert "3 of 6 images failed" in outcome.stderr


def test_every_failure_has_a_code_of_its_kind(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    whole = (photos / "b.png").read_bytes()
    (photos / "empty.png").touch()
    (photos / "text.webp").write_text("not a picture")
    (photos / "cut.png").write_bytes(whole[: len(whole) // 2])
    (photos / "bent.jpg").write_bytes((photos / "a.jpg").read_bytes()[:20])
    (photos / "gone.jpg").symlink_to("nowhere.jpg")
    photograph(photos / "wide.png", size=(400, 300))
    Image.fromarray(np.full((32, 32), 0.5, np.float32)).save(photos / "float.tif")
    out = tmp_path / "out"
    assert hypseg("predict", photos, "--out", out, "--save", "labels", "--max-pixels", 100_000).code == 3
    assert {key: line["code"] for key, line in manifest(out).items() if line["status"] == "failed"} == {
        "empty": "empty",
        "text": "unknown_format",
        "cut": "truncated",
        "bent": "damaged",
        "gone": "missing",
        "wide": "too_large",
        "float": "unsupported",
    }


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    """A folder of ten pictures, of which those from the fourth to the seventh are empty."""
    for number in range(10):
        photograph(tmp_path / f"bad/{number}.png", seed=number)
        if 3 <= number < 7:
            (tmp_path / f"bad/{number}.png").write_bytes(b"")
    return tmp_path / "bad"


@pytest.mark.parametrize(
    ("limit", "code", "status", "failed"),
    [
        (["--fail-fast"], 5, "stopped", 1),
        (["--max-failures", "0"], 5, "stopped", 1),
        (["--max-failures", "3"], 5, "stopped", 4),
        (["--max-failures", "25%"], 5, "stopped", 3),
        (["--max-failures", "4"], 3, "finished", 4),
        (["--max-failures", "40%"], 3, "finished", 4),
        ([], 3, "finished", 4),
    ],
)
def test_a_run_stops_when_more_fail_than_may(
    hypseg: Hypseg, bad: Path, tmp_path: Path, limit: list[str], code: int, status: str, failed: int
) -> None:
    out = tmp_path / "out"
    outcome = hypseg("predict", bad, "--out", out, "--save", "labels", "--workers", 0, *limit)
    assert outcome.code == code
    assert (f"stopped, for {failed} of 10 images failed" in outcome.stderr) == (code == 5)
    run = json.loads((out / "run.json").read_text())
    assert (run["status"], run["counts"]["failed"]) == (status, failed)
    assert (run["counts"]["done"] + failed == 10) == (status == "finished")
    assert hypseg("verify", out).code == 3
    for number in range(3, 7):
        photograph(bad / f"{number}.png", seed=number)
    assert hypseg("predict", bad, "--out", out, "--save", "labels", "--resume", *limit).code == 0
    assert hypseg("verify", out).code == 0


@pytest.mark.parametrize("kinds", ["labels", "labels,overlay"])
def test_a_run_that_stops_comes_to_all_images_that_can_be_done(
    hypseg: Hypseg, bad: Path, tmp_path: Path, kinds: str
) -> None:
    """Those that have failed are tried last, however many runs ago that was."""
    out = tmp_path / "out"
    arguments = ("predict", bad, "--out", out, "--workers", 0, "--max-failures", 1, "--save")
    assert hypseg(*arguments, "labels").code == 5
    assert hypseg(*arguments, kinds, "--resume").code == 5
    assert hypseg(*arguments, kinds, "--resume").code == 5
    lines = manifest(out)
    assert {key for key, line in lines.items() if line["status"] == "done"} == {"0", "1", "2", "7", "8", "9"}
    assert all(line["reason"] for line in lines.values() if line["status"] != "done")
    for number in range(3, 7):
        photograph(bad / f"{number}.png", seed=number)
    assert hypseg(*arguments, kinds, "--resume").code == 0
    assert hypseg("verify", out).code == 0


def test_a_ranking_is_of_what_was_done_before_a_run_stopped(hypseg: Hypseg, bad: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert hypseg("uncertainty", bad, "--out", out, "--fail-fast", "--workers", 0).code == 5
    assert len((out / "ranking.csv").read_text().splitlines()) == 1 + 3
    assert json.loads((out / "run.json").read_text())["status"] == "stopped"


@pytest.mark.parametrize("text", ["-1", "101%", "many", "", "1e3", "3 %%", "nan%", "٣"])
def test_a_number_of_failures_that_is_none_is_refused(hypseg: Hypseg, photos: Path, tmp_path: Path, text: str) -> None:
    outcome = hypseg("predict", photos, "--out", tmp_path / "out", f"--max-failures={text}")
    assert outcome.code == 2
    assert "such as 5%" in outcome.stderr
    both = hypseg("predict", photos, "--out", tmp_path / "out", "--max-failures", 1, "--fail-fast")
    assert both.code == 2
    assert "leave one of them out" in both.stderr


def test_nothing_done_exits_1(hypseg: Hypseg, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/empty.jpg").touch()
    assert hypseg("predict", tmp_path / "in", "--out", tmp_path / "out").code == 1
    assert json.loads((tmp_path / "out/run.json").read_text())["counts"]["failed"] == 1


def test_missing_checkpoint_exits_1_with_a_sentence(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    outcome = hypseg("predict", photos, "--out", tmp_path / "out", "--checkpoint", tmp_path / "none.safetensors")
    assert outcome.code == 1
    assert "no such checkpoint" in outcome.stderr
    assert not (tmp_path / "out").exists()


def test_too_many_pixels_are_refused_by_name(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    outcome = hypseg("predict", photos, "--out", tmp_path / "out", "--max-pixels", 64 * 48 - 1)
    assert outcome.code == 3
    assert {k for k, line in manifest(tmp_path / "out").items() if line["status"] == "done"} == {"sub/c"}


def test_an_occupied_folder_is_refused_then_overwritten(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert hypseg("predict", photos, "--out", out).code == 0
    before = snapshot(out)
    refused = hypseg("predict", photos, "--out", out)
    assert refused.code == 2
    assert "--resume" in refused.stderr
    assert "--overwrite" in refused.stderr
    assert snapshot(out) == before
    assert hypseg("predict", photos, "--out", out, "--overwrite").code == 0
    assert redone(before, out) == {"a", "b", "c"}


def test_a_failure_leaves_no_maps_of_an_earlier_run(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    hypseg("predict", photos, "--out", tmp_path / "out")
    (photos / "a.jpg").write_bytes(b"")
    assert hypseg("predict", photos, "--out", tmp_path / "out", "--overwrite").code == 3
    assert not (tmp_path / "out/labels/a.png").exists()
    assert not (tmp_path / "out/overlay/a.png").exists()


def test_resume_redoes_only_what_it_must(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (photos / "bad.png").touch()
    assert hypseg("predict", photos, "--out", out).code == 3
    before = snapshot(out)
    assert hypseg("predict", photos, "--out", out, "--resume").code == 3
    assert redone(before, out) == set()

    (out / "boundary/b.png").unlink()  # missing
    photograph(photos / "bad.png")  # mended
    photograph(photos / "sub/c.png", size=(50, 33), seed=9)  # changed
    outcome = hypseg("predict", photos, "--out", out, "--resume")
    assert outcome.code == 0
    assert redone(before, out) == {"b", "bad", "c"}
    assert "1 of 4 images done already\n2 of 4 images to be done again, changed since, or their maps\n" in (
        outcome.stderr
    )
    assert len((out / "manifest.jsonl").read_text().splitlines()) == 4


@pytest.mark.parametrize(
    ("option", "difference"),
    [
        (["--measure", "entropy"], "--measure calibrated (now entropy)"),
        (["--level", "1"], "--level none (now 1)"),
        (
            ["--interpolate", "points"],  # of which the checkpoint's calibration says nothing
            "--measure calibrated (now distance); --interpolate scalar (now points)",
        ),
        (
            ["--save", "labels,confidence,boundary,overlay,doubt"],
            "--save labels,confidence,boundary,overlay (now labels,confidence,boundary,overlay,doubt)",
        ),
        (["--tile", "128"], "--tile 2048 (now 128); --longest-side 512 (now off)"),
        (["--raw", "--format", "npy"], "--format png (now npy); --measure calibrated (now distance)"),
    ],
)
def test_resume_redoes_what_other_options_made_and_says_which(
    hypseg: Hypseg, photos: Path, tmp_path: Path, option: list[str], difference: str
) -> None:
    out = tmp_path / "out"
    hypseg("predict", photos / "a.jpg", photos / "b.png", "--out", out)
    before = snapshot(out)
    outcome = hypseg("predict", photos, "--out", out, "--resume", *option)
    assert outcome.code == 0
    assert f"2 of 3 images to be done again, made with other settings: {difference}" in outcome.stderr
    assert not redone(before, out) - {"a", "b", "c"}
    again = hypseg("predict", photos, "--out", out, "--resume", "--quiet", *option)
    assert (again.code, again.stderr) == (0, "")


def test_settings_of_a_run_before_the_last_are_not_guessed(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    """run.json describes the last run alone, which here was one of another image."""
    out = tmp_path / "out"
    hypseg("predict", photos / "a.jpg", "--out", out, "--save", "labels")
    hypseg("predict", photos / "b.png", "--out", out, "--save", "labels", "--resume", "--measure", "entropy")
    outcome = hypseg("predict", photos / "a.jpg", "--out", out, "--save", "labels", "--resume", "--measure", "entropy")
    assert "1 of 1 image to be done again, made with other settings\n" in outcome.stderr


def test_resume_redoes_what_another_checkpoint_made(
    hypseg: Hypseg, photos: Path, tmp_path: Path, many_classes: Path
) -> None:
    out = tmp_path / "out"
    hypseg("predict", photos, "--out", out)
    before = snapshot(out)
    outcome = hypseg("predict", photos, "--out", out, "--resume", "--checkpoint", many_classes)
    assert outcome.code == 0
    assert re.search(r"other settings: checkpoint of SHA-256 \w{8} \(now \w{8}\)", outcome.stderr)
    assert redone(before, out) == {"a", "b", "c"}


def test_resume_does_not_care_for_batch_size(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    hypseg("predict", photos, "--out", out)
    before = snapshot(out)
    hypseg("predict", photos, "--out", out, "--resume", "--batch-size", 2)
    assert redone(before, out) == set()


def test_resume_survives_a_torn_last_line(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    hypseg("predict", photos, "--out", out)
    before = snapshot(out)
    lines = (out / "manifest.jsonl").read_text().splitlines(keepends=True)
    (out / "manifest.jsonl").write_text("".join(lines[:2]) + lines[2][: len(lines[2]) // 2])
    assert hypseg("predict", photos, "--out", out, "--resume").code == 0
    assert redone(before, out) == {"c"}


def test_resume_refuses_a_folder_that_is_no_run(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    photograph(tmp_path / "out/labels/a.png")
    outcome = hypseg("predict", photos, "--out", tmp_path / "out", "--resume")
    assert outcome.code == 2
    assert "manifest.jsonl" in outcome.stderr


def test_dry_run_prints_the_plan_and_touches_nothing(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    outcome = hypseg("predict", photos, "--out", tmp_path / "out", "--dry-run")
    assert outcome.code == 0
    assert [line.split(" -> ")[0] for line in outcome.stdout.splitlines()] == [
        str(photos / name) for name in ("a.jpg", "b.png", "sub/c.png")
    ]
    assert str(tmp_path / "out/labels/sub/c.png") in outcome.stdout
    assert not (tmp_path / "out").exists()


def test_quiet_prints_failures_only(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    assert hypseg("predict", photos, "--out", tmp_path / "good", "--quiet").stderr == ""
    (photos / "bad.png").touch()
    assert "bad.png" in hypseg("predict", photos, "--out", tmp_path / "out", "--quiet").stderr


def test_a_full_disk_fails_the_image_and_leaves_nothing_half(
    hypseg: Hypseg, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = atomic.replacing

    @contextlib.contextmanager
    def full(path: Path, *, replace: bool = True) -> Iterator[BinaryIO]:
        if path.name == "b.png" and path.parent.name == "boundary":
            raise OSError(28, "No space left on device", str(path))
        with real(path, replace=replace) as file:
            yield file

    monkeypatch.setattr(atomic, "replacing", full)
    out = tmp_path / "out"
    outcome = hypseg("predict", photos, "--out", out)
    assert outcome.code == 3
    assert "b.png: cannot be written (No space left on device); free space" in outcome.stderr
    assert manifest(out)["b"]["code"] == "unwritable"
    assert not list(out.rglob("b.png"))
    assert (out / "boundary/a.png").exists()

    monkeypatch.setattr(atomic, "replacing", real)
    assert hypseg("predict", photos, "--out", out, "--resume").code == 0
    earlier = {path: path.read_bytes() for path in out.rglob("b.png")}
    monkeypatch.setattr(atomic, "replacing", full)
    assert hypseg("predict", photos, "--out", out, "--overwrite", "--longest-side", 32).code == 3
    assert {path: path.read_bytes() for path in out.rglob("b.png")} == earlier


def test_an_image_counts_once_the_manifest_has_its_line(
    hypseg: Hypseg, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, data: bytes) -> None:
        if b'"key": "b"' in data:
            raise OSError(28, "No space left on device", str(path))
        atomic.append(path, data)

    monkeypatch.setattr("hypsegcli.run.ledger.append", full)
    out = tmp_path / "out"
    assert hypseg("predict", photos, "--out", out, "--save", "labels").code == 1
    run = json.loads((out / "run.json").read_text())
    assert (run["status"], run["counts"]["done"]) == ("aborted", len(manifest(out)))


def test_folders_deeper_than_python_calls_itself(hypseg: Hypseg, tmp_path: Path) -> None:
    deep = Path(*["d"] * 1200)
    make_folder(tmp_path / "in" / deep)
    photograph(tmp_path / "in" / deep / "a.png")
    out = tmp_path / "out"
    assert hypseg("predict", tmp_path / "in", "--out", out, "--save", "labels").code == 0
    assert (out / "labels" / deep / "a.png").is_file()
    assert hypseg("verify", out).code == 0
    assert hypseg("predict", tmp_path / "in", "--out", out, "--save", "labels", "--resume").code == 0
    for folder in (tmp_path / "in", out):
        subprocess.run(["rm", "-r", str(folder)], check=True)  # pytest itself could not


def test_a_name_that_is_too_long_for_its_maps_costs_only_itself(hypseg: Hypseg, tmp_path: Path) -> None:
    for name in ("x" * 251 + ".png", "y" * 255, "z"):
        photograph(tmp_path / "in.png").rename(tmp_path / name)
    (tmp_path / "list.txt").write_text("\n".join(["x" * 251 + ".png", "y" * 255, "z", "loop/a.png", "z/b.png"]))
    (tmp_path / "loop").symlink_to("loop")
    out = tmp_path / "out"
    assert hypseg("predict", f"@{tmp_path / 'list.txt'}", "--out", out, "--save", "labels").code == 3
    assert {key[:6]: line.get("code", "done") for key, line in manifest(out).items()} == {
        "xxxxxx": "done",
        "yyyyyy": "unwritable",
        "z": "done",
        "loop/a": "unreadable",
        "z/b": "unreadable",
    }


# Lines of a manifest, most of them by the recipe of the run that resumes.
BROKEN = (
    "[" * 10_000 + "]" * 10_000,
    '{"key": "a", "input": "a", "status": ' + "9" * 5_000 + "}",
    '{"key": "a", "input": "a", "status": "done"}',
    '{"key": "a", "input": "a"}',
    '{"key": "a", "status": "failed", "reason": "no input"}',
    '{"key": "a", "input": "a", "status": "failed", "reason": "damaged", "outputs": {"heatmap": 4}}',
    '{"key": "other", "input": "a", "status": "stale"}',
    '{"key": "other", "input": "a", "directory": 4, "status": "failed", "reason": "damaged"}',
    "null",
    "",
    "\0",
)
CHANGES: tuple[dict[str, object], ...] = (
    {"summary": {"mean": 10**400, "median": 0.5, "p95": 0.5}},
    {"summary": {"mean": float("nan"), "median": 0.5, "p95": 0.5}},
    {"summary": {"mean": "0.5", "median": 0.5, "p95": 0.5}},
    {"summary": {"median": 0.5}},
    {"summary": None},
    {"notes": 7},
    {"notes": [[]]},
    {"notes": None},
    {"outputs": {}, "bytes": {}, "sha256": {}},
    {"outputs": {"heatmap": "../a"}, "bytes": {"heatmap": 1}, "sha256": {"heatmap": "0"}},
    {"outputs": {"heatmap": "\ud800"}, "bytes": {"heatmap": 1}, "sha256": {"heatmap": "0"}},
    {"source": {"bytes": 1}},
    {"height": "tall"},
    {"recipe": []},
    {"key": 5},
)


def test_no_line_of_a_manifest_breaks_a_reader(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert hypseg("uncertainty", photos, "--out", out).code == 0
    whole = (out / "manifest.jsonl").read_text().splitlines()
    other = json.loads(whole[0]) | {"key": "other"}  # an image that the run that resumes is not asked for
    for line in (*BROKEN, *(json.dumps(other | change) for change in CHANGES)):
        (out / "manifest.jsonl").write_text("\n".join([*whole, line]), encoding="utf-8", errors="surrogateescape")
        assert hypseg("verify", out).code in {0, 3}, line[:100]
        assert hypseg("uncertainty", photos, "--out", out, "--resume").code == 0, line[:100]
        assert len((out / "ranking.csv").read_text().splitlines()) == 4, line[:100]


@pytest.mark.parametrize(
    "content", ["[" * 10_000, "9" * 5_000, "[]", "{}", '{"status": 1, "counts": {"planned": 1e999}}']
)
def test_no_run_json_breaks_its_reader(hypseg: Hypseg, photos: Path, tmp_path: Path, content: str) -> None:
    hypseg("predict", photos, "--out", tmp_path / "out", "--save", "labels")
    (tmp_path / "out/run.json").write_text(content)
    assert hypseg("verify", tmp_path / "out").code == 3


def test_a_run_sweeps_what_a_killed_one_has_left(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ("predict", photos, "--out", out, "--save", "labels")
    assert hypseg(*arguments).code == 0
    strays = [out / below / ".hypseg-123-0123456789abcdef.tmp" for below in ("labels/sub", "overlay", "heatmap/sub")]
    for stray in strays:  # the latter are of kinds that this run does not make
        stray.parent.mkdir(parents=True, exist_ok=True)
        stray.touch()
    assert hypseg("verify", out).code == 3
    assert hypseg(*arguments, "--resume").code == 0
    assert not any(stray.exists() for stray in strays)
    assert hypseg("verify", out).code == 0


@pytest.mark.skipif(os.name == "nt", reason="there is no lock")
@pytest.mark.parametrize("workers", [0, 2])
def test_an_output_folder_that_is_another_s_by_now_ends_the_run(
    hypseg: Hypseg, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    """Else its maps and books would lie among those of whoever writes there."""
    real, out = atomic.writing, tmp_path / "out"

    @contextlib.contextmanager
    def move(maps: Mapping[Path, bytes]) -> Iterator[None]:
        with real(maps):
            yield
        if out / "labels/a.png" in maps:
            out.rename(tmp_path / "moved")
            out.mkdir()
            for name in (LOCK, "run.json", "manifest.jsonl"):
                (out / name).write_text("another's")

    monkeypatch.setattr("hypsegcli.run.process.writing", move)
    outcome = hypseg("predict", photos, "--out", out, "--save", "labels", "--workers", workers)
    assert outcome.code == 1
    assert f"{out}: is no longer the folder that this run began in" in outcome.stderr
    assert {path.name: path.read_text() for path in out.iterdir()} == dict.fromkeys(
        (LOCK, "run.json", "manifest.jsonl"), "another's"
    )
    assert json.loads((tmp_path / "moved/run.json").read_text())["status"] == "running"


def test_an_output_folder_that_vanishes_ends_the_run(
    hypseg: Hypseg, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the books would be those of the images after that, and call the run finished."""
    real, out = atomic.writing, tmp_path / "out"

    def vanish(maps: Mapping[Path, bytes]) -> AbstractContextManager[None]:
        if out / "labels/b.png" in maps:
            shutil.rmtree(out)
        return real(maps)

    monkeypatch.setattr("hypsegcli.run.process.writing", vanish)
    outcome = hypseg("predict", photos, "--out", out, "--save", "labels")
    assert outcome.code == 1
    assert f"{out}: is no longer the folder that this run began in" in outcome.stderr
    assert not (out / "run.json").exists()


@pytest.mark.parametrize("command", ["predict", "uncertainty"])
def test_a_run_that_ended_between_plan_and_lock_is_not_replaced(
    hypseg: Hypseg, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    out = tmp_path / "out"

    def end_first(folder: Path, name: str, shard: None) -> AbstractContextManager[Hold]:
        grow(folder, "run.json", "manifest.jsonl")
        return locked(folder, name, shard)

    monkeypatch.setattr("hypsegcli.files.lock.locked", end_first)
    outcome = hypseg(command, photos, "--out", out)
    assert outcome.code == 2
    assert "2 of the outputs are there already" in outcome.stderr
    assert {path.name: path.read_bytes() for path in out.iterdir()} == {"run.json": b"x", "manifest.jsonl": b"x"}


def test_an_image_that_breaks_a_batch_fails_alone(
    hypseg: Hypseg, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hypsegcli.inference.segmenter import Segmenter

    real = Segmenter.predict
    calls: list[int] = []

    def sometimes(self: Segmenter, images: list[object], truths: None) -> object:
        calls.append(len(images))
        if len(images) == 2 or len(calls) == 2:
            raise RuntimeError("can't allocate memory")
        return real(self, images, truths)  # type: ignore[arg-type]

    monkeypatch.setattr(Segmenter, "predict", sometimes)
    outcome = hypseg("predict", photos, "--out", tmp_path / "out", "--batch-size", 2)
    assert outcome.code == 3
    assert "--tile" in outcome.stderr
    assert {key: line.get("code") for key, line in manifest(tmp_path / "out").items()} == {
        "a": "out_of_memory",
        "b": None,
        "sub/c": None,
    }


def test_a_batch_that_does_not_fit_costs_nothing_but_a_note(
    hypseg: Hypseg, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hypsegcli.inference.engines.torch_engine import TorchEngine

    hypseg("predict", photos, "--out", tmp_path / "plenty", "--batch-size", 1)
    real = TorchEngine.__call__

    def scarce(self: TorchEngine, images: np.ndarray, mean: None) -> object:
        if len(images) > 1:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes.")
        return real(self, images, mean)

    monkeypatch.setattr(TorchEngine, "__call__", scarce)
    out = tmp_path / "scarce"
    assert hypseg("predict", photos, "--out", out, "--batch-size", 2).code == 0
    note = "did not fit into memory in a batch of 2; segmented alone"
    assert {key: line["notes"] for key, line in manifest(out).items()} == {"a": [note], "b": [note], "sub/c": []}
    run = json.loads((out / "run.json").read_text())
    assert run["notes"] == {note: 2}
    assert run["counts"]["failed"] == 0
    for path in sorted((tmp_path / "plenty").rglob("*.png")):
        assert path.read_bytes() == (out / path.relative_to(tmp_path / "plenty")).read_bytes()


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C cannot be sent to one process there")
@pytest.mark.parametrize("told", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_run_exits_130_and_resumes(hypseg: Hypseg, tmp_path: Path, told: signal.Signals) -> None:
    for number in range(40):
        photograph(tmp_path / f"in/{number}.png", size=(320, 240), seed=number)
    out = tmp_path / "out"
    # Shells start background jobs deaf to Ctrl-C, and children inherit it.
    hearing = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    run_it = "from hypsegcli.__main__ import run; run()"
    arguments = [sys.executable, "-c", hearing + run_it, "predict", str(tmp_path / "in"), "--out", str(out)]
    arguments += ["--engine", "torch"]
    # Threads that wait for each other would stretch this beyond any deadline where the machine is busy.
    alone = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True, env=alone)
    deadline = time.monotonic() + 120
    while not ((out / "manifest.jsonl").is_file() and (out / "manifest.jsonl").read_text().count('"done"') >= 2):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(told)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert "--resume" in stderr
    run = json.loads((out / "run.json").read_text())
    assert run["status"] == "interrupted"
    done = run["counts"]["done"]
    assert 2 <= done < 40
    assert {path.stem for path in out.rglob("*.png")} == {*manifest(out)}  # what is on the disk is in the books
    for path in out.rglob("*.png"):
        with Image.open(path) as image:
            image.load()
    assert not [path for path in out.rglob("*") if path.name.endswith(".tmp")]
    before = snapshot(out)
    assert hypseg("predict", tmp_path / "in", "--out", out, "--resume").code == 0
    assert len(manifest(out)) == 40
    assert len(redone(before, out)) == 40 - done


def test_images_larger_than_in_training_are_shrunk_to_it(hypseg: Hypseg, tmp_path: Path) -> None:
    """To the 512 pixels of the default model, unless somebody wants them otherwise."""
    photograph(tmp_path / "wide.png", size=(1504, 32))
    labels = {}
    for name, options in {"auto": (), "same": ("--longest-side", 512), "off": ("--longest-side", "off")}.items():
        assert hypseg("predict", tmp_path / "wide.png", "--out", tmp_path / name, *options).code == 0
        shrunk = ["shrunk to 512 pixels for the network (longest side)"] if name != "off" else []
        assert manifest(tmp_path / name)["wide"]["notes"] == shrunk
        with Image.open(tmp_path / name / "labels/wide.png") as image:
            labels[name] = np.asarray(image)
    assert labels["auto"].shape == (32, 1504)
    assert np.array_equal(labels["auto"], labels["same"])
    assert not np.array_equal(labels["auto"], labels["off"])


def test_resume_does_not_take_one_file_for_another(hypseg: Hypseg, tmp_path: Path) -> None:
    """Of the same name, size and time, in another folder, when the first is gone."""
    for folder, shade in (("A", "gray"), ("B", "white")):
        (tmp_path / folder).mkdir()
        Image.new("RGB", (64, 48), shade).save(tmp_path / folder / "x.bmp")
        os.utime(tmp_path / folder / "x.bmp", (1e9, 1e9))
    hypseg("predict", tmp_path / "A", "--out", tmp_path / "out")
    (tmp_path / "A/x.bmp").unlink()
    before = snapshot(tmp_path / "out")
    assert hypseg("predict", tmp_path / "B", "--out", tmp_path / "out", "--resume").code == 0
    assert redone(before, tmp_path / "out") == {"x"}


def test_resume_mends_a_damaged_output(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    hypseg("predict", photos, "--out", out)
    before = snapshot(out)
    (out / "labels/b.png").write_bytes(b"")
    assert hypseg("predict", photos, "--out", out, "--resume").code == 0
    assert redone(before, out) == {"b"}
    assert (out / "labels/b.png").stat().st_size > 0


@pytest.mark.parametrize("kind", ["labels", "confidence", "boundary", "overlay"])
def test_resume_mends_an_output_of_which_a_bit_has_flipped(
    hypseg: Hypseg, photos: Path, tmp_path: Path, kind: str
) -> None:
    """Of the same size, and as old as before."""
    out = tmp_path / "out"
    hypseg("predict", photos, "--out", out)
    before, path = snapshot(out), out / kind / "b.png"
    content, status = bytearray(path.read_bytes()), path.stat()
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert hypseg("predict", photos, "--out", out, "--resume").code == 0
    assert redone(before, out) == {"b"}
    assert path.read_bytes() == before[str(path)][1]


def test_resume_redoes_an_input_that_has_changed_behind_its_size_and_time(hypseg: Hypseg, tmp_path: Path) -> None:
    picture, out = tmp_path / "in" / "x.bmp", tmp_path / "out"
    picture.parent.mkdir()
    Image.new("RGB", (64, 48), "gray").save(picture)
    status = picture.stat()
    hypseg("predict", picture.parent, "--out", out)
    before = snapshot(out)
    Image.new("RGB", (64, 48), "white").save(picture)
    os.utime(picture, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert picture.stat().st_size == status.st_size
    assert hypseg("predict", picture.parent, "--out", out, "--resume").code == 0
    assert redone(before, out) == {"x"}


def test_an_input_that_is_replaced_while_the_run_is_on_is_what_was_read_of_it(
    hypseg: Hypseg, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The books speak of the old one, whose maps these are; the next run sees the new one and does it again."""
    out, old = tmp_path / "out", (photos / "a.jpg").read_bytes()

    def replace_and_write(maps: Mapping[Path, bytes]) -> AbstractContextManager[None]:
        photograph(photos / "a.jpg", seed=99)
        return atomic.writing(maps)

    with monkeypatch.context() as patch:
        patch.setattr("hypsegcli.run.process.writing", replace_and_write)
        assert hypseg("predict", photos, "--out", out).code == 0
    assert manifest(out)["a"]["source"] == {"bytes": len(old), "sha256": hashlib.sha256(old).hexdigest()}
    before = snapshot(out)
    assert hypseg("predict", photos, "--out", out, "--resume").code == 0
    assert redone(before, out) == {"a"}


@pytest.mark.parametrize("way", ["--resume", "--overwrite"])
def test_what_an_earlier_run_made_and_this_one_does_not_goes(
    hypseg: Hypseg, photos: Path, tmp_path: Path, way: str
) -> None:
    """But not what somebody has put there, or changed."""
    out = tmp_path / "out"
    hypseg("predict", photos, "--out", out, "--save", "labels,confidence")
    photograph(out / "confidence/mine.png")
    photograph(out / "confidence/b.png")
    assert hypseg("predict", photos, "--out", out, "--save", "labels,confidence", "--format", "npy", way).code == 0
    there = sorted(path.relative_to(out / "confidence").as_posix() for path in (out / "confidence").rglob("*.*"))
    assert there == ["a.npy", "b.npy", "b.png", "mine.png", "sub/c.npy"]


def test_a_ranking_goes_with_the_heatmaps_that_it_names(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert hypseg("uncertainty", photos, "--out", out).code == 0
    assert hypseg("predict", photos, "--out", out, "--save", "labels", "--overwrite").code == 0
    assert {path.name for path in out.iterdir()} - {LOCK} == {"labels", "manifest.jsonl", "run.json"}
    assert hypseg("verify", out).code == 0


def test_a_ranking_that_somebody_has_changed_stays(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert hypseg("uncertainty", photos, "--out", out).code == 0
    (out / "ranking.csv").write_text("mine")
    assert hypseg("predict", photos, "--out", out, "--save", "labels", "--overwrite").code == 0
    assert (out / "ranking.csv").read_text() == "mine"


def test_what_an_interrupted_run_was_to_replace_is_not_forgotten(
    hypseg: Hypseg, photos: Path, tmp_path: Path, many_classes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else one network's confidence would stay beside another's labels."""
    out = tmp_path / "out"
    assert hypseg("predict", photos, "--out", out, "--save", "labels,confidence").code == 0

    def interrupt(maps: Mapping[Path, bytes]) -> None:
        raise KeyboardInterrupt

    other = ("predict", photos, "--out", out, "--checkpoint", many_classes, "--workers", 0, "--save")
    with monkeypatch.context() as patch:
        patch.setattr("hypsegcli.run.process.writing", interrupt)
        assert hypseg(*other, "labels,confidence", "--overwrite").code == 130
    assert {line["status"] for line in manifest(out).values()} == {"stale"}
    answer = json.loads(hypseg("verify", out, "--json").stdout)
    assert (answer["images"], answer["lacking"]) == (0, 3)
    assert hypseg(*other, "labels", "--resume").code == 2  # it would lose the confidence that is there still
    assert hypseg(*other, "labels", "--overwrite").code == 0
    assert not (out / "confidence").exists()
    assert len((out / "manifest.jsonl").read_text().splitlines()) == 3
    assert hypseg("verify", out).code == 0


def test_maps_that_outlived_an_input_out_of_reach_go_when_it_is_done_otherwise(
    hypseg: Hypseg, photos: Path, tmp_path: Path, many_classes: Path
) -> None:
    out = tmp_path / "out"
    (tmp_path / "list.txt").write_text("photos/a.jpg\nphotos/b.png\n")
    arguments = ("predict", f"@{tmp_path / 'list.txt'}", "--out", out, "--save")
    assert hypseg(*arguments, "labels,confidence").code == 0
    photos.rename(tmp_path / "elsewhere")
    assert hypseg(*arguments, "labels,confidence", "--resume", "--checkpoint", many_classes).code == 1
    assert len(list(out.rglob("confidence/**/*.png"))) == 2
    (tmp_path / "elsewhere").rename(photos)
    assert hypseg(*arguments, "labels", "--resume", "--checkpoint", many_classes).code == 2
    assert len(list(out.rglob("confidence/**/*.png"))) == 2
    assert hypseg(*arguments, "labels", "--overwrite", "--checkpoint", many_classes).code == 0
    assert not list(out.rglob("confidence/**/*.png"))
    assert hypseg("verify", out).code == 0


@pytest.mark.parametrize(
    "line",
    [
        "[" * 10_000 + "]" * 10_000,
        '{"key": ' + "9" * 5_000 + "}",
        '{"key": "a", "input": "a.jpg"}',
        '{"key": "a", "input": "a.jpg", "status": "done"}',
        '{"key": "a", "input": "a.jpg", "status": "done", "summary": null, "outputs": []}',
        "null",
    ],
)
@pytest.mark.parametrize("command", ["predict", "uncertainty"])
def test_a_line_of_the_manifest_that_is_none_counts_for_nothing(
    hypseg: Hypseg, photos: Path, tmp_path: Path, command: str, line: str
) -> None:
    out = tmp_path / "out"
    hypseg(command, photos, "--out", out)
    before = snapshot(out)
    good = [one for one in (out / "manifest.jsonl").read_text().splitlines() if '"key": "a"' not in one]
    (out / "manifest.jsonl").write_text("\n".join([*good, line, ""]))
    assert hypseg(command, photos, "--out", out, "--resume").code == 0
    assert redone(before, out) == {"a"}


def test_maps_outlive_an_input_that_is_out_of_reach(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (tmp_path / "list.txt").write_text("photos/a.jpg\nphotos/b.png\n")
    hypseg("predict", f"@{tmp_path / 'list.txt'}", "--out", out)
    before = snapshot(out)
    photos.rename(tmp_path / "elsewhere")
    assert hypseg("predict", f"@{tmp_path / 'list.txt'}", "--out", out, "--resume").code == 1
    assert snapshot(out) == before


def test_resume_of_a_part_keeps_the_books_of_the_rest(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    hypseg("predict", photos, "--out", out)
    before = snapshot(out)
    assert hypseg("predict", photos / "a.jpg", "--out", out, "--resume").code == 0
    assert set(manifest(out)) == {"a", "b", "sub/c"}
    assert hypseg("predict", photos, "--out", out, "--resume").code == 0
    assert redone(before, out) == set()


def test_books_speak_of_photographs_where_they_are_now(
    hypseg: Hypseg, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In another folder, then in the same one, named from another directory."""
    out, moved = tmp_path / "out", tmp_path / "in/moved"
    assert hypseg("uncertainty", photos, "--out", out).code == 0
    before = snapshot(out)
    moved.parent.mkdir()
    photos.rename(moved)
    for directory, given in ((tmp_path, "in/moved"), (moved.parent, "moved"), (moved.parent, moved)):
        monkeypatch.chdir(directory)
        assert hypseg("uncertainty", given, "--out", out, "--resume").code == 0
        assert snapshot(out) == before
        inputs = {str(Path(given, name)) for name in ("a.jpg", "b.png", "sub/c.png")}
        assert {line["input"] for line in manifest(out).values()} == inputs
        assert {row.split(",")[1] for row in (out / "ranking.csv").read_text().splitlines()[1:]} == inputs
        monkeypatch.chdir("/")
        assert json.loads(hypseg("verify", out, "--json").stdout)["unreached_inputs"] == []


def test_a_ranking_names_photographs_of_earlier_runs_from_where_it_is_written(
    hypseg: Hypseg, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    for directory, name in ((photos, "a.jpg"), (photos / "sub", "c.png")):
        monkeypatch.chdir(directory)
        assert hypseg("uncertainty", name, "--out", out, "--resume").code == 0
    rows = (out / "ranking.csv").read_text().splitlines()[1:]
    assert {row.split(",")[1] for row in rows} == {str(photos / "a.jpg"), "c.png"}


@pytest.mark.parametrize("way", ["another directory", "a folder that is away", "an empty folder", "a broken link"])
def test_an_image_that_failed_is_not_forgotten_while_it_is_out_of_reach(
    hypseg: Hypseg, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    out, other = tmp_path / "out", photograph(tmp_path / "other/new.png")
    bad = photos / "bad.png"
    bad.symlink_to(tmp_path / "none.png") if way == "a broken link" else bad.touch()
    monkeypatch.chdir(tmp_path)
    assert hypseg("predict", photos.name, "--out", out, "--save", "labels").code == 3
    if way == "another directory":
        monkeypatch.chdir(other.parent)
        photograph(Path(photos.name, "a.jpg"))
    elif way != "a broken link":
        photos.rename(tmp_path / "away")
        if way == "an empty folder":
            photos.mkdir()
    assert hypseg("predict", other, "--out", out, "--save", "labels", "--resume").code == 0
    assert manifest(out)["bad"]["status"] == "failed"


def test_a_disk_that_is_full_at_once_keeps_the_earlier_maps(
    hypseg: Hypseg, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    hypseg("predict", photos, "--out", out)
    before = snapshot(out)

    def full(maps: Mapping[Path, bytes]) -> None:
        raise OSError(28, "No space left on device", str(next(iter(maps))))

    monkeypatch.setattr("hypsegcli.run.process.writing", full)
    assert hypseg("predict", photos, "--out", out, "--overwrite").code == 1
    assert snapshot(out) == before


def test_an_output_folder_that_cannot_be_made_gets_a_sentence(hypseg: Hypseg, photos: Path) -> None:
    outcome = hypseg("predict", photos, "--out", "/proc/hypseg")
    assert outcome.code in {1, 2}
    assert "/proc/hypseg" in outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_longest_side_and_tile_exclude_each_other(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    outcome = hypseg("predict", photos, "--out", tmp_path / "out", "--longest-side", 64, "--tile", 128)
    assert outcome.code == 2
    assert "--tile" in outcome.stderr


def test_tile_cuts_an_image_into_windows(hypseg: Hypseg, tmp_path: Path) -> None:
    photograph(tmp_path / "in.png", size=(400, 300))
    for name, tile in (("tiled", "128"), ("whole", "off")):
        arguments = (
            "predict",
            tmp_path / "in.png",
            "--out",
            tmp_path / name,
            "--tile",
            tile,
            "--save",
            "labels,confidence",
            "--raw",
        )
        assert hypseg(*arguments).code == 0
    tiling = json.loads((tmp_path / "tiled/run.json").read_text())["options"]["tiling"]
    assert tiling == {"tile": 128, "overlap": 48, "above": 128 * 128}
    planes = []
    for name in ("tiled", "whole"):
        with Image.open(tmp_path / name / "confidence/in.png") as image:
            assert image.size == (400, 300)
            planes.append(np.asarray(image) / 65535.0)
    # Windows see less of the picture, so the answers differ; but they are about the same picture.
    assert 0.0 < np.abs(planes[0] - planes[1]).mean() < 0.1


def test_resume_redoes_what_more_memory_takes_whole_and_nothing_else(
    hypseg: Hypseg, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How much there is, another boot of the same machine may say otherwise: recipe and small images stay the same."""
    photograph(photos / "large.png", size=(256, 128))
    out = tmp_path / "out"
    arguments = ("predict", photos, "--out", out, "--save", "labels", "--longest-side", "off")

    def run(pixels: int, *further: object) -> str:
        monkeypatch.setattr("hypsegcli.inference.build.whole_pixels", lambda *_: pixels)
        outcome = hypseg(*arguments, *further)
        assert outcome.code == 0
        return outcome.stderr

    run(128 * 128)
    recipes = {line["recipe"] for line in manifest(out).values()}
    assert {key for key, line in manifest(out).items() if line["windows"]} == {"large"}
    before = snapshot(out)
    assert "4 of 4 images done already\n" in run(128 * 128 + 7, "--resume")
    assert not redone(before, out)
    said = run(256 * 256, "--resume")
    assert "1 of 4 images to be done again, whole or in windows as memory allows now; a side named with --tile " in said
    assert redone(before, out) == {"large"}
    assert not manifest(out)["large"]["windows"]
    assert {line["recipe"] for line in manifest(out).values()} == recipes


def test_bf16_is_said_and_close(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    planes = []
    for precision in ("fp32", "bf16"):
        out = tmp_path / precision
        assert (
            hypseg("predict", photos / "a.jpg", "--out", out, "--save", "confidence", "--precision", precision).code
            == 0
        )
        assert json.loads((out / "run.json").read_text())["device"] == f"cpu, {precision}"
        with Image.open(out / "confidence/a.png") as image:
            planes.append(np.asarray(image) / 65535.0)
    assert 0.0 < np.abs(planes[0] - planes[1]).mean() < 0.02
