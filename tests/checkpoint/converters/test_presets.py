"""Data sets by name: as many nodes as the reference's models of them have outputs."""

from __future__ import annotations

from typing import get_args

import pytest

from hypsegcli.checkpoint.converters.presets import PresetName, load_preset

# Classes, nodes, and the outputs of the reference's models, which has some for label values that no class has.
SIZES = {"pascal": (21, 35, 35), "coco": (171, 233, 244), "ade20k": (150, 201, 201), "cityscapes": (19, 25, 25)}


@pytest.mark.parametrize("name", get_args(PresetName))
def test_a_preset_is_a_tree_of_its_size(name: PresetName) -> None:
    preset = load_preset(name)
    ids = preset.ids or tuple(range(preset.tree.classes))
    gaps = max(ids) + 1 - len(ids)
    assert (preset.tree.classes, preset.tree.nodes, preset.tree.nodes + gaps) == SIZES[name]
    assert sorted(set(ids)) == list(ids)
    assert len(ids) == preset.tree.classes


def test_some_of_their_trees() -> None:
    tree = load_preset("pascal").tree
    assert [tree.names[node] for node in tree.path(10)] == [
        "organic", "vertebrate", "placental", "ungulate", "bovid", "cow",
    ]  # fmt: skip
    coco = load_preset("coco")
    assert coco.ids is not None
    assert coco.tree.names[coco.ids.index(12)] == "stop_sign"
    tree = load_preset("cityscapes").tree
    assert [tree.names[tree.path(k)[0]] for k in (0, 10, 18)] == ["flat", "sky", "vehicle"]
