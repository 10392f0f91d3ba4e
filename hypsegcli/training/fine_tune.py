"""What is usual where a training starts from a checkpoint: its network, and steps that do not spoil it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from hypsegcli.checkpoint.bundled import checkpoint_path
from hypsegcli.checkpoint.read_header import is_checkpoint, read_header
from hypsegcli.hierarchy.alike import match_names
from hypsegcli.training.config import NETWORK, TrainConfig
from hypsegcli.training.layouts import Reading, open_source

# Embedding and classifier first, alone, where they are to learn new classes: their gradients are those of a new head,
# and would undo what the layers below have learned. Then all, the backbone slowly. Of few images batch norm stays as it
# came: a few dozen steps of crops, padded where images are small, leave it with statistics that whole images do not
# have. Of a hundred it learns, in larger steps; more of them need fewer epochs. `benchmarks/few_images.py` compares
# ways; what is for 1,000 images goes on from what is best for 100, and has not been compared with anything.
_PRESETS: dict[str, dict[str, Any]] = {
    "10": {
        "epochs": 30, "batch_size": 4, "learning_rate": 1e-3, "freeze_batch_norm": True, "validate_every": 5,
        "patience": 0,
    },
    "100": {
        "epochs": 15, "batch_size": 8, "learning_rate": 2e-3, "freeze_batch_norm": False, "validate_every": 1,
        "patience": 5,
    },
    "1000": {
        "epochs": 10, "batch_size": 8, "learning_rate": 2e-3, "freeze_batch_norm": False, "validate_every": 1,
        "patience": 3,
    },
}  # fmt: skip
_HEAD_SHARE = {"10": 3, "100": 5, "1000": 5}  # of all epochs the classifier alone has a third, or a fifth
_ALWAYS = {"backbone_rate": 0.1}
_GENTLE = 0.3  # of the rate, where all classes are known
# From so many images on. Of 48 images batch norm has too few steps to find statistics of its own.
_FROM = {"1000": 400, "100": 64, "10": 0}
# What is ours of another project's network, where that has been trained here before.
_OWN = ("embedding_size", "embedding_layers", "head", "curvature")


class Glance(NamedTuple):
    """What is seen of the data before any file is read: enough to choose how to go on from a checkpoint."""

    images: int  # to train on
    classes: tuple[str, ...]


def glance_at(data: Path, config: TrainConfig) -> Glance:
    """Count a folder's images to train on. Raises DataError, PlanError or TreeError as `open_source` does."""
    source = open_source(data, config.layout, Reading.of(config))
    return Glance(len(source.pairs("train")), source.tree.names[: source.tree.classes])


def starts_from_checkpoint(init: str) -> bool:
    """Whether `init` names one. CheckpointError where it names a file that is not there, or is damaged."""
    return bool(init) and init != "imagenet" and is_checkpoint(checkpoint_path(init))


def fine_tuning(
    init: str, *, preset: str = "auto", epochs: object = None, glance: Glance | None = None
) -> dict[str, Any]:
    """The usual settings of a training that starts from `init`; none unless that is a checkpoint.

    They are those of a preset; for `auto`, of the one for about the number of images, or for 10 where nobody
    has counted. `epochs`, where they are given, are shared out alike. Where all classes are known
    already, all layers learn from the first epoch on, gently. Steps take no more images than there are.
    The softmax is not among them, for the new classes may have a tree where the old ones had none. Raises
    CheckpointError for a checkpoint that is not there or is damaged.
    """
    if not starts_from_checkpoint(init):
        return {}
    header = read_header(checkpoint_path(init))
    model = header.model
    names = NETWORK if not model.is_imported else _OWN if model.embedding_layers else ()
    network = {name: getattr(model, name) for name in names}
    if preset == "auto":
        images = glance.images if glance else 0
        preset = next(name for name, least in _FROM.items() if images >= least)
    learning = {"preset": preset, **_ALWAYS, **_PRESETS.get(preset, {})}
    if glance:
        learning["batch_size"] = max(2, min(learning.get("batch_size", 2), glance.images))
    known = header.tree.names[: header.tree.classes]
    if glance and len(match_names(glance.classes, known)) == len(glance.classes):
        learning |= _gently(learning)
        first = 0
    else:
        chosen = learning.get("epochs", 0) if epochs is None else epochs
        first = chosen // _HEAD_SHARE.get(preset, 1) if isinstance(chosen, int) else 0
    learning |= {} if epochs is None else {"epochs": epochs}
    return network | learning | {"head_epochs": first}


def _gently(learning: dict[str, Any]) -> dict[str, Any]:
    """What is otherwise where a network knows all classes already, and is to be corrected, not to begin anew.

    At the full rate, and with batch norm that learns, mIoU fell from 94 to 51 % in the first epochs on 48 images of
    nuclei, from where it had to climb again.
    """
    if not learning.keys() >= {"epochs", "learning_rate"}:
        return {}  # of no preset
    preset = learning["preset"]
    return {
        "epochs": learning["epochs"] - learning["epochs"] // _HEAD_SHARE[preset],
        "learning_rate": round(_GENTLE * learning["learning_rate"], 6),
        "freeze_batch_norm": True,
    }
