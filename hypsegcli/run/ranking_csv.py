"""ranking.csv: the images of a run, those first that a person should look at next."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

from hypsegcli.files.books import RANKING
from hypsegcli.files.digest import Digest
from hypsegcli.files.kinds import RANKED
from hypsegcli.files.table import write_csv
from hypsegcli.run.accounts import read_manifest
from hypsegcli.run.diversity import diverse_order
from hypsegcli.run.manifest import Line
from hypsegcli.run.ordering import Ordering
from hypsegcli.run.ranked import MEAN, WRONG, Entries, Row, called, class_of, is_by, score_of, signatures_of

_STATISTICS = (MEAN, "median", "p95")
COLUMNS = ("rank", "image", *_STATISTICS, WRONG, "class", RANKED)


def write_ranking(out: Path, recipe: str, ordering: Ordering) -> Digest | None:
    """Write the ranking in a run's folder; None, and nothing is written, where there is nothing to rank.

    It has rank, input, mean, median and 95th percentile of every image's uncertainty in [0, 1], the expected number of
    its wrong pixels and the class that most of these have, where the checkpoint is calibrated, and its heatmap. It is
    of the images that were made by one recipe: measures do not compare.
    """

    def find(line: Line) -> Iterator[tuple[float, str]]:
        if is_by(line, recipe) and line["summary"].keys() >= set(_STATISTICS):
            yield score_of(line, ordering), class_of(line)

    lines = read_manifest(out)
    images = Entries.of(lines, find)
    if not len(images):
        return None
    signatures = signatures_of(lines, images.keys) if ordering.diverse else None
    order = diverse_order(images.scores, signatures, images.kinds, quotas=images.quotas(ordering))
    return write_csv(out / RANKING, COLUMNS, images.rows(lines, order, _row))


def _row(line: Line, _: int) -> Row:
    statistics = (float(line["summary"].get(name, math.nan)) for name in (*_STATISTICS, WRONG))
    return (called(line), *statistics, class_of(line), line["outputs"][RANKED])
