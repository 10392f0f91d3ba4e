"""From one image's pixels to the figure of its points in the Poincaré disk."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hypsegcli.checkpoint.store import Checkpoint
from hypsegcli.geometry.disk import geodesic, positive_side, ring_distances, ring_radius
from hypsegcli.geometry.mlr import Gyroplanes
from hypsegcli.hierarchy.tree import ClassTree
from hypsegcli.images.shrink import shrink_image, shrunk_size
from hypsegcli.inference.device import Device
from hypsegcli.inference.embed import embed, gyroplanes
from hypsegcli.network.model import GRID
from hypsegcli.pictures.disk.figure import Disk, Geodesic, Ring, disk_figure
from hypsegcli.pictures.drawing.figure import FAINT, Figure, as_color
from hypsegcli.pictures.letters import legible
from hypsegcli.pictures.overlay import overlay
from hypsegcli.pictures.palette import RGB, node_palette

_CROWD = 40  # geodesics beyond which nobody can follow one
_PHOTOGRAPH = 1120  # pixels of the photograph's longest side: two a unit of the figure, sharp in print


def draw_disk(
    checkpoint: Checkpoint, pixels: RGB, *, device: Device, longest_side: int, photograph: bool, letters: bool
) -> tuple[Figure, int]:
    """The figure for an image (H, W, 3), and how many points are in it.

    The image goes into the network with at most `longest_side` pixels. `photograph`: whether it is shown beside the
    disk, under its classes. `letters`: whether any are shown, as in SVG, or those that pictures can draw. Errors are
    those of `embed`.
    """
    header, c = checkpoint.header, checkpoint.header.model.curvature
    embedding = embed(checkpoint.model, header.tree, header.input, pixels, device=device, longest_side=longest_side)
    palette = node_palette(header.colors, header.tree.leaves_below())
    every = header.tree.names
    if not letters:
        every = tuple(legible(name, number) for number, name in enumerate(every))
    names = every[: header.tree.classes]
    shown = None
    if photograph:
        small = shrink_image(pixels, _PHOTOGRAPH)
        height, width = small.shape[:2]
        size = shrunk_size(pixels.shape[0], pixels.shape[1], longest_side)
        labels = cells_at(embedding.classes, size, (height, width))
        shown = overlay(small, labels, palette, names, background=header.background, legend=False)
    counts = np.bincount(embedding.classes.ravel(), minlength=header.tree.nodes)
    nodes = drawn_nodes(header.tree, header.model.nodes, counts)
    caption = f"hyperbolic plane of curvature -{c:.4g} (c = {c:.4g})"
    if len(nodes) < header.model.nodes:
        caption += f"; {len(nodes)} of {header.model.nodes} gyroplanes: those of the classes that occur"
    disk = Disk(
        points=embedding.points.reshape(-1, 2),
        classes=embedding.classes.ravel(),
        names=names,
        palette=palette,
        geodesics=geodesics(gyroplanes(checkpoint.model), nodes, header.tree, palette, every),
        rings=[Ring(ring_radius(d, c=c), f"{d:g}") for d in ring_distances(header.model.max_distance, c=c)],
        limit=Ring(ring_radius(header.model.max_distance, c=c), f"limit {header.model.max_distance:.3g}"),
        caption=caption,
        photograph=shown,
        background=header.background,
    )
    return disk_figure(disk), embedding.classes.size


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
