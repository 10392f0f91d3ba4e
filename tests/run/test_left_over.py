"""What becomes of files of earlier runs that a run does not make again."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import Hypseg, manifest, photograph

from hypsegcli.files.atomic import append
from hypsegcli.files.digest import Digest, digest_file
from hypsegcli.files.hold import LOCK
from hypsegcli.files.table import write_csv


def files_in(out: Path) -> list[str]:
    return sorted(
        path.relative_to(out).as_posix() for path in out.rglob("*.*") if path.suffix not in {".json", ".jsonl"}
    )


@pytest.mark.parametrize("command", ["predict", "uncertainty"])
def test_overwrite_removes_what_was_made_of_images_that_are_gone(
    hypseg: Hypseg, photos: Path, tmp_path: Path, command: str
) -> None:
    """Else one network's maps would lie among another's, and no book would know them."""
    out = tmp_path / "out"
    assert hypseg(command, photos, "--out", out).code == 0
    kinds = {name.split("/")[0] for name in files_in(out) if "/" in name}
    photograph(out / "mine/a.png")
    (photos / "a.jpg").rename(photos / "new.jpg")
    (photos / "b.png").unlink()
    outcome = hypseg(command, photos, "--out", out, "--overwrite")
    assert outcome.code == 0
    assert "2 images of an earlier run are gone; their maps are removed\n" in outcome.stderr
    made = [f"{kind}/{name}.png" for kind in kinds for name in ("sub/c", "new")] + ["mine/a.png"]
    assert [name for name in files_in(out) if "/" in name] == sorted(made)
    assert set(manifest(out)) == {"sub/c", "new"}


@pytest.mark.parametrize("unmounted", [False, True])
def test_overwrite_leaves_what_was_made_of_other_images(
    hypseg: Hypseg, photos: Path, tmp_path: Path, unmounted: bool
) -> None:
    """One photograph again costs the others nothing, nor does a disk that is not there."""
    out = tmp_path / "out"
    assert hypseg("predict", photos, "--out", out, "--save", "labels").code == 0
    before = {name: (out / name).read_bytes() for name in files_in(out) if name.startswith("labels")}
    if unmounted:
        (photos / "sub/c.png").unlink()
    outcome = hypseg("predict", photos / "a.jpg", "--out", out, "--save", "labels", "--overwrite")
    assert outcome.code == 0
    assert "2 images of an earlier run are not among these and stay, made as it was then\n" in outcome.stderr
    assert {name: (out / name).read_bytes() for name in before} == before
    assert set(manifest(out)) == {"a", "b", "sub/c"}


def test_overwrite_leaves_what_somebody_has_changed_and_says_so(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ("predict", photos, "--out", out, "--save", "labels,confidence")
    assert hypseg(*arguments).code == 0
    photograph(out / "labels/a.png")
    (photos / "a.jpg").unlink()
    stderr = hypseg(*arguments, "--overwrite").stderr
    assert "1 image of an earlier run is gone; its maps are removed\n" in stderr
    assert "1 file of an earlier run stays, changed since: labels/a.png\n" in stderr
    assert [name for name in files_in(out) if name.endswith("a.png")] == ["labels/a.png"]
    assert hypseg(*arguments, "--overwrite", "--quiet").stderr == ""


def test_overwrite_says_which_files_of_other_kinds_stay(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert hypseg("predict", photos, "--out", out, "--save", "labels,confidence").code == 0
    photograph(out / "confidence/b.png")
    stderr = hypseg("predict", photos, "--out", out, "--save", "labels", "--overwrite").stderr
    assert "1 file of an earlier run stays, changed since: confidence/b.png\n" in stderr
    assert [name for name in files_in(out) if name.startswith("confidence")] == ["confidence/b.png"]


@pytest.mark.parametrize("way", ["--resume", "--overwrite"])
def test_what_a_killed_run_was_about_to_remove_is_removed_by_the_next(
    hypseg: Hypseg, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    out = tmp_path / "out"
    arguments = ("predict", photos, "--out", out, "--save", "labels")
    assert hypseg(*arguments).code == 0
    (photos / "a.jpg").unlink()
    (photos / "b.png").unlink()

    def die_at_the_second(path: Path) -> Digest | None:
        if path == out / "labels/b.png":
            raise KeyboardInterrupt
        return digest_file(path)

    with monkeypatch.context() as patch:
        patch.setattr("hypsegcli.run.left_over.digest_file", die_at_the_second)
        assert hypseg(*arguments, "--overwrite").code == 130
    assert files_in(out) == ["labels/b.png", "labels/sub/c.png"]
    assert hypseg("verify", out).code == 3
    assert hypseg(*arguments, way).code == 0
    assert files_in(out) == ["labels/sub/c.png"]
    assert set(manifest(out)) == {"sub/c"}
    assert hypseg("verify", out).code == 0


Killed = Callable[..., Path]


@pytest.fixture
def killed(hypseg: Hypseg, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Killed:
    """The folder of a run as it is at the moment in which `b` has been written, and has no line yet."""

    def run(*arguments: object) -> Path:
        def leave(path: Path, line: bytes) -> None:
            if json.loads(line)["key"] == "b":
                shutil.copytree(path.parent, tmp_path / "out")
                raise KeyboardInterrupt
            append(path, line)

        with monkeypatch.context() as patch:
            patch.setattr("hypsegcli.run.ledger.append", leave)
            assert hypseg(*arguments, "--out", tmp_path / "whole", "--workers", 0).code == 130
        (tmp_path / "out" / LOCK).unlink()
        return tmp_path / "out"

    return run


@pytest.mark.parametrize("named", ["all", "the others", "under another name"])
def test_what_a_killed_run_wrote_without_a_line_goes(
    hypseg: Hypseg, photos: Path, killed: Killed, many_classes: Path, named: str
) -> None:
    """Where the next run does not make it, else one network's confidence would lie beside another's labels."""
    out = killed("predict", photos, "--save", "labels,confidence,probabilities")
    assert {"labels/b.png", "confidence/b.png", "probabilities/b.npy"} < set(files_in(out))
    assert set(manifest(out)) == {"a"}
    if named == "under another name":
        (photos / "b.png").rename(photos / "new.png")
    given = [photos] if named != "the others" else [photos / "a.jpg", photos / "sub"]
    arguments = ("--save", "labels", "--checkpoint", many_classes, "--overwrite")
    assert hypseg("predict", *given, "--out", out, *arguments).code == 0
    assert {name.split("/")[0] for name in files_in(out)} == {"labels"}
    assert ("labels/b.png" in files_in(out)) is (named == "all")
    assert hypseg("verify", out).code == 0


@pytest.mark.parametrize("status", ["interrupted", "aborted"])
def test_what_has_no_line_goes_however_its_run_ended(
    hypseg: Hypseg, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    out = tmp_path / "out"

    def fail(path: Path, line: bytes) -> None:
        raise KeyboardInterrupt if status == "interrupted" else OSError(28, "No space left on device", str(path))

    with monkeypatch.context() as patch:
        patch.setattr("hypsegcli.run.ledger.append", fail)
        hypseg("predict", photos, "--out", out, "--workers", 0)
    run = json.loads((out / "run.json").read_text())
    assert (run["status"], list(run["unfinished"]["images"])) == (status, ["a", "b", "sub/c"])
    assert "confidence/a.png" in files_in(out)
    assert hypseg("predict", photos, "--out", out, "--save", "labels", "--resume").code == 0
    assert files_in(out) == ["labels/a.png", "labels/b.png", "labels/sub/c.png"]
    assert "unfinished" not in json.loads((out / "run.json").read_text())


def test_a_killed_run_that_goes_on_loses_nothing(hypseg: Hypseg, photos: Path, killed: Killed) -> None:
    out = killed("predict", photos)
    there = {name: (out / name).read_bytes() for name in files_in(out)}
    assert hypseg("predict", photos, "--out", out, "--resume").code == 0
    assert {name: (out / name).read_bytes() for name in there} == there
    assert hypseg("verify", out).code == 0


def test_what_a_killed_run_did_not_write_stays(hypseg: Hypseg, photos: Path, killed: Killed) -> None:
    """Files of other names than its own; and at those to which it did not come, what was there before it."""
    out = killed("predict", photos, "--save", "labels,confidence")
    photograph(out / "confidence/mine.png")
    os.utime(photograph(out / "confidence/b.png"), (1e9, 1e9))
    assert hypseg("predict", photos, "--out", out, "--save", "labels", "--overwrite").code == 0
    assert [name for name in files_in(out) if name.startswith("confidence")] == [
        "confidence/b.png",
        "confidence/mine.png",
    ]


@pytest.mark.parametrize("way", ["--resume", "--overwrite"])
def test_what_came_to_a_place_that_a_killed_run_had_not_reached_stays(
    hypseg: Hypseg, photos: Path, killed: Killed, way: str
) -> None:
    """It says of itself that it is no map; and what is taken for the run's own is named."""
    out = killed("predict", photos, "--save", "labels")
    photograph(out / "labels/sub/c.png")
    outcome = hypseg("predict", photos / "a.jpg", "--out", out, "--save", "labels", way)
    assert "1 file of a run that was cut short is removed: labels/b.png\n" in outcome.stderr
    assert files_in(out) == ["labels/a.png", "labels/sub/c.png"]


