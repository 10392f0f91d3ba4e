"""What to doubt about maps that a run has left, before they are scored as if they were of one network."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from hypsegcli.errors import setting
from hypsegcli.files.books import MANIFEST, RUN
from hypsegcli.files.regular import is_there
from hypsegcli.files.words import count_of
from hypsegcli.run.manifest import outputs_of, read_manifest, read_run


def doubt_maps(out: Path, maps: Collection[Path]) -> list[str]:
    """A sentence on everything that makes maps in a folder doubtful; none where no run keeps its books there.

    That is a run that is not finished, maps of which its manifest knows nothing, which may be an earlier run's, and
    maps of several recipes. What the maps hold is not compared; see `verify`.
    """
    if not (is_there(out / RUN) and is_there(out / MANIFEST)):
        return []
    doubts = []
    status = read_run(out).get("status")
    if status != "finished":
        doubts.append(
            f"{out}: the run that writes here is {status if isinstance(status, str) else 'unknown'}, not finished; "
            f"finish it with {setting('resume')}, and evaluate again"
        )
    recipes = {
        str(path): line["recipe"]
        for line in read_manifest(out).values()
        if line["status"] == "done"
        for path, _ in outputs_of(line).values()
    }
    known = {path: recipes.get(Path(os.path.relpath(path, out)).as_posix()) for path in maps}
    if strange := [path for path, recipe in known.items() if recipe is None]:
        doubts.append(
            f"{out}: {len(strange)} of {count_of(len(maps), 'label map')} are not in its {MANIFEST}, such as "
            f"{strange[0]}; they may be another run's: predict into a new folder, and evaluate that"
        )
    if (several := len(set(known.values()) - {None})) > 1:
        doubts.append(
            f"{out}: its label maps were made by {several} recipes, of other checkpoints or options, and are scored as "
            f"if they were of one; predict all of them with {setting('resume')}, and evaluate again"
        )
    return doubts
