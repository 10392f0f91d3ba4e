"""One file per family; one line each in the registry, but for timm's, which has a registry of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from torch import Tensor

from hypsegcli.network.backbones.efficientnet_lite import efficientnet_lite_features
from hypsegcli.network.backbones.features import Backbone, Features
from hypsegcli.network.backbones.mobilenet import mobilenet_features
from hypsegcli.network.backbones.resnet import resnet_features
from hypsegcli.network.backbones.timm_features import TimmFeatures, timm_features, timm_stages
from hypsegcli.network.config import TIMM


class Family(Protocol):
    """Builds one of its networks: by its name, at an output stride, from weights for ImageNet or random ones."""

    def __call__(self, name: str, output_stride: int, weights: Mapping[str, Tensor] | None = None, /) -> Features:
        """See the families' own functions."""


REGISTRY: dict[str, Family] = {
    "resnet18": resnet_features,
    "resnet18_c4": resnet_features,
    "resnet50": resnet_features,
    "resnet101": resnet_features,
    "mobilenet_v3_small": mobilenet_features,
    "mobilenet_v3_large": mobilenet_features,
    "efficientnet_lite0": efficientnet_lite_features,
    "efficientnet_lite2": efficientnet_lite_features,
}


def build_backbone(name: str, output_stride: int, weights: Mapping[str, Tensor] | None = None) -> Backbone:
    """A backbone by its name, one of the registry or `timm:` and one of timm's, as its family builds it."""
    if name.startswith(TIMM):
        return timm_features(name, output_stride, weights)
    return REGISTRY[name](name, output_stride, weights)


__all__ = ["REGISTRY", "Backbone", "Features", "TimmFeatures", "build_backbone", "timm_stages"]
