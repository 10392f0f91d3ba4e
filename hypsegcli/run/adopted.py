"""Files that a run which was cut short has left without a line: where its books end, a line has to tell of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hypsegcli.files.digest import digest_file
from hypsegcli.run.manifest import Line, is_below, without_result
from hypsegcli.run.plan import target_of
from hypsegcli.run.unfinished import part_of_unfinished
from hypsegcli.run.unnamed import is_since, may_be_a_map, status_of


def with_left_files(out: Path, line: Line, run: Mapping[str, Any]) -> Line:
    """The line of an image that is to be done, with the files that a run, as run.json has it, may have written of it.

    What the line has of older files stays, but for those in whose place newer ones have come.
    """
    stale = without_result(line, "stale")
    told = {name: dict(stale[name]) for name in ("outputs", "bytes", "sha256")}
    for kind, suffix in part_of_unfinished(run, "outputs").items():
        below = str(target_of(line["key"], kind, str(suffix)))
        path = out / below
        if is_below(below) and is_since(status_of(path), run) and may_be_a_map(path, kind):
            digest = digest_file(path)
            if digest is not None:
                told["outputs"][kind] = below
                told["bytes"][kind], told["sha256"][kind] = digest
    return stale | told
