"""Files of earlier runs that this one does not make again, and that would pass for its own.

The manifest tells those of images that have a line. A run that is killed has mostly written files of images that have
none yet; so that run.json says, until the run is finished, what is to be written, in its order. Of that it can have
written the first images alone: those that were between its threads.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from hypsegcli.files.books import is_of_all_images
from hypsegcli.files.digest import Digest, digest_file
from hypsegcli.files.regular import is_there
from hypsegcli.files.words import count_of, first_of
from hypsegcli.run.manifest import Line, files_of, is_below, outputs_of
from hypsegcli.run.plan import PlannedImage, target_of
from hypsegcli.run.unfinished import begun
from hypsegcli.run.unnamed import Unnamed, is_since, may_be_a_map, status_of

_LISTED = 3  # files


class LeftOver(NamedTuple):
    """Files that are to go, each unless it holds something else by then, and those of them that no book names."""

    files: dict[Path, Digest]
    unbooked: list[PurePosixPath]

    def remarks(self) -> list[str]:
        """A sentence on what is removed though no line names it: somebody else may have put it there."""
        if not self.unbooked:
            return []
        are = "is" if len(self.unbooked) == 1 else "are"
        names = first_of([str(path) for path in self.unbooked], _LISTED)
        return [f"{count_of(len(self.unbooked), 'file')} of a run that was cut short {are} removed: {names}"]


def find_left_over(
    out: Path,
    rest: Sequence[PlannedImage],
    *,
    run: Mapping[str, Any],
    earlier: Mapping[str, Line],
    dropped: Iterable[Line],
    others: Iterable[Line],
    is_target: Callable[[Path], bool],
    whole: Collection[str],
    unnamed: Iterable[Unnamed],
) -> LeftOver:
    """What is to go from a run's folder, unless it holds something else than what the books say of it.

    That is what an earlier run made as a whole; what it made of the images `rest`, which are done again, and is none of
    their outputs; the files of the lines `dropped`; and what a run that did not come to its end has written beyond what
    it has lines of. Files of the lines `others` stay, outputs of images that are not done again, for which `is_target`
    tells too, and files of the whole run that are named `whole`. `run` and `earlier` are run.json and the manifest of
    the folder.
    """
    # Of an input that is out of reach, an unmounted disk perhaps, they are all that is left.
    again = (
        line for planned in rest if (line := earlier.get(str(planned.key))) is not None and is_there(planned.source)
    )
    left_over = {path: digest for path, digest in _files(out, chain(again, dropped)) if not is_target(path)}
    away = {str(planned.key) for planned in rest if not is_there(planned.source)}
    unbooked: dict[Path, Digest] = {}
    for below, old in _unbooked(run, earlier, away):
        path = out / below
        may_be_its = is_of_all_images(str(below)) or may_be_a_map(path, below.parts[0])
        if may_be_its and not is_target(path) and is_since(status_of(path), run):
            found = digest_file(path)  # no book has it; where it is that of a line, it is the older file still
            if found is not None and found != old:
                unbooked[path] = found
    if left_over or unbooked:
        for path, _ in _files(out, (line for line in others if line["status"] == "done")):
            left_over.pop(path, None)
            unbooked.pop(path, None)
    # They are made again; but should this run be cut short before, no book would know whose they are.
    without_line = [found.path for found in unnamed if found.owner == "a run" and is_there(found.planned.source)]
    left_over |= {path: digest for path in without_line if (digest := digest_file(path)) is not None}
    left_over |= {out / name: digest for name, digest in files_of(run).items() if name not in whole}
    names = [path.relative_to(out).as_posix() for path in unbooked]
    strange = [name for name in names if not is_of_all_images(name)]  # which are hypseg's by their names
    return LeftOver(left_over | unbooked, [PurePosixPath(name) for name in strange])


def remove(out: Path, files: Mapping[Path, Digest]) -> list[str]:
    """Remove files below a run's folder, each unless it holds something else by now; the names of those that stay."""
    stayed = []
    for path, digest in files.items():
        found = digest_file(path)
        if found == digest:
            path.unlink(missing_ok=True)
            _remove_empty(path.parent, out)
        elif found is not None:
            stayed.append(path.relative_to(out).as_posix())
    return stayed


def _remove_empty(folder: Path, out: Path) -> None:
    """Remove folders in which nothing is left, which would pass for those of a kind that a run makes."""
    with contextlib.suppress(OSError):  # it holds something
        while folder != out:
            folder.rmdir()
            folder = folder.parent


def _unbooked(
    run: Mapping[str, Any], earlier: Mapping[str, Line], away: Collection[str]
) -> Iterator[tuple[PurePosixPath, Digest | None]]:
    """Files that a run may have written without a line, and what an older run had in their place, if that is known.

    None of the images `away`.
    """
    try:
        said = run["unfinished"]
        outputs, further = dict(said["outputs"]), {name for name in said["files"] if is_of_all_images(name)}
    except (AttributeError, KeyError, TypeError, ValueError):
        return
    for name in further:
        yield PurePosixPath(name), None
    for key in begun(run, earlier):
        if key in away:
            continue
        old = dict(outputs_of(earlier.get(key, {})).values())
        for kind, suffix in outputs.items():
            path = target_of(key, kind, suffix)
            if is_below(str(path)) and len(path.parts) > 1:
                yield path, old.get(path)


def _files(out: Path, lines: Iterable[Line]) -> Iterator[tuple[Path, Digest]]:
    return ((out / path, digest) for line in lines for path, digest in outputs_of(line).values())
