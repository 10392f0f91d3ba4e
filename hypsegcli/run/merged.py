"""What became of the shards of a run, as whoever merges them says it, and says it again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from hypsegcli.files.books import MANIFEST, RUN
from hypsegcli.files.shard import Shard
from hypsegcli.run.accounts import MERGED, Account
from hypsegcli.run.manifest import files_of
from hypsegcli.run.merged_files import is_of_its_size


class Merged(NamedTuple):
    """What became of the shards of a run; they are one run now, if `is_complete`, and stay as they were if not."""

    shards: int
    done: int  # images
    failed: Mapping[str, str]  # those that were not, by key, and why
    files: Sequence[str]  # that were written, in the run's folder
    not_begun: Sequence[Shard]  # of which there are no books
    not_finished: Mapping[Shard, str]  # that have begun, and how they ended, or `running`
    missing: Sequence[str]  # images that these have still to do, by key
    changed: Sequence[str]  # maps that are not there, or not of their size
    remarks: Sequence[str] = ()  # sentences on what becomes of files of earlier runs
    before: bool = False  # whether they were one run already

    @property
    def is_complete(self) -> bool:
        """Whether every shard has gone through all of its images, and their maps are there."""
        return not (self.not_begun or self.not_finished or self.missing or self.changed)


def merged_before(out: Path, accounts: Sequence[Account], shards: Sequence[Account]) -> Merged | None:
    """What became of shards that have been merged, whose books are gone, unless whoever did it was stopped before.

    None where no merging has been the last, since a run has begun by now. Files of many images may have gone.
    """
    own = next(account for account in accounts if account.shard is None)
    count = own.run.get(MERGED)
    if shards or type(count) is not int or own.run.get("status") != "finished":
        return None
    counts = found if isinstance(found := own.run.get("counts"), dict) else {}
    lines = own.lines.values() if counts.get("failed") != 0 else ()  # else what failed is of earlier runs
    failed = {line["key"]: line["reason"] for line in lines if line["status"] == "failed"}
    done = found if type(found := counts.get("done")) is int else len(own.lines) - len(failed)
    files = files_of(own.run)
    changed = [name for name, digest in files.items() if not is_of_its_size(out / name, digest)]
    remarks = [f"{out}: its shards are one run already"]
    return Merged(count, done, failed, [MANIFEST, RUN, *files], [], {}, [], changed, remarks=remarks, before=True)
