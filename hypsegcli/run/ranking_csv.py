"""ranking.csv: the images of a run, most uncertain first, which is what a person should look at next."""

from __future__ import annotations

from hypsegcli.files.table import encode_csv
from hypsegcli.run.ledger import Ledger
from hypsegcli.run.manifest import input_from_here, read_manifest

_STATISTICS = ("mean", "median", "p95")


def encode_ranking(ledger: Ledger) -> bytes:
    """Rank, input, mean, median and 95th percentile of every image's uncertainty in [0, 1], largest mean first."""
    every = read_manifest(ledger.out).values()
    lines = [line for line in every if line["status"] == "done" and line["recipe"] == ledger.recipe]
    lines = [line for line in lines if line["summary"].keys() >= set(_STATISTICS) and "heatmap" in line["outputs"]]
    lines.sort(key=lambda line: (-line["summary"]["mean"], line["key"]))
    rows = [
        (
            rank,
            input_from_here(line),
            *(float(line["summary"][name]) for name in _STATISTICS),
            line["outputs"]["heatmap"],
        )
        for rank, line in enumerate(lines, start=1)
    ]
    return encode_csv(["rank", "image", *_STATISTICS, "heatmap"], rows)
