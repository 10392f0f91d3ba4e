"""ranking.csv: the images of a run, most uncertain first, which is what a person should look at next."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hypsegcli.files.books import RANKING
from hypsegcli.files.digest import Digest
from hypsegcli.files.kinds import RANKED
from hypsegcli.files.table import write_csv
from hypsegcli.run.accounts import read_manifest
from hypsegcli.run.manifest import Line
from hypsegcli.run.ranked import Ranked, called, is_by

_STATISTICS = ("mean", "median", "p95")
_WRONG = "expected_wrong"  # pixels; only where the checkpoint is calibrated


def write_ranking(out: Path, recipe: str) -> Digest | None:
    """Write the ranking in a run's folder; None, and nothing is written, where there is nothing to rank.

    It has rank, input, mean, median and 95th percentile of every image's uncertainty in [0, 1], the expected number of
    its wrong pixels, and its heatmap; largest mean first. It is of the images that were made by one recipe: measures do
    not compare.
    """
    lines = read_manifest(out)
    rows = Ranked(lines, lambda line: _scores(line, recipe))
    if not len(rows):
        return None
    return write_csv(out / RANKING, ["rank", "image", *_STATISTICS, _WRONG, RANKED], map(_row, rows))


def _scores(line: Line, recipe: str) -> Iterator[float]:
    if is_by(line, recipe) and line["summary"].keys() >= set(_STATISTICS):
        yield line["summary"]["mean"]


def _row(found: tuple[int, Line, int]) -> tuple[Any, ...]:
    rank, line, _ = found
    statistics = (float(line["summary"].get(name, math.nan)) for name in (*_STATISTICS, _WRONG))
    return (rank, called(line), *statistics, line["outputs"][RANKED])
