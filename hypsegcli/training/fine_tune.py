"""What is usual where a training starts from a checkpoint: its network, and steps that do not spoil it."""

from __future__ import annotations

from typing import Any

from hypsegcli.checkpoint.bundled import checkpoint_path
from hypsegcli.checkpoint.read_header import is_checkpoint, read_header
from hypsegcli.training.config import NETWORK

# Embedding and classifier first, alone: their gradients are those of a new head, and would undo what the layers below
# have learned. Then all, the backbone slowly. Batch norm stays as it came: a few dozen steps of crops, padded where
# images are small, leave it with statistics that whole images do not have. `benchmarks/few_images.py` compares ways.
EPOCHS, _HEAD_SHARE = 30, 3  # of all epochs a third
_LEARNING = {
    "learning_rate": 1e-3, "backbone_rate": 0.1, "freeze_batch_norm": True, "batch_size": 4, "validate_every": 5
}  # fmt: skip
# What is ours of another project's network, where that has been trained here before.
_OWN = ("embedding_size", "embedding_layers", "head", "curvature")


def fine_tuning(init: str, epochs: object = EPOCHS) -> dict[str, Any]:
    """The usual settings of a training of so many epochs that starts from `init`; none unless that is a checkpoint.

    The softmax is not among them, for the new classes may have a tree where the old ones had none. Raises
    CheckpointError for a checkpoint that is not there or is damaged.
    """
    if not init or init == "imagenet" or not is_checkpoint(path := checkpoint_path(init)):
        return {}
    model = read_header(path).model
    first = epochs // _HEAD_SHARE if isinstance(epochs, int) else 0
    names = NETWORK if not model.is_imported else _OWN if model.embedding_layers else ()
    network = {name: getattr(model, name) for name in names}
    return network | _LEARNING | {"epochs": epochs, "head_epochs": first}
