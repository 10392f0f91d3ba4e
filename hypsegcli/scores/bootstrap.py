"""95 % intervals over images, from sums that do not grow with the number of images.

The bootstrap draws images with replacement. Here every image takes part in a replicate as often as a Poisson(1) variate
says (Chamandy et al., "Estimating Uncertainty for Massive Data Streams", 2012), which is the same in the limit of many
images and can be summed as the images pass. The variates follow from the image's key alone: they are the same in
any order, in any shard, and in another evaluation of the same images, whose replicates are therefore paired with these.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hypsegcli.metrics.answers import SUMS, answer_sums, scores_of_sums
from hypsegcli.metrics.classes import iou_from_counts
from hypsegcli.metrics.conventions import Over
from hypsegcli.metrics.edges import f_from_counts
from hypsegcli.metrics.proper import NATS
from hypsegcli.metrics.ranking import BINS, aurc, auroc
from hypsegcli.metrics.ratio import mean_of_defined, ratio
from hypsegcli.metrics.reliability import ECE_BINS, ece_counts, ece_from_counts
from hypsegcli.scores.tally import SHARE, Scheme, Tally

REPLICATES = 1000
FEWEST_REPLICATES = 100  # of fewer, the middle 95 % hold less than 93 %; of fewer than 40, all lie within
COARSE_BINS = 1024  # of a confidence in a replicate
FEW_IMAGES = 50  # below which intervals are rough: see benchmarks/intervals.py

Values = NDArray[np.float64]

# What is worked out from coarse bins; the catalogue marks the same metrics.
_COARSE: dict[str, Callable[[Values], Values]] = {"auroc": auroc, "aurc": aurc}

_BATCH = 64  # images whose counts go into one matrix product
_BLOCK = 100  # replicates of one


class Interval(NamedTuple):
    """The middle 95 % of the replicates."""

    low: float
    high: float


class Bootstrap:
    """Sums the counts of images under the weights of every replicate."""

    def __init__(self, scheme: Scheme, *, replicates: int = REPLICATES) -> None:
        self.scheme = scheme
        self.replicates = replicates
        self._edges = coarse_edges()
        self._parts = _parts(scheme)
        self._sums = np.zeros(sums_shape(scheme, replicates))
        self._waiting: list[tuple[str, NDArray[np.float64]]] = []

    def add(self, key: str, tally: Tally) -> None:
        """Take in the counts of one image."""
        if self.replicates:
            self._waiting.append((key, self._vector(tally)))
            if len(self._waiting) >= _BATCH:
                self._flush()

    def merge(self, other: Bootstrap) -> None:
        """Take in the images of another shard."""
        self._flush()
        other._flush()
        self._sums += other._sums

    @property
    def sums(self) -> NDArray[np.int64]:
        """(replicates, columns) all counts so far under the weights of every replicate."""
        self._flush()
        return self._sums.astype(np.int64)  # whole numbers below 2^53 all along

    @classmethod
    def of_sums(cls, scheme: Scheme, sums: NDArray[np.int64]) -> Bootstrap:
        """What has these sums, of the shape that `sums_shape` gives."""
        made = cls(scheme, replicates=0)
        made.replicates, made._sums = len(sums), sums.astype(np.float64)
        return made

    def scores(self, over: Over = "present") -> dict[str, Values]:
        """Metric name to (replicates,) values; a replicate without a defined value has NaN."""
        self._flush()
        ends = np.cumsum([math.prod(shape) for shape in self._parts.values()])
        columns = np.split(self._sums, ends[:-1], axis=1)
        part = {
            name: column.reshape(len(column), *shape)
            for (name, shape), column in zip(self._parts.items(), columns, strict=True)
        }
        return _scores(part, self.scheme, over)

    def _flush(self) -> None:
        if self._waiting:
            weights = np.stack([image_weights(key, self.replicates) for key, _ in self._waiting], axis=1)
            vectors = np.stack([vector for _, vector in self._waiting])
            for start in range(0, self.replicates, _BLOCK):  # the product of all would be as large as the sums
                block = slice(start, start + _BLOCK)
                # Whole numbers below 2^53 all along, so that this sum is exact, whatever the batches.
                self._sums[block] += weights[block].astype(np.float64) @ vectors
            self._waiting = []

    def _vector(self, tally: Tally) -> NDArray[np.float64]:
        C, answers = self.scheme.classes, self.scheme.answers
        confusion = tally.confusion
        parts = {
            "classes": np.stack([np.diag(confusion), confusion.sum(1), confusion[:, :C].sum(0)]),
            "image_iou": tally.image_iou[:, C],
            "bands": tally.bands,
            "edges": tally.edges,
            "proper": tally.proper.sum(0),
            "tables": np.add.reduceat(tally.tables, self._edges[:-1], axis=1),
            "calibration": np.stack([ece_counts(table) for table in tally.tables])
            if len(tally.tables)
            else np.zeros((0, ECE_BINS, 3)),
            "answers": np.zeros(0) if answers is None else answer_sums(tally.answers[0], answers.tree),
        }
        return np.concatenate([parts[name].ravel() for name in self._parts]).astype(np.float64)


def interval(values: Values) -> Interval:
    """The 2.5th and 97.5th percentile of the defined replicates."""
    defined = values[np.isfinite(values)]
    if not len(defined):
        return Interval(math.nan, math.nan)
    low, high = np.quantile(defined, (0.025, 0.975))
    return Interval(float(low), float(high))


def image_weights(key: str, replicates: int) -> NDArray[np.uint8]:
    """(replicates,) how often an image takes part in each: Poisson(1), the same for the same key on any machine."""
    seed = int.from_bytes(hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest())
    # The bits of a generator are fixed for good, unlike NumPy's way from bits to Poisson variates.
    uniform = np.random.PCG64(seed).random_raw(replicates)
    return np.searchsorted(_POISSON, uniform, side="right").astype(np.uint8)


def coarse_edges() -> NDArray[np.intp]:
    """(COARSE_BINS + 1,) levels at which a replicate's bins begin.

    Half of the bins are spread evenly, so that no two levels of an 8-bit plane share one; the other half evenly in the
    log-odds of the level, so that bins are fine where confidences crowd, at both ends.
    """
    level = np.arange(1, BINS) / BINS
    place = (level + (np.log(level / (1.0 - level)) / math.log(BINS - 1) + 1.0) / 2.0) / 2.0
    edges = 1 + np.searchsorted(place, np.arange(1, COARSE_BINS) / COARSE_BINS)
    edges = np.concatenate([[0], edges, [BINS]])
    for index in range(1, COARSE_BINS):  # no bin is empty: at the ends one level a bin
        edges[index] = min(max(edges[index], edges[index - 1] + 1), BINS - (COARSE_BINS - index))
    return edges.astype(np.intp)


def coarse_misses(table: NDArray[np.int64]) -> bool:
    """Whether the bins of replicates are too coarse for a (BINS, 2) table: they change its AUROC or AURC visibly.

    So it is where all confidences lie in a sliver of the scale. Intervals from such bins would be wrong.
    """
    coarse = np.add.reduceat(table, coarse_edges()[:-1], axis=0)
    near = abs(float(auroc(table)) - float(auroc(coarse))) > 0.002
    return near or abs(float(aurc(table)) - float(aurc(coarse))) > 0.02 * float(aurc(table))


def sums_shape(scheme: Scheme, replicates: int) -> tuple[int, int]:
    """Of the sums of a bootstrap: a row a replicate, a column for each number that is counted of an image."""
    return replicates, sum(math.prod(shape) for shape in _parts(scheme).values())


def _parts(scheme: Scheme) -> dict[str, tuple[int, ...]]:
    C, M = scheme.classes, len(scheme.measures)
    return {
        "classes": (3, C),
        "image_iou": (2,),
        "bands": (3, C),
        "edges": (4,),
        "proper": (3,),
        "tables": (M, COARSE_BINS, 2),
        "calibration": (M, ECE_BINS, 3),
        "answers": (0 if scheme.answers is None else SUMS,),
    }


def _scores(part: Mapping[str, Values], scheme: Scheme, over: Over) -> dict[str, Values]:
    hit, truth, predicted = np.moveaxis(part["classes"], 1, 0)
    iou = iou_from_counts(hit, truth, predicted)
    band_iou = iou_from_counts(*np.moveaxis(part["bands"], 1, 0))
    pixels, nll, brier = part["proper"].T
    scores = {
        "miou": mean_of_defined(iou) if over == "present" else _mean_over_all(iou),
        "pixel_accuracy": ratio(hit.sum(1), truth.sum(1)),
        "fwiou": ratio(np.nansum(truth * iou, axis=1), truth.sum(1)),
        "image_miou": ratio(part["image_iou"][:, 0], part["image_iou"][:, 1]) / SHARE,
        "boundary_iou": mean_of_defined(band_iou),
        "boundary_f": f_from_counts(*part["edges"].T)[2],
        "nll": ratio(nll, pixels) / NATS,
        "brier": ratio(brier, pixels) / NATS,
    }
    for index, name in enumerate(scheme.measures):
        scores |= {f"{metric}:{name}": of_table(part["tables"][:, index]) for metric, of_table in _COARSE.items()}
        scores[f"ece:{name}"] = ece_from_counts(part["calibration"][:, index])
    if scheme.answers is not None:
        scores |= scores_of_sums(part["answers"])
    scores |= {f"iou:{index}": iou[:, index] for index in range(scheme.classes)}
    return scores


def _mean_over_all(iou: Values) -> Values:
    """An IoU that is not defined counts as 0, except in a replicate that has no pixel at all."""
    return np.where(np.isnan(iou).all(axis=1), np.nan, np.nan_to_num(iou).mean(axis=1))


def _poisson_thresholds() -> NDArray[np.uint64]:
    """Cumulative probabilities of Poisson(1) as 64-bit numbers, up to where they reach 1."""
    total, terms = 0.0, []
    for count in range(18):
        total += math.exp(-1.0) / math.factorial(count)
        terms.append(min(int(total * 2**64), 2**64 - 1))
    return np.array([term for term, after in pairwise([*terms, 2**64]) if term < after], np.uint64)


_POISSON = _poisson_thresholds()
