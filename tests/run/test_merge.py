"""Shards of a run, and the one run that is made of them."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support import Hypseg, manifest, photograph
from support.clips import film
from support.stores import Store

from hypsegcli.files.hold import LOCK
from hypsegcli.files.lock import locked
from hypsegcli.files.place import locate
from hypsegcli.files.shard import Shard
from hypsegcli.files.stores.whereabouts import whereabouts

KINDS = ("--save", "labels,confidence")


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """Seven photographs, one of them damaged."""
    folder = tmp_path / "many"
    for index in range(6):
        photograph(folder / f"{'sub/' if index % 3 == 0 else ''}{index}.png", seed=index, size=(48, 33))
    (folder / "broken.png").write_bytes(b"no picture")
    return folder


def tree(out: Path) -> dict[str, bytes]:
    """All files of a run but its books."""
    return {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file() and path.suffix not in {".json", ".jsonl"}
    }


def books(out: Path) -> dict[str, dict[str, object]]:
    """What the manifest says, but for how long it took."""
    return {
        key: {name: value for name, value in line.items() if name != "seconds"} for key, line in manifest(out).items()
    }


@pytest.fixture
def whole(hypseg: Hypseg, many: Path, tmp_path: Path) -> Path:
    """What one process makes of them."""
    assert hypseg("uncertainty", many, "--out", tmp_path / "whole").code == 3
    return tmp_path / "whole"


@pytest.mark.parametrize("of", [1, 2, 3, 9])  # with nine, two have nothing to do
def test_shards_in_any_number_and_order_are_one_run(
    hypseg: Hypseg, many: Path, whole: Path, tmp_path: Path, of: int
) -> None:
    out = tmp_path / "shards"
    order = list(range(of))
    random.Random(of).shuffle(order)
    codes = {index: hypseg("uncertainty", many, "--out", out, "--shard", f"{index}/{of}").code for index in order}
    assert set(codes.values()) <= {0, 1, 3}
    merged = hypseg("merge", out)
    assert merged.code == 3, merged.stderr
    assert "failed: broken: " in merged.stdout
    assert tree(out) == tree(whole)
    assert books(out) == books(whole)
    run, one = (json.loads((folder / "run.json").read_text()) for folder in (out, whole))
    for name in ("status", "recipe", "counts", "files", "checkpoint", "options"):
        assert run[name] == one[name], name
    again = hypseg("merge", out)  # there are no shards any more
    assert (again.code, again.stdout) == (merged.code, merged.stdout)
    assert "its shards are one run already" in again.stderr
    (many / "broken.png").unlink()
    photograph(many / "broken.png")
    assert hypseg("uncertainty", many, "--out", out, "--resume").code == 0
    assert hypseg("verify", out).code == 0
    assert hypseg("merge", out).code == 2  # it is no run of shards any more


def test_killed_shards_go_on_as_another_number(hypseg: Hypseg, many: Path, whole: Path, tmp_path: Path) -> None:
    out = tmp_path / "shards"

    def start(index: int) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "hypsegcli", "uncertainty", str(many), "--out", str(out), "--engine", "torch"]
        one_thread = os.environ | {"OMP_NUM_THREADS": "1"}  # as this process has: sums in others differ in last digits
        return subprocess.Popen(
            [*command, "--quiet", "--shard", f"{index}/3"], stdout=subprocess.DEVNULL, env=one_thread
        )

    processes = [start(0), start(1)]
    deadline = time.monotonic() + 60
    while not any(path.read_bytes() for path in out.glob("manifest.*")) and time.monotonic() < deadline:
        time.sleep(0.005)
    for process in processes:
        process.send_signal(signal.SIGKILL)
        process.wait()
    merged = hypseg("merge", out)
    assert merged.code == 3
    assert "not begun: shard 2/3\n" in merged.stdout
    assert "nothing is written" in merged.stderr
    assert not (out / "run.json").exists()
    for index in (1, 0):
        assert hypseg("uncertainty", many, "--out", out, "--shard", f"{index}/2", "--resume").code in {0, 3}
    assert hypseg("merge", out).code == 3
    assert tree(out) == tree(whole)
    assert books(out) == books(whole)
    assert sorted(path.name for path in out.glob("*.json*")) == ["manifest.jsonl", "run.json"]


def test_one_process_takes_over_what_shards_have_done(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert hypseg("predict", photos, "--out", out, *KINDS, "--shard", "1/3").code == 0
    inode = (out / "labels/b.png").stat().st_ino
    outcome = hypseg("predict", photos, "--out", out, *KINDS, "--resume")
    assert outcome.code == 0
    assert "1 of 3 images done already" in outcome.stderr
    assert (out / "labels/b.png").stat().st_ino == inode
    assert hypseg("verify", out).code == 0
    assert sorted(path.name for path in out.glob("*.json*")) == ["manifest.jsonl", "run.json"]


def test_shards_go_on_where_a_run_has_ended_and_images_have_come(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    """What is every second image changes with each that comes; nothing is done again, and no line forgotten."""
    out = tmp_path / "out"
    for command in (("--shard", "0/2"), ("--shard", "1/2")):
        assert hypseg("predict", photos, "--out", out, *KINDS, *command).code == 0
    assert hypseg("merge", out).code == 0
    inodes = {path: path.stat().st_ino for path in out.rglob("*.png")}
    photograph(photos / "aa.png", seed=9)
    for command in (("--shard", "1/2"), ("--shard", "0/2")):
        assert hypseg("predict", photos, "--out", out, *KINDS, *command, "--resume").code == 0
    photograph(photos / "ab.png", seed=10)  # before the books are merged
    for command in (("--shard", "0/2"), ("--shard", "1/2")):
        assert hypseg("predict", photos, "--out", out, *KINDS, *command, "--resume").code == 0
    assert hypseg("merge", out).code == 0
    assert {path: path.stat().st_ino for path in inodes} == inodes
    assert set(manifest(out)) == {"a", "aa", "ab", "b", "sub/c"}
    assert "of_another" not in (out / "manifest.jsonl").read_text()
    assert hypseg("verify", out).code == 0


def test_merging_leaves_images_of_an_earlier_run(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert hypseg("uncertainty", photos / "a.jpg", "--out", out).code == 0
    for index in (0, 1):
        arguments = ("uncertainty", photos / "b.png", photos / "sub/c.png", "--out", out, "--shard", f"{index}/2")
        refused = hypseg(*arguments)  # as one process is
        assert (refused.code, "continue that run with --resume" in refused.stderr) == (2, True)
        assert hypseg(*arguments, "--resume").code == 0
    assert not (out / "ranking.csv").exists()  # of a part, it would pass for that of all
    assert hypseg("merge", out).code == 0
    assert len((out / "ranking.csv").read_text().splitlines()) == 4
    assert hypseg("verify", out).code == 0


@pytest.mark.parametrize(
    ("second", "sentence"),
    [
        (("{photos}", "--precision", "bf16"), "make other maps: --precision fp32 (in 1/2 bf16)"),
        (("{photos}/a.jpg", "{photos}/b.png"), "were to share other images: 3 and 2"),
    ],
)
def test_what_is_not_of_one_run_is_not_merged(
    hypseg: Hypseg, photos: Path, tmp_path: Path, second: tuple[str, ...], sentence: str
) -> None:
    out = tmp_path / "out"
    assert hypseg("predict", photos, "--out", out, *KINDS, "--shard", "0/2", "--precision", "fp32").code == 0
    arguments = [part.format(photos=photos) for part in second]
    assert hypseg("predict", *arguments, "--out", out, *KINDS, "--shard", "1/2").code == 0
    before = tree(out)
    outcome = hypseg("merge", out)
    assert outcome.code == 2
    assert sentence in outcome.stderr
    assert tree(out) == before


def test_maps_that_are_gone_or_grown_are_named(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for index in (0, 1):
        assert hypseg("predict", photos, "--out", out, *KINDS, "--shard", f"{index}/2").code == 0
    (out / "labels/a.png").unlink()
    with (out / "confidence/b.png").open("ab") as file:
        file.write(b"x")
    outcome = hypseg("merge", out)
    assert outcome.code == 3
    assert outcome.stdout.splitlines() == ["missing or changed: labels/a.png", "missing or changed: confidence/b.png"]
    for index in (0, 1):
        assert hypseg("predict", photos, "--out", out, *KINDS, "--shard", f"{index}/2", "--resume").code == 0
    assert hypseg("merge", out).code == 0
    assert hypseg("verify", out).code == 0


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda run: run | {"started": "soon"}, "the books of the shard 1/2 are damaged"),
        (lambda run: run | {"shard": 3}, "the books of the shard 1/2 are damaged"),
        (lambda run: [], "the books of the shard 1/2 are damaged"),
    ],
)
def test_damaged_books_are_named(hypseg: Hypseg, photos: Path, tmp_path: Path, damage: object, sentence: str) -> None:
    assert callable(damage)
    out = tmp_path / "out"
    for index in (0, 1):
        assert hypseg("predict", photos, "--out", out, *KINDS, "--shard", f"{index}/2").code == 0
    book = out / "run.1-of-2.json"
    book.write_text(json.dumps(damage(json.loads(book.read_text()))))
    outcome = hypseg("merge", out)
    assert (outcome.code, sentence in outcome.stderr) == (2, True), outcome.stderr


@pytest.mark.parametrize("without", [{1}, {0, 1}])
def test_a_shard_killed_before_its_run_json_has_not_begun(
    hypseg: Hypseg, photos: Path, tmp_path: Path, without: set[int]
) -> None:
    out = tmp_path / "out"
    for index in (0, 1):
        assert hypseg("predict", photos, "--out", out, *KINDS, "--shard", f"{index}/2").code == 0
    for index in without:  # its manifest is written first
        (out / f"run.{index}-of-2.json").unlink()
    outcome = hypseg("merge", out)
    assert (outcome.code, outcome.stdout.splitlines()) == (
        3,
        [f"not begun: shard {index}/2" for index in sorted(without)],
    )
    for index in without:
        assert hypseg("predict", photos, "--out", out, *KINDS, "--shard", f"{index}/2", "--resume").code == 0
    assert hypseg("merge", out).code == 0
    assert hypseg("verify", out).code == 0


def test_lines_taken_from_a_shards_books_are_missed(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for index in (0, 1):
        assert hypseg("predict", photos, "--out", out, *KINDS, "--shard", f"{index}/2").code == 0
    (out / "manifest.1-of-2.jsonl").write_bytes(b"")
    outcome = hypseg("merge", out)
    assert outcome.code == 2
    assert "have lines of 2" in outcome.stderr
    assert hypseg("predict", photos, "--out", out, *KINDS, "--shard", "1/2", "--resume").code == 2  # nobody's maps


def test_nothing_is_merged_while_a_shard_runs(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert hypseg("predict", photos, "--out", out, *KINDS, "--shard", "0/2").code == 0
    with locked(out, "predict", Shard(1, 2)):
        outcome = hypseg("merge", out)
        assert outcome.code == 2
        assert "another run is writing here (hypseg predict, shard 1/2, process" in outcome.stderr
        again = hypseg("predict", photos, "--out", out, *KINDS, "--shard", "0/3", "--resume")
        assert again.code == 2  # the third of three may be an image of the second of two
    assert not list(out.glob("*.lock")), LOCK


@pytest.mark.parametrize(("command", "sentence"), [("merge", "holds no books of shards"), ("verify", "holds no")])
def test_folders_without_shards_are_refused(hypseg: Hypseg, tmp_path: Path, command: str, sentence: str) -> None:
    (tmp_path / "out").mkdir()
    outcome = hypseg(command, tmp_path / "out")
    assert outcome.code == 2
    assert sentence in outcome.stderr
    assert hypseg("merge", tmp_path / "nowhere").code == 2


def test_scores_of_maps_in_shards_are_doubted(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for index in (0, 1):
        assert hypseg("predict", photos, "--out", out, *KINDS, "--shard", f"{index}/2").code == 0
    outcome = hypseg("evaluate", "--predictions", out, out / "labels")
    assert "the run is in shards" in outcome.stderr
    assert hypseg("merge", out).code == 0
    assert "the run is in shards" not in hypseg("evaluate", "--predictions", out, out / "labels").stderr


def test_overwriting_beside_others_is_refused(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    outcome = hypseg("predict", photos, "--out", tmp_path / "out", "--shard", "0/2", "--overwrite")
    assert outcome.code == 2
    assert "--shard writes beside other processes" in outcome.stderr


@pytest.mark.parametrize("command", [("uncertainty",), ("predict", *KINDS)])
def test_shards_clear_away_what_a_run_that_was_killed_had_to(
    hypseg: Hypseg, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    """A run that replaced another, before it had removed the maps of an image that is gone, and the tables."""
    name, *options = command
    out = tmp_path / "out"
    assert hypseg("uncertainty", photos, "--out", out).code == 0
    (photos / "b.png").unlink()
    unlink = Path.unlink

    def stop(path: Path, missing_ok: bool = False) -> None:
        if path.suffix in {".png", ".csv"}:
            raise KeyboardInterrupt
        unlink(path, missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", stop)
        assert hypseg(name, photos, "--out", out, *options, "--overwrite").code == 130
    assert (out / "labels/b.png").is_file()
    assert (out / "ranking.csv").is_file()
    for index in (0, 1):
        assert hypseg(name, photos, "--out", out, *options, "--resume", "--shard", f"{index}/2").code == 0
    assert hypseg("merge", out).code == 0
    verified = hypseg("verify", out)
    assert verified.code == 0, verified.stdout
    assert all(any(folder.iterdir()) for folder in out.iterdir() if folder.is_dir())


@pytest.mark.parametrize("removed", range(5))
def test_merging_can_be_cut_short_anywhere(
    hypseg: Hypseg, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, removed: int
) -> None:
    out = tmp_path / "out"
    for index in (0, 1):
        assert hypseg("uncertainty", photos, "--out", out, "--shard", f"{index}/2").code == 0
    times, unlink = 0, Path.unlink

    def stop(path: Path, missing_ok: bool = False) -> None:
        nonlocal times
        times += "-of-" in path.name
        if times > removed:
            raise KeyboardInterrupt
        unlink(path, missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", stop)
        assert hypseg("merge", out).code == (130 if removed < 4 else 0)
    merged = hypseg("merge", out)
    assert (merged.code, merged.stdout) == (
        0,
        f"3 images of 2 shards: manifest.jsonl, run.json, ranking.csv, regions.csv in {out}\n",
    )
    assert hypseg("verify", out).code == 0
    assert not list(out.glob("*-of-*"))


def test_shards_share_a_bucket(hypseg: Hypseg, many: Path, whole: Path, store: Store) -> None:
    """One that is at work excludes runs of other numbers, as locks do on this machine."""
    out = locate(store.at("out"))
    with locked(out, "uncertainty", Shard(1, 2)):
        assert hypseg("uncertainty", many, "--out", out, "--shard", "0/2").code == 3
        other = hypseg("uncertainty", many, "--out", out, "--shard", "0/3", "--resume")
        assert other.code == 2
        assert "another run is writing here (hypseg uncertainty, shard 1/2, process" in other.stderr
        assert hypseg("merge", out).code == 2
    assert hypseg("uncertainty", many, "--out", out, "--shard", "1/2").code == 0
    killed = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], stdout=subprocess.PIPE, check=True)
    who = {"command": "uncertainty", "pid": int(killed.stdout), **whereabouts()}
    store["out/.hypseg.1-of-3.lock"] = json.dumps(who).encode()
    merged = hypseg("merge", out)
    assert merged.code == 3, merged.stderr
    keys = store.keys()
    maps = {key.removeprefix("out/"): store[key] for key in keys if not key.endswith((".json", ".jsonl"))}
    assert maps == tree(whole)
    assert [key for key in keys if "-of-" in key or "lock" in key] == []
    found = hypseg("verify", out)
    assert found.code == 3  # an image failed
    assert f"hypseg: {store.at('out')}: 6 images" in found.stderr


ADVICE = "have all of them made in one run"


@pytest.mark.parametrize("resume", [(), ("--resume",)])
def test_shards_leave_maps_of_other_kinds(
    hypseg: Hypseg, photos: Path, tmp_path: Path, resume: tuple[str, ...]
) -> None:
    out = tmp_path / "out"
    assert hypseg("uncertainty", photos, "--out", out).code == 0
    before = tree(out)
    outcome = hypseg("predict", photos, "--out", out, "--save", "labels", "--shard", "0/2", *resume)
    assert (outcome.code, "would lose them" in outcome.stderr) == (2, True)
    assert ADVICE in outcome.stderr
    assert "--overwrite" not in outcome.stderr  # which shards do not take
    assert tree(out) == before


def test_one_process_leaves_maps_of_shards(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for index in (0, 1):
        assert hypseg("uncertainty", photos, "--out", out, "--shard", f"{index}/2").code == 0
    before = tree(out)
    for given in (("predict", "--save", "labels"), ("uncertainty",)):
        assert hypseg(*given, photos, "--out", out).code == 2
    (tmp_path / "more").mkdir()
    photograph(tmp_path / "more/new.png")
    assert hypseg("predict", tmp_path / "more", "--out", out, "--save", "labels").code == 2  # as beside a whole run
    assert tree(out) == before


@pytest.mark.parametrize("resume", [(), ("--resume",)])
def test_shards_leave_somebody_s_ranking(hypseg: Hypseg, photos: Path, tmp_path: Path, resume: tuple[str, ...]) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "ranking.csv").write_text("mine")
    outcome = hypseg("uncertainty", photos, "--out", out, "--shard", "0/2", *resume)
    assert (outcome.code, "ranking.csv" in outcome.stderr) == (2, True)
    assert (out / "ranking.csv").read_text() == "mine"


@pytest.mark.parametrize("was_come_to", [True, False])
def test_images_that_are_gone_are_forgotten_by_shards_too(
    hypseg: Hypseg, many: Path, tmp_path: Path, was_come_to: bool
) -> None:
    out = tmp_path / "out"
    for index in range(2 if was_come_to else 1):
        hypseg("predict", many, "--out", out, *KINDS, "--shard", f"{index}/2")
    if not was_come_to:  # as if the other had been killed before it came to anything
        run = json.loads((out / "run.0-of-2.json").read_text())
        images = {str(path.relative_to(many).with_suffix("")): str(path) for path in many.rglob("*.png")}
        said = {"images": images, "directory": "", "outputs": {"labels": ".png", "confidence": ".png"}, "files": []}
        run |= {"status": "running", "unfinished": said, "shard": run["shard"] | {"index": 1}}
        (out / "run.1-of-2.json").write_text(json.dumps(run))
        (out / "manifest.1-of-2.jsonl").touch()
    (many / "broken.png").unlink()
    for index in (0, 1):
        assert hypseg("predict", many, "--out", out, *KINDS, "--shard", f"{index}/2", "--resume").code == 0
    assert hypseg("merge", out).code == 0
    assert hypseg("verify", out).code == 0
    assert "broken" not in manifest(out)


def test_a_video_that_was_replaced_between_shards_is_named(hypseg: Hypseg, tmp_path: Path) -> None:
    clip, out = film(tmp_path / "clip.mp4", frames=4), tmp_path / "out"
    arguments = ("predict", clip, "--out", out, "--save", "labels,overlay")
    assert hypseg(*arguments, "--shard", "0/2").code == 0
    film(tmp_path / "other.mp4", frames=4, seed=5).replace(clip)
    assert hypseg(*arguments, "--shard", "1/2").code == 0
    outcome = hypseg("merge", out)
    assert (outcome.code, "the frames of clip are of several files" in outcome.stderr) == (2, True)
    for index in (0, 1):
        assert hypseg(*arguments, "--shard", f"{index}/2", "--resume").code == 0
    assert hypseg("merge", out).code == 0


def test_clocks_do_not_say_which_shards_are_the_newest(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ("predict", photos, "--out", out, *KINDS)
    assert hypseg(*arguments, "--shard", "0/3").code == 0
    book = out / "run.0-of-3.json"
    book.write_text(json.dumps(json.loads(book.read_text()) | {"started": "2999-01-01T00:00:00Z"}))
    for index in (0, 1):
        assert hypseg(*arguments, "--shard", f"{index}/2", "--resume").code == 0
    assert hypseg("merge", out).code == 0
    assert hypseg("verify", out).code == 0


def test_what_newer_shards_keep_of_images_of_others_is_newer(hypseg: Hypseg, tmp_path: Path) -> None:
    """Three shards, two of the same images with other settings, two of further images."""
    out = tmp_path / "out"
    for seed in range(7):
        photograph(tmp_path / f"day{seed // 4}/{seed}.png", seed=seed, size=(48, 33))
    for day, of, measure in (("day0", 3, "distance"), ("day0", 2, "norm"), ("day1", 2, "norm")):
        for index in range(of):
            arguments = ("predict", tmp_path / day, "--out", out, *KINDS, "--measure", measure, "--resume")
            assert hypseg(*arguments, "--shard", f"{index}/{of}").code == 0
    assert "changed: " not in hypseg("verify", out).stdout
    assert hypseg("merge", out).code == 0
    assert hypseg("verify", out).code == 0


@pytest.mark.parametrize("after", [["0/2", "1/2"], ["0/3", "1/3", "2/3"], [None]])
def test_a_shard_that_never_began_is_not_forgotten(hypseg: Hypseg, tmp_path: Path, after: list[str | None]) -> None:
    """Neither by shards of other images, in the same number or another, nor by one process."""
    out = tmp_path / "out"
    for seed in range(6):
        photograph(tmp_path / f"day{seed // 3}/{seed}.png", seed=seed, size=(48, 33))
    assert hypseg("predict", tmp_path / "day0", "--out", out, *KINDS, "--shard", "0/2").code == 0
    assert "not begun: shard 1/2" in hypseg("merge", out).stdout
    for shard in after:
        which = () if shard is None else ("--shard", shard)
        assert hypseg("predict", tmp_path / "day1", "--out", out, *KINDS, "--resume", *which).code == 0
    if None not in after:
        assert hypseg("merge", out).code == 0
    found = hypseg("verify", out)
    assert (found.code, "still to be done: 1 image\n" in found.stdout) == (3, True)
    assert hypseg("predict", tmp_path / "day0", "--out", out, *KINDS, "--resume").code == 0
    assert hypseg("verify", out).code == 0


def test_what_a_shard_says_of_others_is_said_once(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for index in (0, 1):
        assert hypseg("predict", photos, "--out", out, *KINDS, "--shard", f"{index}/2").code == 0
    lines = [len((out / f"manifest.{index}-of-2.jsonl").read_text().splitlines()) for index in (0, 1)]
    assert lines == [3, 1]  # of three images
    found = hypseg("verify", out)
    assert "still to be done" not in found.stdout
    assert hypseg("merge", out).code == 0
    assert len((out / "manifest.jsonl").read_text().splitlines()) == 3


@pytest.mark.parametrize("of", [2, 3])
def test_what_shards_of_other_images_were_to_make_is_owed(hypseg: Hypseg, tmp_path: Path, of: int) -> None:
    """Whether their books are there still, or those of the next ones of their names."""
    clip, out = film(tmp_path / "clip.mp4", frames=3), tmp_path / "out"
    for seed in range(3):
        photograph(tmp_path / f"day/{seed}.png", seed=seed, size=(48, 33))
    for index in range(2):
        assert hypseg("uncertainty", clip, "--out", out, "--shard", f"{index}/2").code == 0
    for index in range(of):
        command = ("predict", tmp_path / "day", "--out", out, "--save", "labels", "--resume")
        assert hypseg(*command, "--shard", f"{index}/{of}").code == 0
    owed = ["doubt/clip.mp4", "ranking.csv", "regions.csv"]
    merged = hypseg("merge", out)
    assert merged.code == 0
    assert [name for name in owed if f"{out / name} is still to be written" in merged.stderr] == owed
    found = hypseg("verify", out)
    assert (found.code, [line for line in found.stdout.splitlines() if line.startswith("missing: ")]) == (
        3,
        [f"missing: {name}" for name in owed],
    )
    assert hypseg("uncertainty", clip, "--out", out, "--resume").code == 0
    assert hypseg("verify", out).code == 0
    assert (out / "doubt/clip.mp4").is_file()


def test_what_becomes_of_tables_is_said_as_by_one_process(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert hypseg("uncertainty", photos / "a.jpg", "--out", out).code == 0
    with (out / "ranking.csv").open("a") as file:
        file.write("checked\n")
    arguments = ("uncertainty", photos / "b.png", "--out", out, "--measure", "norm", "--resume")
    first = hypseg(*arguments, "--shard", "0/2")
    assert f"{out / 'ranking.csv'} has been changed since it was written, and is made anew" in first.stderr
    assert hypseg(*arguments, "--shard", "1/2").code == 0
    merged = hypseg("merge", out)
    assert merged.code == 0
    assert f"{out / 'ranking.csv'} leaves out 1 image of an earlier run, made with other settings" in merged.stderr


@pytest.mark.parametrize("name", ["ranking.csv", "doubt/clip.mp4"])
def test_merging_leaves_somebody_s_files(hypseg: Hypseg, tmp_path: Path, name: str) -> None:
    clip, out = film(tmp_path / "clip.mp4", frames=2), tmp_path / "out"
    arguments = ("uncertainty", clip, "--out", out)
    for index in (0, 1):
        assert hypseg(*arguments, "--shard", f"{index}/2").code == 0
    (out / name).write_text("mine")
    for command in (("merge", out), (*arguments, "--resume"), (*arguments, "--resume", "--shard", "0/2")):
        outcome = hypseg(*command)
        assert (outcome.code, f"such as {out / name}" in outcome.stderr) == (2, True), outcome.stderr
    assert (out / name).read_text() == "mine"
    (out / name).unlink()
    assert hypseg("merge", out).code == 0
    assert hypseg("verify", out).code == 0


@pytest.mark.parametrize("after", [["merge"], ["0/2", "merge"], ["whole"]])
def test_what_a_killed_merging_has_written_is_nobody_else_s(
    hypseg: Hypseg, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: list[str]
) -> None:
    out = tmp_path / "out"
    arguments = ("uncertainty", photos, "--out", out)
    for index in (0, 1):
        assert hypseg(*arguments, "--shard", f"{index}/2").code == 0

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("hypsegcli.run.merge.replace_books", stop)
        assert hypseg("merge", out).code == 130
    assert (out / "ranking.csv").exists()
    for each in after:
        command = {"merge": ("merge", out), "whole": (*arguments, "--resume")}.get(
            each, (*arguments, "--resume", "--shard", each)
        )
        assert hypseg(*command).code == 0
    assert hypseg("verify", out).code == 0
    assert "merging" not in json.loads((out / "run.json").read_text())


def test_a_shard_that_begins_again_owes_the_tables_of_the_whole(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for index in (0, 1):
        assert hypseg("uncertainty", photos, "--out", out, "--shard", f"{index}/2").code == 0
    assert hypseg("merge", out).code == 0
    assert hypseg("uncertainty", photos, "--out", out, "--shard", "0/2", "--resume").code == 0
    assert hypseg("verify", out).stdout.count("missing: ranking.csv") == 0  # nothing was to be done
    (out / "heatmap/a.png").unlink()
    assert hypseg("uncertainty", photos, "--out", out, "--shard", "0/2", "--resume").code == 0
    assert hypseg("verify", out).stdout.count("missing: ranking.csv") == 1
    photograph(tmp_path / "more/new.png")
    outcome = hypseg("predict", tmp_path / "more", "--out", out, "--save", "labels", "--resume")
    assert f"{out / 'ranking.csv'} is still to be written" in outcome.stderr
    assert hypseg("verify", out).stdout.count("missing: ranking.csv") == 1
    assert hypseg("uncertainty", photos, "--out", out, "--resume").code == 0
    assert hypseg("verify", out).code == 0


@pytest.mark.parametrize("in_shards", [False, True])
def test_tables_that_are_gone_since_they_were_merged_are_named(
    hypseg: Hypseg, photos: Path, tmp_path: Path, *, in_shards: bool
) -> None:
    out = tmp_path / "out"
    for index in (0, 1):
        assert hypseg("uncertainty", photos, "--out", out, "--shard", f"{index}/2").code == 0
    assert hypseg("merge", out).code == 0
    (out / "ranking.csv").unlink()
    with (out / "regions.csv").open("a") as file:
        file.write("\n")
    found = hypseg("merge", out)
    assert (found.code, found.stdout) == (3, "missing or changed: ranking.csv\nmissing or changed: regions.csv\n")
    assert "files of the run have changed since its 2 shards were merged, and nothing is written" in found.stderr
    again = [("--resume", "--shard", f"{index}/2") for index in (0, 1)] if in_shards else [("--resume",)]
    for options in again:
        assert hypseg("uncertainty", photos, "--out", out, *options).code == 0
    assert hypseg("merge", out).code == (0 if in_shards else 2)
    assert hypseg("verify", out).code == 0


@pytest.mark.parametrize("command", ["merge", "predict"])
@pytest.mark.parametrize("removed", [0, 1, 2, 3, 5, 6])
def test_books_that_whoever_took_them_over_was_killed_before_it_removed_count_no_more(
    hypseg: Hypseg, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, removed: int, command: str
) -> None:
    """Whichever are left: the older ones know older maps."""
    arguments = ("predict", photos, "--out", tmp_path / "out", *KINDS, "--resume")
    out = tmp_path / "out"
    assert hypseg(*arguments, "--format", "npy", "--shard", "0/1").code == 0
    for index in range(3):
        assert hypseg(*arguments, "--shard", f"{index}/3").code == 0
    unlink, times = Path.unlink, 0

    def stop(path: Path, missing_ok: bool = False) -> None:
        nonlocal times
        times += "-of-" in path.name and path.suffix in {".json", ".jsonl"}
        if times > removed:
            raise KeyboardInterrupt
        unlink(path, missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", stop)
        assert hypseg(*(("merge", out) if command == "merge" else arguments)).code == 130
    assert list(out.glob("*-of-*"))
    verified = hypseg("verify", out)
    assert verified.code == 0, verified.stdout + verified.stderr
    assert "1 of 1 image done already" in hypseg(*arguments, "--shard", "0/3").stderr
    assert hypseg(*arguments).code == 0
    assert hypseg("verify", out).code == 0
    assert not list(out.glob("*-of-*"))


def test_a_merging_that_was_stopped_among_the_books_of_older_shards_is_finished(
    hypseg: Hypseg, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They go one by one, and those that are left are not taken for a run that is to be merged."""
    out, unlink = tmp_path / "out", Path.unlink
    for of, rank in ((3, "mean"), (2, "expected")):
        for index in range(of):
            arguments = ("uncertainty", photos, "--out", out, "--rank", rank, "--resume")
            assert hypseg(*arguments, "--shard", f"{index}/{of}").code == 0
    gone: list[str] = []

    def stopped(path: Path, missing_ok: bool = False) -> None:
        if "-of-" in path.name and path.suffix in {".json", ".jsonl"}:
            gone.append(path.name)
            if len(gone) % 3 == 0:
                raise KeyboardInterrupt
        unlink(path, missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", stopped)
        for _ in range(2):
            assert hypseg("merge", out).code == 130
    books = {path.name: path.read_bytes() for path in (out / "ranking.csv", out / "run.json")}
    assert any("-of-" in path.name for path in out.glob("*.json"))
    merged = hypseg("merge", out)
    assert (merged.code, "3 images of 2 shards" in merged.stdout) == (0, True)
    assert {path.name: path.read_bytes() for path in (out / "ranking.csv", out / "run.json")} == books
    assert hypseg("verify", out).code == 0


def test_merging_again_ends_as_it_did(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    """Whatever an earlier run of other images had for failures."""
    out = tmp_path / "out"
    (tmp_path / "broken.png").write_bytes(b"no picture")
    assert hypseg("predict", tmp_path / "broken.png", photos / "a.jpg", "--out", out, *KINDS).code == 3
    for index in (0, 1):
        assert hypseg("predict", photos, "--out", out, *KINDS, "--resume", "--shard", f"{index}/2").code == 0
    first, second = hypseg("merge", out), hypseg("merge", out)
    assert (first.code, second.code, first.stdout) == (0, 0, second.stdout)


def test_a_shard_without_resume_is_refused_where_a_run_has_ended(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    """As one process is; and with nothing to do it leaves what is of all images alone."""
    out = tmp_path / "out"
    assert hypseg("uncertainty", photos, "--out", out).code == 0
    ranking = (out / "ranking.csv").read_bytes()
    photograph(tmp_path / "more/new.png")
    refused = hypseg("uncertainty", tmp_path / "more", "--out", out, "--shard", "0/2")
    assert (refused.code, "continue that run with --resume" in refused.stderr) == (2, True)
    assert hypseg("uncertainty", photos, "--out", out, "--resume", "--shard", "0/2").code == 0
    assert (out / "ranking.csv").read_bytes() == ranking
    assert hypseg("predict", tmp_path / "more", "--out", out, *KINDS, "--resume").code == 0
    assert hypseg("uncertainty", photos, "--out", out, "--resume", "--shard", "0/2").code == 0
    assert (out / "ranking.csv").read_bytes() == ranking


def test_a_table_that_shards_rank_otherwise_is_owed_until_they_are_merged(
    hypseg: Hypseg, photos: Path, tmp_path: Path
) -> None:
    """Though they have nothing to segment."""
    out = tmp_path / "out"
    assert hypseg("uncertainty", photos, "--out", out).code == 0
    for index in (0, 1):
        otherwise = ("--rank", "mean", "--resume", "--shard", f"{index}/2")
        assert hypseg("uncertainty", photos, "--out", out, *otherwise).code == 0
    photograph(tmp_path / "more/new.png")
    assert hypseg("predict", tmp_path / "more", "--out", out, *KINDS, "--resume").code == 0
    verified = hypseg("verify", out)
    assert verified.code == 3
    assert verified.stdout.startswith("missing: ranking.csv\nmissing: regions.csv\nmade by 2 recipes, ")  # and commands
    assert hypseg("uncertainty", photos, "--out", out, "--rank", "mean", "--resume").code == 0
    assert hypseg("verify", out).code == 0


def test_a_shard_says_which_books_say_why(hypseg: Hypseg, many: Path, tmp_path: Path) -> None:
    codes = set()
    for index in (0, 1):
        outcome = hypseg("predict", many, "--out", tmp_path / "out", *KINDS, "--shard", f"{index}/2")
        codes.add(outcome.code)
        book = tmp_path / f"out/manifest.{index}-of-2.jsonl"
        assert outcome.code == 0 or f"{book} says why" in outcome.stderr
        assert book.is_file()
    assert codes == {0, 3}
