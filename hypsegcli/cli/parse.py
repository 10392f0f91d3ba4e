"""Texts of the command line to what they stand for; a UsageError names the option and what it expects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from hypsegcli.confidence.measures import MEASURES, available
from hypsegcli.errors import TreeError, UsageError

if TYPE_CHECKING:
    from hypsegcli.checkpoint.format import Header
    from hypsegcli.hierarchy.tree import ClassTree
    from hypsegcli.inference.build import Tile


def parse_tile(text: str) -> Tile:
    """`--tile`: auto, off, or a window's side."""
    if text == "auto":
        return "auto"
    if text == "off":
        return "off"
    if not text.isdecimal() or int(text) < 128 or int(text) % 16:
        raise UsageError(f"--tile {text}: expected auto, off, or a multiple of 16 pixels from 128 on")
    return int(text)


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


def parse_measures(text: str | None, header: Header, *, raw: bool) -> tuple[str, ...]:
    """`--measure`: names separated by commas, or all; by default what the checkpoint can say best.

    That is the probability of being right where it carries a calibration, else, and with `--raw`, the distance.
    """
    if raw and text is not None:
        raise UsageError("--raw is short for --measure distance; leave one of them out")
    calibrated = header.calibration is not None
    if text is None:
        return ("calibrated" if calibrated and not raw else "distance",)
    known = available(calibrated=calibrated)
    names = known if text == "all" else tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    if "calibrated" in names and not calibrated:
        raise UsageError("--measure calibrated: this checkpoint carries no calibration; fit one with hypseg calibrate")
    if set(names) - set(MEASURES):
        raise UsageError(f"--measure {text}: expected all, or some of {', '.join(MEASURES)}, separated by commas")
    return names


def refuse_contradictions(*, overwrite: bool, resume: bool, longest_side: int | None, tile: str) -> None:
    """Options of a run that cannot both be meant."""
    if overwrite and resume:
        raise UsageError("--overwrite and --resume contradict each other; --resume replaces what it must")
    if longest_side is not None and tile not in {"auto", "off"}:
        raise UsageError("--longest-side makes images small enough to go in whole; leave out --tile")
