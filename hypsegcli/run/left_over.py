"""Files of earlier runs that this one does not make again, and that would pass for its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from hypsegcli.files.digest import Digest
from hypsegcli.files.regular import is_there
from hypsegcli.run.manifest import Line, files_of, outputs_of, read_run
from hypsegcli.run.plan import PlannedImage


def find_left_over(
    out: Path,
    rest: Sequence[PlannedImage],
    *,
    earlier: Mapping[str, Line],
    dropped: Iterable[Line],
    kept: Iterable[Line],
) -> dict[Path, Digest]:
    """What is to go from a run's folder, unless it holds something else than what the books say of it.

    That is what an earlier run made as a whole; what it made of the images `rest`, which are done again, and is none of
    their outputs; and the files of the lines `dropped`. Files of the lines `kept` stay.
    """
    wanted = {path for planned in rest for path in planned.outputs.values()}
    wanted |= {out / path for line in kept if line["status"] == "done" for path, _ in outputs_of(line).values()}
    # Of an input that is out of reach, an unmounted disk perhaps, they are all that is left.
    again = [
        line for planned in rest if (line := earlier.get(str(planned.key))) is not None and is_there(planned.source)
    ]
    left_over = {out / name: digest for name, digest in files_of(read_run(out)).items()}
    return left_over | {path: digest for path, digest in _files(out, (*again, *dropped)) if path not in wanted}


def _files(out: Path, lines: Iterable[Line]) -> Iterator[tuple[Path, Digest]]:
    return ((out / path, digest) for line in lines for path, digest in outputs_of(line).values())
