"""`hypseg verify`: what it finds in the folder of a run."""

from __future__ import annotations

import json
import os
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
import tifffile
from support import Hypseg, photograph

from hypsegcli.files.books import TABLES
from hypsegcli.files.digest import Digest
from hypsegcli.files.hold import LOCK
from hypsegcli.files.shard import Shard


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


def test_maps_of_several_recipes_are_told_and_no_fault(hypseg: Hypseg, out: Path, tmp_path: Path) -> None:
    """As where a run of other images, made otherwise, leaves those of an earlier one."""
    assert found(hypseg, out)["recipes"] == 1
    photograph(tmp_path / "later/d.png")
    otherwise = ("--save", "labels", "--measure", "entropy", "--resume")
    assert hypseg("predict", tmp_path / "later", "--out", out, *otherwise).code == 0
    answer = found(hypseg, out)
    assert (answer["is_whole"], answer["recipes"]) == (True, 2)
    told = "made by 2 recipes, of other checkpoints or options\n4 images, 7 files as they were written, nothing"
    assert hypseg("verify", out).stdout.startswith(told)


def test_the_lock_of_a_shard_that_begins_is_not_foreign(hypseg: Hypseg, out: Path) -> None:
    (out / Shard(1, 8).named(LOCK)).touch()
    assert found(hypseg, out)["is_whole"]


def test_a_map_of_two_images_is_told_and_the_next_run_knows_whose_it_is(
    hypseg: Hypseg, out: Path, photos: Path
) -> None:
    """Of lines of which somebody has edited the key, the image's own there too or lost."""
    books = (out / "manifest.jsonl").read_text()
    edited = next(line for line in books.splitlines() if '"key": "b"' in line).replace('"key": "b"', '"key": "zz"')
    (out / "manifest.jsonl").write_text(books + edited + "\n")
    answer = found(hypseg, out)
    assert (answer["is_whole"], answer["shared"]) == (False, ["labels/b.png", "overlay/b.png"])
    assert hypseg("verify", out).stdout.startswith("of several images: labels/b.png\n")
    again = ("predict", photos, "--out", out, "--save", "labels,overlay", "--resume")
    for lines in (books + edited + "\n", books.replace('"key": "b"', '"key": "zz"')):
        (out / "manifest.jsonl").write_text(lines)
        assert hypseg(*again).code == 0
        answer = found(hypseg, out)
        assert (answer["is_whole"], answer["images"]) == (True, 3)


def test_a_photograph_that_has_changed_is_found(hypseg: Hypseg, out: Path, photos: Path) -> None:
    content = bytearray((photos / "b.png").read_bytes())
    content[-20] ^= 4
    (photos / "b.png").write_bytes(content)
    outcome = hypseg("verify", out)
    assert outcome.code == 3
    assert outcome.stdout == f"changed photograph: {photos / 'b.png'}\n"
    assert found(hypseg, out)["changed_inputs"] == [str(photos / "b.png")]


def test_a_stack_that_was_done_whole_and_by_pages_is_one_photograph(hypseg: Hypseg, tmp_path: Path) -> None:
    stack, out = tmp_path / "stack.tif", tmp_path / "out"
    pages = np.random.default_rng(0).integers(0, 256, (2, 48, 64, 3), "uint8")
    tifffile.imwrite(stack, pages, photometric="rgb", metadata=None)
    for options in ((), ("--pages", "all", "--resume")):
        assert hypseg("predict", stack, "--out", out, "--save", "labels", *options).code == 0
    tifffile.imwrite(stack, pages[::-1], photometric="rgb", metadata=None)
    assert found(hypseg, out)["changed_inputs"] == [str(stack)]
    stack.unlink()
    assert found(hypseg, out)["unreached_inputs"] == [str(stack)]


