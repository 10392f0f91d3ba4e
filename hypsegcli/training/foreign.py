"""The weights of a backbone in what other tools save: part of a larger network, in a container, under longer names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

# Where training tools put the weights beside an optimizer's state, and a counter or two.
_CONTAINERS = ("state_dict", "model_state_dict", "model", "net", "network", "teacher")
# What stands before a backbone's own names: torch's wrappers, and what torchvision's and
# segmentation_models_pytorch's networks for segmentation call their backbone.
_PREFIXES = ("module.", "_orig_mod.", "model.", "net.", "network.", "backbone.", "encoder.")


def backbone_weights(content: Any) -> dict[str, Tensor]:
    """The tensors of a backbone by its own names, as far as they can be told; empty where `content` holds no weights.

    Of a network for segmentation only what lies below `backbone.` or `encoder.` is taken.
    """
    while isinstance(content, Mapping) and not _are_weights(content):
        content = next((content[name] for name in _CONTAINERS if isinstance(content.get(name), Mapping)), None)
    if not isinstance(content, Mapping):
        return {}
    tensors = dict(content)
    while (prefix := next((one for one in _PREFIXES if any(key.startswith(one) for key in tensors)), None)) is not None:
        tensors = {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
    return tensors


def _are_weights(content: Mapping[Any, Any]) -> bool:
    return bool(content) and all(isinstance(key, str) and isinstance(value, Tensor) for key, value in content.items())
