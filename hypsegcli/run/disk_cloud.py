"""From images to the points that they have in the Poincaré disk: all of one image's, a sample of many images'."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hypsegcli.errors import ImageError, setting
from hypsegcli.files.threads import ahead, default_workers
from hypsegcli.geometry.disk import Points
from hypsegcli.hierarchy.tree import ClassTree
from hypsegcli.images.decode import DecodedImage, decode_image
from hypsegcli.images.shrink import shrunk_size
from hypsegcli.inference.embed import embed
from hypsegcli.inference.engines.torch_engine import TorchEngine
from hypsegcli.inference.prediction import Labels
from hypsegcli.network.model import GRID
from hypsegcli.truth.check import read_image
from hypsegcli.truth.pairs import Pair


class Placed(NamedTuple):
    """One image on the network's grid."""

    image: DecodedImage
    points: Points  # (h, w, 2) in the unit disk
    classes: NDArray[np.intp]  # (h, w) predicted, or true ones with K where none is known


@dataclass(frozen=True, eq=False)
class Cloud:
    """Points of all images together."""

    points: Points  # (n, 2) in the unit disk
    classes: NDArray[np.intp]  # (n,)
    counts: NDArray[np.intp]  # (K,) points of each class, those that were not picked included
    images: int
    truth: bool  # whether the classes are the true ones


def place_images(
    sources: Sequence[tuple[Path, Path | None]],
    engine: TorchEngine,
    tree: ClassTree,
    *,
    longest_side: int | None,
    max_pixels: int,
    read_truth: Callable[[Path], Labels],
) -> Generator[Placed, None, None]:
    """Image after image, in order, decoded ahead of the network; each may have a mask, whose classes count then.

    `read_truth` reads a mask as ids (H, W) with K for void. Raises ImageError and DataError at the first image that
    cannot be used.
    """

    def read(source: tuple[Path, Path | None]) -> tuple[DecodedImage, Labels | None]:
        image, mask = source
        if mask is None:
            return decode_image(image, max_pixels=max_pixels), None
        truth = read_truth(mask)
        return read_image(Pair(image.stem, mask, image, None), truth.shape, max_pixels=max_pixels), truth

    workers = default_workers() if len(sources) > 1 else 0
    with closing(ahead(read, sources, workers=workers, pixels=lambda one: one[0].pixels.size // 3)) as decoded:
        for (path, _), (image, truth) in zip(sources, decoded, strict=True):
            try:
                found = embed(engine, tree, image.pixels, longest_side=longest_side)
            except FloatingPointError as problem:
                advice = f"where it ran in bf16, try {setting('precision', 'fp32')}, else another checkpoint"
                raise ImageError(f"{path}: {problem}; {advice}", "not_finite") from problem
            classes = found.classes
            if truth is not None:
                size = shrunk_size(truth.shape[0], truth.shape[1], longest_side)
                classes = at_cells(truth, size, classes.shape)
            yield Placed(image, found.points, classes)


class Gatherer:
    """Collects the points of images, from each no more than its share of `most`, picked at random, always the same."""

    def __init__(self, *, images: int, classes: int, most: int) -> None:
        self._images = images
        self._share = max(1, most // images)
        self._points: list[Points] = []
        self._classes: list[NDArray[np.intp]] = []
        self._counts = np.zeros(classes, np.intp)

    def add(self, points: Points, classes: NDArray[np.intp]) -> None:
        """Those of the next image, (h, w, 2) and (h, w); cells without a class are left out."""
        known = classes < len(self._counts)
        points, classes = points[known], classes[known]
        self._counts += np.bincount(classes, minlength=len(self._counts))
        if len(classes) > self._share:
            random = np.random.default_rng(len(self._points))
            picked = random.choice(len(classes), self._share, replace=False, shuffle=False)
            points, classes = points[picked], classes[picked]
        self._points.append(points)
        self._classes.append(classes)

    def cloud(self, *, truth: bool) -> Cloud:
        """All of them."""
        return Cloud(np.concatenate(self._points), np.concatenate(self._classes), self._counts, self._images, truth)


def at_cells(truth: Labels, size: tuple[int, int], grid: tuple[int, ...]) -> NDArray[np.intp]:
    """(h, w) true class in the middle of every cell of 4 x 4 pixels of an image that went in with `size`.

    `truth` is (H, W), of the image before it was shrunk. The last cells may reach beyond the image.
    """
    down, across = (
        np.minimum((np.arange(cells) + 0.5) * GRID * full / went_in, full - 1).astype(np.intp)
        for cells, full, went_in in zip(grid, truth.shape, size, strict=True)
    )
    classes: NDArray[np.intp] = truth[down[:, None], across[None, :]].astype(np.intp)
    return classes
