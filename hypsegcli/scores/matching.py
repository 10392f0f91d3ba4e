"""Clusters as classes: which class each stands for, and a source of predictions that answers with those classes.

A cluster has no name. It gets that of a class by what masks say of its pixels: each class at most once, so that as many
pixels as possible are right (Kuhn, "The Hungarian method for the assignment problem", 1955), or to each cluster the
class that most of its pixels have, which suits more clusters than classes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import replace
from importlib.util import find_spec
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hypsegcli.errors import UsageError, setting
from hypsegcli.files.words import count_of
from hypsegcli.inference.lanes import Lanes
from hypsegcli.inference.prediction import Labels
from hypsegcli.metrics.ratio import ratio
from hypsegcli.metrics.records import Match, MatchedCluster
from hypsegcli.scores.reading import predicted_images
from hypsegcli.scores.sources import PredictedImage, Source, void_without_data
from hypsegcli.truth.contradicted import Witness
from hypsegcli.truth.masks import IdMap
from hypsegcli.truth.pairs import Pair

Method = Literal["hungarian", "majority"]

Counts = NDArray[np.int64]


class ClusterSource:
    """Gives the predictions of another source, whose labels are clusters, as classes."""

    def __init__(self, source: Source, *, clusters: int, classes: int, table: Counts | None = None) -> None:
        """`table` (clusters,) has the class of each, `classes` for none; without one labels stay clusters."""
        self._source = source
        self._clusters, self._classes = clusters, classes
        self._table = None if table is None else np.append(table, classes)  # what is no cluster is no class
        self._witness = Witness(classes)

    def read(self, pair: Pair, truth: Labels) -> Callable[[], PredictedImage]:
        """As the other source, which is shown no class of the truth: its ids are others than the clusters'.

        What it makes void of that it has no data of.
        """
        blank = np.zeros(truth.shape, np.uint8 if self._clusters < 256 else np.uint16)
        predict = self._source.read(pair, blank)
        return lambda: self._named(predict(), truth)

    def _named(self, predicted: PredictedImage, truth: Labels) -> PredictedImage:
        labels = predicted.sample.labels
        truth = void_without_data(truth, predicted.sample.truth != self._clusters, void=self._classes)
        if self._table is not None:
            labels = np.take(self._table, labels).astype(truth.dtype)
        # Its probabilities are those of clusters, of which scores of classes are none.
        return replace(predicted, sample=replace(predicted.sample, truth=truth, labels=labels, proper=None))

    @property
    def lanes(self) -> Lanes:
        """Those of the other source."""
        return self._source.lanes

    def note(self, predicted: PredictedImage) -> None:
        """Take in what an image gives to know, in the images' order; while labels are clusters still, nothing."""
        if self._table is None:
            return
        self._witness.add(predicted.turned_alone, predicted.sample.truth, predicted.sample.labels)
        self._source.note(replace(predicted, turned_alone=None))  # it knows clusters alone

    def notes(self) -> list[str]:
        """Those of the other source."""
        return self._source.notes()

    def witness(self) -> Witness:
        """Of the classes."""
        return self._witness


def count_clusters(
    pairs: Iterable[Pair],
    source: Source,
    *,
    clusters: int,
    classes: int,
    ignore_index: int,
    workers: int,
    id_map: IdMap | None = None,
    counted: Callable[[], None] = lambda: None,
) -> Counts:
    """(clusters, classes) labelled pixels of each cluster by their true class; `counted` is called after each image.

    Raises DataError or ImageError at the first file that cannot be used.
    """
    counts = np.zeros((clusters + 1, classes + 1), np.int64)
    reading = predicted_images(
        pairs,
        ClusterSource(source, clusters=clusters, classes=classes),
        classes=classes,
        ignore_index=ignore_index,
        workers=workers,
        id_map=id_map,
    )
    with closing(reading) as images:
        for image in images:
            both = image.sample.labels.astype(np.int64) * (classes + 1) + image.sample.truth
            counts += np.bincount(both.ravel(), minlength=counts.size).reshape(counts.shape)
            counted()
    return counts[:clusters, :classes]


def refuse_method(clusters: int, classes: int, method: Method) -> None:
    """Raise UsageError where `hungarian` has more clusters than classes, or scipy is missing."""
    if method != "hungarian":
        return
    instead = setting("match", "majority")
    if clusters > classes:
        raise UsageError(
            f"{setting('match', method)} gives each class one cluster at most, and there are {clusters} clusters for "
            f"{classes} classes; take {instead}"
        )
    if find_spec("scipy") is None:
        raise UsageError(
            f"{setting('match', method)} needs SciPy; install it with pip install 'hypseg[cluster]', or take {instead}"
        )


def match_clusters(counts: Counts, method: Method) -> Counts:
    """(K,) the class that each cluster stands for, C for none, by (K, C) labelled pixels of each cluster and class.

    A cluster without a pixel of the class that would be left for it stands for none. Of classes that have as many
    pixels in a cluster, `majority` takes the first.
    """
    clusters, classes = counts.shape
    refuse_method(clusters, classes, method)
    if method == "majority":
        found = counts.argmax(1)
    else:
        from scipy.optimize import linear_sum_assignment

        found = linear_sum_assignment(counts, maximize=True)[1]
    table: Counts = np.where(counts[np.arange(clusters), found] > 0, found, classes)
    return table


def describe_match(
    counts: Counts,
    table: Counts,
    method: Method,
    *,
    clusters: Sequence[str],
    classes: Sequence[str],
    images: int,
    checkpoint: str | None,
) -> Match:
    """The record of a match that was made on so many images, by the names of clusters and classes."""
    rows = []
    for cluster, name in enumerate(clusters):
        target, pixels = int(table[cluster]), int(counts[cluster].sum())
        hits = int(counts[cluster, target]) if target < len(classes) else 0
        known = classes[target] if target < len(classes) else None
        rows.append(MatchedCluster(cluster=name, matched=known, pixels=pixels, share=float(ratio(hits, pixels))))
    return Match(method=method, images=images, clusters=rows, checkpoint=checkpoint)


def table_of(match: Match, *, clusters: Sequence[str], classes: Sequence[str], checkpoint: str | None) -> Counts:
    """(K,) as `match_clusters` gives it, of a match that was made on other images.

    Raises UsageError where its clusters, or classes, are not these.
    """
    made = [row.cluster for row in match.clusters]
    if match.checkpoint != checkpoint and None not in (match.checkpoint, checkpoint):
        raise UsageError(
            f"{setting('match', match.made_by)}: was made of another checkpoint's clusters, which have nothing but "
            "their names in common with these; match these anew"
        )
    if made != list(clusters):
        raise UsageError(
            f"{setting('match', match.made_by)}: was made of {count_of(len(made), 'cluster')}, from '{made[0]}' to "
            f"'{made[-1]}', and here are {len(clusters)}, from '{clusters[0]}' to '{clusters[-1]}'; match these anew"
        )
    if unknown := [row.matched for row in match.clusters if row.matched not in (None, *classes)]:
        raise UsageError(
            f"{setting('match', match.made_by)}: its clusters stand for the class '{unknown[0]}', which is none of "
            "these; name the class list that it was made with"
        )
    ids = {name: index for index, name in enumerate(classes)}
    return np.array([len(classes) if row.matched is None else ids[row.matched] for row in match.clusters], np.int64)
