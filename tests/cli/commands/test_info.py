"""`hypseg info`: the bundled models, and what a checkpoint is, from its header."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support import Hypseg, make_checkpoint

from hypsegcli.checkpoint.bundled import DEFAULT, MODELS, BundledModel, bundled_checkpoint
from hypsegcli.checkpoint.format import Ancestor
from hypsegcli.checkpoint.read_header import read_header
from hypsegcli.checkpoint.store import load_checkpoint, save_checkpoint
from hypsegcli.hierarchy.tree import flat_tree

each_model = pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)


@each_model
def test_without_a_checkpoint_every_bundled_model_is_listed(hypseg: Hypseg, model: BundledModel) -> None:
    path = bundled_checkpoint(model.name)
    header, megabytes = read_header(path), path.stat().st_size / 1e6
    shown = hypseg("info").stdout
    (row,) = (line for line in shown.splitlines() if line.split()[:1] == [model.name])
    assert all(alias in row for alias in model.aliases)
    score = header.provenance.scores["mean_iou"]
    assert row.split(f" {megabytes:.1f} ")[1].split(maxsplit=1) == [f"{score:.4f}", model.world]
    assert row.split(f" {megabytes:.1f} ")[0].split()[-1] == str(header.tree.classes)
    assert row.index(model.world) == shown.splitlines()[1].index("knows"), "words begin below their heading"
    assert shown.splitlines()[-1].startswith("hypseg info NAME says more")
    (entry,) = (each for each in json.loads(hypseg("info", "--json").stdout) if each["name"] == model.name)
    assert entry == {
        "name": model.name,
        "world": model.world,
        "aliases": list(model.aliases),
        "classes": list(header.tree.names[: header.tree.classes]),
        "megabytes": round(megabytes, 1),
        "mean_iou": score,
        "file": str(path),
        "is_default": DEFAULT in (model.name, *model.aliases),
    }


@each_model
def test_a_name_and_an_alias_stand_for_the_file(hypseg: Hypseg, model: BundledModel) -> None:
    path = bundled_checkpoint(model.name)
    shown = [hypseg("info", called).stdout for called in (path, model.name, *model.aliases)]
    assert len(set(shown)) == 1
    assert str(path) in shown[0]
    assert json.loads(hypseg("info", model.name, "--json").stdout) == json.loads(read_header(path).model_dump_json())


def test_a_wrong_name_exits_1_with_those_that_there_are(hypseg: Hypseg) -> None:
    outcome = hypseg("info", "strets")
    assert (outcome.code, outcome.stdout) == (1, "")
    assert "did you mean streets?" in outcome.stderr
    for model in MODELS:
        assert model.name in outcome.stderr


def test_it_tells_the_decoder_that_has_no_stride_of_its_own(hypseg: Hypseg, tmp_path: Path) -> None:
    tree = flat_tree(["a", "b"])
    path = make_checkpoint(tmp_path / "a.safetensors", tree, backbone="timm:test_convnext", decoder="mlp")
    (row,) = (line for line in hypseg("info", path).stdout.splitlines() if line.startswith("network"))
    assert row.split(maxsplit=1)[1] == "SegFormer's all-MLP decoder on timm:test_convnext"


def test_it_tells_what_matters(hypseg: Hypseg) -> None:
    header = read_header(bundled_checkpoint())
    text = hypseg("info", bundled_checkpoint()).stdout
    assert header.model.backbone in text
    assert f"D = {header.model.embedding_size}" in text
    assert "c = 1" in text
    for name in header.tree.names:
        assert name in text
    assert header.provenance.licence in text


def test_what_it_started_from_is_told_with_its_data_and_its_terms(hypseg: Hypseg, tmp_path: Path) -> None:
    path = make_checkpoint(tmp_path / "x.safetensors", flat_tree(["a", "b"]), backbone="mobilenet_v3_small")
    assert "ancestors" not in hypseg("info", path).stdout
    loaded = load_checkpoint(path)
    ancestors = tuple(
        Ancestor(name=name, trained_on="these", licence="CC BY-NC 4.0", initialised_from="those") for name in ("1", "2")
    )
    made = loaded.header.provenance.model_copy(update={"ancestors": ancestors})
    save_checkpoint(path, loaded.header.model_copy(update={"provenance": made}), loaded.model.state_dict())
    line = next(line for line in hypseg("info", path).stdout.splitlines() if line.startswith("ancestors"))
    told = "(trained on these; started from those; licence CC BY-NC 4.0)"
    assert line.removeprefix("ancestors").strip() == f"1 {told}; 2 {told}"


@pytest.mark.parametrize(
    ("side", "shown", "told"),
    [
        (None, "grows", "larger ones show more, and are not shrunk"),
        (48, "grows", "larger ones show more, and yet are shrunk to 48 pixels"),
        (None, "fixed", "larger ones show the same larger, and yet are not shrunk"),
        (48, "fixed", "larger ones are shrunk to 48 pixels"),
        (None, None, "larger ones are not shrunk"),
        (48, None, "larger ones are shrunk to 48 pixels"),
    ],
)
def test_what_larger_images_show_and_what_becomes_of_them_are_two_things(
    hypseg: Hypseg, tmp_path: Path, side: int | None, shown: str | None, told: str
) -> None:
    path = make_checkpoint(tmp_path / "x.safetensors", flat_tree(["a", "b"]), backbone="mobilenet_v3_small")
    loaded = load_checkpoint(path)
    size = loaded.header.input.model_copy(update={"longest_side": side, "field_of_view": shown})
    save_checkpoint(path, loaded.header.model_copy(update={"input": size}), loaded.model.state_dict())
    line = next(line for line in hypseg("info", path).stdout.splitlines() if line.startswith("input"))
    assert line.endswith(f"; {told}")


@pytest.mark.parametrize(("background", "told"), [(None, "none"), (1, "rest of it")])
def test_the_background_is_told(hypseg: Hypseg, tmp_path: Path, background: int | None, told: str) -> None:
    tree = flat_tree(["cell", "rest of it"])
    path = make_checkpoint(tmp_path / "x.safetensors", tree, backbone="mobilenet_v3_small", background=background)
    line = next(line for line in hypseg("info", path).stdout.splitlines() if line.startswith("background"))
    assert line.removeprefix("background").strip() == told
