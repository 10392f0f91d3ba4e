"""ranking.csv: the images of a run, most uncertain first, which is what a person should look at next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from hypsegcli.errors import setting
from hypsegcli.files.atomic import write_atomically
from hypsegcli.files.books import RANKING
from hypsegcli.files.digest import Digest, digest_file, digest_of
from hypsegcli.files.kinds import RANKED
from hypsegcli.files.table import encode_csv
from hypsegcli.files.words import count_of, first_of
from hypsegcli.run.accounts import read_manifest
from hypsegcli.run.manifest import (
    Line,
    files_of,
    input_from_here,
    input_of,
    part_of,
    real_place,
)
from hypsegcli.run.plan import PlannedImage, name_of

_STATISTICS = ("mean", "median", "p95")
_LISTED = 3  # images


def encode_ranking(out: Path, recipe: str) -> bytes | None:
    """Rank, input, mean, median and 95th percentile of every image's uncertainty in [0, 1], largest mean first.

    Of those in a run's folder that were made by one recipe: measures do not compare. None where there are none.
    """
    ranked = [
        (-line["summary"]["mean"], line["key"], _row(line))
        for line in read_manifest(out).values()
        if _is_ranked(line) and line["recipe"] == recipe and line["summary"].keys() >= set(_STATISTICS)
    ]
    rows = [(rank, *row) for rank, (_, _, row) in enumerate(sorted(ranked), start=1)]
    return encode_csv(["rank", "image", *_STATISTICS, RANKED], rows) if rows else None


def write_ranking(out: Path, recipe: str) -> Digest | None:
    """Write the ranking in a run's folder; None, and nothing is written, where there is nothing to rank."""
    data = encode_ranking(out, recipe)
    if data is None:
        return None
    write_atomically(out / RANKING, data)
    return digest_of(data)


def _row(line: Line) -> tuple[Any, ...]:
    statistics = (float(line["summary"][name]) for name in _STATISTICS)
    name = name_of(input_from_here(line), part_of(line))
    return (name, *statistics, line["outputs"][RANKED])


def say_of_ranking(
    out: Path,
    run: Mapping[str, Any],
    *,
    plan: Sequence[PlannedImage],
    others: Collection[Line],
    recipe: str | None,
    keep: bool,
) -> list[str]:
    """What becomes of an earlier run's ranking that goes, a sentence each; with a recipe, it is made anew by that.

    It is of the images planned then, and of those of the lines `others` that the recipe has made.
    """
    path, found = out / RANKING, files_of(run).get(RANKING)
    staying = [line for line in others if _is_ranked(line)]
    if recipe is None:
        if found is None or not staying:
            return []
        return [f"{path} goes, for it names heatmaps that do; run uncertainty with {setting('resume')} to make it anew"]
    sentences = []
    if keep and found is not None and digest_file(path) not in {None, found}:
        sentences.append(f"{path} has been changed since it was written, and is made anew")
    if left_out := sum(line["recipe"] != recipe for line in staying):
        sentences.append(
            f"{path} leaves out {count_of(left_out, 'image')} of an earlier run, made with other settings; name all "
            "images, and all are ranked"
        )
    ranked = [(planned.source, planned.part) for planned in plan]
    ranked += [(input_of(line), part_of(line)) for line in staying if line["recipe"] == recipe]
    folders: dict[Path, str] = {}
    times = Counter((real_place(source, folders), frame) for source, frame in ranked)
    if twice := [name_of(*one) for one in ranked if times.pop((real_place(one[0], folders), one[1]), 0) > 1]:
        sentences.append(
            f"{path} lists {count_of(len(twice), 'image')} more than once, named by several folders: "
            f"{first_of(twice, _LISTED)}; a run into another {setting('out')}, with all "
            "images named by one, lists each once"
        )
    return sentences


def _is_ranked(line: Line) -> bool:
    return bool(line["status"] == "done" and RANKED in line["outputs"])
