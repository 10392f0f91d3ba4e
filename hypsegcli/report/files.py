"""What `hypseg evaluate` leaves behind: report.json, report.html, per_image.csv, replicates.npz."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hypsegcli.checkpoint.format import Color
from hypsegcli.files.atomic import already_there, sweep, writing
from hypsegcli.files.books import refuse_in_a_run
from hypsegcli.files.digest import digest_of
from hypsegcli.files.lock import locked
from hypsegcli.files.place import is_taken
from hypsegcli.files.table import encode_csv
from hypsegcli.metrics.report_file import report_to_json
from hypsegcli.report.assemble import Built
from hypsegcli.report.page.page import Strip, report_to_html
from hypsegcli.scores.evaluation import Evaluation, ImageRow

REPORT, HTML, ROWS, REPLICATES = "report.json", "report.html", "per_image.csv", "replicates.npz"


def write_results(
    out: Path,
    built: Built,
    evaluation: Evaluation,
    rows: Sequence[ImageRow],
    colors: Sequence[Color],
    *,
    replace: bool = True,
) -> None:
    """Write all four, under the lock of the folder; report.json comes last, so that it stands for a complete folder.

    Raises PlanError where another process holds the folder, where it is that of a run, or, without `replace`, where one
    of them is there.
    """
    strips = [Strip("worst", kept.key, f"mIoU {100 * kept.rank:.1f} %", kept.picture) for kept in evaluation.worst.kept]
    strips += [
        Strip("uncertain", kept.key, f"mean uncertainty {-kept.rank:.3f}", kept.picture)
        for kept in evaluation.uncertain.kept
    ]
    archive = io.BytesIO()
    np.savez_compressed(archive, allow_pickle=False, **built.replicates)
    replicates = archive.getvalue()
    report = built.report.model_copy(update={"replicates_sha256": digest_of(replicates).sha256})
    with locked(out, "evaluate"):
        refuse_in_a_run(out, "a report")
        if not replace:
            refuse_earlier(out)
        sweep(out)
        files = {
            out / ROWS: encode_csv(ImageRow._fields, rows),
            out / REPLICATES: replicates,
            out / HTML: report_to_html(report, strips, colors).encode(),
            out / REPORT: report_to_json(report).encode(),
        }
        with writing(files):
            (out / REPORT).unlink(missing_ok=True)  # should this stop halfway, an old one would pass for this one's


def refuse_earlier(out: Path) -> None:
    """PlanError where a folder holds an evaluation already, or a file of one."""
    if taken := [name for name in (REPORT, HTML, ROWS, REPLICATES) if is_taken(out / name)]:
        raise already_there(out / taken[0])
