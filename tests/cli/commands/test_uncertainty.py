"""`hypseg uncertainty`: heatmaps, raw planes, ranking."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import Hypseg, photograph

MEASURES = ("calibrated", "distance", "norm", "entropy", "margin", "max-probability")


def ranking(out: Path) -> list[dict[str, str]]:
    with (out / "ranking.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def plane(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        assert image.mode == "I;16"
        return np.asarray(image) / 65535.0


@pytest.mark.parametrize("measure", MEASURES)
def test_ranking_agrees_with_the_planes(hypseg: Hypseg, photos: Path, tmp_path: Path, measure: str) -> None:
    out = tmp_path / "out"
    assert hypseg("uncertainty", photos, "--out", out, "--measure", measure, "--rank", "mean", "--no-diverse").code == 0
    rows = ranking(out)
    assert [row["rank"] for row in rows] == ["1", "2", "3"]
    means = [float(row["mean"]) for row in rows]
    assert means == sorted(means, reverse=True)
    assert {row["image"] for row in rows} == {str(photos / name) for name in ("a.jpg", "b.png", "sub/c.png")}
    for row in rows:
        values = plane(out / row["heatmap"].replace("heatmap", "uncertainty"))
        # 16 bits round by half a level, the table by half of its sixth digit.
        assert float(row["mean"]) == pytest.approx(values.mean(), abs=1e-5)
        assert float(row["median"]) == pytest.approx(np.median(values), abs=1e-5)
        assert float(row["p95"]) == pytest.approx(np.quantile(values, 0.95), abs=1e-5)


def test_uncertainty_is_what_confidence_lacks(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    hypseg("uncertainty", photos, "--out", tmp_path / "doubt")
    hypseg("predict", photos, "--out", tmp_path / "sure", "--save", "confidence")
    for key in ("a", "b", "sub/c"):
        doubt = plane(tmp_path / f"doubt/uncertainty/{key}.png")
        sure = plane(tmp_path / f"sure/confidence/{key}.png")
        assert np.abs(doubt + sure - 1.0).max() <= 1.01 / 65535.0


def test_heatmap_shows_the_plane_beside_a_bar(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    hypseg("uncertainty", photos / "a.jpg", "--out", tmp_path / "out")
    with Image.open(tmp_path / "out/heatmap/a.png") as image:
        assert image.mode == "RGB"
        assert image.width > 64
        assert image.height >= 48
    with Image.open(tmp_path / "out/uncertainty/a.png") as image:
        about = json.loads(image.info["hypseg"])
    assert about["measure"] == "calibrated"
    assert about["kind"] == "uncertainty"


def test_ranking_is_complete_after_resume(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    hypseg("uncertainty", photos, "--out", out)
    whole = (out / "ranking.csv").read_bytes()
    (out / "heatmap/b.png").unlink()
    assert hypseg("uncertainty", photos, "--out", out).code == 2
    assert hypseg("uncertainty", photos, "--out", out, "--resume").code == 0
    assert (out / "ranking.csv").read_bytes() == whole


def test_a_failed_image_is_not_ranked(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    (photos / "bad.png").touch()
    assert hypseg("uncertainty", photos, "--out", tmp_path / "out").code == 3
    assert len(ranking(tmp_path / "out")) == 3


def test_a_ranking_of_an_earlier_run_does_not_survive(hypseg: Hypseg, tmp_path: Path) -> None:
    Image.new("RGB", (64, 48), "gray").save(tmp_path / "a.png")
    hypseg("uncertainty", tmp_path / "a.png", "--out", tmp_path / "out")
    (tmp_path / "a.png").write_bytes(b"")
    assert hypseg("uncertainty", tmp_path / "a.png", "--out", tmp_path / "out", "--overwrite").code == 1
    assert not (tmp_path / "out/ranking.csv").exists()


def test_a_ranking_says_how_many_it_leaves_out(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    """Those of other settings, which do not compare, until all are made alike."""
    out = tmp_path / "out"
    assert hypseg("uncertainty", photos, "--out", out).code == 0
    new = photograph(tmp_path / "new.jpg", seed=9)
    same = hypseg("uncertainty", new, "--out", out, "--resume")
    assert (same.code, len(ranking(out)), "leaves out" in same.stderr) == (0, 4, False)
    other = hypseg("uncertainty", new, "--out", out, "--resume", "--measure", "entropy")
    assert (other.code, [row["image"] for row in ranking(out)]) == (0, [str(new)])
    assert f"{out / 'ranking.csv'} leaves out 3 images of an earlier run, made with other settings" in other.stderr
    again = hypseg("uncertainty", photos, new, "--out", out, "--resume", "--measure", "entropy")
    assert (len(ranking(out)), "leaves out" in again.stderr) == (4, False)


def test_a_ranking_outlives_a_run_that_does_nothing(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    """All images of which fail."""
    out = tmp_path / "out"
    assert hypseg("uncertainty", photos, "--out", out).code == 0
    before = (out / "ranking.csv").read_bytes()
    (tmp_path / "bad.png").touch()
    assert hypseg("uncertainty", tmp_path / "bad.png", "--out", out, "--resume").code == 1
    assert (out / "ranking.csv").read_bytes() == before


@pytest.mark.parametrize("way", ["--resume", "--overwrite"])
def test_a_ranking_stays_with_the_heatmaps_that_it_names(
    hypseg: Hypseg, photos: Path, tmp_path: Path, way: str
) -> None:
    """Whatever runs come into the folder, until one of the images is done otherwise, which is said."""
    out = tmp_path / "out"
    assert hypseg("uncertainty", photos, "--out", out).code == 0
    before = (out / "ranking.csv").read_bytes()
    for name in ("new", "newer"):
        photograph(tmp_path / f"{name}.jpg", seed=9)
        assert hypseg("predict", tmp_path / f"{name}.jpg", "--out", out, "--save", "labels", way).code == 0
        assert (out / "ranking.csv").read_bytes() == before
        assert hypseg("verify", out).code == 0
    outcome = hypseg("predict", photos / "a.jpg", "--out", out, "--save", "labels", "--overwrite")
    assert outcome.code == 0
    assert f"{out / 'ranking.csv'} goes, for it names heatmaps that do; run uncertainty with --resume" in outcome.stderr
    assert not (out / "ranking.csv").exists()
    assert hypseg("verify", out).code == 0


def test_a_ranking_that_somebody_has_changed_is_made_anew_and_that_is_said(
    hypseg: Hypseg, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert hypseg("uncertainty", photos, "--out", out).code == 0
    before = (out / "ranking.csv").read_bytes()
    (out / "ranking.csv").write_bytes(before + b"mine")
    stderr = hypseg("uncertainty", photos, "--out", out, "--resume").stderr
    assert f"{out / 'ranking.csv'} has been changed since it was written, and is made anew\n" in stderr
    assert (out / "ranking.csv").read_bytes() == before
    assert "made anew" not in hypseg("uncertainty", photos, "--out", out, "--resume").stderr


@pytest.mark.parametrize("command", ["two runs", "one run"])
def test_a_ranking_says_that_it_lists_an_image_twice(
    hypseg: Hypseg, photos: Path, tmp_path: Path, command: str
) -> None:
    """One that was named by two folders has two keys."""
    out, given = tmp_path / "out", [photos, photos / "sub"]
    if command == "two runs":
        given = [photos / "sub/../sub"]
        assert "more than once" not in hypseg("uncertainty", photos, "--out", out).stderr
    outcome = hypseg("uncertainty", *given, "--out", out, "--resume")
    assert (outcome.code, len(ranking(out))) == (0, 4)
    assert "ranking.csv lists 1 image more than once, named in several ways: " in outcome.stderr
    assert "c.png; a run into another --out, with all images named in one, lists each once\n" in outcome.stderr


def test_a_stack_is_its_first_page_until_pages_are_asked_for(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    first, second = (Image.open(photos / name) for name in ("a.jpg", "b.png"))
    first.save(tmp_path / "s.tif", save_all=True, append_images=[second])
    out = tmp_path / "out"
    assert hypseg("uncertainty", tmp_path / "s.tif", "--out", out).code == 0
    outcome = hypseg("uncertainty", tmp_path / "s.tif", "--out", out, "--pages", "all", "--resume")
    assert (outcome.code, len(ranking(out))) == (0, 3)
    assert "ranking.csv lists 1 image more than once, named in several ways: " in outcome.stderr
