"""`hypseg quantise` as typed: what it says of masks, what it writes, what it refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import Hypseg, make_checkpoint, photograph
from support.quantised import FACTS, pretend_to_quantise

from hypsegcli.checkpoint.store import load_checkpoint
from hypsegcli.hierarchy.tree import flat_tree
from hypsegcli.scores.brief import BriefScores


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[object, ...]:
    pretend_to_quantise(monkeypatch)
    (tmp_path / "masks").mkdir()
    for seed in range(3):
        with Image.open(photograph(tmp_path / "images" / f"{seed}.png", seed=seed)) as opened:
            width, height = opened.size
        Image.fromarray(np.full((height, width), seed, np.uint8)).save(tmp_path / "masks" / f"{seed}.png")
    plain = make_checkpoint(tmp_path / "plain.safetensors", flat_tree(["a", "b", "c"]))
    out = tmp_path / "out.safetensors"
    return ("quantise", tmp_path / "images", tmp_path / "masks", "-c", plain, "-o", out)


def test_it_writes_a_checkpoint_and_says_what_it_costs(hypseg: Hypseg, command: tuple[object, ...]) -> None:
    outcome = hypseg(*command)
    assert outcome.code == 0, outcome.stderr
    assert "1.8 times as fast here as in fp32; mean IoU 0.5000 to 0.5000" in outcome.stdout
    assert load_checkpoint(Path(str(command[-1]))).header.int8 == FACTS
    assert hypseg(*command).code == 2


def test_doubts_about_masks_are_told(hypseg: Hypseg, command: tuple[object, ...], tmp_path: Path) -> None:
    (tmp_path / "map.txt").write_text("1:0\n2:1\n")
    outcome = hypseg(*command, "--map", tmp_path / "map.txt")
    assert outcome.code == 0, outcome.stderr
    assert "the masks hold ids that --map does not list" in outcome.stderr


def test_what_loses_too_much_is_refused(
    hypseg: Hypseg, command: tuple[object, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = iter((BriefScores(0.5, 0.9, 0.1), BriefScores(0.4, 0.9, 0.1)))
    monkeypatch.setattr("hypsegcli.scores.quantise.try_out", lambda *_, **__: next(scores))
    outcome = hypseg(*command)
    assert outcome.code == 1
    assert "mean IoU falls from 0.5000 to 0.4000" in outcome.stderr
    assert not Path(str(command[-1])).exists()