def test_what_a_killed_run_wrote_of_a_photograph_out_of_reach_stays(
    hypseg: Hypseg, photos: Path, killed: Killed
) -> None:
    (photos / "list.txt").write_text("a.jpg\nb.png\n")
    arguments = ("predict", f"@{photos / 'list.txt'}", "--save")
    out = killed(*arguments, "labels,confidence")
    (photos / "b.png").unlink()
    assert hypseg(*arguments, "labels", "--out", out, "--overwrite").code == 3
    assert files_in(out) == ["confidence/b.png", "labels/a.png", "labels/b.png"]


@pytest.mark.parametrize(
    "unfinished",
    [
        {"images": ["photo"], "outputs": {"..": ".png", "": ".png"}, "files": ["photo.png", "../photo.png"]},
        {"images": ["../photo", "/photo", "\0"], "outputs": {"labels": ".png"}, "files": []},
        {"images": [[], 7, None], "outputs": {"labels": 7}, "files": []},
        {"images": ["photo"], "outputs": [], "files": [{}]},
        {"images": 7, "outputs": "", "files": 7},
        {"images": {"../photo": "\0", "/photo": 7}, "directory": 7, "outputs": {"..": ".png"}, "files": []},
        [],
    ],
)
def test_nothing_outside_of_its_kinds_goes_whatever_run_json_says(
    hypseg: Hypseg, photos: Path, tmp_path: Path, unfinished: object
) -> None:
    out = tmp_path / "out"
    assert hypseg("predict", photos, "--out", out, "--save", "labels").code == 0
    mine = [photograph(tmp_path / "photo.png"), photograph(out / "photo.png")]
    run = json.loads((out / "run.json").read_text()) | {"unfinished": unfinished}
    (out / "run.json").write_text(json.dumps(run))
    assert hypseg("predict", photos, "--out", out, "--save", "confidence", "--overwrite").code == 0
    assert all(path.exists() for path in mine)


