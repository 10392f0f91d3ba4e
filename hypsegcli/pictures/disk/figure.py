"""The Poincaré disk of images: their pixels, the classes' geodesics, rings of equal distance, and what they mean."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hypsegcli.files.words import as_label
from hypsegcli.pictures.disk.density import EXTENT, density
from hypsegcli.pictures.disk.legend import DASH, DOT, LINE, MARGIN, RING, THIN, TICK, legend
from hypsegcli.pictures.disk.names import densest, inner_names
from hypsegcli.pictures.disk.rim import RimName, rim_names
from hypsegcli.pictures.drawing.figure import (
    FAINT,
    INK,
    WHITE,
    Anchor,
    Circle,
    Color,
    Figure,
    Line,
    Mark,
    Picture,
    Text,
    as_color,
    segment,
    text_width,
)
from hypsegcli.pictures.palette import legend_order

DIAMETER = 1000.0  # of the disk, in the figure's units

_R = DIAMETER / 2
_NAME, _SMALL = 18.0, 16.0  # letters of names, and of labels of rings
_LETTERS = 24  # of a name
_TOP, _BOTTOM = 64.0, 104.0  # room above and below the disk
_RIM = (90, 90, 90)
_EDGE = 2.4  # white around geodesics, both sides together
_AT = (0.1, 0.5, 0.9)  # where a geodesic has its ticks
_DIRECTIONS = 24  # tried for the labels of rings
_NEAR = 0.8  # radius from which on a class is named outside the disk, beside the rim
_VISIBLE = 0.01  # of the radius: a ring closer to the rim would only thicken it


class Geodesic(NamedTuple):
    """A gyroplane in the unit disk, y upwards."""

    name: str
    color: Color
    inner: bool  # of an inner node of the class tree
    path: NDArray[np.float64]  # (n, 2) from rim to rim
    side: NDArray[np.float64]  # (n, 2) unit normals there, to the side of positive logits


class Prototype(NamedTuple):
    """One of a class, in the unit disk, y upwards."""

    color: Color
    point: NDArray[np.float64]  # (2,)


class Name(NamedTuple):
    """A name outside the disk."""

    words: str
    color: Color
    leader: Color  # of the line that leads to what it names
    ends: NDArray[np.float64]  # (n, 2) on the rim, at one of which it stands


class Ring(NamedTuple):
    """All points at one distance from the origin."""

    radius: float  # in the unit disk
    label: str


@dataclass(frozen=True, eq=False)
class Disk:
    """What is drawn."""

    points: NDArray[np.float64]  # (n, 2) in the unit disk, y upwards
    classes: NDArray[np.intp]  # (n,)
    names: Sequence[str]  # (K,) of the classes
    palette: NDArray[np.uint8]  # (K or more, 3)
    geodesics: Sequence[Geodesic]  # the most important first
    rings: Sequence[Ring]
    limit: Ring | None  # beyond which the model puts nothing
    caption: str
    photograph: NDArray[np.uint8] | None  # (H, W, 3)
    background: int | None = None  # the class that the legend lists last
    prototypes: Sequence[Prototype] = ()
    counts: NDArray[np.intp] | None = None  # (K,) of each class, where the points are a sample; None: all are there


def disk_figure(disk: Disk) -> Figure:
    """Photograph and legend on the left, the disk on the right."""
    height = _TOP + DIAMETER + _BOTTOM
    outside, inside = _names(disk)
    places = rim_names([name.ends for name in outside], gap=1.2 * _NAME / _R)
    column, marks = legend(
        disk.photograph,
        _shares(disk),
        inner_nodes=any(geodesic.inner for geodesic in disk.geodesics),
        prototypes=bool(disk.prototypes),
        height=height,
    )
    reach = [
        max((_reach(p, outside[p.number].words) for p in places if p.right is right), default=0.0)
        for right in (False, True)
    ]
    left, right = (max(_R + MARGIN, value + MARGIN) for value in reach)
    frame = _Frame(column + left, _TOP + _R)
    marks += frame.rings(disk)
    for geodesic in reversed(disk.geodesics):
        marks += frame.geodesic(geodesic)
    marks += frame.prototypes(disk.prototypes)
    marks += frame.ring_labels(disk)
    for place in places:
        marks += frame.name(place, outside[place.number])
    marks += frame.names_inside(inside)
    marks.append(Text(frame.x, height - MARGIN, disk.caption, _SMALL, FAINT, "middle"))
    return Figure(math.ceil(frame.x + right), math.ceil(height), disk.caption, tuple(marks))


def _names(disk: Disk) -> tuple[list[Name], list[tuple[str, NDArray[np.float64]]]]:
    """What is named outside, the most important first; and inside, at which point of the disk.

    A class is named where its points are, in dark letters. Of inner nodes, and of classes without points, the line is
    named, in pale ones.
    """
    outside, inside = [], []
    for index in legend_order(np.bincount(disk.classes, minlength=len(disk.names)), disk.background):
        words, color = as_label(disk.names[index], _LETTERS), as_color(disk.palette[index])
        middle = densest(disk.points[disk.classes == index])
        radius = float(np.linalg.norm(middle))
        if radius < _NEAR:
            inside.append((words, middle))
        else:
            outside.append(Name(words, INK, color, middle[None] / radius))
    if disk.limit is not None and not _is_visible(disk.limit):
        outside.append(Name(disk.limit.label, FAINT, _RIM, _directions()[[_emptiest(disk)]]))
    with_points = {disk.names[index] for index in np.unique(disk.classes)}
    for geodesic in disk.geodesics:
        if geodesic.inner or geodesic.name not in with_points:
            ends = geodesic.path[[0, -1]]
            outside.append(Name(as_label(geodesic.name, _LETTERS), FAINT, geodesic.color, ends))
    return outside, inside


def _is_visible(ring: Ring) -> bool:
    return ring.radius < 1.0 - _VISIBLE


def _directions() -> NDArray[np.float64]:
    angles = 2 * math.pi / _DIRECTIONS * np.arange(_DIRECTIONS)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def _crowds(disk: Disk) -> NDArray[np.intp]:
    """How many pixels lie in each direction."""
    angles = np.arctan2(disk.points[:, 1], disk.points[:, 0])
    sectors = np.rint(angles * _DIRECTIONS / (2 * math.pi)).astype(np.intp) % _DIRECTIONS
    return np.bincount(sectors, minlength=_DIRECTIONS)


def _emptiest(disk: Disk) -> int:
    return int(np.argmin(_crowds(disk)))


def _shares(disk: Disk) -> list[tuple[str, Color, float]]:
    """Name, colour and share of the classes that occur, the largest share first and the background last."""
    counts = np.bincount(disk.classes, minlength=len(disk.names)) if disk.counts is None else disk.counts
    order = legend_order(counts, disk.background)
    return [(disk.names[node], as_color(disk.palette[node]), counts[node] / counts.sum()) for node in order]


def _reach(place: RimName, words: str) -> float:
    return _R * abs(place.x) + text_width(words, _NAME)


class _Frame(NamedTuple):
    """Where the disk's centre lies in the figure."""

    x: float
    y: float

    def __call__(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Points (n, 2) of the unit disk in the figure."""
        return np.array([self.x, self.y]) + _R * points * [1.0, -1.0]

    def rings(self, disk: Disk) -> Iterator[Mark]:
        """Rings and rim under the pixels."""
        for ring in disk.rings:
            yield Circle(self.x, self.y, _R * ring.radius, stroke=RING, width=1.2)
        if disk.limit is not None and _is_visible(disk.limit):
            yield Circle(self.x, self.y, _R * disk.limit.radius, stroke=FAINT, width=1.2)
        yield Circle(self.x, self.y, _R, stroke=_RIM, width=1.6)
        yield Circle(self.x, self.y, 2.5, fill=FAINT)
        side = 2 * _R * EXTENT
        pixels = density(disk.points, disk.classes, disk.palette)
        yield Picture(self.x - side / 2, self.y - side / 2, side, side, pixels)

    def ring_labels(self, disk: Disk) -> Iterator[Mark]:
        """Labels on the rings, in the direction in which fewest pixels lie; beside it, where there is no room for one.

        There, too, is that of the limit.
        """
        crowd, emptiest = _crowds(disk), _emptiest(disk)
        one, other = sorted(((emptiest + turn) % _DIRECTIONS for turn in (-2, 2)), key=lambda sector: crowd[sector])
        labelled: list[tuple[Ring, int]] = []
        for ring in disk.rings:
            crowded = labelled and labelled[-1][1] == emptiest and _R * (ring.radius - labelled[-1][0].radius) < _SMALL
            labelled.append((ring, other if crowded else emptiest))
        if disk.limit is not None and _is_visible(disk.limit):
            labelled.append((disk.limit, one))
        for ring, sector in labelled:
            (at,) = self(ring.radius * _directions()[[sector]])
            yield Text(float(at[0]), float(at[1]) + 0.35 * _SMALL, ring.label, _SMALL, INK, "middle", halo=True)

    def geodesic(self, geodesic: Geodesic) -> Iterator[Mark]:
        """A line with a white edge, since it crosses pixels of its own colour, and ticks on its positive side."""
        path = self(geodesic.path)
        ticks = []
        for share in _AT:
            index = round(share * (len(path) - 1))
            ticks.append((path[index], path[index] + TICK * geodesic.side[index] * [1.0, -1.0]))
        width = THIN if geodesic.inner else LINE
        yield Line(path, WHITE, width + _EDGE)
        yield from (segment(start, end, WHITE, width + _EDGE) for start, end in ticks)
        yield Line(path, geodesic.color, width, DASH if geodesic.inner else None)
        yield from (segment(start, end, geodesic.color, width) for start, end in ticks)

    def prototypes(self, prototypes: Sequence[Prototype]) -> Iterator[Mark]:
        """Dots with a dark edge, since they lie on pixels of their own colour."""
        for prototype in prototypes:
            (at,) = self(prototype.point[None])
            yield Circle(float(at[0]), float(at[1]), DOT, fill=prototype.color, stroke=INK, width=1.6)

    def name(self, place: RimName, name: Name) -> Iterator[Mark]:
        """A name, and the line that leads to it from the rim."""
        leader = self(place.leader())
        yield Line(leader, name.leader, 1.2)
        x, y = leader[-1].tolist()
        anchor: Anchor = "start" if place.right else "end"
        yield Text(x + (5.0 if place.right else -5.0), y + 0.35 * _NAME, name.words, _NAME, name.color, anchor)

    def names_inside(self, names: Sequence[tuple[str, NDArray[np.float64]]]) -> Iterator[Mark]:
        """Names on the points that they belong to."""
        sizes = [((text_width(words, _NAME) + 8.0) / _R, 1.2 * _NAME / _R) for words, _ in names]
        for place in inner_names([point for _, point in names], sizes):
            (at,) = self(np.array([[place.x, place.y]]))
            words = names[place.number][0]
            yield Text(float(at[0]), float(at[1]) + 0.35 * _NAME, words, _NAME, INK, "middle", halo=True)
