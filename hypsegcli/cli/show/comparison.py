"""A comparison as a table on the terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from hypsegcli.cli.console import say
from hypsegcli.cli.show.tables import print_table

if TYPE_CHECKING:
    from hypsegcli.report.compare import Comparison, Difference, Side

_FEWEST, _MOST = 4, 8  # decimals


def print_comparison(comparison: Comparison, *, every: bool) -> None:
    """B against A, score by score; with `every` also those without an interval."""
    judged = any(difference.low is not None for difference in comparison.differences)
    shown = [difference for difference in comparison.differences if every or not judged or difference.low is not None]
    for name, side in (("A", comparison.first), ("B", comparison.second)):
        say(f"{name}: {_described(side)}")
    say("")
    title = f"{comparison.images} images; B - A with 95 % intervals that hold for all rows together"
    if comparison.at_least:
        title += f"; less than {comparison.at_least:g} does not matter"
    print_table(title, ("", "A", "B", "B - A", "interval", "B is"), [_row(alike) for alike in _grouped(shown)])
    if not judged:
        say("note: no replicates, or one alone, to compare; evaluate with --bootstrap, over two images or more")
    undecided = [difference for difference in shown if difference.verdict == "not shown"]
    if any(not _is_equal(difference) for difference in undecided):
        say("not shown: the interval holds differences of both signs, so that these images do not tell which is better")
    if any(map(_is_equal, undecided)):
        say("not shown, with an interval of 0 to 0: on these images both score alike, which shows no difference")
    for note in comparison.notes:
        say(f"note: {note}")


def _is_equal(difference: Difference) -> bool:
    return difference.low == difference.high == 0


def _described(side: Side) -> str:
    text = f"{', '.join(side.reports)}, by {', '.join(side.made_by)}"
    if side.options:
        text += "; " + ", ".join(f"{name} {value}" for name, value in side.options.items())
    return text


def _grouped(differences: Sequence[Difference]) -> list[list[Difference]]:
    """Rows that say the same: measures that put pixels in the same order have the same scores of it."""
    groups: dict[object, list[Difference]] = {}
    for difference in differences:
        metric = difference.name.partition(":")[0]
        groups.setdefault((metric, difference.first, difference.second, difference.low), []).append(difference)
    return list(groups.values())


def _row(alike: Sequence[Difference]) -> tuple[str, ...]:
    difference = alike[0]
    name = ", ".join([difference.name, *(other.name.partition(":")[2] for other in alike[1:])])
    low, high = difference.low, difference.high
    decimals = _decimals(difference)
    interval = "-" if low is None or high is None else f"{low:+.{decimals}f} to {high:+.{decimals}f}"
    return (
        name,
        _text(difference.first, decimals),
        _text(difference.second, decimals),
        _text(difference.difference, decimals, sign="+"),
        interval,
        difference.verdict,
    )


def _decimals(difference: Difference) -> int:
    """So many that two figures of the difference, or of its interval's ends, are seen."""
    sizes = [abs(value) for value in (difference.difference, difference.low, difference.high) if value]
    smallest = min(sizes, default=1.0)
    return min(max(_FEWEST, 1 - math.floor(math.log10(smallest))), _MOST)


def _text(value: float | None, decimals: int, *, sign: str = "") -> str:
    return "-" if value is None or math.isnan(value) else f"{value:{sign}.{decimals}f}"
