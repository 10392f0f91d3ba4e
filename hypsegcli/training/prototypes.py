"""What teaches prototypes, and pixels where theirs are.

Zhou et al., "Rethinking Semantic Segmentation: A Prototype View", CVPR 2022. Pixels of a class are assigned to its
prototypes, as many to each, by Sinkhorn's iteration; the loss draws a pixel to its own prototype (PPD) and away from
all others (PPC); a prototype follows the mean direction of its pixels. The largest share of an assignment decides. The
authors' code draws by Gumbel noise, and gives it the shares where it takes their logarithms: a pixel that is certain
goes to another prototype three times in four, and in the end all of a class are one.
"""

from __future__ import annotations

import math
from collections.abc import Collection

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hypsegcli.hierarchy.tree import ClassTree
from hypsegcli.network.config import PROTOTYPES
from hypsegcli.network.prototypes import PrototypeHead
from hypsegcli.training.config import TrainConfig
from hypsegcli.training.optimizer import warmup_of
from hypsegcli.training.ranks import ALONE, Ranks

_KAPPA = 0.05  # of Sinkhorn's iteration
_ROUNDS = 3
_TEMPERATURE = 0.1  # of the cosines in PPC
_MOST = 2**15  # pixels that are looked at in a step; of more, every second, third, ...
_TRIES, _K_MEANS_ROUNDS = 1, 30


class PrototypeTeacher(nn.Module):
    """The losses of a head of prototypes, and how its prototypes follow."""

    steps: Tensor
    started: Tensor

    def __init__(
        self,
        classes: int,
        *,
        ignore_index: int,
        ppc_weight: float,
        ppd_weight: float,
        momentum: float,
        warmup: int,
        seed: int,
        known: Collection[int] = (),
    ) -> None:
        """Of classes that are not `known`, prototypes follow fast for `warmup` steps, then start where pixels crowd."""
        super().__init__()
        self.ignore_index = ignore_index  # which may be the id of a class
        self.ppc_weight, self.ppd_weight = ppc_weight, ppd_weight
        self.momentum, self.warmup, self.seed = momentum, warmup, seed
        self.register_buffer("steps", torch.tensor(0))  # so far
        self.register_buffer(
            "started", torch.tensor([k in known for k in range(classes)])
        )  # where pixels crowd, by class
        self._seen: tuple[Tensor, Tensor, Tensor] | None = None

    def forward(self, head: PrototypeHead, embedding: Tensor, target: Tensor, ranks: Ranks = ALONE) -> Tensor:
        """PPC and PPD, weighted, of embeddings (B, D, h, w) and class ids (B, H, W) int64, others than ids left out.

        Pixels are those of the network's grid; of classes with fewer of them than prototypes none has one. Where ranks
        share a batch, its pixels are assigned all together, and what each of them has of a loss adds up to all of it.
        """
        pixels, classes = _labelled(embedding, target, len(self.started), self.ignore_index, ranks)
        directions, count = head.directions, head.config.prototypes
        with torch.no_grad():
            each = ranks.gather_rows(pixels.detach())
            seen, ids = torch.cat(each), torch.cat(ranks.gather_rows(classes))
            own = assign(seen, ids, directions)
        self._seen = (seen, ids, own)
        mine = own.split([len(rows) for rows in each])[ranks.place.index]
        assigned, total = mine >= 0, int((own >= 0).sum())
        if not total:
            return 0.0 * embedding.sum()
        pixels, flat = pixels[assigned], classes[assigned] * count + mine[assigned]
        cosines = pixels @ directions.flatten(0, 1).t()
        ppc = F.cross_entropy(cosines / _TEMPERATURE, flat, reduction="sum") / total
        ppd = (1.0 - cosines.gather(1, flat[:, None])).square().sum() / total
        return self.ppc_weight * ppc + self.ppd_weight * ppd

    @torch.no_grad()
    def move(self, head: PrototypeHead) -> bool:
        """After a step: let prototypes follow the pixels that `forward` has assigned to them.

        Whether those of some class begin anew.
        """
        if self._seen is None:
            raise ValueError("no pixels were assigned yet")
        (pixels, classes, own), self._seen = self._seen, None
        self.steps += 1
        anew = False
        early = int(self.steps) <= self.warmup
        fast = min(self.momentum, int(self.steps) / (9.0 + int(self.steps)))
        directions = head.directions
        for k in classes[own >= 0].unique().tolist():
            of_class = classes == k
            if not early and not self.started[k]:
                head.prototypes[k] = _k_means(pixels[of_class], head.config.prototypes, self.seed + k)
                self.started[k] = anew = True
                continue
            sums = torch.zeros_like(directions[k]).index_add_(0, own[of_class], pixels[of_class])
            keep = self.momentum if self.started[k] else fast
            moved = keep * directions[k] + (1.0 - keep) * F.normalize(sums, dim=1)
            here = (sums != 0.0).any(1, keepdim=True)  # some pixel's
            head.prototypes[k] = torch.where(here, F.normalize(moved, dim=1), directions[k])
        return anew


