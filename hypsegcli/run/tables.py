"""The tables of all images that `uncertainty` leaves in a run's folder: who writes them, what becomes of earlier."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from hypsegcli.errors import setting
from hypsegcli.files.books import RANKING, REGIONS, TABLES
from hypsegcli.files.digest import Digest, digest_file
from hypsegcli.files.words import count_of, first_of
from hypsegcli.run.manifest import Line, files_of, input_of, part_of, real_place
from hypsegcli.run.ordering import Ordering
from hypsegcli.run.plan import name_of
from hypsegcli.run.ranked import is_ranked
from hypsegcli.run.ranking_csv import write_ranking
from hypsegcli.run.regions_csv import write_regions

_WRITERS = {RANKING: write_ranking, REGIONS: write_regions}
_LISTED = 3  # images


def writers(ordering: Ordering) -> dict[str, Callable[[Path, str], Digest | None]]:
    """By name, what writes each in a folder, of what a recipe has made; None where there is nothing to write."""
    return {name: partial(write, ordering=ordering) for name, write in _WRITERS.items()}


def say_changed(out: Path, run: Mapping[str, Any], names: Collection[str]) -> list[str]:
    """Which of those tables of an earlier run somebody has changed, a sentence each: they are made anew."""
    return [
        f"{out / name} has been changed since it was written, and is made anew"
        for name, digest in files_of(run).items()
        if name in TABLES and name in names and digest_file(out / name) not in {None, digest}
    ]


def say_of_tables(
    out: Path,
    run: Mapping[str, Any],
    names: Collection[str],
    *,
    images: Iterable[tuple[Path, int | None]],
    others: Collection[Line],
    recipe: str | None,
    keep: bool,
) -> list[str]:
    """What becomes of those tables of an earlier run, which go, a sentence each.

    With a recipe, they are made anew by that, of `images`, each a file and which frame or page of it, if it is one, and
    of those of the lines `others` that it has made.
    """
    staying = [line for line in others if is_ranked(line)]
    if recipe is None:
        anew = f"for it names heatmaps that do; run uncertainty with {setting('resume')} to make it anew"
        return [f"{out / name} goes, {anew}" for name in files_of(run) if name in names] if staying else []
    sentences = say_changed(out, run, names) if keep else []
    path = out / RANKING
    if left_out := sum(line["recipe"] != recipe for line in staying):
        sentences.append(
            f"{path} leaves out {count_of(left_out, 'image')} of an earlier run, made with other settings; name all "
            "images, and all are ranked"
        )
    ranked = [*images]
    ranked += [(input_of(line), part_of(line)) for line in staying if line["recipe"] == recipe]
    folders: dict[Path, str] = {}
    # Of a stack whose pages nobody asked for, the first is the image.
    places = [(real_place(source, folders), 1 if part is None else part) for source, part in ranked]
    times = Counter(places)
    if twice := [name_of(*one) for one, place in zip(ranked, places, strict=True) if times.pop(place, 0) > 1]:
        sentences.append(
            f"{path} lists {count_of(len(twice), 'image')} more than once, named in several ways: "
            f"{first_of(twice, _LISTED)}; a run into another {setting('out')}, with all "
            "images named in one, lists each once"
        )
    return sentences
