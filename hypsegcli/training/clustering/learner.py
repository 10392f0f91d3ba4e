"""What a step changes: a network whose classes are clusters, and a second head of more clusters beside its own."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hypsegcli.network.backbones.features import Features
from hypsegcli.network.deeplab import ASPP_CHANNELS
from hypsegcli.network.head import HEADS
from hypsegcli.network.model import HyperbolicDeepLab

HeadName = Literal["over", "own"]  # A and B of the paper


class ClusterLearner(nn.Module):
    """A network and a second head, `over`, of more clusters on the same embedding; that one is not kept.

    Clusters see what is near, as the paper's small network does: the decoder takes the backbone's map of stride 4
    alone. What ASPP adds sees all of a view: which image it is of, and how far its borders are, and clusters that are
    images, or bands across them, have all the information that is asked for and say nothing of what is seen. Those
    layers stay as they came, and a training that starts from the network may learn to use them.
    """

    def __init__(self, model: HyperbolicDeepLab, *, over: int, freeze_batch_norm: bool = False) -> None:
        super().__init__()
        self.model = model
        self.over = HEADS[model.config.head](model.config.model_copy(update={"nodes": over}))
        deep = model.backbone.high if isinstance(model.backbone, Features) else nn.Identity()
        self.unused = (deep, model.aspp)
        norms = tuple(module for module in model.modules() if isinstance(module, nn.BatchNorm2d))
        self.frozen_norms = norms if freeze_batch_norm else ()
        self.hold()

    def train(self, mode: bool = True) -> ClusterLearner:
        """As usual, but what is not used, and batch norm that is frozen, keeps the statistics that it came with."""
        super().train(mode)
        for module in (*self.unused, *self.frozen_norms):
            module.eval()
        return self

    @torch.no_grad()
    def hold(self) -> None:
        """Before the first step and after each: weights of what ASPP says are 0 in the decoder."""
        # The first convolution that joins channels: the one before it, where there is one, goes channel by channel.
        joining = [layer for layer in self.model.decoder.refine[0].modules() if isinstance(layer, nn.Conv2d)][-1]
        joining.weight[:, :ASPP_CHANNELS] = 0.0

    def forward(self, first: Tensor, second: Tensor, mirrored: Tensor, *, head: HeadName) -> tuple[Tensor, Tensor]:
        """(B, K, h, w) probabilities of clusters at the same places of two views.

        The views are normalised images (B, 3, H, W); `mirrored` (B,) tells where the second is, whose answers are
        mirrored back.
        """
        embedding = self._embed(torch.cat([first, second]))
        with torch.autocast(embedding.device.type, enabled=False):
            logits, _ = (self.over if head == "over" else self.model.head)(embedding)
        one, other = logits.softmax(1).chunk(2)
        return one, torch.where(mirrored[:, None, None, None], other.flip(-1), other)

    def _embed(self, images: Tensor) -> Tensor:
        """As `model.embed`, without what gradients of the unused layers would take."""
        backbone = self.model.backbone
        if isinstance(backbone, Features):
            low = backbone.low(images)
            with torch.no_grad():
                high = backbone.high(low)
        else:
            low, high = backbone(images)
        with torch.no_grad():
            high = self.model.aspp(high)
        embedding: Tensor = self.model.decoder(low, high).float()
        return embedding


def side_by_side(first: Tensor, second: Tensor, seen: Tensor, shift: Tensor) -> tuple[Tensor, Tensor]:
    """(B, K, h, w) answers of two views at the same places of the image, those of the first; 0 where there are none.

    There are none where a view does not reach, and in cells more than half of which shows nothing: `seen` is
    (B, 2, H, W) bool. `shift` (B, 2) are the rows and columns of cells by which the second view lies behind the first.
    """
    cells = F.interpolate(seen.float(), size=first.shape[-2:], mode="area") >= 0.5
    first, second = first * cells[:, :1], second * cells[:, 1:]
    height, width = first.shape[-2:]
    moved = []
    for answers, (rows, columns) in zip(second, shift.tolist(), strict=True):
        # Views that do not meet are as far apart as they are large.
        down, across = max(-height, min(height, rows)), max(-width, min(width, columns))
        # Cut off what lies before the first view, or behind it, and fill up on the other side.
        kept = answers[:, max(0, -down) : height - max(0, down), max(0, -across) : width - max(0, across)]
        moved.append(F.pad(kept, (max(0, across), max(0, -across), max(0, down), max(0, -down))))
    return first, torch.stack(moved)
