"""ranking.csv: the images of a run, most uncertain first, which is what a person should look at next."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from hypsegcli.files.atomic import write_atomically
from hypsegcli.run.ledger import Ledger


def write_ranking(path: Path, ledger: Ledger) -> None:
    """Rank, input, mean, median and 95th percentile of every image's uncertainty in [0, 1], largest mean first."""
    every = (*ledger.others, *ledger.lines.values())
    lines = [line for line in every if line["status"] == "done" and line["recipe"] == ledger.recipe]
    lines.sort(key=lambda line: (-line["summary"]["mean"], line["key"]))
    table = io.StringIO(newline="")
    writer = csv.writer(table)
    writer.writerow(["rank", "image", "mean", "median", "p95", "heatmap"])
    for rank, line in enumerate(lines, start=1):
        values = (f"{line['summary'][name]:.6f}" for name in ("mean", "median", "p95"))
        writer.writerow([rank, line["input"], *values, line["outputs"]["heatmap"]])
    write_atomically(path, table.getvalue().encode("utf-8", "surrogateescape"))
