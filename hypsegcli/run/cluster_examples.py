"""From the label maps of a run, whose classes are clusters, to sheets of examples of each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from hypsegcli.checkpoint.format import Header
from hypsegcli.errors import ImageError
from hypsegcli.images.decode import decode_image, decode_mask
from hypsegcli.pictures.example_sheet import ExampleRow, draw_examples, show_cluster
from hypsegcli.pictures.palette import RGB
from hypsegcli.run.plan import PlannedImage

EXAMPLES = 5  # of a cluster
_ON_A_SHEET = 50  # clusters
_LABELS = "labels"


def count_labels(plan: Sequence[PlannedImage], clusters: int) -> NDArray[np.int64]:
    """(N, K) pixels of each cluster in the label map of each image of a plan; 0 where there is no map."""
    counts = np.zeros((len(plan), clusters), np.int64)
    for index, planned in enumerate(plan):
        path = planned.outputs[_LABELS]
        if path.is_file():
            counts[index] = np.bincount(decode_mask(path).ravel(), minlength=clusters)[:clusters]
    return counts


def choose_examples(counts: NDArray[np.int64], most: int = EXAMPLES) -> list[list[int]]:
    """For each cluster the images that show it best, at most so many, the best first.

    From each of `most` parts of the images in their order the one of which the cluster takes the largest share: frames
    of one film, which follow each other, are alike.
    """
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    chosen = []
    for share in shares.T:
        parts = [part for part in np.array_split(np.arange(len(share)), most) if len(part)]
        best = [int(part[share[part].argmax()]) for part in parts]
        chosen.append(sorted((image for image in best if share[image] > 0), key=lambda image: -float(share[image])))
    return chosen


def draw_sheets(plan: Sequence[PlannedImage], header: Header) -> tuple[list[RGB], NDArray[np.int64]]:
    """Sheets of examples, of 50 clusters each, and (K,) the pixels of each cluster; images that are gone are left out.

    Of the images of a plan, whose label maps were written by a network of this header.
    """
    names = header.tree.names[: header.tree.classes]
    counts = count_labels(plan, len(names))
    pixels = counts.sum(0)
    rows = [
        ExampleRow(
            name,
            np.array(header.colors[cluster], np.uint8),
            float(pixels[cluster] / max(1, pixels.sum())),
            [shown for image in images if (shown := _show(plan[image], cluster)) is not None],
        )
        for cluster, (name, images) in enumerate(zip(names, choose_examples(counts), strict=True))
    ]
    return [draw_examples(rows[at : at + _ON_A_SHEET]) for at in range(0, len(rows), _ON_A_SHEET)], pixels


def sheet_names(clusters: int) -> tuple[str, ...]:
    """What the files of sheets of so many clusters are called."""
    return tuple(f"clusters{f'-{at // _ON_A_SHEET + 1}' if at else ''}.png" for at in range(0, clusters, _ON_A_SHEET))


def _show(planned: PlannedImage, cluster: int) -> RGB | None:
    """An image with one cluster of it in colour; None where it can be read no more."""
    path: Path = planned.outputs[_LABELS]
    try:
        photograph, labels = decode_image(planned.source).pixels, decode_mask(path)
    except ImageError:
        return None
    size = (photograph.shape[1], photograph.shape[0])
    inside = cv2.resize((labels == cluster).astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    return show_cluster(photograph, inside.astype(bool))
