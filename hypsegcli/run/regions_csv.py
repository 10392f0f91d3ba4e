"""regions.csv: the regions of a run's images that are likely to be wrong, those first that have most to offer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from hypsegcli.files.books import REGIONS
from hypsegcli.files.digest import Digest
from hypsegcli.files.table import write_csv
from hypsegcli.run.accounts import read_manifest
from hypsegcli.run.diversity import diverse_order, newness
from hypsegcli.run.manifest import Line
from hypsegcli.run.ordering import Ordering
from hypsegcli.run.ranked import Entries, Row, called, is_by, score_of, signatures_of

COLUMNS = ("rank", "image", "key", "x", "y", "width", "height", "area", "expected_wrong", "class", "classes")


def write_regions(out: Path, recipe: str, ordering: Ordering) -> Digest | None:
    """Write the table in a run's folder: a row a region, the largest expected number of wrong pixels first.

    Where near-identical images wait, regions count for as much of that as their image is new; those of one image are
    never too alike. They are of the images that were made by one recipe. None, and nothing is written, where there is
    none.
    """

    def find(line: Line) -> Iterator[tuple[float, str]]:
        if is_by(line, recipe):
            yield from ((region["expected_wrong"], _first(region)) for region in line.get("regions", ()))

    lines = read_manifest(out)
    if not any(is_by(line, recipe) for line in lines.values()):
        return None
    regions = Entries.of(lines, find)
    scores, kinds, quotas = regions.scores, regions.kinds, regions.quotas(ordering)
    if ordering.diverse:
        images = np.array([score_of(lines[key], ordering) for key in regions.keys])
        scores = scores * newness(images, signatures_of(lines, regions.keys))[regions.owners]
        first = np.argsort(-regions.scores, kind="stable")  # by which those are ranked that are not new at all
        order = first[diverse_order(scores[first], None, kinds[first], quotas=quotas)]
    else:
        order = diverse_order(scores, None, kinds, quotas=quotas)
    return write_csv(out / REGIONS, COLUMNS, regions.rows(lines, order, _row))


def _first(region: dict[str, Any]) -> str:
    """The name of the class that most pixels of a region have."""
    return str(next(iter(region["classes"])))


def _row(line: Line, place: int) -> Row:
    region = line["regions"][place]
    classes = "; ".join(f"{name} {pixels}" for name, pixels in region["classes"].items())
    box, area, wrong = region["box"], region["area"], float(region["expected_wrong"])
    return (called(line), line["key"], *box, area, wrong, _first(region), classes)
