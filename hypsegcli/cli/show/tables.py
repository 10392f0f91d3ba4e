"""Reports as tables on the terminal."""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len
from typing_extensions import TypeIs

from hypsegcli.cli.console import say
from hypsegcli.confidence.measures import MEASURES
from hypsegcli.files.words import count_of, escaped, first_of
from hypsegcli.metrics.catalogue import NUMBER, PERCENT, Unit, metric_of, metrics_in

if TYPE_CHECKING:
    from hypsegcli.metrics.records import Answers, Match, MeasureReport, Report

_CHANCE = 0.5  # the AUROC of what tells nothing
_NAMED = 3  # classes
_CLEARLY = 0.02  # by how much the AUROC of one measure must be above that of another to be worth a word


def print_report(report: Report) -> None:
    """The summary, the classes and the measures."""
    from hypsegcli.metrics.records import ClassRow

    rows = []
    for name, score in report.summary.items():
        metric = metric_of(name)
        if metric is not None and metric.in_terminal and ":" not in name:
            rows.append((metric.title, _text(score.value, metric.unit), _interval(score.low, score.high, metric.unit)))
    pixels = f"{report.labelled_pixels:,} labelled pixel{'' if report.labelled_pixels == 1 else 's'}"
    title = f"{count_of(report.images, 'image')}, {pixels}, convention: {report.convention}"
    print_table(title, ("", "value", "95 % interval over images"), rows)
    iou, *others = metrics_in(ClassRow)
    print_table(
        "Classes, in percent",
        ("class", "pixels", iou.heading, "95 % interval", *(metric.heading for metric in others)),
        [
            (
                row.name,
                _text(row.truth_pixels / max(1, report.labelled_pixels), PERCENT),
                _text(row.iou, iou.unit),
                _interval(row.iou_low, row.iou_high, iou.unit) or "-",
                *(_text(getattr(row, metric.name), metric.unit) for metric in others),
            )
            for row in report.segmentation.classes
        ],
    )
    if report.match is not None:
        _print_match(report.match)
    if report.measures:
        _print_measures("Confidence as a detector of wrong pixels", report.measures)
    if report.hierarchy.answers is not None:
        _print_answers(report.hierarchy.answers)
    for line in _sentences(report):
        say(line)


def _print_match(match: Match) -> None:
    made = "these very images" if match.made_by is None else f"others ({match.made_by})"
    print_table(
        f"Clusters, matched by {match.method} on {made}",
        ("cluster", "class", "pixels there", "of the class, %"),
        [(row.cluster, row.matched or "none", f"{row.pixels:,}", _text(row.share, PERCENT)) for row in match.clusters],
        left=(0, 1),
    )


def _print_measures(title: str, measures: Sequence[MeasureReport]) -> None:
    from hypsegcli.metrics.records import MeasureReport

    columns = [metric for metric in metrics_in(MeasureReport) if metric.in_terminal]
    rows = [
        (measure.name, *(_text(getattr(measure, metric.name), metric.unit) for metric in columns))
        for measure in measures
    ]
    more = " and ".join(metric.heading for metric in columns if metric.better == "higher")
    header = ("measure", *(metric.heading for metric in columns))
    print_table(f"{title}: {more}, the more the better; the others, the less", header, rows)


def _print_answers(answers: Answers) -> None:
    """All rules, with the one asked for marked, and the confidence of its answers."""
    from hypsegcli.metrics.records import AnswerRow

    columns = metrics_in(AnswerRow)
    tables = [("Answers by the class tree, in percent and levels", answers.rows)]
    if answers.foreground:
        tables.append((f"The same without the pixels of the true class {answers.background}", answers.foreground))
    for title, rows in tables:
        print_table(
            title,
            ("answer", *(metric.heading for metric in columns)),
            [
                (
                    f"{row.name} *" if row.name == answers.rule else row.name,
                    *(_text(getattr(row, metric.name), metric.unit) for metric in columns),
                )
                for row in rows
            ],
        )
    if answers.measures:
        _print_measures(f"Confidence as a detector of wrong answers ({answers.rule})", answers.measures)


