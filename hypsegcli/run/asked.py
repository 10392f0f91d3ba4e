"""What runs were asked for and have not come to: neither the next run nor `verify` may forget it.

It takes long to compare a folder with its books, and nothing of the new run is in them before that.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

from hypsegcli.files.atomic import write_atomically
from hypsegcli.files.books import Books
from hypsegcli.run.accounts import read_manifest, shards_of
from hypsegcli.run.lines import Lines, write_lines
from hypsegcli.run.manifest import Line, for_another, may_lose, place_of, read_object, without_result
from hypsegcli.run.plan import PlannedImage
from hypsegcli.run.unfinished import never_done


def asked_for(planned: PlannedImage) -> Line:
    """The line of an image that a run is to do, of which nothing has ever been made."""
    place = place_of(planned.source, planned.frame, planned.page)
    return without_result({"key": str(planned.key), **place}, "stale")


@contextlib.contextmanager
def noted(
    books: Books, plan: Sequence[PlannedImage], *, of_others: Sequence[PlannedImage] = (), keep: bool, was_killed: bool
) -> Iterator[None]:
    """Let an earlier run's books say, while the block compares them, that another one is under way, and of what images.

    They stay otherwise as they are, since nothing else is written yet, and say how the block ended if it fails. Without
    `keep` they say too which maps may be removed: the next run need not be told so again. A shard that has no books yet
    begins its manifest, where others have some: it says of these images, and of those `of_others` that no book speaks
    of, that they are to be done; and be there none, that the shard has begun and has not ended.
    """
    if not books.manifest.is_file() and (books.shard is None or not _has_books(books.out)):
        yield
        return
    _note(books, plan, of_others, keep=keep)
    running = said_to_run(books, was_killed=was_killed)
    with running if books.run.is_file() or books.shard is None else contextlib.nullcontext():
        yield


def _has_books(out: Path) -> bool:
    return Books(out).manifest.is_file() or len(shards_of(out)) > 1


def _note(books: Books, plan: Sequence[PlannedImage], of_others: Sequence[PlannedImage], *, keep: bool) -> None:
    """Write the manifest with lines of what is asked for; what was read for that is not held while books compare."""
    own = Lines(books.manifest)
    earlier = own if books.shard is None and len(shards_of(books.out)) == 1 else read_manifest(books.out)
    never = (without_result(line, "stale") for line in never_done(read_object(books.run)))
    asked = chain(never, map(asked_for, plan), map(for_another, map(asked_for, of_others)))
    lines = {line["key"]: line for line in asked if line["key"] not in earlier}
    lines |= {} if keep else _that_may_lose(earlier, plan)
    if lines or not books.manifest.is_file():
        as_they_are = (line for key, line in own.items() if key not in lines)
        write_lines(books.manifest, chain(as_they_are, lines.values()))


@contextlib.contextmanager
def said_to_run(books: Books, *, was_killed: bool) -> Iterator[None]:
    """Let an earlier run.json say that another run is under way while the block goes on, and how it ended if it fails.

    All else that it says stays: of what that run may have written without a line, no other book tells. Where it was
    killed it has files of any image, and says so still if the block fails.
    """
    _say(books, "running")
    try:
        yield
    except BaseException as error:
        if was_killed:
            raise
        with contextlib.suppress(OSError):  # the disk is full, perhaps, of which the error tells
            _say(books, "interrupted" if isinstance(error, KeyboardInterrupt) else "aborted")
        raise


def _that_may_lose(earlier: Mapping[str, Line], plan: Sequence[PlannedImage]) -> dict[str, Line]:
    """Lines of images that are done, by key, which tell of maps that the plan's run does not make."""
    found = {}
    for planned in plan:
        line = earlier.get(str(planned.key))
        if line is not None and line["status"] == "done" and (told := may_lose(line, planned.outputs)) is not line:
            found[line["key"]] = told
    return found


def _say(books: Books, status: str) -> None:
    run = read_object(books.run) | {"status": status}
    write_atomically(books.run, (json.dumps(run, indent=2) + "\n").encode())
