"""What is told by the names of tensors: those of a trunk and of a classifier, and which ResNet it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch

from hypsegcli.checkpoint.converters.source import Source
from hypsegcli.errors import CheckpointError
from hypsegcli.network.config import ModelConfig
from hypsegcli.network.imported import TRUNKS


def trunk_names(config: Mapping[str, Any], theirs: Callable[[str], str] = lambda name: name) -> dict[str, str]:
    """Our names of the tensors of a configuration's trunk to those of the project, by default the same."""
    model = ModelConfig.model_validate({**config, "nodes": 2})
    with torch.device("meta"):
        trunk = TRUNKS[model.network](model)
    return {f"trunk.{name}": theirs(name) for name in trunk.state_dict()}


def classifier_names(theirs: str) -> dict[str, str]:
    """Our names of a Euclidean classifier's tensors to those of a 1x1 convolution of the project's."""
    return {f"head.classify.{part}": f"{theirs}.{part}" for part in ("weight", "bias")}


def bottleneck_resnet(source: Source, backbone: str) -> str:
    """`resnet50` or `resnet101`, by the blocks of the third stage below `backbone`; CheckpointError for another."""
    stage = f"{backbone}layer3."
    blocks = len({name.removeprefix(stage).split(".")[0] for name in source.tensors if name.startswith(stage)})
    found = {6: "resnet50", 23: "resnet101"}.get(blocks)
    if found is None or f"{stage}0.conv3.weight" not in source.tensors:
        raise CheckpointError(
            f"{source.path}: its backbone is none of the ResNets 50 and 101, of 6 and 23 bottlenecks in the third "
            f"stage, where it has {blocks}; others are not read"
        )
    return found