@pytest.mark.parametrize("module", ["ranking_csv", "regions_csv"])
def test_a_table_that_a_killed_run_wrote_goes(
    hypseg: Hypseg, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    """It has no digest in run.json yet."""
    out = tmp_path / "out"

    def leave(*arguments: Any) -> Digest:
        digest = write_csv(*arguments)
        shutil.copytree(out, tmp_path / "killed")
        return digest

    with monkeypatch.context() as patch:
        patch.setattr(f"hypsegcli.run.{module}.write_csv", leave)
        assert hypseg("uncertainty", photos, "--out", out).code == 0
    (tmp_path / "killed" / LOCK).unlink()
    assert hypseg("predict", photos, "--out", tmp_path / "killed", "--save", "labels", "--overwrite").code == 0
    assert hypseg("verify", tmp_path / "killed").code == 0


@pytest.mark.parametrize("between", ["a run of others", "a resume that is stopped"])
def test_a_killed_run_may_have_written_any_of_its_images(
    hypseg: Hypseg, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, between: str
) -> None:
    """As with several devices, or books in a bucket, which are behind: not only the next ones have files then."""
    out, arguments = tmp_path / "out", ("predict", photos, "--out", tmp_path / "out", "--save", "labels")
    assert hypseg(*arguments).code == 0
    line = next(raw for raw in (out / "manifest.jsonl").read_text().splitlines() if '"key": "a"' in raw)
    (out / "manifest.jsonl").write_text(f"{line}\n")
    run = json.loads((out / "run.json").read_text())
    rest = {"b": str(photos / "b.png"), "sub/c": str(photos / "sub/c.png")}
    unfinished = {"images": rest, "directory": "/", "outputs": {"labels": ".png"}, "files": []}
    killed = run | {"status": "running", "options": run["options"] | {"workers": 0}, "unfinished": unfinished}
    (out / "run.json").write_text(json.dumps(killed))
    if between == "a run of others":
        assert hypseg("predict", photograph(tmp_path / "more/x.png"), *arguments[2:], "--resume").code == 0
    else:
        with monkeypatch.context() as patch:
            patch.setattr("hypsegcli.run.ledger.look_back", _stop)
            assert hypseg(*arguments, "--resume").code == 130
    assert hypseg(*arguments, "--resume").code == 0
    assert hypseg("verify", out).code == 0


def _stop(*_: object, **__: object) -> None:
    raise KeyboardInterrupt
