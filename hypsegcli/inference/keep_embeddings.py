"""From the network's answer to the embeddings that are kept of each image."""

from __future__ import annotations

import torch

from hypsegcli.errors import setting
from hypsegcli.inference.ball_points import held_vectors
from hypsegcli.inference.prediction import Embeddings
from hypsegcli.inference.upsample import Cells
from hypsegcli.network.config import ModelConfig
from hypsegcli.network.model import GRID, NetworkOutput


def keep_embeddings(
    output: NetworkOutput, config: ModelConfig, rows: int, columns: int, *, cell: Cells
) -> list[Embeddings]:
    """Those of images of rows x columns pixels, as they went in, without the cells that only pad them.

    FloatingPointError for vectors that float16 cannot hold, which a hyperbolic head's never are.
    """
    vectors = held_vectors(output) if config.in_ball else output.embedding
    if not config.is_imported:  # where whole cells may be padding
        vectors = vectors[..., : -(-rows // GRID), : -(-columns // GRID)]
    kept = vectors.to(torch.float16)
    if not kept.isfinite().all():
        raise FloatingPointError(f"float16 cannot hold its embeddings; leave them out of {setting('save')}")
    return [Embeddings(each, (cell.height, cell.width)) for each in kept.contiguous().cpu().numpy()]
