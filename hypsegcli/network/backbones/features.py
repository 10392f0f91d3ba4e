"""Backbone: what every network becomes. Features: one cut in two, and the conversion of stride to dilation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

_CLASSIFIERS = ("fc.", "classifier.")  # what torchvision calls the part that is cut off


class Normalisation(NamedTuple):
    """What a backbone's input is: `(rgb / 255 - mean) / std`, by channel."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]


IMAGENET = Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))  # torchvision's, and most of timm's


class Backbone(nn.Module):
    """A classifier without its classifying part: an image to a finer and a coarser map of features."""

    exportable = True  # whether torch can trace it for images of any size

    def __init__(self, low_channels: int, high_channels: int, *, normalisation: Normalisation = IMAGENET) -> None:
        super().__init__()
        self.normalisation = normalisation
        self.low_channels = low_channels
        self.high_channels = high_channels

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Image (B, 3, H, W), H and W multiples of 16, to two maps, s being the output stride.

        `low` is (B, low_channels, H / 4, W / 4), `high` is (B, high_channels, H / s, W / s).
        """
        raise NotImplementedError


class Features(Backbone):
    """A network cut in two: up to stride 4, and from there to the output stride."""

    def __init__(
        self,
        low: nn.Module,
        high: nn.Module,
        low_channels: int,
        high_channels: int,
        *,
        normalisation: Normalisation = IMAGENET,
    ) -> None:
        super().__init__(low_channels, high_channels, normalisation=normalisation)
        self.low = low
        self.high = high

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """As in `Backbone`."""
        low = self.low(image)
        return low, self.high(low)


def first_cells(found: Tensor, rows: int, columns: int) -> Tensor:
    """Of a map (B, C, h, w) that reaches beyond its image, the first rows and columns.

    By indices, since tracing takes a slice for a promise about the size of the image.
    """
    for axis, length in ((2, rows), (3, columns)):
        if torch.compiler.is_exporting():
            found = found.index_select(axis, torch.arange(length, device=found.device))
        else:
            found = found.narrow(axis, 0, length)
    return found


def torchvision_name(name: str) -> str:
    """What torchvision calls the network that a backbone is cut from."""
    return name.removesuffix("_c4")


def torchvision_model(name: str, weights: Mapping[str, Tensor] | None) -> Any:
    """Torchvision's classifier of a backbone, with random weights or with those given, whatever its classes.

    Raises ValueError or RuntimeError where the given ones are not those of this network.
    """
    from torchvision import models  # imports PyTorch's compiler, for a second; others need neither

    net = models.get_model(torchvision_name(name), weights=None)
    if weights is not None:
        wanted = {key: value for key, value in weights.items() if not key.startswith(_CLASSIFIERS)}
        load_trunk(net, wanted, without=_CLASSIFIERS)
    return net


def load_trunk(net: nn.Module, weights: Mapping[str, Tensor], *, without: tuple[str, ...] = ()) -> None:
    """Load weights of all tensors but those whose names start with one of `without`.

    Raises ValueError where names are missing or unknown, RuntimeError where shapes differ.
    """
    keys = net.load_state_dict(weights, strict=False)
    missing = [key for key in keys.missing_keys if not key.startswith(without)]
    if missing or keys.unexpected_keys:
        raise ValueError(f"{len(missing)} tensors are missing, {len(keys.unexpected_keys)} unexpected")


def stride_to_dilation(stage: nn.Module, *, entering: int, dilation: int) -> None:
    """Take the stride of 2 out of a stage and spread its kernels instead, so that they see the same pixels.

    The strided convolution keeps the dilation of the stage before (`entering`); the ones after it get `dilation`.
    """
    for layer in stage.modules():
        if not isinstance(layer, nn.Conv2d):
            continue
        spread = dilation
        if layer.stride == (2, 2):
            layer.stride = (1, 1)
            spread = entering
        kernel = layer.kernel_size[0]
        if kernel > 1:
            layer.dilation = (spread, spread)
            layer.padding = ((kernel - 1) // 2 * spread,) * 2
