"""Torchvision's DeepLabV3, from the state that `torch.save(model.state_dict(), FILE)` writes."""

from __future__ import annotations

import torch

from hypsegcli.checkpoint.converters.converted import Converted, Normalised, Told
from hypsegcli.checkpoint.converters.source import Source, as_float32
from hypsegcli.errors import CheckpointError
from hypsegcli.network.config import ModelConfig
from hypsegcli.network.imported import TRUNKS

_CLASSIFIER = "classifier.4"


class TorchvisionConverter:
    """`deeplabv3_resnet50`, `_resnet101` and `_mobilenet_v3_large`; the auxiliary classifier is left out."""

    def recognises(self, source: Source) -> bool:
        """As in `Converter`."""
        return f"{_CLASSIFIER}.weight" in source.tensors and "classifier.0.convs.0.0.weight" in source.tensors

    def convert(self, source: Source, told: Told) -> Converted:
        """As in `Converter`."""
        backbone = _backbone(source)
        weight = as_float32(source.tensors[f"{_CLASSIFIER}.weight"])
        config = {
            "network": "torchvision",
            "backbone": backbone,
            "output_stride": 16 if backbone == "mobilenet_v3_large" else 8,
            "rates": (12, 24, 36),
            "embedding_layers": 0,
            "embedding_size": 256,
            "head": "euclidean",
        }
        with torch.device("meta"):
            trunk = TRUNKS["torchvision"](ModelConfig.model_validate({**config, "nodes": 2}))
        names = {f"trunk.{name}": name for name in trunk.state_dict()}
        names |= {f"head.classify.{part}": f"{_CLASSIFIER}.{part}" for part in ("weight", "bias")}
        state = source.take(names, unused=lambda name: name.startswith("aux_classifier."))
        mean, std = told.mean or Normalised().mean, told.std or Normalised().std
        return Converted(config, state, len(weight), Normalised(mean, std))


def _backbone(source: Source) -> str:
    if "backbone.layer1.0.conv1.weight" not in source.tensors:
        return "mobilenet_v3_large"
    blocks = sum(name.startswith("backbone.layer3.") and name.endswith(".conv1.weight") for name in source.tensors)
    found = {6: "resnet50", 23: "resnet101"}.get(blocks)
    if found is None:
        raise CheckpointError(f"{source.path}: a ResNet of {blocks} blocks in its third stage; expected 6 or 23")
    return found
