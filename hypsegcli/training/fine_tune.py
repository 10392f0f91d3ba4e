"""What is usual where a training starts from a checkpoint: its network, and steps that do not spoil it."""

from __future__ import annotations

from typing import Any

from hypsegcli.checkpoint.bundled import checkpoint_path
from hypsegcli.checkpoint.read_header import has_header, read_header

# Embedding and classifier first, alone: their gradients are those of a new head, and would undo what the layers below
# have learned. Then all, the backbone slowly. `benchmarks/few_images.py` has what else was tried.
EPOCHS, HEAD_SHARE = 60, 3  # of all epochs a third
LEARNING: dict[str, Any] = {"learning_rate": 1e-3, "backbone_rate": 0.1}
_NETWORK = (
    "backbone", "output_stride", "convolutions", "embedding_size", "embedding_layers", "head", "curvature", "softmax"
)  # fmt: skip


def fine_tuning(init: str, epochs: object = EPOCHS) -> dict[str, Any]:
    """The settings of a training of so many epochs that starts from `init`, where it is a checkpoint of hypseg's.

    None where it is not.

    Raises CheckpointError for a checkpoint that is not there or is damaged.
    """
    if not init or init == "imagenet":
        return {}
    path = checkpoint_path(init)
    if not (has_header(path) if path.suffix == ".safetensors" else path.name == "state.pt"):
        return {}
    model = read_header(path).model
    network = {name: getattr(model, name) for name in _NETWORK}
    if network["softmax"] == "flat":  # as that of a checkpoint without a tree is: the new classes may have one
        del network["softmax"]
    first = epochs // HEAD_SHARE if isinstance(epochs, int) else 0
    return network | LEARNING | {"epochs": epochs, "head_epochs": first}
