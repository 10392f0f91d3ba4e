"""What is minimised: minus the information that the clusters of one view give on those of another, near by.

Ji et al., "Invariant Information Clustering for Unsupervised Image Classification and Segmentation", ICCV 2019,
section 3.3: for every displacement t the joint distribution of the cluster of a pixel u and that of the pixel u + t of
the other view, summed over all pixels of the batch.
"""

from __future__ import annotations

import torch
from torch import Tensor

_RARE = 1e-4  # of the pixels that meet at the displacement at which most do
_LEAST = 1e-12  # below which a probability counts as this; those of pairs that never met are 0, and so is their share


def joint_distributions(first: Tensor, second: Tensor, reach: int) -> Tensor:
    """The joint distributions (2 T + 1, 2 T + 1, K, K) of clusters at displacements -T to T, T the `reach`.

    `first` and `second` are (B, K, h, w) probabilities at the same places of two views, 0 throughout where a view shows
    nothing. Entry [T + dy, T + dx, i, j] sums first[i] at u times second[j] at u + (dy, dx), over the symmetrised sum
    of all; next to nothing where next to nothing meets. In float32, by the Fourier transform: one product a frequency,
    where displacement after displacement would take (2 T + 1)^2 passes over all pixels. ValueError for a reach that
    leaves the view.
    """
    height, width = first.shape[-2:]
    if not 0 <= reach < min(height, width):
        raise ValueError(f"a reach of {reach} does not lie in views of {height} x {width}")
    size = (height + reach, width + reach)  # so that no displacement comes round from the other side
    spectra = [torch.fft.rfft2(view.float(), s=size) for view in (first, second)]
    products = torch.einsum("biyx,bjyx->ijyx", spectra[0].conj(), spectra[1])
    sums = torch.fft.irfft2(products, s=size)
    rows = torch.arange(-reach, reach + 1, device=first.device)
    near = sums[:, :, rows % size[0]][..., rows % size[1]].permute(2, 3, 0, 1)
    near = near.clamp_min(0.0)  # rounding goes below
    near = near + near.transpose(-2, -1)
    weight = near.sum((-2, -1), keepdim=True)
    # At a displacement at which nothing meets there is rounding alone, which must not become a distribution.
    least = (_RARE * weight.detach().max()).clamp_min(_LEAST)
    joint: Tensor = near / torch.maximum(weight, least)
    return joint


def information_loss(first: Tensor, second: Tensor, *, reach: int, balance: float = 1.0) -> Tensor:
    """Minus the mutual information in nats, mean over displacements; views as in `joint_distributions`.

    `balance` (lambda) weighs the entropy of the clusters: above 1 it is asked more of them to be alike in size. With 1
    the loss lies between -ln K, clusters that are sure, alike in size and the same in both views, and 0.
    """
    joint = joint_distributions(first, second, reach)
    logs = joint.clamp_min(_LEAST).log()
    alone = joint.sum(-1).clamp_min(_LEAST).log()  # symmetric: rows and columns have the same sums
    terms = joint * (balance * (alone[..., :, None] + alone[..., None, :]) - logs)
    return terms.sum((-2, -1)).mean()
