"""Batch norm over the images of all ranks: what one process would have seen.

torch's own `SyncBatchNorm` refuses tensors of a CPU, and replaces modules, which timm's norms with an activation do not
survive. Here the networks stay as they are: while the block runs, their calls of `batch_norm` are answered otherwise.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.modules._functions import SyncBatchNorm
from torch.overrides import TorchFunctionMode

from hypsegcli.training.ranks import Ranks


@contextlib.contextmanager
def norms_over(ranks: Ranks) -> Iterator[None]:
    """Batch norms that learn, take the images of all ranks into account; every rank has to call the same ones."""
    if not ranks.several:
        yield
        return
    with _Synced(ranks):
        yield


class _Synced(TorchFunctionMode):
    def __init__(self, ranks: Ranks) -> None:
        super().__init__()
        self._ranks = ranks

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func is F.batch_norm:
            return self._batch_norm(*args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))

    def _batch_norm(
        self,
        image: Tensor,
        running_mean: Tensor | None,
        running_var: Tensor | None,
        weight: Tensor | None = None,
        bias: Tensor | None = None,
        training: bool = False,
        momentum: float = 0.1,
        eps: float = 1e-5,
    ) -> Tensor:
        if not training:
            return F.batch_norm(image, running_mean, running_var, weight, bias, False, momentum, eps)
        if image.is_cuda:
            group, count = self._ranks.group_of(image), self._ranks.place.count
            synced: Tensor = SyncBatchNorm.apply(
                image, weight, bias, running_mean, running_var, eps, momentum, group, count
            )
            return synced
        normalised, mean, var, count = _Normalise.apply(image, weight, bias, eps, self._ranks)
        if running_mean is not None and running_var is not None:
            running_mean.lerp_(mean, momentum)
            running_var.lerp_(var * (count / (count - 1.0)), momentum)
        result: Tensor = normalised
        return result


class _Normalise(torch.autograd.Function):
    """(B, C, ...) to the same, and mean and biased variance (C,) and the number of what they are over, all ranks'."""

    @staticmethod
    def forward(
        ctx: Any, image: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float, ranks: Ranks
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        axes = (0, *range(2, image.ndim))
        var, mean = torch.var_mean(image.float(), axes, correction=0)
        own = torch.tensor([image.numel() / image.shape[1]])
        counts, means, variances = ranks.stack(torch.cat([own, mean, var])).split([1, len(mean), len(var)], 1)
        count = counts.sum()
        mean = (counts * means).sum(0) / count
        var = (counts * (variances + (means - mean) ** 2)).sum(0) / count
        ctx.save_for_backward(image, weight, mean, torch.rsqrt(var + eps), count)
        ctx.ranks = ranks
        ctx.mark_non_differentiable(mean, var, count)
        return F.batch_norm(image, mean, var, weight, bias, False, 0.0, eps), mean, var, count

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        image, weight, mean, inverse, count = ctx.saved_tensors
        axes, shape = (0, *range(2, image.ndim)), (1, -1, *[1] * (image.ndim - 2))
        standard = (image.float() - mean.view(shape)) * inverse.view(shape)
        slope = slope.float()
        own = torch.stack([slope.sum(axes), (slope * standard).sum(axes)])
        sums = own.clone()
        ctx.ranks.add(sums)
        by_bias, by_weight = (sums / count).view(2, *shape)
        scale = inverse if weight is None else inverse * weight
        inner = scale.view(shape) * (slope - by_bias - standard * by_weight)
        return inner.to(image.dtype), None if weight is None else own[1], None if weight is None else own[0], None, None
