"""What a step changes: a network whose classes are clusters, and a second head of more clusters beside its own."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hypsegcli.network.deeplab import ASPP_CHANNELS
from hypsegcli.network.head import HEADS
from hypsegcli.network.model import HyperbolicDeepLab, Network

HeadName = Literal["over", "own"]  # A and B of the paper


class ClusterLearner(nn.Module):
    """A network and a second head, `over`, of more clusters on the same embedding; that one is not kept.

    The mean of the image, which ASPP joins to every place, is cut off: it says which image a place is in, and clusters
    that are images tell all that there is to know of one place from another without looking at either.
    """

    def __init__(self, model: Network, *, over: int, freeze_batch_norm: bool = False) -> None:
        super().__init__()
        self.model = model
        self.over = HEADS[model.config.head](model.config.model_copy(update={"nodes": over}))
        norms = tuple(module for module in model.modules() if isinstance(module, nn.BatchNorm2d))
        self.frozen_norms = norms if freeze_batch_norm else ()
        self.hold()

    def train(self, mode: bool = True) -> ClusterLearner:
        """As usual, but batch norm that is frozen keeps the statistics that it came with."""
        super().train(mode)
        for module in self.frozen_norms:
            module.eval()
        return self

    @torch.no_grad()
    def hold(self) -> None:
        """Before the first step and after each: weights that are to be 0 are."""
        if isinstance(self.model, HyperbolicDeepLab):
            joining = self.model.aspp.join[0]
            assert isinstance(joining, nn.Conv2d)
            joining.weight[:, -ASPP_CHANNELS:] = 0.0

    def forward(self, first: Tensor, second: Tensor, mirrored: Tensor, *, head: HeadName) -> tuple[Tensor, Tensor]:
        """(B, K, h, w) probabilities of clusters at the same places of two views.

        The views are normalised images (B, 3, H, W); `mirrored` (B,) tells where the second is, whose answers are
        mirrored back.
        """
        embedding = self.model.embed(torch.cat([first, second]))
        with torch.autocast(embedding.device.type, enabled=False):
            logits, _ = (self.over if head == "over" else self.model.head)(embedding)
        one, other = logits.softmax(1).chunk(2)
        return one, torch.where(mirrored[:, None, None, None], other.flip(-1), other)


def where_seen(seen: Tensor, probabilities: Tensor) -> Tensor:
    """The probabilities (B, K, h, w), 0 in cells of which more than half shows nothing; `seen` is (B, H, W) bool."""
    cells = F.interpolate(seen[:, None].float(), size=probabilities.shape[-2:], mode="area")
    return probabilities * (cells >= 0.5)