def _sentences(report: Report) -> list[str]:
    from hypsegcli.scores.bootstrap import FEW_IMAGES

    lines = []
    if len(report.hierarchy.levels) > 1:
        levels = ", ".join(f"{level.level}: {_text(level.miou, PERCENT)}" for level in report.hierarchy.levels)
        lines.append(f"mIoU by level of the class tree: {levels}")
    edges = report.boundaries
    if edges.confidence is not None:
        lines.append(
            f"{edges.measure}: boundary map against true edges, best F {_text(edges.confidence.best_f, PERCENT)} at "
            f"{edges.confidence.best_threshold or '-'} of 255; correlation with the distance to another class "
            f"{_text(edges.correlation, NUMBER)}"
        )
        zones = "; ".join(
            f"{zone.name} {_text(zone.confidence, NUMBER)}, {_text(zone.error_rate, PERCENT)} % wrong"
            for zone in edges.zones
        )
        lines.append(f"{edges.measure}, mean share of full scale by zone: {zones}")
    lines += filter(None, [_better_finder(report), _misled(report)])
    if 1 < report.images < FEW_IMAGES:
        lines.append(f"intervals over so few images ({report.images}) are rough")
    if report.dropout is not None:
        price = f"{report.dropout.price:.1f} times the price" if report.dropout.price else "price not measured"
        lines.append(
            f"Monte Carlo dropout, {report.dropout.passes} passes: mIoU {_text(report.dropout.miou, PERCENT)}, "
            f"pixel accuracy {_text(report.dropout.pixel_accuracy, PERCENT)}, {price}"
        )
    return lines


def _better_finder(report: Report) -> str | None:
    """A sentence where the map that shows wrong pixels best is clearly not the one that is drawn."""
    ranked = {m.name: m.auroc for m in report.measures if m.name in MEASURES and _is_number(m.auroc)}
    drawn = report.boundaries.measure
    if drawn not in ranked:
        return None
    best = max(ranked, key=lambda name: ranked[name])
    if ranked[best] < ranked[drawn] + _CLEARLY:
        return None
    return (
        f"{best} finds wrong pixels better here than {drawn} (AUROC {_text(ranked[best], NUMBER)} against "
        f"{_text(ranked[drawn], NUMBER)}): draw it with --measure {best}"
    )


def _misled(report: Report) -> str | None:
    """A sentence on classes among whose pixels the wrong ones are surer than the right ones, which one AUROC hides."""
    by_class = {
        measure.name: {row.name: row.auroc for row in measure.classes if _is_number(row.auroc)}
        for measure in report.measures
        if measure.name in MEASURES
    }
    drawn = report.boundaries.measure
    found = []
    for name, auroc in by_class.get(drawn, {}).items() if drawn is not None else ():
        if auroc < _CHANCE:
            best = max(by_class, key=lambda measure: by_class[measure].get(name, 0.0))
            other = f"; {best} {_text(by_class[best][name], NUMBER)}" if by_class[best][name] > _CHANCE else ""
            found.append(f"{name} (AUROC {_text(auroc, NUMBER)}{other})")
    if not found:
        return None
    return (
        f"{drawn} misleads among pixels that are truly {first_of(found, _NAMED)}: there the wrong ones are surer than "
        "the right ones"
    )


def print_table(
    title: str,
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    left: Container[int] = (0,),
    line_out: Callable[[str], None] = say,
) -> None:
    """Columns aligned by spaces, those of `left` to the left, numbers to the right: for terminals, pipes and mails."""
    lines = [[escaped(cell) for cell in row] for row in (header, *rows)]
    widths = [max(map(cell_len, column)) for column in zip(*lines, strict=True)]
    line_out(title)
    for line in lines:
        gaps = [" " * (width - cell_len(cell)) for cell, width in zip(line, widths, strict=True)]
        cells = [
            cell + gap if column in left else gap + cell
            for column, (cell, gap) in enumerate(zip(line, gaps, strict=True))
        ]
        line_out(f"  {'  '.join(cells)}".rstrip())
    line_out("")


def _is_number(value: float | None) -> TypeIs[float]:
    return value is not None and not math.isnan(value)


def _text(value: float | None, unit: Unit) -> str:
    return unit.text(value) if _is_number(value) else "-"


def _interval(low: float | None, high: float | None, unit: Unit) -> str:
    return "" if low is None else f"{_text(low, unit)} to {_text(high, unit)}"
