"""Published data sets: their classes, and the class trees and mean colours that the reference trained with.

One file a set: names and parents of the nodes, in the order of the reference's outputs, `classes` of them classes;
`ids`, the classes' label values, where those have gaps; `mean`, in RGB bytes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal, NamedTuple

from hypsegcli.files.text import read_text
from hypsegcli.hierarchy.tree import ClassTree

PresetName = Literal["pascal", "coco", "ade20k", "cityscapes"]


class Preset(NamedTuple):
    """What is known of a data set."""

    tree: ClassTree
    ids: tuple[int, ...] | None
    mean: tuple[float, float, float] | None


def load_preset(name: PresetName) -> Preset:
    """The preset of that name."""
    found = json.loads(read_text(Path(__file__).parent / "presets" / f"{name}.json"))
    tree = ClassTree(names=found["names"], parents=found["parents"], classes=found["classes"])
    ids, mean = found.get("ids"), found.get("mean")
    return Preset(tree, tuple(ids) if ids else None, tuple(mean) if mean else None)
