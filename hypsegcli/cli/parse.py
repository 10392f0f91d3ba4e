"""Texts of the command line to what they stand for; a UsageError names the option and what it expects."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from hypsegcli.confidence.measures import Interpolation, choose_measures
from hypsegcli.errors import TreeError, UsageError
from hypsegcli.files.shard import Shard, parse_shard
from hypsegcli.hierarchy.rule import Rule
from hypsegcli.inference.guide import decide_guide_side, of_another_sampling
from hypsegcli.inference.request import Tile, check_tile, decide_longest_side
from hypsegcli.sampling.choice import Sampling

if TYPE_CHECKING:
    from hypsegcli.checkpoint.format import Header
    from hypsegcli.cli.options.computing import Computing
    from hypsegcli.cli.options.running import Failures, Input, OutputFolder
    from hypsegcli.export.request import Size
    from hypsegcli.hierarchy.tree import ClassTree
    from hypsegcli.report.bounds import Bound
    from hypsegcli.scores.tally import Tolerance

_LARGEST_TOLERANCE, _LARGEST_SHARE = 200, 5  # pixels, percent: edges farther apart are no longer the same
_LARGEST_SIDE = 16_384  # pixels of an image that goes through a network whole


def parse_tile(text: str) -> Tile:
    """`--tile`: auto, off, or a window's side."""
    return check_tile(int(text) if text.isdecimal() else text)


def parse_longest_side(inputs: Input, computing: Computing, *, trained: int | None) -> int | None:
    """`--longest-side`, for a checkpoint that was trained at `trained` pixels; None: images are not shrunk."""
    text = inputs.longest_side
    asked = int(text) if text.isdecimal() else text
    return decide_longest_side(asked, trained, tile=parse_tile(computing.tile))


def parse_sides(
    inputs: Input, computing: Computing, header: Header, *, as_trained: bool = True
) -> tuple[int | None, int | None]:
    """`--longest-side`, and `--guide-side` where `--sampling` takes one: pixels, of what the network sees.

    Of the first, auto is what the network was trained at, or without `as_trained` none.
    """
    side = parse_longest_side(inputs, computing, trained=header.input.longest_side if as_trained else None)
    guide = decide_guide_side(
        inputs.sampling,
        inputs.guide_side,
        longest_side=side,
        trained=header.input,
        tile=parse_tile(computing.tile),
    )
    return side, guide


def parse_level(text: str | None, tree: ClassTree) -> int | Literal["auto"] | None:
    """`--level`: a depth, `auto`, or the name of a node, which stands for its depth."""
    if text is None or text == "auto":
        return "auto" if text else None
    try:
        level = int(text) if text.lstrip("-").isdecimal() else tree.level_of(text)
        tree.at_level(level)
    except TreeError as problem:
        raise UsageError(f"--level {text}: {problem}") from problem
    return level


def parse_rule(level: str | None, threshold: float | None, tree: ClassTree) -> Rule | None:
    """`--level` and `--threshold`: how deep answers go beside those that are classes; None where nothing was said."""
    depth = parse_level(level, tree)
    if depth is None:
        return None
    return Rule("auto", threshold or 0.5) if depth == "auto" else Rule(depth)


def parse_measures(
    text: str | None, header: Header, *, raw: bool, interpolate: Interpolation, sampling: Sampling = "uniform"
) -> tuple[str, ...]:
    """`--measure`: names separated by commas, or all; by default what the checkpoint can say best.

    That is the probability of being right where it carries a calibration, for that way to interpolate and sample, else
    the distance, or of another project's Euclidean network the entropy; with `--raw` the distance.
    """
    if raw and text is not None:
        raise UsageError("--raw is short for --measure distance; leave one of them out")
    names = None if text is None else [name.strip() for name in text.split(",")]
    if names and "calibrated" in names and (another := of_another_sampling(header, sampling)):
        raise UsageError(f"--measure {text}: {another}, or name another measure")
    try:
        return choose_measures(
            "all" if text == "all" else ["distance"] if raw else names,
            fitted=header.calibrated_when(sampling),
            interpolate=interpolate,
            uncalibrated=header.model.says_how_sure,
        )
    except UsageError as problem:
        raise UsageError(f"--measure {text}: {problem.message}") from problem


