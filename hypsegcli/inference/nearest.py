"""Which prototype of its class answered for each pixel."""

from __future__ import annotations

import numpy as np
import torch

from hypsegcli.inference.prediction import Labels
from hypsegcli.inference.upsample import Placement, bands
from hypsegcli.network.model import NetworkOutput
from hypsegcli.network.prototypes import PrototypeHead


@torch.inference_mode()
def nearest_prototypes(
    head: PrototypeHead, output: NetworkOutput, labels: Labels, index: int, *, cell: Placement, budget: int
) -> Labels:
    """(H, W) the nearest prototype of the class that is a pixel's label, k P + m for prototype m of class k of P.

    Of image `index` of the batch, whose labels (H, W) are class ids. Cosines are blended between the points of the
    grid, as scores are; a band of rows at a time, in `budget` bytes.
    """
    embedding = output.embedding[index : index + 1]
    count = head.config.prototypes
    height, width = labels.shape
    found = np.zeros((height, width), np.uint8 if head.config.nodes * count <= 256 else np.uint16)
    for k in np.unique(labels).tolist():
        cosines = head.cosines(embedding, k)
        for start, stop in bands(height, width, channels=count, budget=budget):
            at = labels[start:stop] == k
            if at.any():
                wide = cell.rows(cosines, start, stop, width)
                own = wide.max(1).indices[0].cpu().numpy()
                found[start:stop][at] = k * count + own[at]
    return found
