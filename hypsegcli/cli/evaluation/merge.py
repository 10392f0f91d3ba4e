"""The shards of an evaluation as one."""

from __future__ import annotations

from pathlib import Path

from hypsegcli.cli.console import error, loading, talk
from hypsegcli.cli.evaluation.finish import finish_evaluation, show_evaluation
from hypsegcli.cli.exit_codes import PARTLY_DONE
from hypsegcli.files.words import count_of


def merge_evaluation(folder: Path) -> int | None:
    """Make the report of the shards in a folder, whose files go then; None where it holds none of an evaluation.

    Returns the exit code: that of a single run, or 3 where shards are missing. Raises UsageError where shards do not
    belong together, DataError where one is damaged.
    """
    with loading():
        from hypsegcli.metrics.report_file import read_report
        from hypsegcli.report.files import REPORT, finish_merging, refuse_earlier, was_merging
        from hypsegcli.report.shards import find_shards, merge_shards, missing_shards

    note = finish_merging(folder)
    found = find_shards(folder)
    if not found:
        if note is None:
            return None
        talk(f"{folder}: was merged before; what was left of the shards is removed")
        return show_evaluation(read_report(folder / REPORT), folder, note.bounds)
    if missing := missing_shards(folder, found):
        error(missing)
        return PARTLY_DONE
    merged = merge_shards(folder, found)
    replace = merged.replace or was_merging(folder)
    if not replace:
        refuse_earlier(folder)  # by whoever did not see the shards, and before anything is worked out
    code = finish_evaluation(merged.part, folder, replace=replace, merged=merged.files)
    talk(f"{count_of(len(found), 'shard')} merged, and their files removed")
    return code
