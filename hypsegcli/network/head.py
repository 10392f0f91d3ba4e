"""The classifiers: tangent vectors in, logits and distance to the origin out. All behind one interface."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from hypsegcli.geometry.bands import closed_form_in_bands, reference_in_bands
from hypsegcli.geometry.mlr import Curvature, closed_form_logits, from_bias, radial, reference_logits
from hypsegcli.geometry.poincare import T_MAX, exp_map_zero, project
from hypsegcli.network.config import PROTOTYPES, ModelConfig
from hypsegcli.network.prototypes import PrototypeHead

_INITIAL_NORMAL = 0.05  # standard deviation, as in the reference


class HyperbolicHead(nn.Module):
    """Closed-form gyroplanes with a normal and a signed distance each, free parameters without constraint."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.curvature: Curvature = config.curvature  # a tensor only while it is being learned
        self.normals = _normals(config)
        self.bias = nn.Parameter(torch.zeros(config.nodes))

    def settle(self, config: ModelConfig) -> None:
        """Take the curvature of a configuration, which differs from the present one in nothing else."""
        self.config = config
        self.curvature = config.curvature

    def forward(self, v: Tensor) -> tuple[Tensor, Tensor]:
        """Tangent vectors (B, D, h, w) to logits (B, M, h, w) and distance to the origin (B, h, w), float32."""
        c, t_max, limit = self.curvature, self.config.t_max, self.config.radial_limit
        planes = from_bias(self.normals, self.bias, c=c)
        if _is_plain_inference():
            logits, t = closed_form_in_bands(v, planes, c=c, t_max=t_max, limit=limit)
        else:
            t = radial(v, c=c, t_max=t_max, limit=limit)
            logits = closed_form_logits(v, planes, t, c=c)
        return logits, t.squeeze(1) / c**0.5


class ReferenceHead(nn.Module):
    """Normals and offsets in the ball, and the reference's expansion, for checkpoints trained with it.

    Points are projected to the ball's inside as far as `t_max` says. Where that is nearer to the edge than float32 can
    tell, all is worked out in float64.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.normals = _normals(config)
        self.offsets = nn.Parameter(torch.zeros(config.nodes, config.embedding_size))

    def forward(self, v: Tensor) -> tuple[Tensor, Tensor]:
        """As `HyperbolicHead.forward`; the distance is that of the projected point."""
        c, t_max = self.config.curvature, self.config.t_max
        distance = radial(v, c=c, t_max=t_max, limit="hard").squeeze(1) / math.sqrt(c)
        edge = 1.0 - math.tanh(t_max / 2.0)
        dtype = torch.float64 if t_max > 1.1 * T_MAX else v.dtype
        inputs = [tensor.to(dtype) for tensor in (v, self.normals, self.offsets)]
        if _is_plain_inference():
            return reference_in_bands(*inputs, c=c, edge=edge).float(), distance
        z = project(exp_map_zero(inputs[0], c=c, dim=1), c=c, dim=1, edge=edge)
        return reference_logits(z, *inputs[1:], c=c).float(), distance


class EuclideanHead(nn.Module):
    """A 1x1 convolution, to compare with. Its distance is 2 |v|, what the ball's becomes as c -> 0, held alike."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.classify = nn.Conv2d(config.embedding_size, config.nodes, 1)

    def forward(self, v: Tensor) -> tuple[Tensor, Tensor]:
        """As `HyperbolicHead.forward`."""
        c = self.config.curvature
        t = radial(v, c=c, t_max=self.config.t_max, limit=self.config.radial_limit)
        return self.classify(v), t.squeeze(1) / math.sqrt(c)


def _normals(config: ModelConfig) -> nn.Parameter:
    normals = torch.empty(config.nodes, config.embedding_size)
    if not normals.is_meta:  # where drawing nothing would import PyTorch's compiler, for a second
        normals.normal_(std=_INITIAL_NORMAL)
    return nn.Parameter(normals)


def _is_plain_inference() -> bool:
    """Whether neither a gradient nor a graph for `torch.compile` or `torch.export` is wanted."""
    return not torch.is_grad_enabled() and not torch.compiler.is_compiling()


HEADS: dict[str, Callable[[ModelConfig], nn.Module]] = {
    "hyperbolic": HyperbolicHead,
    "hyperbolic-reference": ReferenceHead,
    "euclidean": EuclideanHead,
    **dict.fromkeys(PROTOTYPES, PrototypeHead),
}
