"""Videos of maps, and the books of runs whose images are frames."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import Hypseg, manifest, photograph
from support.clips import cut, decoded, film
from support.stores import Store

from hypsegcli.files.digest import digest_file
from hypsegcli.images.decode import decode_image
from hypsegcli.images.video import count_frames

KINDS = ("--save", "labels,overlay,doubt")


def tree(out: Path) -> dict[str, bytes]:
    """All files of a run but its books."""
    return {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file() and path.suffix not in {".json", ".jsonl", ".lock"}
    }


def run_json(out: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((out / "run.json").read_text())
    return found


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return film(tmp_path / "clip.mp4", frames=8)


@pytest.fixture
def whole(hypseg: Hypseg, clip: Path, tmp_path: Path) -> Path:
    """What one process makes of a video."""
    assert hypseg("predict", clip, "--out", tmp_path / "whole", *KINDS).code == 0
    return tmp_path / "whole"


def test_maps_of_frames_are_those_of_pictures_and_lines_have_times(
    hypseg: Hypseg, clip: Path, whole: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    for number, pixels in enumerate(decoded(clip)):
        Image.fromarray(pixels).save(folder / f"{number:06d}.png")
    assert hypseg("predict", folder, "--out", tmp_path / "pictures", *KINDS).code == 0
    pictures, frames = tree(tmp_path / "pictures"), tree(whole)
    films = {"overlay/clip.mp4", "doubt/clip.mp4"}
    assert frames.keys() - films == {name.replace("/", "/clip/") for name in pictures}
    assert all(frames[name.replace("/", "/clip/")] == data for name, data in pictures.items())
    lines = manifest(whole)
    assert [line["frame"] for line in lines.values()] == list(range(8))
    assert [line["time"] for line in lines.values()] == [round(0.04 * number, 6) for number in range(8)]
    digest = digest_file(clip)
    assert digest is not None
    assert all(line["source"] == digest._asdict() for line in lines.values())
    run = run_json(whole)
    said = {"key": "clip", "input": str(clip), "frames": 8, "claimed": 8, "rate": 25.0, "every": 1}
    assert run["clips"] == [said]
    assert run["files"].keys() == films  # type: ignore[attr-defined]


def test_a_video_of_a_kind_is_of_its_pictures_in_order(whole: Path) -> None:
    for kind in ("overlay", "doubt"):
        frames = decoded(whole / kind / "clip.mp4")
        assert len(frames) == 8
        pictures = [decode_image(whole / kind / f"clip/{number:06d}.png").pixels for number in range(8)]
        for number, frame in enumerate(frames):
            height, width = pictures[number].shape[:2]
            away = [np.abs(frame[:height, :width].astype(int) - picture).mean() for picture in pictures]
            assert int(np.argmin(away)) == number, kind


@pytest.mark.parametrize("options", [("--workers", "0"), ("--workers", "5", "--batch-size", "3"), ("--workers", "1")])
def test_the_same_bytes_by_any_number_of_threads(
    hypseg: Hypseg, clip: Path, whole: Path, tmp_path: Path, options: tuple[str, ...]
) -> None:
    if "--batch-size" in options:
        assert hypseg("predict", clip, "--out", tmp_path / "one", *KINDS, "--batch-size", "3", "--workers", 0).code == 0
        whole = tmp_path / "one"
    assert hypseg("predict", clip, "--out", tmp_path / "out", *KINDS, *options).code == 0
    assert tree(tmp_path / "out") == tree(whole)
    assert list(manifest(tmp_path / "out")) == list(manifest(whole))


def test_a_killed_run_goes_on_to_the_same_bytes(hypseg: Hypseg, clip: Path, whole: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-m", "hypsegcli", "predict", str(clip), "--out", str(out), *KINDS, "--engine", "torch"]
    process = subprocess.Popen([*command, "--quiet"], stdout=subprocess.DEVNULL)
    manifest_file, deadline = out / "manifest.jsonl", time.monotonic() + 60
    while not (manifest_file.exists() and b'"done"' in manifest_file.read_bytes()) and time.monotonic() < deadline:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert hypseg("verify", out).code == 3
    (out / "overlay" / f".hypseg-{process.pid}-0123456789abcdef.mp4").write_bytes(b"half a video")
    assert hypseg("predict", clip, "--out", out, *KINDS, "--resume").code == 0
    assert tree(out) == tree(whole)
    assert hypseg("verify", out).code == 0


def test_resume_reads_a_video_once_and_does_what_is_missing(
    hypseg: Hypseg, clip: Path, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tree(whole)
    for name in ("overlay/clip/000003.png", "labels/clip/000006.png", "doubt/clip.mp4"):
        (whole / name).unlink()
    assert hypseg("verify", whole).code == 3
    read = []

    def digest(path: Path) -> object:
        read.append(path)
        return digest_file(path)

    os.utime(clip)  # what is remembered of it is of another file now
    for place in ("files.digest", "run.earlier"):
        monkeypatch.setattr(f"hypsegcli.{place}.digest_file", digest)
    outcome = hypseg("predict", clip, "--out", whole, *KINDS, "--resume")
    assert outcome.code == 0
    assert "6 of 8 images done already" in outcome.stderr
    assert read.count(clip) == 1
    assert tree(whole) == before
    assert hypseg("verify", whole).code == 0
    film(clip, frames=8, seed=5)
    changed = hypseg("verify", whole)
    assert changed.code == 3
    assert changed.stdout.count("clip.mp4") == 1
    assert (
        "8 of 8 images to be done again, changed" in hypseg("predict", clip, "--out", whole, *KINDS, "--resume").stderr
    )


def test_shards_share_frames_and_are_merged(hypseg: Hypseg, clip: Path, whole: Path, tmp_path: Path) -> None:
    out = tmp_path / "shards"
    for index in (2, 0, 1):
        assert hypseg("predict", clip, "--out", out, *KINDS, "--shard", f"{index}/3").code == 0
    assert not (out / "overlay/clip.mp4").exists()
    assert "overlay/clip.mp4" in hypseg("verify", out).stdout
    assert hypseg("merge", out).code == 0
    assert tree(out) == tree(whole)
    assert run_json(out)["files"] == run_json(whole)["files"]
    assert hypseg("verify", out).code == 0


def test_a_video_that_was_cut_off_gives_what_is_whole_and_fails_once(hypseg: Hypseg, tmp_path: Path) -> None:
    path = cut(film(tmp_path / "clip.avi", frames=30), 0.35)
    outcome = hypseg("predict", path, "--out", tmp_path / "out", "--save", "labels,overlay", "--every", "2")
    assert outcome.code == 3
    frames = count_frames(path).frames
    assert frames > 2
    sentence = f"the video was cut off and ends after {frames} frames of the 30 that it claims; those are whole"
    assert sentence in outcome.stderr
    assert f"{frames} frames, where its container says 30, of which one in 2 is taken" in outcome.stderr
    lines = manifest(tmp_path / "out")
    done = [line["frame"] for line in lines.values() if line["status"] == "done"]
    assert done == list(range(0, frames, 2))
    (failed,) = (line for line in lines.values() if line["status"] == "failed")
    assert (failed["frame"], failed["code"]) == (frames, "truncated")
    assert len(decoded(tmp_path / "out/overlay/clip.mp4")) == len(done)
    film(path, frames=30)
    assert (
        hypseg("predict", path, "--out", tmp_path / "out", "--save", "labels,overlay", "--every", "2", "--resume").code
        == 0
    )
    assert len(decoded(tmp_path / "out/overlay/clip.mp4")) == 15


def test_a_video_without_frames_fails_and_others_do_not(hypseg: Hypseg, tmp_path: Path) -> None:
    folder = tmp_path / "mixed"
    photograph(folder / "photo.png")
    (folder / "clip.mp4").write_bytes(b"\0\0\0\x10ftypisom\0\0\0\0")
    outcome = hypseg("predict", folder, "--out", tmp_path / "out", "--save", "overlay")
    assert outcome.code == 3
    assert "none of the frames can be decoded" in outcome.stderr
    assert sorted(tree(tmp_path / "out")) == ["overlay/photo.png"]
    assert hypseg("predict", folder / "clip.mp4", "--out", tmp_path / "none").code == 1


def test_uncertainty_ranks_frames(hypseg: Hypseg, clip: Path, tmp_path: Path) -> None:
    outcome = hypseg("uncertainty", clip, "--out", tmp_path / "doubt", "--every", "3")
    assert outcome.code == 0, outcome.stderr
    assert "more than once" not in outcome.stderr
    assert "ranking.csv, regions.csv, doubt/clip.mp4" in outcome.stdout
    rows = (tmp_path / "doubt/ranking.csv").read_text().splitlines()[1:]
    assert sorted(row.split(",")[1] for row in rows) == [f"{clip}#{number}" for number in (0, 3, 6)]
    assert len(decoded(tmp_path / "doubt/doubt/clip.mp4")) == 3
    out = tmp_path / "shards"
    for index in (0, 1):
        assert hypseg("uncertainty", clip, "--out", out, "--every", "3", "--shard", f"{index}/2").code == 0
    assert hypseg("merge", out).code == 0
    assert tree(out) == tree(tmp_path / "doubt")


def test_what_cannot_be_is_refused_before_a_frame_is_segmented(hypseg: Hypseg, clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    photo = photograph(tmp_path / "photo.png")
    for arguments, sentence in (
        ((photo, "--every", "2"), "--every 2 is about videos, and no input is one; leave it out"),
        ((clip, "--every", "0"), "--every 0: expected a whole number"),
        ((clip, film(tmp_path / "clip.avi")), "two inputs would be written to the same output"),
        ((clip, photograph(tmp_path / "in/clip/000003.png").parents[1]), "two inputs would be written to the same"),
        ((clip, photograph(tmp_path / "named/clip.mp4/0.png").parents[1]), "the run itself and"),
    ):
        outcome = hypseg("predict", *arguments, "--out", out, *KINDS)
        assert (outcome.code, sentence in outcome.stderr) == (2, True), outcome.stderr
    assert not out.exists()
    planned = hypseg("predict", clip, "--out", out, "--save", "labels", "--every", "4", "--dry-run")
    assert planned.stdout.splitlines() == [
        f"{clip}#{number} -> {out}/labels/clip/00000{number}.png" for number in (0, 4)
    ]
    assert not out.exists()
    (out / "overlay").mkdir(parents=True)
    (out / "overlay/clip.mp4").write_bytes(b"somebody's")
    assert hypseg("predict", clip, "--out", out, *KINDS).code == 2
    assert hypseg("predict", clip, "--out", out, *KINDS, "--resume").code == 2
    assert (out / "overlay/clip.mp4").read_bytes() == b"somebody's"
    assert hypseg("predict", clip, "--out", out, *KINDS, "--overwrite").code == 0


@pytest.mark.parametrize("command", ["evaluate", "calibrate", "disk", "cluster"])
def test_other_commands_take_no_videos(hypseg: Hypseg, clip: Path, tmp_path: Path, command: str) -> None:
    (tmp_path / "masks").mkdir()
    Image.new("L", (64, 48)).save(tmp_path / "masks/clip.png")
    arguments = {
        "evaluate": (clip, tmp_path / "masks", "--out", tmp_path / "o"),
        "calibrate": (clip, tmp_path / "masks", "--name", "x", "--out", tmp_path / "o.safetensors"),
        "disk": (clip, "--out", tmp_path / "o.png"),
        "cluster": (clip, "--clusters", "2", "--out", tmp_path / "o"),
    }[command]
    outcome = hypseg(command, *arguments)
    assert outcome.code in {1, 2}
    assert "hypseg predict and hypseg uncertainty take the frames" in outcome.stderr


def test_videos_of_maps_stay_as_long_as_the_frames_do(hypseg: Hypseg, clip: Path, whole: Path) -> None:
    """A run of other images leaves them and their digests, one that takes other frames makes them anew."""
    photo = photograph(clip.parent / "photo.png")
    before = (whole / "overlay/clip.mp4").read_bytes()
    assert hypseg("predict", photo, "--out", whole, *KINDS, "--resume").code == 0
    assert (whole / "overlay/clip.mp4").read_bytes() == before
    assert hypseg("verify", whole).code == 0
    assert hypseg("predict", clip, photo, "--out", whole, *KINDS, "--every", "3", "--resume").code == 0
    assert len(decoded(whole / "overlay/clip.mp4")) == 3
    assert hypseg("verify", whole).code == 0
    clip.unlink()
    assert hypseg("predict", photo, "--out", whole, *KINDS, "--overwrite").code == 0
    assert sorted(tree(whole)) == ["doubt/photo.png", "labels/photo.png", "overlay/photo.png"]
    assert hypseg("verify", whole).code == 0


def test_a_run_into_itself_does_not_take_its_own_videos(hypseg: Hypseg, clip: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    shutil.move(clip, folder / "clip.mp4")
    assert hypseg("predict", folder, "--out", tmp_path / "out", *KINDS).code == 0
    assert hypseg("predict", tmp_path / "out", folder, "--out", tmp_path / "more", "--dry-run").code == 2


def test_videos_of_maps_go_to_a_bucket_and_none_is_read_from_one(
    hypseg: Hypseg, clip: Path, whole: Path, store: Store, tmp_path: Path
) -> None:
    assert hypseg("predict", clip, "--out", store.at("out"), *KINDS).code == 0
    maps = tree(whole)
    assert {name: store[f"out/{name}"] for name in maps} == maps
    assert hypseg("verify", store.at("out")).code == 0
    photograph(clip.parent / "bucket" / "a.png")
    shutil.copy(clip, clip.parent / "bucket" / "clip.mp4")
    store.fill(clip.parent / "bucket", "given")
    for given in ("given", "given/clip.mp4"):
        outcome = hypseg("predict", store.at(given), "--out", tmp_path / "out")
        assert outcome.code == 2
        assert "clip.mp4: is a video, and these are read from a disk of this machine" in outcome.stderr
    assert hypseg("predict", store.at("given/*.png"), "--out", tmp_path / "out").code == 0
