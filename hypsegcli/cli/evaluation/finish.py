"""The end of an evaluation, whoever counted: its report as files, as tables, and what there is to say of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hypsegcli.cli.console import as_option, error, say
from hypsegcli.cli.doubts import doubts_of
from hypsegcli.cli.exit_codes import BOUND_MISSED, DONE
from hypsegcli.errors import PlanError, spell
from hypsegcli.files.words import count_of

if TYPE_CHECKING:
    from hypsegcli.metrics.records import Report
    from hypsegcli.report.bounds import Bound
    from hypsegcli.report.part import Part


def finish_evaluation(part: Part, out: Path | None, *, replace: bool, merged: Mapping[str, str] | None = None) -> int:
    """Write the results of all images where there is a folder for them, show them, and say what to doubt.

    `merged` are the files of shards that they were read from. Returns the exit code. Raises DataError where nothing was
    labelled, PlanError or OSError where the folder does not take the results, which are shown then.
    """
    from hypsegcli.cli.show.tables import print_report
    from hypsegcli.report.assemble import build_report
    from hypsegcli.report.files import write_results
    from hypsegcli.scores.evaluation import refuse_unlabelled

    refuse_unlabelled(part.evaluation)
    asked = part.asked
    built = build_report(
        part.evaluation,
        subject=asked.subject(part.evaluation),
        tree=asked.tree,
        measures={**asked.measures, **asked.answer_measures},
        convention=asked.convention,
        over=asked.over,
        dropout=asked.dropout,
        warnings=[spell(sentence, as_option) for sentence in doubts_of(part)],
        match=asked.match,
    )
    if out is not None:  # before the table: whoever reads that may go away, or its disk be full
        try:
            write_results(out, built, part, replace=replace, merged=merged)
        except (OSError, PlanError):  # full, or another evaluation's by now
            print_report(built.report)  # so that the scores are at least on the screen
            raise
    return show_evaluation(built.report, out, asked.bounds)


def show_evaluation(report: Report, out: Path | None, bounds: Sequence[Bound]) -> int:
    """Print a report, where it lies, what to doubt of it, and the bounds that it misses; returns the exit code."""
    from hypsegcli.cli.show.tables import print_report
    from hypsegcli.report.bounds import missed_bounds
    from hypsegcli.report.files import HTML, REPLICATES, REPORT, ROWS

    print_report(report)
    if out is not None:
        written = ", ".join((REPORT, HTML, ROWS, REPLICATES))
        say(f"{count_of(report.images, 'image')}: {written} in {out}")
    for sentence in report.warnings:  # last, and --quiet or not: nobody is to take these numbers for what was meant
        error(sentence)
    missed = missed_bounds(report, bounds)
    for sentence in missed:
        error(sentence)
    return BOUND_MISSED if missed else DONE
