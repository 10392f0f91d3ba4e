"""`hypseg info`: what a checkpoint is, from its header."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import Hypseg, make_checkpoint

from hypsegcli.hierarchy.tree import flat_tree


@pytest.mark.parametrize(("background", "told"), [(None, "none"), (1, "rest of it")])
def test_the_background_is_told(hypseg: Hypseg, tmp_path: Path, background: int | None, told: str) -> None:
    tree = flat_tree(["cell", "rest of it"])
    path = make_checkpoint(tmp_path / "x.safetensors", tree, backbone="mobilenet_v3_small", background=background)
    line = next(line for line in hypseg("info", path).stdout.splitlines() if line.startswith("background"))
    assert line.removeprefix("background").strip() == told
