"""All that a checkpoint says of images as one graph: bytes in, planes out."""

from __future__ import annotations

import copy
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from hypsegcli.checkpoint.format import Header
from hypsegcli.checkpoint.store import Checkpoint
from hypsegcli.export.curve import Curve
from hypsegcli.export.request import Size
from hypsegcli.hierarchy.softmax import class_log_probabilities
from hypsegcli.inference.engines.export import Graph
from hypsegcli.inference.engines.fold import fold_batch_norms
from hypsegcli.inference.prediction import label_type
from hypsegcli.inference.windows import ALIGNMENT
from hypsegcli.network.model import GRID

IMAGES = "images"  # what the input is called

# Exporting wants bounds: of images in a batch, and of the sides of an image and of the network's grid. One cell of a
# network's coarsest map, of 32 pixels at most, is another graph than several for torch.
_BATCH, _SIDES, _GRID_SIDES = (1, 4096), (33, 65_536), (2, 16_384)
_EXAMPLE = Size(6 * ALIGNMENT + 1, 4 * ALIGNMENT + 3)


def planes_of(header: Header) -> tuple[str, ...]:
    """What the outputs are called, in their order.

    The calibration is one of distances that are interpolated themselves; of another there is no plane.
    """
    return ("labels", "distance", "calibrated") if header.calibrated_for == "scalar" else ("labels", "distance")


class Cells(nn.Module):
    """Images (B, H, W, 3) to whole cells of the network's coarsest grid, as `pad_to_cells` has it."""

    def forward(self, images: Tensor) -> Tensor:
        """For any height and width from 1 on."""
        # By indices, since tracing takes padding and slicing for promises about the size: a multiple of 16, or none.
        for axis in (1, 2):
            length = images.shape[axis]
            whole = (length + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT
            images = images.index_select(axis, torch.arange(whole).clamp(max=length - 1))
        return images


class Planes(nn.Module):
    """The embedding of images to planes as large as they are: labels in uint8 or int32, and the others in float32.

    Not in uint16, as a `Prediction` has them where a class tree is large: OpenVINO's converter knows none.
    """

    def __init__(self, head: nn.Module, header: Header) -> None:
        super().__init__()
        self.head = head
        self.tree, self.config = header.tree, header.model
        self.labels = torch.uint8 if label_type(header.tree.nodes) is np.uint8 else torch.int32
        calibration = header.calibration if "calibrated" in planes_of(header) else None
        self.curve = None if calibration is None else Curve(calibration)

    def forward(self, images: Tensor, embedding: Tensor) -> tuple[Tensor, ...]:
        """Images (B, H, W, 3), of which only the size is looked at, and their embedding (B, h, w, D)."""
        logits, distance = self.head(embedding.permute(0, 3, 1, 2))
        if logits.shape[1] != self.tree.classes:
            logits = class_log_probabilities(logits, self.tree, self.config.factors)
        labels, distance = (
            plane.index_select(1, torch.arange(images.shape[1])).index_select(2, torch.arange(images.shape[2]))
            for plane in (_enlarge(logits).argmax(1), _enlarge(distance[:, None])[:, 0])
        )
        planes = (labels.to(self.labels), distance)
        return planes if self.curve is None else (*planes, self.curve(distance))


class WholeGraph(nn.Module):
    """Images (B, H, W, 3) to planes: those of `Segmenter.predict` where they go in whole, and are not shrunk."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        super().__init__()
        header = checkpoint.header
        self.cells = Cells()
        self.embedding = Graph(fold_batch_norms(checkpoint.model), header.input, part="embedding")
        self.planes = Planes(self.embedding.model.head, header)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """For any height and width from 1 on."""
        planes: tuple[Tensor, ...] = self.planes(images, self.embedding(self.cells(images)))
        return planes


class Ends(NamedTuple):
    """What stands before and behind a graph of the embedding."""

    before: ExportedProgram  # images to their cells
    behind: ExportedProgram  # images and embedding to planes


def trace(checkpoint: Checkpoint, size: Size | None) -> ExportedProgram:
    """The graph for any batch and any size from 33 pixels on, or for one image of a size at a time.

    ValueError for a backbone that cannot be traced for any size; whatever torch raises where it cannot trace.
    """
    model = checkpoint.model
    if size is None and not model.is_exportable:
        raise ValueError(f"{checkpoint.header.model.backbone} cannot be traced for images of any size")
    return _trace(WholeGraph(checkpoint), (_example(size),), ({} if size else _axes(_SIDES, "height", "width"),))


def trace_ends(checkpoint: Checkpoint) -> Ends:
    """What makes of a graph of the embedding that the checkpoint holds one as `trace` gives it, for any size."""
    images, header = _example(None), checkpoint.header
    h, w = (-(-length // ALIGNMENT) * ALIGNMENT // GRID for length in images.shape[1:3])
    embedding = torch.zeros(images.shape[0], h, w, header.model.embedding_size)
    sizes = (_axes(_SIDES, "height", "width"), _axes(_GRID_SIDES, "rows", "columns"))
    planes = Planes(checkpoint.model.head, header)
    return Ends(_trace(Cells(), (images,), sizes[:1]), _trace(planes, (images, embedding), sizes))


def _example(size: Size | None) -> Tensor:
    return torch.zeros(2 if size is None else 1, *(size or _EXAMPLE), 3, dtype=torch.uint8)


def _axes(bounds: tuple[int, int], *sides: str) -> dict[int, Dim]:
    names = {"batch": _BATCH} | dict.fromkeys(sides, bounds)
    return {axis: Dim(name, min=least, max=most) for axis, (name, (least, most)) in enumerate(names.items())}


def _trace(module: nn.Module, inputs: tuple[Tensor, ...], shapes: tuple[dict[int, Dim], ...]) -> ExportedProgram:
    # Of a copy, for what is traced keeps which parameters need gradients, and gives planes that do.
    still = copy.deepcopy(module).eval().requires_grad_(False)
    with torch.no_grad():
        return torch.export.export(still, inputs, dynamic_shapes=shapes)


def _enlarge(grid: Tensor) -> Tensor:
    """From the network's grid to pixels."""
    size = (GRID * grid.shape[2], GRID * grid.shape[3])
    return F.interpolate(grid, size=size, mode="bilinear", align_corners=False)
