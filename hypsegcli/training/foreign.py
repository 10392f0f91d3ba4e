"""The weights of a backbone in what other tools save: part of a larger network, in a container, under longer names."""

from __future__ import annotations

import re
from typing import Any

from torch import Tensor

from hypsegcli.checkpoint.converters.source import unwrap

# What stands before a backbone's own names: torch's wrappers, and what torchvision's and
# segmentation_models_pytorch's networks for segmentation call their backbone.
_PREFIXES = ("module.", "_orig_mod.", "model.", "net.", "network.", "backbone.", "encoder.")
_OF_A_BLOCK = re.compile(r"[0-9]+\.")


def backbone_weights(content: Any) -> dict[str, Tensor]:
    """The tensors of a backbone by its own names, as far as they can be told; empty where `content` holds no weights.

    Of a network for segmentation only what lies below `backbone.` or `encoder.` is taken. torchvision's
    `IntermediateLayerGetter` leaves out the name `features`, so that the blocks of a MobileNet are numbers there.
    """
    tensors = unwrap(content).tensors
    while (prefix := next((one for one in _PREFIXES if any(key.startswith(one) for key in tensors)), None)) is not None:
        tensors = {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
    if tensors and all(_OF_A_BLOCK.match(key) for key in tensors):
        return {f"features.{key}": value for key, value in tensors.items()}
    return tensors
