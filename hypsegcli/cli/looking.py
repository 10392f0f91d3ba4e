"""From the options of where to look first to what a run looks for, and how it ranks what it finds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from hypsegcli.cli.console import talk
from hypsegcli.errors import UsageError
from hypsegcli.files.books import REGIONS

if TYPE_CHECKING:
    from hypsegcli.checkpoint.format import Header
    from hypsegcli.cli.options.running import Input, OutputFolder
    from hypsegcli.confidence.regions import Bounds
    from hypsegcli.hierarchy.tree import ClassTree

_UNKNOWN = (
    "how likely pixels are right takes a calibration that is one for these options, which this checkpoint lacks; fit "
    "one with hypseg calibrate"
)


def parse_bounds(options: Mapping[str, object], header: Header, inputs: Input, output: OutputFolder) -> Bounds | None:
    """What is a region; None where nobody knows how likely pixels are right, which is said.

    `options` by their names are all that take such knowledge, None where one was not named; those that are fields of
    Bounds say what a region is. UsageError where one was named that cannot do without.
    """
    from hypsegcli.confidence.regions import Bounds

    named: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    if header.calibrated_when(inputs.sampling) == inputs.interpolate:
        own = {field.name for field in fields(Bounds)}
        return Bounds(**{name: value for name, value in named.items() if name in own})
    if named:
        name, value = next(iter(named.items()))
        raise UsageError(f"--{name} {value}: {_UNKNOWN}, or leave it out")
    if not output.quiet:
        talk(f"{output.out / REGIONS} is not written: {_UNKNOWN}")
    return None


def parse_quota(text: str | None, tree: ClassTree) -> float | dict[str, float] | None:
    """`--quota`: the largest share of each class, such as `0.2`, or of some by their names, `sky=0.05,road=0.1`."""
    if text is None or "=" not in text:
        return None if text is None else _share(text, text)
    quotas: dict[str, float] = {}
    classes = tree.names[: tree.classes]
    for part in text.split(","):
        name, equals, share = part.rpartition("=")
        name = name.strip()
        if not equals or name not in classes:
            known = ", ".join(classes)
            raise UsageError(f"--quota {text}: {name or part.strip()!r} is no class; expected CLASS=P, of {known}")
        if name in quotas:
            raise UsageError(f"--quota {text}: {name} is named twice")
        quotas[name] = _share(share, text)
    return quotas


def _share(text: str, whole: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = math.nan
    if not 0 < share <= 1:
        raise UsageError(
            f"--quota {whole}: expected a share above 0, up to 1, such as 0.2, or one for each of some "
            "classes, such as sky=0.05,road=0.1"
        )
    return share
