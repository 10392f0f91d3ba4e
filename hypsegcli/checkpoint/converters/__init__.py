"""Checkpoints of other projects; one file a format, one line each in the registry."""

from __future__ import annotations

from hypsegcli.checkpoint.converters.converted import Converter
from hypsegcli.checkpoint.converters.halo import HaloConverter
from hypsegcli.checkpoint.converters.hierahyp import HierahypConverter
from hypsegcli.checkpoint.converters.mmseg import MmsegConverter
from hypsegcli.checkpoint.converters.reference import ReferenceConverter
from hypsegcli.checkpoint.converters.smp import SmpConverter
from hypsegcli.checkpoint.converters.topics import TopicsConverter
from hypsegcli.checkpoint.converters.torchvision_deeplab import TorchvisionConverter

CONVERTERS: dict[str, Converter] = {
    "reference": ReferenceConverter(),
    "torchvision": TorchvisionConverter(),
    "smp": SmpConverter(),
    "mmseg": MmsegConverter(),
    "hierahyp": HierahypConverter(),
    "halo": HaloConverter(),
    "topics": TopicsConverter(),
}
