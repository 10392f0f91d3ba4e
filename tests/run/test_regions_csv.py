"""regions.csv: what it lists is in the maps, whatever way a run came to its end."""

from __future__ import annotations

import csv
import json
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import EXAMPLES, Hypseg, make_checkpoint
from support.clips import film

from hypsegcli.hierarchy.tree import flat_tree
from hypsegcli.run.manifest import is_line
from hypsegcli.run.regions_csv import COLUMNS

SMALL = ("--smallest", "12", "--no-diverse")


@pytest.fixture
def streets(tmp_path: Path) -> Path:
    """Six pieces of photographs of streets, one in a subfolder."""
    folder = tmp_path / "streets"
    (folder / "sub").mkdir(parents=True)
    for name in ("leuven", "taxis"):
        with Image.open(EXAMPLES / f"streets/{name}.jpg") as image:
            for number, left in enumerate((0, 200, 400)):
                piece = image.convert("RGB").crop((left, 150, left + 320, 390)).resize((160, 120))
                piece.save(folder / f"{'sub/' if number == 1 else ''}{name}{number}.png")
    return folder


def rows(out: Path, name: str = "regions.csv") -> list[dict[str, str]]:
    with (out / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def tables(out: Path) -> dict[str, bytes]:
    return {name: (out / name).read_bytes() for name in ("ranking.csv", "regions.csv")}


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def test_a_row_is_what_the_maps_show(hypseg: Hypseg, streets: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert hypseg("uncertainty", streets, "--out", out, *SMALL).code == 0
    found = rows(out)
    assert tuple(found[0]) == COLUMNS
    assert len(found) > 20
    assert [row["rank"] for row in found] == [str(rank) for rank in range(1, len(found) + 1)]
    wrongs = [float(row["expected_wrong"]) for row in found]
    assert wrongs == sorted(wrongs, reverse=True)
    with Image.open(out / "labels/leuven0.png") as image:
        names = json.loads(image.info["hypseg"])["names"]
    for row in found:
        assert row["image"] == str(streets / f"{row['key']}.png")
        x, y, width, height = (int(row[name]) for name in ("x", "y", "width", "height"))
        box = slice(y, y + height), slice(x, x + width)
        doubt = pixels(out / f"uncertainty/{row['key']}.png")[box] / 65535
        counts = Counter(names[label] for label in pixels(out / f"labels/{row['key']}.png")[box].ravel())
        classes = {name: int(count) for name, _, count in (one.rpartition(" ") for one in row["classes"].split("; "))}
        assert next(iter(classes)) == row["class"]
        assert sum(classes.values()) == int(row["area"]) >= 12
        assert all(counts[name] >= count for name, count in classes.items())
        doubtful = np.asarray(doubt > 0.3)
        assert all(edge.any() for edge in (doubtful[0], doubtful[-1], doubtful[:, 0], doubtful[:, -1]))
        assert 0.3 * int(row["area"]) < float(row["expected_wrong"]) <= doubt[doubtful].sum() + 0.001
    ranked = rows(out, "ranking.csv")
    for row in ranked:
        doubt = pixels(out / row["heatmap"].replace("heatmap", "uncertainty")) / 65535
        assert float(row["expected_wrong"]) == pytest.approx(doubt.sum(), abs=0.2)
        assert row["class"] in names


def test_regions_do_not_depend_on_the_measure_of_the_heatmaps(hypseg: Hypseg, streets: Path, tmp_path: Path) -> None:
    seen = []
    for measure in ("calibrated", "entropy"):
        out = tmp_path / measure
        assert hypseg("uncertainty", streets, "--out", out, "--measure", measure).code == 0
        seen.append((out / "regions.csv").read_bytes())
        assert {len(row["expected_wrong"]) > 8 for row in rows(out, "ranking.csv")} == {True}
    assert seen[0] == seen[1]


def test_shards_resume_and_rank_as_one_run(hypseg: Hypseg, streets: Path, tmp_path: Path) -> None:
    options = ("--smallest", "12", "--diverse", "--quota", "0.5")
    one, out = tmp_path / "one", tmp_path / "out"
    assert hypseg("uncertainty", streets, "--out", one, *options).code == 0
    for shard in ("1/2", "0/2"):
        assert hypseg("uncertainty", streets, "--out", out, "--shard", shard, *options).code == 0
    assert not (out / "regions.csv").exists()
    assert hypseg("merge", out).code == 0
    assert tables(out) == tables(one)
    assert hypseg("verify", out).code == 0
    (out / "labels/taxis2.png").unlink()
    (out / "regions.csv").unlink()
    assert hypseg("verify", out).code == 3
    again = hypseg("uncertainty", streets, "--out", out, "--resume", *options)
    assert (again.code, "5 of 6 images done already" in again.stderr) == (0, True)
    assert tables(out) == tables(one)


def test_shards_that_rank_otherwise_are_no_run(hypseg: Hypseg, streets: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert hypseg("uncertainty", streets, "--out", out, "--shard", "0/2").code == 0
    assert hypseg("uncertainty", streets, "--out", out, "--shard", "1/2", "--no-diverse").code == 0
    merged = hypseg("merge", out)
    assert (merged.code, "the shards 0/2 and 1/2 were to rank images otherwise" in merged.stderr) == (2, True)
    assert hypseg("uncertainty", streets, "--out", out, "--shard", "0/2", "--no-diverse", "--resume").code == 0
    assert hypseg("merge", out).code == 0


def test_another_order_needs_nothing_done_again_and_other_bounds_do(
    hypseg: Hypseg, streets: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert hypseg("uncertainty", streets, "--out", out, *SMALL, "--rank", "mean").code == 0
    before = tables(out)
    assert json.loads((out / "run.json").read_text())["options"]["ranking"]["rank"] == "mean"
    again = hypseg("uncertainty", streets, "--out", out, *SMALL, "--resume")
    assert "6 of 6 images done already" in again.stderr
    ranked = [float(row["expected_wrong"]) for row in rows(out, "ranking.csv")]
    assert ranked == sorted(ranked, reverse=True)
    assert tables(out)["regions.csv"] == before["regions.csv"]
    outcome = hypseg("uncertainty", streets, "--out", out, "--most", "1", "--below", "0.5", "--resume")
    assert outcome.code == 0
    assert "6 of 6 images to be done again, made with other settings: " in outcome.stderr
    assert "--below 0.7 (now 0.5)" in outcome.stderr
    assert len(rows(out)) <= 6
    assert all(float(row["expected_wrong"]) > 0.5 * int(row["area"]) for row in rows(out))


def test_without_a_calibration_they_go_by_the_largest_probability(
    hypseg: Hypseg, streets: Path, tmp_path: Path
) -> None:
    checkpoint, out = make_checkpoint(tmp_path / "random.safetensors", flat_tree(["a", "b"])), tmp_path / "out"
    given = ("uncertainty", streets, "--checkpoint", checkpoint, "--out", out)
    outcome = hypseg(*given)
    assert outcome.code == 0
    assert "no calibration tells how likely pixels are right here" in outcome.stderr
    assert hypseg("predict", *given[1:4], "--out", tmp_path / "maps", "--measure", "max-probability").code == 0
    for row in rows(out, "ranking.csv"):
        with Image.open(tmp_path / "maps/confidence" / Path(row["heatmap"]).relative_to("heatmap")) as image:
            doubt = 1 - np.asarray(image, np.float64) / 65535
        assert float(row["expected_wrong"]) == pytest.approx(doubt.sum(), abs=doubt.size / 65535)
    assert len(rows(out)) > 0
    assert hypseg("verify", out).code == 0


def test_nothing_doubtful_is_a_table_without_rows(hypseg: Hypseg, streets: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert hypseg("uncertainty", streets, "--out", out, "--below", "0.01").code == 0
    assert (out / "regions.csv").read_bytes() == ",".join(COLUMNS).encode() + b"\r\n"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("regions", {}),
        ("regions", [{"box": [0, 0, 1], "area": 81, "expected_wrong": 1.5, "classes": {"car": 81}}]),
        ("regions", [{"box": [0, 0, 9, 1e9], "area": 81, "expected_wrong": 1.5, "classes": {"car": 81}}]),
        ("regions", [{"box": [0, 0, 9, 9], "area": 81, "expected_wrong": "1", "classes": {"car": 81}}]),
        ("regions", [{"box": [0, 0, 9, 9], "area": 81, "expected_wrong": math.inf, "classes": {"car": 81}}]),
        ("regions", [{"box": [0, 0, 9, 9], "area": 81, "expected_wrong": 1.5, "classes": {}}]),
        ("regions", [{"box": [0, 0, 9, 9], "area": 81, "expected_wrong": 1.5, "classes": ["car"]}]),
        ("regions", [{"box": [0, 0, 9, 9], "area": 81, "expected_wrong": 1.5, "classes": {"car": 81}}] * 1001),
        ("signature", "00"),
        ("class", 7),
    ],
)
def test_lines_that_somebody_has_edited_are_none(name: str, value: object) -> None:
    """Of what they tell nothing is believed, and no table is made of it."""
    line: dict[str, object] = {"key": "a", "input": "a.png", "status": "done", "recipe": "x", "height": 9, "width": 9}
    line |= {"summary": {}, "notes": [], "source": {"bytes": 1, "sha256": ""}, "outputs": {}, "bytes": {}, "sha256": {}}
    region = {"box": [0, 0, 9, 9], "area": 81, "expected_wrong": 1.5, "classes": {"car": 81}}
    assert is_line(line)
    assert is_line(line | {"regions": [region] * 1000, "class": "car", "signature": "0f" * 64})
    assert not is_line(line | {name: value})


def test_frames_of_a_video_have_regions(hypseg: Hypseg, tmp_path: Path) -> None:
    clip = film(tmp_path / "clip.avi", frames=3)
    assert hypseg("uncertainty", clip, "--out", tmp_path / "out", "--smallest", "1").code == 0
    found = rows(tmp_path / "out")
    assert {row["image"].rpartition("#")[0] for row in found} <= {str(clip)}
