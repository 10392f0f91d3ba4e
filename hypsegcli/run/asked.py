"""What runs were asked for and have not come to: neither the next run nor `verify` may forget it.

It takes long to compare a folder with its books, and nothing of the new run is in them before that.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hypsegcli.files.atomic import write_atomically
from hypsegcli.files.books import MANIFEST, RUN
from hypsegcli.files.place import locate
from hypsegcli.run.manifest import Line, dump, may_lose, place_of, read_manifest, read_run, without_result
from hypsegcli.run.plan import PlannedImage


@contextlib.contextmanager
def noted(out: Path, plan: Sequence[PlannedImage], *, keep: bool) -> Iterator[None]:
    """Let an earlier run's books say, while the block compares them, that another one is under way, and of what images.

    They stay otherwise as they are, since nothing else is written yet, and say how the block ended if it fails. Without
    `keep` they say too which maps may be removed: the next run need not be told so again.
    """
    if not (out / MANIFEST).is_file():
        yield
        return
    earlier = read_manifest(out)
    asked = never_done(read_run(out))
    asked += [{"key": str(planned.key), **place_of(planned.source)} for planned in plan]
    lines = {line["key"]: without_result(line, "stale") for line in asked if line["key"] not in earlier}
    lines |= {} if keep else _that_may_lose(earlier, plan)
    if lines:
        write_atomically(out / MANIFEST, "".join(map(dump, (earlier | lines).values())).encode())
    with said_to_run(out):
        yield


@contextlib.contextmanager
def said_to_run(out: Path) -> Iterator[None]:
    """Let an earlier run.json say that another run is under way while the block goes on, and how it ended if it fails.

    All else that it says stays: of what that run may have written without a line, no other book tells.
    """
    _say(out, "running")
    try:
        yield
    except BaseException as error:
        with contextlib.suppress(OSError):  # the disk is full, perhaps, of which the error tells
            _say(out, "interrupted" if isinstance(error, KeyboardInterrupt) else "aborted")
        raise


def _that_may_lose(earlier: Mapping[str, Line], plan: Sequence[PlannedImage]) -> dict[str, Line]:
    """Lines of images that are done, by key, which tell of maps that the plan's run does not make."""
    found = {}
    for planned in plan:
        line = earlier.get(str(planned.key))
        if line is not None and line["status"] == "done" and (told := may_lose(line, planned.outputs)) is not line:
            found[line["key"]] = told
    return found


def never_done(run: Mapping[str, Any]) -> list[Line]:
    """Key and place of the images that a run, as run.json has it, was to do and has not finished."""
    try:
        images, directory = dict(run["unfinished"]["images"]), str(run["unfinished"]["directory"])
    except (KeyError, TypeError, ValueError):
        return []
    return [
        {"key": key, "input": source} | ({} if locate(source).is_absolute() else {"directory": directory})
        for key, source in images.items()
        if isinstance(source, str)
    ]


def _say(out: Path, status: str) -> None:
    write_atomically(out / RUN, (json.dumps(read_run(out) | {"status": status}, indent=2) + "\n").encode())