def parse_bounds(fail_under: Sequence[str], fail_over: Sequence[str]) -> list[Bound]:
    """`--fail-under` and `--fail-over`: texts such as `miou=0.5`."""
    from hypsegcli.report.bounds import Bound, impossible_bound

    kinds: dict[Literal["under", "over"], Sequence[str]] = {"under": fail_under, "over": fail_over}
    bounds = []
    for kind, texts in kinds.items():
        for text in texts:
            name, equals, number = text.rpartition("=")
            try:
                value = float(number)
            except ValueError:
                value = math.nan
            if not equals or math.isnan(value):
                raise UsageError(f"--fail-{kind} {text}: expected NAME=VALUE, such as miou=0.5")
            bounds.append(Bound(name, kind, value))
    if (sentence := impossible_bound(bounds)) is not None:
        raise UsageError(sentence)
    return bounds


def parse_tolerance(text: str) -> Tolerance:
    """`--tolerance`: `3` pixels, or `0.5%` of the diagonal."""
    from hypsegcli.scores.tally import Tolerance

    number, percent = text.removesuffix("%").strip(), text.endswith("%")
    try:
        amount = float(number)
    except ValueError:
        amount = math.nan
    if not (0 < amount <= _LARGEST_SHARE if percent else amount in range(1, _LARGEST_TOLERANCE + 1)):
        raise UsageError(
            f"--tolerance {text}: expected whole pixels up to {_LARGEST_TOLERANCE}, such as 3, or a share of the "
            f"diagonal up to {_LARGEST_SHARE}%, such as 0.5%"
        )
    return Tolerance(amount / 100 if percent else amount, percent)


def parse_sizes(text: str) -> Size | None:
    """`--sizes`: `any`, which is None, or a height and a width such as `720x960`."""
    from hypsegcli.export.request import Size

    if text == "any":
        return None
    found = re.fullmatch(r"([0-9]{1,5})[xX]([0-9]{1,5})", text, flags=re.ASCII)
    size = Size(0, 0) if found is None else Size(int(found[1]), int(found[2]))
    if not 0 < min(size) <= max(size) <= _LARGEST_SIDE:
        raise UsageError(
            f"--sizes {text}: expected any, or height and width in pixels, each up to {_LARGEST_SIDE}, such as 720x960"
        )
    return size


def parse_failures(failures: Failures, total: int) -> int | None:
    """`--max-failures` and `--fail-fast`: how many of `total` images may fail; None where nothing was said."""
    text = failures.max_failures
    if text is None:
        return 0 if failures.fail_fast else None
    if failures.fail_fast:
        raise UsageError("--fail-fast is short for --max-failures 0; leave one of them out")
    found = re.fullmatch(r"([0-9]{1,9})|([0-9]{1,3}(?:\.[0-9]{1,6})?)%", text.strip(), flags=re.ASCII)
    if found is None or (found[2] and float(found[2]) > 100):
        raise UsageError(
            f"--max-failures {text}: expected how many images may fail, such as 10, or which share of them, such as 5%"
        )
    return int(found[1]) if found[1] else int(total * float(found[2]) / 100)


def parse_shard_of(text: str | None, output: OutputFolder) -> Shard | None:
    """`--shard`: a part of the images, or None for all of them."""
    if text is None:
        return None
    if output.overwrite:
        raise UsageError(
            "--shard writes beside other processes, and --overwrite would remove what they have made; choose another "
            "--out, or redo what has changed with --resume"
        )
    return parse_shard(text)


def parse_folders(option: str, texts: Sequence[str]) -> dict[str, Path]:
    """`--confidence` and `--uncertainty`: texts NAME=DIR, each of a folder that is there."""
    folders: dict[str, Path] = {}
    for text in texts:
        name, equals, folder = text.partition("=")
        if not equals or not name or not re.fullmatch(r"[\w. -]+", name):
            raise UsageError(f"{option} {text}: expected NAME=DIR, such as entropy=maps/entropy")
        if name in folders:
            raise UsageError(f"{option} {text}: the name {name} is given a second time")
        if not Path(folder).is_dir():
            raise UsageError(f"{option} {text}: {folder} is no folder")
        folders[name] = Path(folder)
    return folders
