"""ranking.csv: the images of a run, most uncertain first, which is what a person should look at next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hypsegcli.errors import setting
from hypsegcli.files.books import RANKING
from hypsegcli.files.digest import Digest, digest_file
from hypsegcli.files.place import is_taken
from hypsegcli.files.table import encode_csv
from hypsegcli.files.words import count_of, first_of
from hypsegcli.run.accounts import read_manifest
from hypsegcli.run.manifest import (
    Line,
    files_of,
    input_from_here,
    input_of,
    outputs_of,
    real_place,
)
from hypsegcli.run.plan import PlannedImage

_STATISTICS = ("mean", "median", "p95")
_PICTURE = "heatmap"  # that every image of the ranking has
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
    return encode_csv(["rank", "image", *_STATISTICS, _PICTURE], rows) if rows else None


def _row(line: Line) -> tuple[Any, ...]:
    statistics = (float(line["summary"][name]) for name in _STATISTICS)
    return (input_from_here(line), *statistics, line["outputs"][_PICTURE])


def ranking_that_stays(
    out: Path, run: Mapping[str, Any], *, going: Iterable[Line], others: Iterable[Line]
) -> dict[str, Digest]:
    """What an earlier run.json says of the ranking, where the next run does not make one; empty where it is to go.

    It stays with the heatmaps that it names: those of the lines `others` do, and those of the lines `going` do not.
    """
    is_there = is_taken(out / RANKING)
    return files_of(run) if is_there and _keeps_its_heatmaps(going=going, others=others) else {}


def ranking_that_is_owed(run: Mapping[str, Any], *, going: Iterable[Line], others: Iterable[Line]) -> list[str]:
    """The ranking's name where the heatmaps that it is of stay, and a run was stopped that was to write it; or nothing.

    `run` is an earlier run.json.
    """
    owed = set(files_of(run)) | owed_by(run)
    return [RANKING] if RANKING in owed and _keeps_its_heatmaps(going=going, others=others) else []


def owed_by(run: Mapping[str, Any]) -> set[str]:
    """Files of the whole run that runs, as run.json has it, were to write, and have not; it may hold anything."""
    unfinished = run.get("unfinished")
    to_write = unfinished.get("files") if isinstance(unfinished, dict) else None
    found = [each for each in (to_write, run.get("owed")) if isinstance(each, list)]
    return {RANKING} & {name for each in found for name in each if isinstance(name, str)}


def _keeps_its_heatmaps(*, going: Iterable[Line], others: Iterable[Line]) -> bool:
    return not any(_PICTURE in outputs_of(line) for line in going) and any(map(_is_ranked, others))


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
    ranked = [planned.source for planned in plan] + [input_of(line) for line in staying if line["recipe"] == recipe]
    folders: dict[Path, str] = {}
    times = Counter(real_place(source, folders) for source in ranked)
    if twice := [source for source in ranked if times.pop(real_place(source, folders), 0) > 1]:
        sentences.append(
            f"{path} lists {count_of(len(twice), 'image')} more than once, named by several folders: "
            f"{first_of([str(source) for source in twice], _LISTED)}; a run into another {setting('out')}, with all "
            "images named by one, lists each once"
        )
    return sentences


def _is_ranked(line: Line) -> bool:
    return bool(line["status"] == "done" and _PICTURE in line["outputs"])
