"""Maps that somebody has worked on since a run wrote them, which a run that goes on would make again."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from hypsegcli.errors import PlanError, setting
from hypsegcli.files.digest import digest_file
from hypsegcli.files.threads import ahead, default_workers
from hypsegcli.files.words import count_of, first_of
from hypsegcli.run.accounts import read_manifest
from hypsegcli.run.manifest import outputs_of
from hypsegcli.run.plan import PlannedImage

_NAMED = 3  # files in a sentence


def find_corrected(out: Path, plan: Sequence[PlannedImage]) -> list[Path]:
    """Files of a plan's images that are in a run's folder and hold something else than its books say, in its order."""
    lines = read_manifest(out)
    written = [
        (out / path, digest)
        for planned in plan
        if (line := lines.get(str(planned.key))) is not None
        for path, digest in outputs_of(line).values()
    ]
    workers = default_workers()
    paths = (path for path, _ in written)
    with closing(ahead(digest_file, paths, workers=workers, depth=4 * workers)) as found:
        return [path for (path, wanted), holds in zip(written, found, strict=True) if holds not in (None, wanted)]


def refuse_corrected(out: Path, plan: Sequence[PlannedImage]) -> None:
    """PlanError where there are such files: for masks to begin with, that is hours of a person's work."""
    if corrected := find_corrected(out, plan):
        names = first_of([path.relative_to(out).as_posix() for path in corrected], _NAMED)
        raise PlanError(
            f"{out}: {count_of(len(corrected), 'map')} changed since the books were written would be made again "
            f"({names}); move what is yours elsewhere, and {setting('resume')} makes those anew"
        )
