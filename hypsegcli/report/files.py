"""What `hypseg evaluate` leaves behind: report.json, report.html, per_image.csv, replicates.npz; or a shard's file."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from hypsegcli.files.atomic import already_there, replacing, sweep, writing
from hypsegcli.files.books import refuse_in_a_run
from hypsegcli.files.digest import digest_file, digest_of
from hypsegcli.files.lock import locked
from hypsegcli.files.place import is_taken
from hypsegcli.files.shard import Shard
from hypsegcli.files.table import encode_csv
from hypsegcli.metrics.report_file import report_to_json
from hypsegcli.report.assemble import Built
from hypsegcli.report.merged import NOTE, Note, read_note, remove_merged
from hypsegcli.report.page.page import Strip, report_to_html
from hypsegcli.report.part import Part
from hypsegcli.report.plan import Plan
from hypsegcli.report.shard_file import write_shard
from hypsegcli.report.shards import find_shards, shard_file
from hypsegcli.scores.evaluation import ImageRow

REPORT, HTML, ROWS, REPLICATES = "report.json", "report.html", "per_image.csv", "replicates.npz"


def write_results(
    out: Path,
    built: Built,
    part: Part,
    *,
    replace: bool = True,
    merged: Mapping[str, str] | None = None,
) -> None:
    """Write all four, under the lock of the folder; report.json comes last, so that it stands for a complete folder.

    The files of shards go then: `merged` has those of which the report is made, name to SHA-256; without it, those that
    are replaced. Raises PlanError where another process holds the folder, where it is that of a run, or, without
    `replace`, where one of the four is there, or an unmerged shard.
    """
    evaluation = part.evaluation
    strips = [Strip("worst", kept.key, f"mIoU {100 * kept.rank:.1f} %", kept.picture) for kept in evaluation.worst.kept]
    strips += [
        Strip("uncertain", kept.key, f"mean uncertainty {-kept.rank:.3f}", kept.picture)
        for kept in evaluation.uncertain.kept
    ]
    archive = io.BytesIO()
    np.savez_compressed(archive, allow_pickle=False, **built.replicates)
    replicates = archive.getvalue()
    report = built.report.model_copy(update={"replicates_sha256": digest_of(replicates).sha256})
    text = report_to_json(report).encode()
    with locked(out, "evaluate" if merged is None else "merge"):
        refuse_in_a_run(out, "a report")
        if not replace:
            refuse_earlier(out)
            if merged is None:
                refuse_unmerged(out)
        sweep(out)
        if merged is None:
            merged = {name: digest.sha256 for name in _shards_in(out) if (digest := digest_file(out / name))}
        note = Note(report_sha256=digest_of(text).sha256, files=dict(merged), bounds=part.asked.bounds)
        files = {
            **({out / NOTE: note.model_dump_json().encode()} if merged else {}),
            out / ROWS: encode_csv(ImageRow._fields, part.rows),
            out / REPLICATES: replicates,
            out / HTML: report_to_html(report, strips, part.asked.colors).encode(),
            out / REPORT: text,
        }
        with writing(files):
            (out / REPORT).unlink(missing_ok=True)  # should this stop halfway, an old one would pass for this one's
        remove_merged(out, note)


def finish_merging(out: Path) -> Note | None:
    """Do what was left where a merging was killed after its report was written; None where none was."""
    if _progress(read_note(out), out) != "written":
        return None
    with locked(out, "merge"):
        note = read_note(out)
        if note is None or _progress(note, out) != "written":  # somebody else was faster
            return None
        remove_merged(out, note)
        return note


def was_merging(out: Path) -> bool:
    """Whether a merging was killed before its report was written, so that what lies there is its own."""
    return _progress(read_note(out), out) == "begun"


def _progress(note: Note | None, out: Path) -> str | None:
    return None if note is None else note.progress(out / REPORT)


def write_part(out: Path, part: Part, shard: Shard, plan: Plan, *, replace: bool) -> Path:
    """Write the file of a shard, whose lock this process holds; PlanError where it is there, without `replace`."""
    path = shard_file(out, shard)
    with replacing(path, replace=replace) as file:
        write_shard(file, part, shard, plan, replace=replace)
    return path


def refuse_earlier(out: Path) -> None:
    """PlanError where a folder holds an evaluation already, or a file of one."""
    if taken := [name for name in (REPORT, HTML, ROWS, REPLICATES) if is_taken(out / name)]:
        raise already_there(out / taken[0])


def refuse_unmerged(out: Path) -> None:
    """PlanError where a folder holds shards of an evaluation, which another one would replace."""
    if found := find_shards(out):
        raise already_there(shard_file(out, found[0]))


def _shards_in(out: Path) -> list[str]:
    return [shard_file(out, shard).name for shard in find_shards(out)]
