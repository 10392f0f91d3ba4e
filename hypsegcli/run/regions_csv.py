"""regions.csv: the regions of a run's images that are likely to be wrong, those first that have most to offer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hypsegcli.files.books import REGIONS
from hypsegcli.files.digest import Digest
from hypsegcli.files.table import write_csv
from hypsegcli.run.accounts import read_manifest
from hypsegcli.run.manifest import Line
from hypsegcli.run.ranked import Ranked, called, is_by

COLUMNS = ("rank", "image", "key", "x", "y", "width", "height", "area", "expected_wrong", "class", "classes")


def write_regions(out: Path, recipe: str) -> Digest | None:
    """Write the table in a run's folder: a row a region, the largest expected number of wrong pixels first.

    It is of the images that were made by one recipe. None, and nothing is written, where regions were looked for in
    none of them, for their network is not calibrated.
    """
    lines = read_manifest(out)
    if not any(is_by(line, recipe) and "regions" in line for line in lines.values()):
        return None
    rows = Ranked(lines, lambda line: _scores(line, recipe))
    return write_csv(out / REGIONS, COLUMNS, map(_row, rows))


def _scores(line: Line, recipe: str) -> Iterator[float]:
    if is_by(line, recipe):
        yield from (region["expected_wrong"] for region in line.get("regions", ()))


def _row(found: tuple[int, Line, int]) -> tuple[Any, ...]:
    rank, line, index = found
    region = line["regions"][index]
    classes = region["classes"]
    return (
        rank,
        called(line),
        line["key"],
        *region["box"],
        region["area"],
        float(region["expected_wrong"]),
        next(iter(classes)),
        "; ".join(f"{name} {pixels}" for name, pixels in classes.items()),
    )
