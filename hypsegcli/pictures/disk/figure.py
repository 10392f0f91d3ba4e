"""The Poincaré disk of one image: its pixels, the classes' geodesics, rings of equal distance, and what they mean."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hypsegcli.files.words import as_label
from hypsegcli.pictures.disk.density import EXTENT, density
from hypsegcli.pictures.disk.legend import DASH, LINE, MARGIN, RING, THIN, TICK, legend
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


class Geodesic(NamedTuple):
    """A gyroplane in the unit disk, y upwards."""

    name: str
    color: Color
    inner: bool  # of an inner node of the class tree
    path: NDArray[np.float64]  # (n, 2) from rim to rim
    side: NDArray[np.float64]  # (n, 2) unit normals there, to the side of positive logits


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


def disk_figure(disk: Disk) -> Figure:
    """Photograph and legend on the left, the disk on the right."""
    height = _TOP + DIAMETER + _BOTTOM
    labels = [as_label(geodesic.name, _LETTERS) for geodesic in disk.geodesics]
    places = rim_names([geodesic.path[[0, -1]] for geodesic in disk.geodesics], gap=1.2 * _NAME / _R)
    column, marks = legend(
        disk.photograph, _shares(disk), inner_nodes=any(geodesic.inner for geodesic in disk.geodesics), height=height
    )
    reach = [max((_reach(p, labels) for p in places if p.right is right), default=0.0) for right in (False, True)]
    left, right = (max(_R + MARGIN, value + MARGIN) for value in reach)
    frame = _Frame(column + left, _TOP + _R)
    marks += frame.rings(disk)
    for geodesic in reversed(disk.geodesics):
        marks += frame.geodesic(geodesic)
    marks += frame.ring_labels(disk)
    for place in places:
        marks += frame.name(place, labels[place.line], disk.geodesics[place.line])
    marks.append(Text(frame.x, height - MARGIN, disk.caption, _SMALL, FAINT, "middle"))
    return Figure(math.ceil(frame.x + right), math.ceil(height), disk.caption, tuple(marks))


def _shares(disk: Disk) -> list[tuple[str, Color, float]]:
    """Name, colour and share of the classes that occur, the largest share first and the background last."""
    counts = np.bincount(disk.classes, minlength=len(disk.names))
    order = legend_order(counts, disk.background)
    return [(disk.names[node], as_color(disk.palette[node]), counts[node] / disk.classes.size) for node in order]


def _reach(place: RimName, labels: Sequence[str]) -> float:
    return _R * abs(place.x) + text_width(labels[place.line], _NAME)


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
        if disk.limit is not None:
            yield Circle(self.x, self.y, _R * disk.limit.radius, stroke=FAINT, width=1.2)
        yield Circle(self.x, self.y, _R, stroke=_RIM, width=1.6)
        yield Circle(self.x, self.y, 2.5, fill=FAINT)
        side = 2 * _R * EXTENT
        pixels = density(disk.points, disk.classes, disk.palette)
        yield Picture(self.x - side / 2, self.y - side / 2, side, side, pixels)

    def ring_labels(self, disk: Disk) -> Iterator[Mark]:
        """Labels on the rings, in the direction in which fewest pixels lie, and that of the limit beside them."""
        step = 2 * math.pi / _DIRECTIONS
        angles = np.arctan2(disk.points[:, 1], disk.points[:, 0])
        crowd = np.bincount(np.rint(angles / step).astype(np.intp) % _DIRECTIONS, minlength=_DIRECTIONS)
        emptiest = int(np.argmin(crowd))
        beside = min(((emptiest + turn) % _DIRECTIONS for turn in (-2, 2)), key=lambda sector: crowd[sector])
        labelled = [(ring, emptiest) for ring in disk.rings]
        if disk.limit is not None:
            labelled.append((disk.limit, beside))
        for ring, sector in labelled:
            (at,) = self(ring.radius * np.array([[math.cos(step * sector), math.sin(step * sector)]]))
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

    def name(self, place: RimName, label: str, geodesic: Geodesic) -> Iterator[Mark]:
        """A name, and the line that leads to it from the geodesic's end."""
        leader = self(place.leader())
        yield Line(leader, geodesic.color, 1.2)
        x, y = leader[-1].tolist()
        anchor: Anchor = "start" if place.right else "end"
        yield Text(
            x + (5.0 if place.right else -5.0), y + 0.35 * _NAME, label, _NAME, FAINT if geodesic.inner else INK, anchor
        )
