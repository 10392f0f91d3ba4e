"""Learner: a network and, where it is learned, its curvature."""

from __future__ import annotations

import math
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from hypsegcli.geometry.poincare import project
from hypsegcli.network.head import HyperbolicHead, ReferenceHead
from hypsegcli.network.model import Network, NetworkOutput
from hypsegcli.training.config import TrainConfig


class LearnedCurvature(nn.Module):
    """One free number whose softplus is c, so that c stays positive whatever a step does."""

    def __init__(self, start: float) -> None:
        super().__init__()
        # The inverse of softplus, in the form that does not overflow.
        self.raw = nn.Parameter(torch.tensor(start + math.log(-math.expm1(-start))))

    def forward(self) -> Tensor:
        """C as a scalar that gradients pass through."""
        return F.softplus(self.raw)


def moving_average(learner: Learner, decay: float) -> AveragedModel:
    """A copy of a learner that follows it: weights, and the statistics of batch norm.

    Early on it follows faster, by `(1 + n) / (10 + n)` after n steps, or it would long remember the random start.
    """

    def step(average: Tensor, now: Tensor, n: Tensor | int) -> Tensor:
        if not average.is_floating_point():  # batch norm's count of batches
            return now
        share = min(decay, (1.0 + float(n)) / (10.0 + float(n)))
        return torch.lerp(now, average, share)

    return AveragedModel(learner, avg_fn=step, use_buffers=True)


class Learner(nn.Module):
    """All that a step changes in a network, and all that a moving average is over."""

    def __init__(
        self, model: Network, *, learn_curvature: bool, train_only: str, freeze_batch_norm: bool = False
    ) -> None:
        super().__init__()
        self.model = model
        self.curvature = LearnedCurvature(model.config.curvature) if learn_curvature else None
        self.frozen: tuple[nn.Module, ...] = ()
        norms = tuple(module for module in model.modules() if isinstance(module, nn.BatchNorm2d))
        self.frozen_norms = norms if freeze_batch_norm else ()
        if train_only != "all":
            self.freeze()

    def freeze(self, still: bool = True) -> None:
        """Whether all but embedding and classifier stays as it is."""
        below = self.model.below_embedding
        self.frozen = below if still else ()
        for module in below:
            module.requires_grad_(not still)

    def train(self, mode: bool = True) -> Learner:
        """As usual, but batch norm that is frozen, or in frozen layers, keeps the statistics that it came with."""
        super().train(mode)
        for module in (*self.frozen, *self.frozen_norms):
            module.eval()
        return self

    def forward(self, image: Tensor) -> NetworkOutput:
        """As the network."""
        if self.curvature is not None:
            cast(HyperbolicHead, self.model.head).curvature = self.curvature()
        output: NetworkOutput = self.model(image)
        return output

    @torch.no_grad()
    def hold(self) -> None:
        """After a step: the reference head's offsets are points, and a step may have carried one out of the ball."""
        head = self.model.head
        if isinstance(head, ReferenceHead):
            head.offsets.copy_(project(head.offsets, c=head.config.curvature))

    def finished(self) -> Network:
        """The network with its curvature as a plain number: to be validated or saved. Training may go on after it."""
        if self.curvature is not None:
            c = float(self.curvature().detach())
            self.model.config = self.model.config.model_copy(update={"curvature": c})
            cast(HyperbolicHead, self.model.head).settle(self.model.config)
        return self.model


def memory_layout(config: TrainConfig) -> torch.memory_format:
    """In which images and kernels lie while they learn."""
    return torch.channels_last if config.channels_last else torch.contiguous_format