def test_photographs_out_of_reach_are_counted_and_no_fault(hypseg: Hypseg, out: Path, photos: Path) -> None:
    (photos / "b.png").unlink()
    outcome = hypseg("verify", out)
    assert (outcome.code, outcome.stderr) == (0, "")
    assert outcome.stdout.splitlines()[0] == "out of reach, and not compared: 1 photograph"
    photos.rename(photos.with_name("elsewhere"))
    assert len(found(hypseg, out)["unreached_inputs"]) == 3  # type: ignore[arg-type]  # it is a list


def test_photographs_of_relative_paths_are_found_from_anywhere(
    hypseg: Hypseg, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert hypseg("predict", photos.relative_to(tmp_path), "--out", "out", "--save", "labels").code == 0
    monkeypatch.chdir("/")
    assert found(hypseg, tmp_path / "out")["unreached_inputs"] == []
    photograph(photos / "sub/c.png", seed=99)
    assert found(hypseg, tmp_path / "out")["changed_inputs"] == [str(Path(photos.name, "sub/c.png"))]


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


def test_lines_of_images_no_longer_asked_for_fill_no_gap(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    """Of three images two were not asked for again; then a power cut takes the line and the map of the new one."""
    out = tmp_path / "out"
    arguments = ("predict", photos, "--out", out, "--save", "labels")
    hypseg(*arguments)
    (photos / "a.jpg").unlink()
    (photos / "b.png").unlink()
    photograph(photos / "new.png")
    assert hypseg(*arguments, "--resume").code == 0
    assert found(hypseg, out)["is_whole"]
    lines = (out / "manifest.jsonl").read_text().splitlines(keepends=True)
    (out / "manifest.jsonl").write_text("".join(line for line in lines if '"key": "new"' not in line))
    (out / "labels/new.png").unlink()
    answer = found(hypseg, out)
    assert (answer["is_whole"], answer["lacking"]) == (False, 1)


@pytest.mark.parametrize("end", ["done", "taken away", "replaced"])
def test_what_a_stopped_run_did_not_come_to_is_still_to_be_done(
    hypseg: Hypseg, photos: Path, tmp_path: Path, end: str
) -> None:
    """However many smaller runs have finished in the folder since."""
    out = tmp_path / "out"
    (photos / "0.png").touch()
    few = ("predict", photos / "a.jpg", "--out", out, "--save", "labels")
    assert hypseg("predict", photos, *few[2:], "--fail-fast", "--workers", 0).code == 5
    (photos / "0.png").unlink()
    for _ in range(2):
        assert hypseg(*few, "--resume").code == 0
        assert hypseg("verify", out).stdout == "still to be done: 2 images\n"
        assert found(hypseg, out)["status"] == "finished"
    if end == "done":
        assert hypseg("predict", photos, *few[2:], "--resume").code == 0
    elif end == "replaced":
        assert hypseg(*few, "--overwrite").code == 0
    else:
        (photos / "b.png").unlink()
        (photos / "sub/c.png").rename(photos / "sub/d.png")
        assert hypseg(*few, "--resume").code == 0
    assert found(hypseg, out)["is_whole"]


@pytest.mark.parametrize("way", ["killed", "interrupted"])
def test_a_run_that_ends_while_it_compares_is_not_forgotten(
    hypseg: Hypseg, out: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """Which takes an hour where there is much to compare."""
    killed = tmp_path / "killed"
    arguments = ("predict", photos, photograph(tmp_path / "new.jpg"), "--save", "labels,overlay", "--resume", "--out")
    maps = {path: path.read_bytes() for path in out.rglob("*.png")}

    one_at_a_time = threading.Lock()  # several threads compare

    def end(path: Path) -> Digest | None:
        with one_at_a_time:
            if not killed.exists():
                shutil.copytree(out, killed)
                (killed / LOCK).unlink()
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("hypsegcli.run.earlier.digest_file", end)
        assert hypseg(*arguments, out).code == 130
    assert {path: path.read_bytes() for path in out.rglob("*.png")} == maps
    left = killed if way == "killed" else out
    answer = found(hypseg, left)
    status = "running" if way == "killed" else "interrupted"
    assert (answer["status"], answer["images"], answer["lacking"]) == (status, 3, 1)
    assert hypseg("predict", photos, *arguments[3:], left).code == 0
    assert found(hypseg, left)["lacking"] == 1
    outcome = hypseg(*arguments, left)
    assert (outcome.code, "3 of 4 images done already" in outcome.stderr) == (0, True)
    assert found(hypseg, left)["is_whole"]


def test_a_broken_photograph_that_was_taken_away_is_forgotten(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    arguments = ("predict", photos, "--out", tmp_path / "out", "--save", "labels")
    (photos / "bad.png").touch()
    assert hypseg(*arguments).code == 3
    assert hypseg("predict", photos / "a.jpg", *arguments[2:], "--resume").code == 0
    assert list(found(hypseg, tmp_path / "out")["failed"]) == ["bad"]  # type: ignore[call-overload]  # it is a dict
    (photos / "bad.png").unlink()
    assert hypseg(*arguments, "--resume").code == 0
    assert found(hypseg, tmp_path / "out")["is_whole"]


@pytest.mark.parametrize("name", TABLES)
def test_the_tables_are_among_the_files(hypseg: Hypseg, photos: Path, tmp_path: Path, name: str) -> None:
    out = tmp_path / "out"
    assert hypseg("uncertainty", photos, "--out", out).code == 0
    assert found(hypseg, out)["files"] == len(list(out.rglob("*.png"))) + len(TABLES)
    with (out / name).open("a") as file:
        file.write(" ")
    assert found(hypseg, out)["changed"] == [name]
    (out / name).unlink()
    assert found(hypseg, out)["missing"] == [name]


@pytest.mark.parametrize("module", ["ranking_csv", "regions_csv"])
def test_a_table_that_cannot_be_written_leaves_no_finished_run(
    hypseg: Hypseg, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    def full(path: Path, *_: object) -> bytes:
        raise OSError(28, "No space left on device", path.name)

    monkeypatch.setattr(f"hypsegcli.run.{module}.write_csv", full)
    assert hypseg("uncertainty", photos, "--out", tmp_path / "out").code == 1
    assert found(hypseg, tmp_path / "out")["status"] == "aborted"


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege")
def test_a_kind_may_lie_behind_a_link(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (tmp_path / "disk").mkdir()
    (out / "labels").symlink_to(tmp_path / "disk")
    (out / "other").symlink_to(tmp_path / "disk")
    assert hypseg("predict", photos, "--out", out, "--save", "labels").code == 0
    photograph(tmp_path / "disk/stranger.png")
    assert found(hypseg, out)["foreign"] == ["labels/stranger.png", "other"]


def test_a_folder_that_is_no_run_s_is_refused(hypseg: Hypseg, tmp_path: Path) -> None:
    outcome = hypseg("verify", tmp_path)
    assert outcome.code == 2
    assert "manifest.jsonl" in outcome.stderr


def test_photographs_of_a_run_that_lie_in_its_folder_are_not_foreign(
    hypseg: Hypseg, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Failed ones neither, however the folder is named; what no line tells of, is."""
    week = tmp_path / "week"
    week.mkdir()
    photos.rename(week / "photos")
    (tmp_path / "link").symlink_to(week)
    monkeypatch.chdir(tmp_path)
    assert hypseg("predict", "week/photos", "--out", "link", "--save", "labels").code == 0
    for name in (week, "link", "week"):
        assert hypseg("verify", name).code == 0
    (week / "photos/bad.png").write_bytes(b"broken")
    assert hypseg("predict", "week/photos", "--out", "week", "--save", "labels", "--resume").code == 3
    photograph(week / "photos/new.png")
    assert found(hypseg, Path("week"))["foreign"] == ["photos/new.png"]
