"""Bounds that an evaluation has to keep."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from hypsegcli.errors import setting
from hypsegcli.metrics.records import Report
from hypsegcli.report.summary import summary_names


class Bound(NamedTuple):
    """What a score must not be: `under` or `over` a value."""

    name: str
    kind: Literal["under", "over"]
    value: float


def unknown_bound(
    bounds: Sequence[Bound], measures: Sequence[str], classes: Sequence[str]
) -> tuple[Bound, list[str]] | None:
    """The first bound whose name no report will have, and the names that there are; None where all are known."""
    known = summary_names(measures, classes)
    return next(((bound, known) for bound in bounds if bound.name not in known), None)


def missed_bounds(report: Report, bounds: Sequence[Bound]) -> list[str]:
    """A sentence for every bound that a report misses; a score that is not defined misses any."""
    sentences = []
    for name, kind, bound in bounds:
        value = report.summary[name].value if name in report.summary else None
        if value is None:
            sentences.append(
                f"{name} is not defined here, so that it cannot pass {setting(f'fail_{kind}', f'{bound:g}')}"
            )
        elif value < bound if kind == "under" else value > bound:
            sentences.append(f"{name} is {value:.4f}, {kind} the {bound:g} asked for")
    return sentences
