"""Maps of a run that is not finished, or of several, are scored with doubts."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from support import Hypseg, photograph

from hypsegcli.run.doubts import doubt_maps, origins_of


@pytest.fixture
def out(hypseg: Hypseg, photos: Path, tmp_path: Path) -> Path:
    assert hypseg("predict", photos, "--out", tmp_path / "out", "--save", "labels,confidence").code == 0
    return tmp_path / "out"


def doubts(*maps: Path) -> list[str]:
    return doubt_maps(maps, origins_of(maps))


def labels(out: Path) -> list[Path]:
    return sorted((out / "labels").rglob("*.png"))


def test_a_finished_run_and_no_run_are_not_doubted(out: Path) -> None:
    assert doubts(*labels(out)) == []
    (out / "manifest.jsonl").unlink()
    assert doubts(*labels(out)) == []
    assert doubts() == []


@pytest.mark.parametrize("text", ['{"status": "running"}', '{"status": 4}', "no JSON"])
def test_a_run_that_is_not_finished_is_told(out: Path, text: str) -> None:
    (out / "run.json").write_text(text)
    (found,) = doubts(*labels(out))
    assert f"is {'running' if 'running' in text else 'unknown'}, not finished" in found


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege")
def test_a_run_is_found_from_within_and_through_links(
    out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (out / "run.json").write_text('{"status": "running"}')
    (tmp_path / "link").symlink_to(out / "labels")
    (tmp_path / "file.png").symlink_to(out / "labels/b.png")
    monkeypatch.chdir(out / "labels")
    for path in (
        Path("b.png"),
        Path("sub/c.png"),
        Path("../labels/b.png"),
        tmp_path / "link/b.png",
        tmp_path / "file.png",
    ):
        (found,) = doubts(path)
        assert found.startswith(f"{out}: the run that writes here is running"), path
    (out / "labels").rename(tmp_path / "disk")
    (out / "labels").symlink_to(tmp_path / "disk")
    assert len(doubts(out / "labels/b.png")) == 1


def test_maps_without_a_line_are_told(out: Path) -> None:
    photograph(out / "labels/0.png")
    (found,) = doubts(*labels(out))
    assert f"1 of 4 maps are not in its manifest.jsonl, such as {out / 'labels/0.png'}" in found


def test_maps_beside_those_of_a_run_are_somebody_s_own(out: Path) -> None:
    photograph(out / "mine/labels/a.png")
    photograph(out / "a.png")
    assert doubts(out / "mine/labels/a.png", out / "a.png") == []


def test_maps_of_several_recipes_are_told(out: Path) -> None:
    """Whether they are labels of several images, or labels and confidence."""
    first, *rest = [json.loads(line) for line in (out / "manifest.jsonl").read_text().splitlines()]
    lines = [first | {"recipe": "0" * 16}, *rest]
    (out / "manifest.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (found,) = doubts(*labels(out))
    assert "by 2 recipes" in found
    assert doubts(out / "labels/b.png") == []
    (found,) = doubts(out / "labels/b.png", out / f"confidence/{first['key']}.png")
    assert "by 2 recipes" in found


def test_maps_that_are_replaced_after_they_were_looked_up_are_told(
    hypseg: Hypseg, out: Path, photos: Path, many_classes: Path
) -> None:
    maps = labels(out)
    before = origins_of(maps)
    again = ("predict", photos, "--out", out, "--save", "labels,confidence")
    assert hypseg(*again, "--overwrite").code == 0
    assert doubt_maps(maps, before) == []  # the same bytes by the same recipe
    assert hypseg(*again, "--overwrite", "--checkpoint", many_classes).code == 0
    (found,) = doubt_maps(maps, before)
    assert "3 of 3 maps changed in its manifest.jsonl while they were scored" in found
