"""Other projects' networks up to their classifier, each exact to its source; one file and one line each."""

from __future__ import annotations

from collections.abc import Callable

from hypsegcli.network.config import ModelConfig
from hypsegcli.network.imported.halo import HaloDeepLab
from hypsegcli.network.imported.mmseg import MmsegDeepLab
from hypsegcli.network.imported.reference import ReferenceDeepLab
from hypsegcli.network.imported.smp import SmpDeepLab
from hypsegcli.network.imported.topics import TopicsDeepLab
from hypsegcli.network.imported.torchvision_deeplab import TorchvisionDeepLab
from hypsegcli.network.imported.trunk import Trunk

TRUNKS: dict[str, Callable[[ModelConfig], Trunk]] = {
    "reference": ReferenceDeepLab,
    "torchvision": TorchvisionDeepLab,
    "smp": SmpDeepLab,
    "mmseg": MmsegDeepLab,
    "halo": HaloDeepLab,
    "topics": TopicsDeepLab,
}

__all__ = ["TRUNKS", "Trunk"]
