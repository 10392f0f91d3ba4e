"""What became of a run's shards, as a person sees it, and the exit code."""

from __future__ import annotations

from pathlib import Path

from hypsegcli.cli.console import error, say, talk_of
from hypsegcli.cli.exit_codes import PARTLY_DONE, code_of_run
from hypsegcli.files.words import count_of
from hypsegcli.run.merged import Merged


def show_merged(merged: Merged, out: Path) -> int:
    """Say what is missing, or what was written; returns the exit code."""
    for shard in merged.not_begun:
        say(f"not begun: shard {shard}")
    for shard, status in merged.not_finished.items():
        say(f"{'cut short' if status == 'running' else status}: shard {shard}")
    for key in merged.missing:
        say(f"still to be done: {key}")
    for name in merged.changed:
        say(f"missing or changed: {name}")
    for key, reason in merged.failed.items():
        say(f"failed: {key}: {reason}")
    talk_of(merged.remarks, quiet=False)
    shards = count_of(merged.shards, "shard")
    if not merged.is_complete:
        error(
            f"{out}: files of the run have changed since its {shards} were merged, and nothing is written; its command "
            "with --resume makes them anew, without --shard, or in all shards and merged again"
            if merged.before
            else f"{out}: the run of {shards} is not complete, and nothing is written; run those shards again with "
            "--resume, or all of them as another number of shards"
        )
        return PARTLY_DONE
    total = merged.done + len(merged.failed)
    say(f"{count_of(total, 'image')} of {shards}: {', '.join(merged.files)} in {out}")
    if merged.failed:
        error(f"{len(merged.failed)} of {count_of(total, 'image')} failed")
    return code_of_run(done=merged.done, failed=len(merged.failed))
