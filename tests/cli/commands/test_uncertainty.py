"""`hypseg uncertainty`: heatmaps, raw planes, ranking."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import Hypseg

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
    assert hypseg("uncertainty", photos, "--out", out, "--measure", measure).code == 0
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
