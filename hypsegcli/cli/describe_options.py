"""What of a command of `hypseg evaluate` decides the scores, for the report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hypsegcli.cli.class_names import ClassNames
from hypsegcli.cli.options.computing import Computing
from hypsegcli.cli.options.running import Input
from hypsegcli.cli.options.scoring import Scoring, StoredMaps, Truth
from hypsegcli.files.words import as_text

if TYPE_CHECKING:
    from hypsegcli.hierarchy.rule import Rule


def describe_options(
    truth: Truth,
    stored: StoredMaps,
    scoring: Scoring,
    inputs: Input,
    computing: Computing,
    names: ClassNames,
    rule: Rule | None,
    *,
    refine: str | None,
    sampling: str | None,
    guide_side: int | None,
    longest_side: int | None,
    engine: str | None,
    device: str | None,
) -> dict[str, str | int | float | bool | None]:
    """By name, as they were taken: `rule` and what stands after the star are what came of the options."""
    return {
        "map": _text(truth.id_map),
        "mask_colors": _text(truth.mask_colors),
        "prediction_map": _text(stored.prediction_map),
        "prediction_colors": _text(stored.prediction_colors),
        "match": None if scoring.match is None else as_text(scoring.match),
        "mean_over": scoring.mean_over,
        "tolerance": scoring.tolerance,
        "background": None if names.background is None else names.classes[names.background],
        "interpolate": inputs.interpolate,
        "refine": refine,
        "sampling": sampling,
        "guide_side": guide_side,
        "longest_side": longest_side,
        "engine": engine,
        "device": device,
        "tile": computing.tile,
        "bootstrap": scoring.bootstrap,
        "level": None if rule is None else rule.level,
        "threshold": None if rule is None else rule.threshold,
        **({"unlabelled": truth.unlabelled} if truth.unlabelled else {}),
    }


def _text(path: Path | None) -> str | None:
    return as_text(path) if path is not None else None
