"""From the points of images in the Poincaré disk to the figure that shows them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from hypsegcli.checkpoint.format import Header
from hypsegcli.checkpoint.store import Checkpoint
from hypsegcli.files.words import count_of
from hypsegcli.geometry.disk import geodesic, positive_side, ring_distances, ring_radius
from hypsegcli.geometry.mlr import Gyroplanes
from hypsegcli.hierarchy.tree import ClassTree
from hypsegcli.images.shrink import shrink_image, shrunk_size
from hypsegcli.inference.embed import gyroplanes
from hypsegcli.network.config import ModelConfig
from hypsegcli.network.model import GRID
from hypsegcli.network.prototypes import PrototypeHead
from hypsegcli.pictures.disk.figure import Disk, Geodesic, Prototype, Ring, disk_figure
from hypsegcli.pictures.drawing.figure import FAINT, Figure, as_color
from hypsegcli.pictures.letters import legible
from hypsegcli.pictures.overlay import overlay
from hypsegcli.pictures.palette import RGB, node_palette
from hypsegcli.run.disk_cloud import Cloud, Placed

_CROWD = 40  # geodesics beyond which nobody can follow one
_PHOTOGRAPH = 1120  # pixels of the photograph's longest side: two a unit of the figure, sharp in print


def draw_disk(checkpoint: Checkpoint, cloud: Cloud, *, photograph: RGB | None, letters: bool) -> Figure:
    """The figure for the points of images, beside a `photograph` (H, W, 3) or none.

    `letters`: whether any are shown, as in SVG, or those that pictures can draw.
    """
    header, c = checkpoint.header, checkpoint.header.model.curvature
    palette = node_palette(header.colors, header.tree.leaves_below())
    every = header.tree.names
    if not letters:
        every = tuple(legible(name, number) for number, name in enumerate(every))
    nodes = drawn_nodes(
        header.tree, header.model.nodes, np.pad(cloud.counts, (0, header.tree.nodes - len(cloud.counts)))
    )
    lines, dots = list[Geodesic](), list[Prototype]()
    if isinstance(checkpoint.model.head, PrototypeHead):
        dots = prototypes(checkpoint.model.head, nodes, palette)
    else:
        lines = geodesics(gyroplanes(checkpoint.model), nodes, header.tree, palette, every)
    disk = Disk(
        points=cloud.points,
        classes=cloud.classes,
        counts=cloud.counts,
        names=every[: header.tree.classes],
        palette=palette,
        geodesics=lines,
        prototypes=dots,
        rings=[Ring(ring_radius(d, c=c), f"{d:g}") for d in ring_distances(header.model.max_distance, c=c)],
        limit=Ring(ring_radius(header.model.max_distance, c=c), f"limit {header.model.max_distance:.3g}"),
        caption=_caption(cloud, header.model, len(nodes)),
        photograph=photograph,
        background=header.background,
    )
    return disk_figure(disk)


def _caption(cloud: Cloud, model: ModelConfig, drawn: int) -> str:
    parts = [f"hyperbolic plane of curvature -{model.curvature:.4g} (c = {model.curvature:.4g})"]
    if cloud.images > 1:
        parts.append(f"{cloud.images} images")
    if cloud.truth:
        parts.append("colours: true classes")
    if model.has_prototypes:
        parts.append(f"dots: {count_of(model.prototypes, 'prototype')} a class")
    if drawn < model.nodes:
        what = "classes' prototypes" if model.has_prototypes else "gyroplanes"
        parts.append(f"{drawn} of {model.nodes} {what}: those of the classes that occur")
    return "; ".join(parts)


def photograph_of(placed: Placed, header: Header, *, longest_side: int | None) -> RGB:
    """The photograph under the classes of its points, clear where the background is and where no class is known."""
    pixels, classes = placed.image.pixels, placed.classes
    small = shrink_image(pixels, _PHOTOGRAPH)
    size = shrunk_size(pixels.shape[0], pixels.shape[1], longest_side)
    labels = cells_at(classes, size, (small.shape[0], small.shape[1]))
    palette = node_palette(header.colors, header.tree.leaves_below())
    unknown = labels == header.tree.classes
    shown = overlay(small, labels, palette, header.tree.names, background=header.background, legend=False)
    return np.where(unknown[..., None], small, shown)


def cells_at(classes: NDArray[np.intp], size: tuple[int, int], shown: tuple[int, int]) -> NDArray[np.intp]:
    """(H, W) class at every pixel of a picture of `shown` = (H, W), without interpolation.

    `classes` (h, w) are those of the network's 4 x 4 cells, of which the last of each axis may reach beyond the image
    of `size` that went in.
    """
    down, across = (
        ((np.arange(new) + 0.5) * old / new / GRID).astype(np.intp) for old, new in zip(size, shown, strict=True)
    )
    return classes[down[:, None], across[None, :]]


def drawn_nodes(tree: ClassTree, nodes: int, counts: NDArray[np.integer]) -> list[int]:
    """The nodes whose gyroplanes are drawn, the most important first; `counts` (M,) is how often each class occurs.

    Classes that occur come first, by their share, then inner nodes, then the other classes. Among more than 40 only
    those that occur and the inner nodes above them are drawn.
    """
    order = sorted(range(nodes), key=lambda node: (node < tree.classes and not counts[node], -counts[node]))
    if nodes <= _CROWD:
        return order
    occurring = np.any(tree.leaves_below()[:, counts[: tree.classes] > 0], axis=1).tolist()
    return [node for node in order if occurring[node]]


@torch.no_grad()
def prototypes(head: PrototypeHead, classes: Sequence[int], palette: NDArray[np.uint8]) -> list[Prototype]:
    """Those of some classes, in the unit disk: all at one distance to the origin."""
    radius = math.tanh(float(head.radius) / 2.0)
    points = radius * head.directions.double().cpu().numpy()
    return [Prototype(as_color(palette[k]), point) for k in classes for point in points[k]]


def geodesics(
    planes: Gyroplanes, nodes: Sequence[int], tree: ClassTree, palette: NDArray[np.uint8], names: Sequence[str]
) -> list[Geodesic]:
    """Geodesics of nodes, in their order; `palette` is (M + 1, 3), `names` has one a node.

    A node whose normal is 0 has none.
    """
    drawn = []
    for node in (node for node in nodes if planes.scale[node] > 0.0):
        W, w0, inner = planes.W[node].numpy(), float(planes.w0[node]), node >= tree.classes
        path = geodesic(W, w0)
        color = FAINT if inner else as_color(palette[node])
        drawn.append(Geodesic(names[node], color, inner, path, positive_side(W, w0, path)))
    return drawn
