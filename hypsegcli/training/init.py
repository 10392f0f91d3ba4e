"""Where a network's first weights come from: chance, torchvision, a backbone file, another checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.error import URLError

import torch
from torch import Tensor
from torchvision import models

from hypsegcli.checkpoint.peek import require_file
from hypsegcli.checkpoint.store import load_checkpoint
from hypsegcli.errors import CheckpointError, DataError
from hypsegcli.hierarchy.tree import ClassTree
from hypsegcli.network.backbones import REGISTRY
from hypsegcli.network.backbones.features import torchvision_name
from hypsegcli.network.model import HyperbolicDeepLab

_NAMED = 3


def initialise(model: HyperbolicDeepLab, source: str, tree: ClassTree, *, head: bool) -> str:
    """Replace random weights by those that `source` names; returns in words what was taken.

    `source` is empty, `imagenet`, or a file. Without `head`, embedding and classifier stay random. Raises
    CheckpointError for a file that cannot be read or fits nowhere.
    """
    if not source:
        return "random weights"
    if source == "imagenet":
        return _from_torchvision(model)
    path = Path(source)
    require_file(path)
    if _is_ours(path):
        return _from_checkpoint(model, path, tree, head=head)
    try:
        content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # the unpickler lets almost any through when the bytes are damaged
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckpointError(f"{path}: cannot be read as plain weights ({reason})") from error
    if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()):
        raise CheckpointError(f"{path}: holds no plain weights; expected a hypseg checkpoint or torchvision's own file")
    return _into_backbone(model, content, f"{path.name}")


def _is_ours(path: Path) -> bool:
    return path.suffix == ".safetensors" or path.name == "state.pt"


def _from_torchvision(model: HyperbolicDeepLab) -> str:
    name = model.config.backbone
    try:
        # Not `progress`: it prints.
        weights = models.get_model_weights(torchvision_name(name)).DEFAULT.get_state_dict(
            progress=False, check_hash=True
        )
    except (URLError, OSError, RuntimeError) as error:
        return f"random weights: torchvision's for {name} cannot be had here ({error})"
    return _into_backbone(model, weights, f"torchvision's ImageNet weights of {name}")


def _into_backbone(model: HyperbolicDeepLab, weights: Mapping[str, Tensor], called: str) -> str:
    name = model.config.backbone
    try:
        filled = REGISTRY[name](name, model.config.output_stride, weights)
    except (RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise CheckpointError(f"{called}: not the weights of torchvision's {name} ({reason})") from error
    model.backbone.load_state_dict(filled.state_dict())
    return f"backbone from {called}; ASPP, decoder and head from random weights"


def _from_checkpoint(model: HyperbolicDeepLab, path: Path, tree: ClassTree, *, head: bool) -> str:
    other = load_checkpoint(path)
    theirs, ours = other.header.model.backbone, model.config.backbone
    # A network cut shorter may start from a whole one; of others some tensors would fit, and mean nothing.
    if torchvision_name(theirs) != torchvision_name(ours):
        raise DataError(f"--init {path}: its backbone is {theirs}, not {ours}; choose that one or another file")
    # Rows of a head belong to classes; those of other classes mean nothing here, even where the shapes fit.
    same_classes = other.header.tree == tree and other.header.model.head == model.config.head
    left_out = () if head and same_classes else ("head.",) if head else ("head.", "decoder.embed.")
    source, target = other.model.state_dict(), model.state_dict()
    taken = {
        name: source[name]
        for name, tensor in target.items()
        if name in source and source[name].shape == tensor.shape and not name.startswith(left_out)
    }
    model.load_state_dict(target | taken)
    left = [name for name in target if name not in taken]
    if not left:
        return f"all {len(target)} tensors from {path.name}"
    more = ", ..." if len(left) > _NAMED else ""
    return f"{len(taken)} of {len(target)} tensors from {path.name}; random: {', '.join(left[:_NAMED])}{more}"
