"""From the options of where to look first to what a run looks for, and how it ranks what it finds."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from hypsegcli.cli.console import talk
from hypsegcli.errors import UsageError

if TYPE_CHECKING:
    from hypsegcli.checkpoint.format import Header
    from hypsegcli.cli.options.running import Input
    from hypsegcli.hierarchy.tree import ClassTree

_ROUGH = (
    "no calibration tells how likely pixels are right here: ranks and regions go by the largest class probability, "
    "which may promise too much or too little; fit one with hypseg calibrate"
)


def chance_of(header: Header, inputs: Input, *, quiet: bool) -> str:
    """The measure that says how likely a pixel is right; says so where it is a rough one, for want of a calibration."""
    if header.calibrated_when(inputs.sampling) == inputs.interpolate:
        return "calibrated"
    if not quiet:
        talk(_ROUGH)
    return "max-probability"


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
