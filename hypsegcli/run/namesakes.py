"""Other photographs of the same names: their maps would lie in the same places."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hypsegcli.files.digest import digest_shared
from hypsegcli.files.regular import is_there
from hypsegcli.run.manifest import Line, input_from_here, input_of, source_of
from hypsegcli.run.plan import PlannedImage
from hypsegcli.run.unfinished import never_done


class Namesake(NamedTuple):
    """A photograph of an earlier run, as it is named from here, and the one that would come in its place."""

    old: str
    new: Path
    is_done: bool  # the old one; else a run was asked for it and has not come to it, or it failed


def find_namesakes(
    plan: Sequence[PlannedImage], *, run: Mapping[str, Any], earlier: Mapping[str, Line]
) -> Iterator[Namesake]:
    """Photographs that earlier runs were asked for, which are there still, and the planned ones in their place.

    `run` and `earlier` are run.json and the manifest of a folder. One that is done counts where it is as it was: maps
    of one that has changed since are nobody's. One that is not where it was has moved, and one that lies elsewhere
    with the same bytes is the same. Only those that lie elsewhere are read.
    """
    asked = {line["key"]: line for line in never_done(run)}
    for planned in plan:
        line = earlier.get(key := str(planned.key), asked.get(key))
        if line is None or line.get("status") == "dropped" or (old := input_of(line)) == planned.source.absolute():
            continue
        is_done = line.get("status") == "done"
        if _is_as_it_was(line, old, planned.source) if is_done else _is_another(old, planned.source):
            yield Namesake(input_from_here(line), planned.source, is_done)


def _is_as_it_was(line: Line, old: Path, new: Path) -> bool:
    """Whether the photograph of a line is what was segmented, and the new one is not."""
    source = source_of(line)
    if _size(old) != source.bytes or (is_there(new) and old.samefile(new)):
        return False
    return (_size(new) != source.bytes or digest_shared(new) != source) and digest_shared(old) == source


def _is_another(old: Path, new: Path) -> bool:
    """Whether a photograph is there still that does not hold what the new one does."""
    if not is_there(old) or (is_there(new) and old.samefile(new)):
        return False
    return _size(old) != _size(new) or (found := digest_shared(old)) is None or found != digest_shared(new)


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except (OSError, ValueError):  # of a name that cannot be
        return None
