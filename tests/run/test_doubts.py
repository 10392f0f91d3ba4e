"""Maps of a run that is not finished, or of several, are scored with doubts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support import Hypseg, photograph

from hypsegcli.run.doubts import doubt_maps


@pytest.fixture
def out(hypseg: Hypseg, photos: Path, tmp_path: Path) -> Path:
    assert hypseg("predict", photos, "--out", tmp_path / "out", "--save", "labels").code == 0
    return tmp_path / "out"


def doubts(out: Path) -> list[str]:
    return doubt_maps(out, sorted((out / "labels").rglob("*.png")))


def test_a_finished_run_and_no_run_are_not_doubted(out: Path) -> None:
    assert doubts(out) == []
    (out / "manifest.jsonl").unlink()
    assert doubts(out) == []
    assert doubt_maps(out / "nowhere", []) == []


@pytest.mark.parametrize("text", ['{"status": "running"}', '{"status": 4}', "no JSON"])
def test_a_run_that_is_not_finished_is_told(out: Path, text: str) -> None:
    (out / "run.json").write_text(text)
    (found,) = doubts(out)
    assert f"is {'running' if 'running' in text else 'unknown'}, not finished" in found


def test_maps_without_a_line_are_told(out: Path) -> None:
    photograph(out / "labels/0.png")
    (found,) = doubts(out)
    assert f"1 of 4 label maps are not in its manifest.jsonl, such as {out / 'labels/0.png'}" in found


def test_maps_of_several_recipes_are_told(out: Path) -> None:
    first, *rest = [json.loads(line) for line in (out / "manifest.jsonl").read_text().splitlines()]
    lines = [first | {"recipe": "0" * 16}, *rest]
    (out / "manifest.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (found,) = doubts(out)
    assert "by 2 recipes" in found
    assert doubt_maps(out, [out / "labels/b.png"]) == []
