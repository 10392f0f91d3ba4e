"""Reports as tables on the terminal."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len

from hypsegcli.cli.console import say

if TYPE_CHECKING:
    from hypsegcli.report.compare import Comparison
    from hypsegcli.scores.records import Report

_SHARES = ("miou", "pixel_accuracy", "class_accuracy", "fwiou", "image_miou", "boundary_iou", "boundary_f")
_FEW = 10  # images
_NAMES = {
    "miou": "mIoU",
    "pixel_accuracy": "pixel accuracy",
    "class_accuracy": "class accuracy",
    "fwiou": "frequency-weighted IoU",
    "image_miou": "image-level mIoU",
    "boundary_iou": "Boundary IoU",
    "boundary_f": "Boundary F",
    "nll": "NLL",
    "brier": "Brier score",
    "mistake_distance": "tree distance of mistakes",
}


def print_report(report: Report) -> None:
    """The summary, the classes and the measures."""
    rows = []
    for name, score in report.summary.items():
        if name in _NAMES:
            show = _percent if name in _SHARES else _plain
            interval = f"{show(score.low)} to {show(score.high)}" if score.low is not None else ""
            rows.append((_NAMES[name], show(score.value), interval))
    title = f"{report.images} images, {report.labelled_pixels:,} labelled pixels, convention: {report.convention}"
    print_table(title, ("", "value", "95 % interval over images"), rows)
    print_table(
        "Classes, in percent",
        ("class", "pixels", "IoU", "95 % interval", "recall", "precision", "F1", "Boundary IoU"),
        [
            (
                row.name,
                _percent(row.truth_pixels / max(1, report.labelled_pixels)),
                _percent(row.iou),
                f"{_percent(row.iou_low)} to {_percent(row.iou_high)}" if row.iou_low is not None else "-",
                *(_percent(value) for value in (row.recall, row.precision, row.f1, row.boundary_iou)),
            )
            for row in report.segmentation.classes
        ],
    )
    if report.measures:
        print_table(
            "Confidence as a detector of wrong pixels",
            ("measure", "AUROC", "AUPR", "FPR95", "AURC", "AUGRC", "AUSE", "ECE"),
            [
                (
                    m.name,
                    *map(_plain, (m.auroc, m.aupr, m.fpr95)),
                    *map(_fine, (m.aurc, m.augrc)),
                    *map(_plain, (m.ause, m.ece)),
                )
                for m in report.measures
            ],
        )
    for line in _sentences(report):
        say(line)


def _sentences(report: Report) -> list[str]:
    lines = []
    if len(report.hierarchy.levels) > 1:
        levels = ", ".join(f"{level.level}: {_percent(level.miou)}" for level in report.hierarchy.levels)
        lines.append(f"mIoU by level of the class tree: {levels}")
    edges = report.boundaries
    if edges.confidence is not None:
        lines.append(
            f"{edges.measure}: boundary map against true edges, best F {_percent(edges.confidence.best_f)} at "
            f"{edges.confidence.best_threshold or '-'} of 255; correlation with the distance to another class "
            f"{_plain(edges.correlation)}"
        )
        zones = "; ".join(
            f"{zone.name} {_plain(zone.confidence)}, {_percent(zone.error_rate)} % wrong" for zone in edges.zones
        )
        lines.append(f"{edges.measure}, mean share of full scale by zone: {zones}")
    if 1 < report.images < _FEW:
        lines.append(f"intervals over so few images ({report.images}) are rough")
    if report.dropout is not None:
        price = f"{report.dropout.price:.1f} times the price" if report.dropout.price else "price not measured"
        lines.append(
            f"Monte Carlo dropout, {report.dropout.passes} passes: mIoU {_percent(report.dropout.miou)}, "
            f"pixel accuracy {_percent(report.dropout.pixel_accuracy)}, {price}"
        )
    return lines


def print_table(
    title: str, header: Sequence[str], rows: Sequence[Sequence[str]], *, line_out: Callable[[str], None] = say
) -> None:
    """Columns aligned by spaces, the first to the left, numbers to the right: for terminals, pipes and mails alike."""
    lines = [[_printable(cell) for cell in row] for row in (header, *rows)]
    widths = [max(map(cell_len, column)) for column in zip(*lines, strict=True)]
    line_out(title)
    for line in lines:
        gaps = [" " * (width - cell_len(cell)) for cell, width in zip(line, widths, strict=True)]
        cells = [line[0] + gaps[0], *(gap + cell for gap, cell in zip(gaps[1:], line[1:], strict=True))]
        line_out(f"  {'  '.join(cells)}".rstrip())
    line_out("")


def _printable(text: str) -> str:
    """Names come from files: what would steer the terminal does not reach it."""
    return "".join(sign if sign.isprintable() else "?" for sign in text)


def _percent(value: float | None) -> str:
    return "-" if value is None or math.isnan(value) else f"{100 * value:.1f}"


def _plain(value: float | None) -> str:
    return "-" if value is None or math.isnan(value) else f"{value:.3f}"


def print_comparison(comparison: Comparison, *, every: bool) -> None:
    """B against A, score by score; with `every` also those of single classes and those without an interval."""
    judged = any(found.low is not None for found in comparison.differences)
    shown = [
        found
        for found in comparison.differences
        if every or not (found.name.startswith("iou:") or (judged and found.low is None))
    ]
    rows = [
        (
            found.name,
            _fine(found.first),
            _fine(found.second),
            f"{found.low:+.4f} to {found.high:+.4f}" if found.low is not None and found.high is not None else "-",
            found.verdict,
        )
        for found in shown
    ]
    title = f"{comparison.images} images; B - A with paired 95 % intervals over images"
    print_table(title, ("", "A", "B", "B - A", "B is"), rows)
    if not judged:
        say("note: there are no replicates to compare; evaluate with --bootstrap, over two images or more")
    for note in comparison.notes:
        say(f"note: {note}")


def _fine(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
