"""One file per family; one line each in the registry."""

from __future__ import annotations

from collections.abc import Callable

from hypsegcli.network.backbones.features import Features
from hypsegcli.network.backbones.mobilenet import mobilenet_features
from hypsegcli.network.backbones.resnet import resnet_features

REGISTRY: dict[str, Callable[[str, int], Features]] = {
    "resnet18": resnet_features,
    "resnet50": resnet_features,
    "resnet101": resnet_features,
    "mobilenet_v3_large": mobilenet_features,
}

__all__ = ["REGISTRY", "Features"]
