"""A run: from a plan to files and books, image by image. Yields results, shows nothing."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from hypsegcli.checkpoint.store import Checkpoint
from hypsegcli.errors import as_keyword, spell
from hypsegcli.files.atomic import sweep
from hypsegcli.files.books import TABLES, Books
from hypsegcli.files.digest import Digest
from hypsegcli.files.hold import Hold
from hypsegcli.files.kinds import folders_of_kinds
from hypsegcli.images.frames import Clip
from hypsegcli.run.films import of_clips
from hypsegcli.run.ledger import Ledger, Status, recipe_id, versions
from hypsegcli.run.manifest import read_object
from hypsegcli.run.ordering import ORDERING, Ordering, ordering_in
from hypsegcli.run.plan import Share
from hypsegcli.run.profile import Profile
from hypsegcli.run.results import Failed, FileResult, Written
from hypsegcli.run.source import Source


@dataclass(frozen=True, kw_only=True)
class Job:
    """What a run does."""

    command: str  # its name, for the books
    share: Share
    out: Path
    hold: Hold | None = None  # of `out`; None: nobody else writes there
    most_failures: int | None = None  # images that may fail before the run stops; None: all of them
    resume: bool = False  # keep what an earlier run has done by the same recipe
    write_setting: Callable[[str, str | None], str] = as_keyword  # how reasons of failures name settings
    detail: Mapping[str, Any] = field(default_factory=dict)  # what else decides the pixels, for the books
    # What is written of all images in `out` that a recipe has made, by name, such as ranking.csv; None for nothing.
    further: Mapping[str, Callable[[Path, str], Digest | None]] = field(default_factory=dict)
    clips: Sequence[Clip] = ()  # the videos among the inputs
    ordering: Ordering | None = None  # of the tables of all images, where there are some, for the books


class Run:
    """Lets a source segment what a job needs, and keeps the books of it; `results` may be read once."""

    def __init__(self, job: Job, checkpoint: Checkpoint, source: Source) -> None:
        facts = source.facts
        recipe = {"command": job.command, **facts.recipe, **job.detail}
        self._job, self._source = job, source
        self.status: Status = "aborted"  # as it ended
        self.further: list[str] = []  # files of the whole run, by name, that it has written; once it has ended
        sizes = {"batch_size": facts.batch_size, "workers": facts.workers, "max_pixels": facts.max_pixels}
        self.profile = Profile(facts.workers, processes=facts.processes)
        self.ledger = Ledger(
            job.out,
            recipe=recipe_id(checkpoint.sha256, _in_any_order(recipe)),
            description={
                "versions": versions(),
                "checkpoint": {
                    "path": str(checkpoint.path),
                    "sha256": checkpoint.sha256,
                    **({"source": checkpoint.source} if checkpoint.source else {}),
                },
                "options": {
                    **recipe,
                    **_of_ordering(job.ordering),
                    "tiling": asdict(facts.tiling) if facts.tiling else None,
                    **sizes,
                },
                "engine": facts.engine,
                "device": facts.device,
                **_of_shard(job.share),
                **of_clips(job.clips),
            },
            cuts=facts.cuts,
            shard=job.share.shard,
            hold=job.hold,
        )
        self._check()  # the books say from now on that a run is under way
        self.unfinished = self.ledger.unfinished(
            job.share.images, of_others=job.share.of_others, further=job.further, keep=job.resume
        )

    @property
    def kept(self) -> int:
        """Images of its share that an earlier run has done."""
        return len(self._job.share.images) - len(self.unfinished)

    def results(self) -> Generator[FileResult, None, None]:
        """What became of each image that was not kept, as it becomes known; the ledger has its line before.

        With the first image that fails beyond those that may, it ends, and `status` is `stopped`.
        Closed early, or interrupted, it finishes what it has begun to write, and the books say so. Raises HypsegError
        where another folder than the one that is held lies at its path by then: nothing more is written there.
        """
        self._check()  # to know what is unfinished may have taken long
        if self._job.share.shard is None:  # another machine's locks may not be seen here, and what it writes swept away
            sweep(self._job.out, folders_of_kinds(self._job.out))
        if self._changes_further():  # should this run be killed, those of an earlier one would be wrong
            for name in self._job.further:
                (self._job.out / name).unlink(missing_ok=True)
        self.ledger.open(total=len(self._job.share.images))
        try:
            with closing(self._source.results(self.unfinished, check=self._check, late=self._add_late)) as results:
                for result in results:
                    if isinstance(result, Failed):
                        result = replace(result, reason=spell(result.reason, self._job.write_setting))  # noqa: PLW2901
                    self._check()
                    self.ledger.add(result)
                    if isinstance(result, Written):
                        self.profile.add(result.seconds)
                    yield result
                    if self._has_failed_too_often():
                        self.status = "stopped"
                        return
            self.status = "finished"
        except (KeyboardInterrupt, GeneratorExit):
            self.status = "interrupted"
            raise
        finally:
            self.profile.stop()
            self._check()  # the books there are another's otherwise
            self._close()

    def _changes_further(self) -> bool:
        """Whether files of the whole run will be others: a shard with nothing to do leaves them, if ranked the same.

        Where the last run made other maps, nobody knows by what order the tables are.
        """
        if self.unfinished or self._job.share.shard is None:
            return True
        run, ordering = read_object(Books(self._job.out).run), self._job.ordering
        is_told = isinstance(options := run.get("options"), dict) and ORDERING in options
        return is_told and ordering is not None and ordering != ordering_in(run)

    def _close(self) -> None:
        """Write what is of all images, then run.json, which calls the run finished only if they are written."""
        status, self.status = self.status, "aborted"
        try:
            if status != "aborted":
                self.ledger.settle()
                # A ranking of a part is of use; a video of one takes its time, when somebody has asked to stop.
                further = {} if self._job.share.shard is not None else self._job.further
                names = [name for name in further if status == "finished" or name in TABLES]
                self.further = [name for name in names if self.ledger.write(name, further[name])]
            self.status = status
        finally:
            self.ledger.close(self.status, profile=self.profile.numbers())

    def _add_late(self, result: FileResult) -> None:
        """An image whose files were being written when the run ended early: they are there, so the books say so."""
        if isinstance(result, Written) and not self.ledger.has(str(result.planned.key)):
            self._check()
            self.ledger.add(result)
            self.profile.add(result.seconds)

    def _check(self) -> None:
        if self._job.hold is not None:
            self._job.hold.check()

    def _has_failed_too_often(self) -> bool:
        most = self._job.most_failures
        return most is not None and self.ledger.count("failed") > most


def _of_shard(share: Share) -> dict[str, Any]:
    """What the books of a shard say of the whole, by which those that belong together are known."""
    if share.shard is None:
        return {}
    index, of = share.shard.index, share.shard.of
    return {"shard": {"index": index, "of": of, "images": share.total, "plan_sha256": share.sha256}}


def _of_ordering(ordering: Ordering | None) -> dict[str, Any]:
    """What the books say of it: no recipe has it, so that a run that goes on ranks all images anew by another."""
    return {} if ordering is None else {ORDERING: asdict(ordering)}


def _in_any_order(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """The same for the kinds and measures in whatever order they were named; the main measure has a name of its own."""
    request = recipe["request"] | {"measures": sorted(recipe["request"]["measures"])}
    return {**recipe, "request": request, "outputs": sorted(recipe["outputs"])}
