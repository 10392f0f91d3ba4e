"""Bounds that an evaluation has to keep."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from hypsegcli.errors import setting
from hypsegcli.metrics.catalogue import metric_of
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


def impossible_bound(bounds: Sequence[Bound]) -> str | None:
    """What is wrong with the first bound that no score can lie on the wrong side of, or none on the right one."""
    for name, kind, value in bounds:
        metric = metric_of(name)
        largest = metric.largest if metric is not None else None
        if value < 0 or (largest is not None and value > largest):
            span = "from 0 on" if largest is None else f"from 0 to {largest:g}"
            percent = f"; {value:g} % is {value / 100:g}" if largest == 1 and 1 < value <= 100 else ""
            return f"{setting(f'fail_{kind}', f'{name}={value:g}')}: {name} is a number {span}{percent}"
    return None


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
