"""From an image to the points of the Poincaré disk that a two-dimensional model sees in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hypsegcli.errors import UsageError
from hypsegcli.geometry.disk import Points, disk_points
from hypsegcli.geometry.mlr import Gyroplanes, from_bias, from_points
from hypsegcli.geometry.poincare import project
from hypsegcli.hierarchy.softmax import class_log_probabilities
from hypsegcli.hierarchy.tree import ClassTree
from hypsegcli.images.shrink import shrink_image
from hypsegcli.inference.engines.torch_engine import TorchEngine
from hypsegcli.inference.prediction import RGB
from hypsegcli.inference.strips import pad_to_cells
from hypsegcli.network.head import HyperbolicHead, ReferenceHead
from hypsegcli.network.model import GRID, Network


@dataclass(frozen=True, eq=False)
class Embedded:
    """One image on the network's grid, whose cells are squares of 4 x 4 pixels of what went into the network."""

    points: Points  # (h, w, 2) in the unit disk, float64
    classes: NDArray[np.intp]  # (h, w) the most probable class


@torch.inference_mode()
def embed(engine: TorchEngine, tree: ClassTree, image: RGB, *, longest_side: int | None = None) -> Embedded:
    """Embed an image (H, W, 3), shrunk before where it is longer than `longest_side`; it goes in as a whole.

    A point lies at the distance to the origin that the head held below its limit. Cells that only pad the image to
    the network's coarsest grid are cut off. UsageError for a network that answers on a coarser grid, ValueError unless
    the model is hyperbolic with D = 2; FloatingPointError where its answer holds NaN or infinity.
    """
    config = engine.config
    if config.embedding_size != 2 or not config.in_ball:
        raise ValueError(f"a disk needs a hyperbolic head with D = 2, not {config.head}, D = {config.embedding_size}")
    small = shrink_image(image, longest_side)
    rows, columns = small.shape[:2]
    output = engine(pad_to_cells(small[None], config.kind.alignment))
    if not output.is_finite():
        raise FloatingPointError("its answer holds NaN or infinity")
    h, w = -(-rows // GRID), -(-columns // GRID)
    if output.embedding.shape[2] < h or output.embedding.shape[3] < w:
        raise UsageError(f"a disk is of every 4th pixel, on whose grid {config.kind.title} does not answer")
    v = output.embedding[0, :, :h, :w].permute(1, 2, 0)
    scores = class_log_probabilities(output.logits, tree, config.factors)
    classes = scores[0, :, :h, :w].argmax(0)
    points = disk_points(_array(v), _array(output.distance[0, :h, :w]), c=config.curvature)
    return Embedded(points, classes.cpu().numpy().astype(np.intp))


@torch.no_grad()
def gyroplanes(model: Network) -> Gyroplanes:
    """The gyroplanes of a hyperbolic head, one a node, in the Lorentz form of its trained curvature, float64.

    A node whose normal is 0 has scale 0, and none. TypeError for a Euclidean head, whose classes are half-spaces.
    """
    head, c = model.head, model.config.curvature
    if isinstance(head, HyperbolicHead):
        return from_bias(head.normals.double().cpu(), head.bias.double().cpu(), c=c)
    if isinstance(head, ReferenceHead):
        return from_points(head.normals.double().cpu(), project(head.offsets.double().cpu(), c=c), c=c)
    raise TypeError(f"{type(head).__name__} has no gyroplanes")


def _array(tensor: Tensor) -> NDArray[np.float64]:
    return tensor.double().cpu().numpy()
