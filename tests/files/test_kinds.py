"""The kinds of output, held against what the commands write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from support import Hypseg, make_checkpoint, photograph

from hypsegcli.files.kinds import PREDICT, SELF_TOLD, UNCERTAINTY, base_of, folders_of_kinds, is_kind
from hypsegcli.hierarchy.tree import flat_tree
from hypsegcli.images.metadata import read_metadata


def test_the_kinds_that_say_in_a_picture_what_they_are(hypseg: Hypseg, tmp_path: Path) -> None:
    photograph(tmp_path / "in/a.png")
    many: dict[str, Any] = {"head": "prototypes", "backbone": "mobilenet_v3_small"}
    checkpoint = make_checkpoint(tmp_path / "x.safetensors", flat_tree(["sky", "road"]), **many)
    drawn = [kind for kind in PREDICT if kind != "polygons"]  # which take a package
    commands = [
        ("predict", "--checkpoint", str(checkpoint), "--save", ",".join(drawn), "--measure", "distance,entropy"),
        ("predict", "--save", "labels,confidence", "--format", "tif"),
        ("uncertainty",),
    ]
    for number, (command, *options) in enumerate(commands):
        assert hypseg(command, tmp_path / "in", "--out", tmp_path / f"out{number}", *options).code == 0
    pictures = [path for path in tmp_path.glob("out*/*/a.*") if path.suffix in {".png", ".tif"}]
    kinds = {base_of(path.parent.name) for path in pictures}
    assert kinds == {*drawn, *UNCERTAINTY} - {"probabilities", "embeddings"}
    telling = {path.parent.name for path in pictures if read_metadata(path) is not None}
    assert {base_of(kind) for kind in telling} == set(SELF_TOLD)
    assert "confidence-entropy" in telling
    assert all(is_kind(path.parent.name) for path in pictures)


def test_the_folders_of_kinds_of_a_folder(tmp_path: Path) -> None:
    for name in ("labels", "confidence-entropy", "elsewhere/overlay", "mine"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "doubt").touch()
    (tmp_path / "heatmap").symlink_to("elsewhere/overlay", target_is_directory=True)
    assert sorted(folders_of_kinds(tmp_path)) == ["confidence-entropy", "heatmap", "labels"]
    assert folders_of_kinds(tmp_path / "none") == []
