"""`--profile`: where the time went."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import Hypseg

from hypsegcli.cli.show.profile import print_profile
from hypsegcli.run.profile import Profile


@pytest.mark.parametrize(
    ("workers", "seconds", "expected"),
    [
        (0, {"decode": 3, "network": 2, "reduce": 2, "encode": 2.5, "write": 1}, "decode"),  # one after the other
        (1, {"decode": 3, "network": 2, "reduce": 2, "encode": 2.5, "write": 1}, "network"),  # network and reduce: 4
        (4, {"decode": 10, "network": 2, "reduce": 1, "encode": 10, "write": 1}, "network"),
        (4, {"decode": 14, "network": 2, "reduce": 1, "encode": 10, "write": 1}, "decode"),
        (2, {"decode": 1, "network": 2, "reduce": 3, "encode": 10, "write": 1}, "encode"),
        (2, {"decode": 1, "network": 2, "reduce": 3, "encode": 1, "write": 1}, "reduce"),
        (2, {"decode": 1, "network": 2, "reduce": 1, "encode": 1, "write": 7}, "write"),
        (8, {"decode": 1, "network": 2, "reduce": 1, "count": 4}, "count"),  # of which only one is counted at a time
        (8, {"decode": 1, "network": 2, "reduce": 1, "dropout": 9, "count": 4}, "dropout"),
    ],
)
def test_the_bottleneck_is_what_everything_waits_for(workers: int, seconds: dict[str, float], expected: str) -> None:
    profile = Profile(workers)
    profile.add(seconds)
    assert profile.bottleneck() == expected


def test_numbers_add_up() -> None:
    profile = Profile(2)
    for _ in range(4):
        profile.add({"decode": 0.25, "network": 1.0, "write": 0.5})
    profile.wall = 8.0
    assert profile.numbers() == {
        "images": 4,
        "workers": 2,
        "wall_seconds": 8.0,
        "busy_seconds": {"decode": 1.0, "network": 4.0, "write": 2.0},
        "images_per_second": 0.5,
        "network_images_per_second": 1.0,
        "share_of_network_rate": 0.5,
    }


@pytest.mark.parametrize("workers", [0, 2])
def test_a_picture_by_strips_tells_only_its_whole_time(workers: int, capsys: pytest.CaptureFixture[str]) -> None:
    profile = Profile(workers)
    profile.add({"stream": 6.0})
    profile.add({"decode": 1.0, "network": 2.0})
    profile.wall = 9.0
    assert profile.numbers()["network_images_per_second"] == 0.5
    print_profile(profile)
    told = capsys.readouterr().err
    assert "stream is the bottleneck" in told
    assert "the network alone does 0.50" in told


def test_nothing_done_has_no_rates() -> None:
    numbers = Profile(2).numbers()
    assert numbers["images"] == 0
    assert numbers["images_per_second"] is numbers["network_images_per_second"] is None


@pytest.mark.parametrize("command", ["predict", "uncertainty"])
def test_a_run_says_where_its_time_went(hypseg: Hypseg, photos: Path, tmp_path: Path, command: str) -> None:
    outcome = hypseg(command, photos, "--out", tmp_path / "out", "--profile", "--workers", 2, "--quiet")
    assert outcome.code == 0
    told = outcome.stderr
    assert re.search(r"^3 images in [0-9.]+ s, 2 threads to decode", told, flags=re.MULTILINE)
    stages = re.findall(r"^  (\w+) +[0-9.]+ +[0-9.]+ +[0-9.]+$", told, flags=re.MULTILINE)
    assert stages == ["decode", "network", "reduce", "encode", "write"]
    assert re.search(r"images a second; the network alone does [0-9.]+, of which this is [0-9.]+$", told, re.MULTILINE)
    stage, cure = re.search(r"^(\w+) is the bottleneck; what would move it: (.+)$", told, flags=re.MULTILINE).groups()  # type: ignore[union-attr]
    assert stage in stages
    assert "--" in cure
    numbers = json.loads((tmp_path / "out/run.json").read_text())["profile"]
    assert (numbers["images"], numbers["workers"]) == (3, 2)
    assert list(numbers["busy_seconds"]) == stages
    assert all(0 < seconds < numbers["wall_seconds"] * 2 for seconds in numbers["busy_seconds"].values())


def test_images_done_before_are_not_counted(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    hypseg("predict", photos / "a.jpg", "--out", out)
    hypseg("predict", photos, "--out", out, "--resume")
    run = json.loads((out / "run.json").read_text())
    assert run["counts"]["done"] == 3
    assert run["profile"]["images"] == 2
    told = hypseg("predict", photos, "--out", out, "--resume", "--profile").stderr
    assert "bottleneck" not in told
    assert json.loads((out / "run.json").read_text())["profile"]["images_per_second"] == 0.0


def test_nobody_is_told_who_did_not_ask(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    assert "bottleneck" not in hypseg("predict", photos, "--out", tmp_path / "out").stderr


def test_an_evaluation_says_it_too_and_workers_change_no_number(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    for name, size in (("a", (64, 48)), ("b", (64, 48)), ("sub/c", (50, 33))):
        path = tmp_path / f"masks/{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.random.default_rng(1).integers(0, 11, size[::-1], np.uint8)).save(path)
    reports = []
    for workers in (0, 3):
        out = tmp_path / f"out{workers}"
        outcome = hypseg("evaluate", photos, tmp_path / "masks", "--out", out, "--profile", "--workers", workers)
        assert outcome.code == 0
        stages = re.findall(r"^  (\w+) +[0-9.]+ +[0-9.]+ +[0-9.]+$", outcome.stderr, flags=re.MULTILINE)
        assert stages == ["decode", "network", "reduce", "count"]
        assert " is the bottleneck; what would move it: " in outcome.stderr
        assert "bottleneck" not in outcome.stdout
        reports.append([(out / name).read_bytes() for name in ("report.json", "per_image.csv", "replicates.npz")])
    assert reports[0] == reports[1]
