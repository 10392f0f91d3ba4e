"""From the options of where to look first to what a run looks for, and how it ranks what it finds."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hypsegcli.cli.options.looking import Looking
from hypsegcli.cli.options.running import Input
from hypsegcli.errors import UsageError
from hypsegcli.run.ordering import Ordering

if TYPE_CHECKING:
    from hypsegcli.checkpoint.format import Header
    from hypsegcli.confidence.regions import Bounds
    from hypsegcli.hierarchy.tree import ClassTree

UNKNOWN = (
    "how likely pixels are right takes a calibration that is one for these options, which this checkpoint lacks; fit "
    "one with hypseg calibrate"
)


def parse_bounds_of_regions(looking: Looking, header: Header, inputs: Input) -> Bounds | None:
    """What is a region; None where nobody knows how likely pixels are right, which not all options can do without."""
    from hypsegcli.confidence.regions import Bounds

    own = {"below": looking.below, "smallest": looking.smallest, "most": looking.most}
    if header.calibrated_when(inputs.sampling) == inputs.interpolate:
        named: dict[str, Any] = {name: value for name, value in own.items() if value is not None}
        return replace(Bounds(), **named)
    needing = {**own, "quota": looking.quota, "rank": looking.rank if looking.rank == "expected" else None}
    if idle := next((f"--{name} {value}" for name, value in needing.items() if value is not None), None):
        raise UsageError(f"{idle}: {UNKNOWN}, or leave it out")
    return None


def parse_ordering(looking: Looking, tree: ClassTree) -> Ordering:
    """`--rank`, `--diverse` and `--quota`."""
    return Ordering(looking.rank, looking.diverse, None if looking.quota is None else _quota(looking.quota, tree))


def _quota(text: str, tree: ClassTree) -> float | dict[str, float]:
    if "=" not in text:
        return _share(text, text)
    quotas: dict[str, float] = {}
    classes = tree.names[: tree.classes]
    for part in text.split(","):
        name, equals, share = part.rpartition("=")
        name = name.strip()
        if not equals or name not in classes:
            raise UsageError(f"--quota {text}: {name or part.strip()!r} is no class; expected CLASS=P, of {', '.join(classes)}")
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
