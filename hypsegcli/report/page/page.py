"""report.html: the report as one page for people, complete in itself.

No script, no font, no picture comes from anywhere else, and nothing in it depends on the day, so the same report gives
the same file. Names of classes, files and options are text to it, whatever they contain.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from hypsegcli.files.words import printable
from hypsegcli.metrics.catalogue import BY_NAME, NUMBER, Metric, metric_of, metrics_in
from hypsegcli.metrics.record import Number
from hypsegcli.metrics.records import AnswerRow, Answers, ClassRow, Means, MeasureReport, Report
from hypsegcli.report.page.answers import answer_curve
from hypsegcli.report.page.bars import Color, class_bars, level_bars, zone_bars
from hypsegcli.report.page.confusion import confusion_matrix
from hypsegcli.report.page.curves import edge_curve, reliability_diagram, risk_coverage
from hypsegcli.report.page.svg import NOT_DEFINED, percent, printed, score

_NOT_DEFINED = Markup('<span title="not defined">{}</span>').format(NOT_DEFINED)

# The first choices for a reliability diagram: the measures that claim to be the probability of being right.
_PROBABILITIES = ("calibrated", "max-probability")


@dataclass(frozen=True)
class Strip:
    """Pictures of an image side by side: the photograph, its mask, the answer, the uncertainty."""

    group: Literal["worst", "uncertain"]
    key: str
    caption: str
    picture: bytes  # JPEG

    @property
    def address(self) -> str:
        """The picture as an address that needs no file."""
        return "data:image/jpeg;base64," + base64.b64encode(self.picture).decode("ascii")


def report_to_html(report: Report, strips: Sequence[Strip], colors: Sequence[Color]) -> str:
    """The text of report.html; `colors` has an RGB triple of 0..255 a class. ValueError for another number of them."""
    if len(colors) != len(report.classes):
        raise ValueError(f"{len(colors)} colours do not suit {len(report.classes)} classes")
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        finalize=_shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        percent=_percent, score=_score, count=_count, entry=_entry, printed=_printed, capital=_capital
    )
    segmentation, edges, answers = report.segmentation, report.boundaries, report.hierarchy.answers
    main = _main_measure(report.measures)
    columns = [metric for metric in metrics_in(MeasureReport) if metric.in_page]
    return environment.get_template("page.html.j2").render(
        report=report,
        colors=colors,
        plain=segmentation.conventions[report.convention],
        main=main,
        metrics=BY_NAME,
        class_metrics=[metric for metric in metrics_in(ClassRow) if metric.name != "iou"],  # which has an interval
        mean_metrics=metrics_in(Means),
        conventions_agree=_agree(list(segmentation.conventions.values())),
        answer_metrics=metrics_in(AnswerRow),
        columns=columns,
        best=[_best(report.measures, metric) for metric in columns],
        ranked={"dropout": _surest(report.measures, dropout=True), "plain": _surest(report.measures, dropout=False)},
        groups=[(name, [strip for strip in strips if strip.group == name]) for name in ("worst", "uncertain")],
        chart={
            "classes": class_bars(segmentation.classes, colors),
            "confusion": confusion_matrix(segmentation.confusion, report.classes),
            "levels": level_bars(report.hierarchy.levels) if len(report.hierarchy.levels) > 1 else None,
            "answers": _answer_chart(answers) if answers else None,
            "of_answers": [reliability_diagram(each, small=True) for each in answers.measures] if answers else [],
            "edges": edge_curve(edges.confidence, edges) if edges.confidence else None,
            "zones": zone_bars(edges.zones) if edges.zones else None,
            "risk": risk_coverage(report.measures) if report.measures else None,
            "reliability": reliability_diagram(main) if main else None,
            "others": [reliability_diagram(other, small=True) for other in report.measures if other is not main],
        },
    )


def _answer_chart(answers: Answers) -> Markup | None:
    """Of the pixels of which something can be said by halves; None where there is nothing to compare with."""
    rows = answers.foreground or answers.rows
    return answer_curve(rows, answers.rule) if len(rows) > 1 else None


def _shown(value: object) -> object:
    """What a place of the template gets: names without what steers the page's reader, or is no text at all."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _agree(conventions: Sequence[Means]) -> bool:
    """Whether all tools would print the same means."""
    return len({tuple(getattr(each, metric.name) for metric in metrics_in(Means)) for each in conventions}) == 1


def _main_measure(measures: Sequence[MeasureReport]) -> MeasureReport | None:
    named = [measure for name in _PROBABILITIES for measure in measures if measure.name == name]
    return next(iter([*named, *measures]), None)


def _surest(measures: Sequence[MeasureReport], *, dropout: bool) -> MeasureReport | None:
    """The measure with the best AUROC among those that take dropout passes, or among those that take none."""
    able = [each for each in measures if each.name.startswith("mc-") == dropout and each.auroc is not None]
    return max(able, key=lambda each: each.auroc or 0.0, default=None)


def _best(measures: Sequence[MeasureReport], metric: Metric) -> str | None:
    """The best number of a column as it is printed, or None where there is nothing to choose from."""
    values = [value for measure in measures if (value := getattr(measure, metric.name)) is not None]
    if len(values) < 2:
        return None
    return printed(max(values) if metric.better == "higher" else min(values), metric.unit)


def _entry(value: Number, name: str) -> str:
    """A number of the summary, with its sign."""
    metric = metric_of(name)
    unit = metric.unit if metric else NUMBER
    return _NOT_DEFINED if value is None else printed(value, unit) + unit.sign


def _printed(value: Number, metric: Metric) -> str:
    """A number of a column."""
    return _NOT_DEFINED if value is None else printed(value, metric.unit)


def _capital(title: str) -> str:
    """A title at the head of a table: with a capital, unless its first word has one of its own, as mIoU has."""
    first = title.partition(" ")[0]
    return title[:1].upper() + title[1:] if first.islower() else title


def _percent(share: Number, decimals: int = 1) -> str:
    return _NOT_DEFINED if share is None else percent(share, decimals)


def _score(value: Number, decimals: int = 3) -> str:
    return _NOT_DEFINED if value is None else score(value, decimals)


def _count(value: int) -> str:
    return f"{value:,}"