def make_teacher(
    config: TrainConfig, tree: ClassTree, steps: int, *, known: Collection[int], device: torch.device
) -> PrototypeTeacher | None:
    """That of a training of so many steps, with the classes whose prototypes are learned; None for another head."""
    if config.head not in PROTOTYPES:
        return None
    return PrototypeTeacher(
        tree.classes,
        ignore_index=config.ignore_index,
        ppc_weight=config.ppc_weight,
        ppd_weight=config.ppd_weight,
        momentum=config.prototype_momentum,
        warmup=warmup_of(config, steps),
        seed=config.seed,
        known=known,
    ).to(device)


def assign(pixels: Tensor, classes: Tensor, directions: Tensor) -> Tensor:
    """(N,) which prototype of its class each pixel belongs to, -1 in classes with fewer pixels than prototypes.

    `pixels` (N, D) and `directions` (K, P, D) have length 1, `classes` (N,) are ids from 0 to K - 1.
    """
    own = torch.full_like(classes, -1)
    for k in classes.unique().tolist():
        (of_class,) = torch.nonzero(classes == k, as_tuple=True)
        if len(of_class) >= directions.shape[1]:
            own[of_class] = sinkhorn(pixels[of_class] @ directions[k].t()).argmax(1)
    return own


def sinkhorn(cosines: Tensor) -> Tensor:
    """(N, P) shares of N pixels in P prototypes, each row with sum 1 and the columns with sums as equal as may be.

    Three rounds of Sinkhorn's iteration (Cuturi, 2013) on `exp(cosine / 0.05)`, in logarithms: exp(20) is beyond
    float16.
    """
    logs = cosines.float() / _KAPPA
    for _ in range(_ROUNDS):
        logs = logs - logs.logsumexp(0, keepdim=True) - math.log(logs.shape[1])
        logs = logs - logs.logsumexp(1, keepdim=True) - math.log(logs.shape[0])
    return logs.softmax(1)


def _labelled(
    embedding: Tensor, target: Tensor, classes: int, ignore_index: int, ranks: Ranks
) -> tuple[Tensor, Tensor]:
    """(N, D) directions and (N,) ids of the pixels of the grid that have a class, 32,768 at most in all ranks."""
    grid = F.interpolate(target[:, None].double(), size=embedding.shape[2:], mode="nearest-exact")[:, 0].long()
    has_class = (grid >= 0) & (grid < classes) & (grid != ignore_index)
    (which,) = torch.nonzero(has_class.flatten(), as_tuple=True)
    numbers = ranks.gather(len(which))
    every = max(1, math.ceil(sum(numbers) / _MOST))
    which = which[-sum(numbers[: ranks.place.index]) % every :: every]  # as if all lay one behind the other
    vectors = embedding.float().permute(0, 2, 3, 1).flatten(0, 2)[which]
    return F.normalize(vectors, dim=1), grid.flatten()[which]


def _k_means(pixels: Tensor, count: int, seed: int) -> Tensor:
    """(P, D) directions of the middles of P crowds."""
    cv2.setRNGSeed(seed)
    stop = (cv2.TERM_CRITERIA_MAX_ITER, _K_MEANS_ROUNDS, 0.0)
    data = np.ascontiguousarray(pixels.cpu().numpy(), np.float32)
    _, _, middles = cv2.kmeans(data, count, None, stop, _TRIES, cv2.KMEANS_PP_CENTERS)  # type: ignore[call-overload]
    return F.normalize(torch.from_numpy(middles).to(pixels), dim=1)
