"""What a person sees of clusters while they are learned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypsegcli.cli.console import talk, talk_of
from hypsegcli.cli.interruption import saying_what_is_saved
from hypsegcli.cli.show.progress import duration, progress_for
from hypsegcli.files.words import count_of

if TYPE_CHECKING:
    from hypsegcli.training.clustering.run import Job


def show_learning(job: Job, *, resume: bool, quiet: bool) -> None:
    """Learn, with a bar and a line an epoch; stopped, it says what is saved."""
    from hypsegcli.training.clustering import loop

    if not quiet:
        talk(f"looking at {count_of(len(job.images), 'image')}")
    events = loop.cluster(job, resume=resume)
    started = next(events)
    assert isinstance(started, loop.Started)
    talk_of(started.notes, quiet=quiet)
    finished = 0
    saved = saying_what_is_saved(
        lambda: (
            f"{job.out} holds what there was after its last epoch; the same command with --resume goes on from there"
            if finished
            else "no epoch was finished; the same command with --resume begins with the first one that is not"
        )
    )
    with saved, progress_for(started.epochs * started.steps, quiet=quiet, unit="steps", verb="learning") as progress:
        for event in events:
            if isinstance(event, loop.Step):
                progress.advance()
            if isinstance(event, loop.EpochReport):
                finished += 1
                left = event.seconds * (event.epochs - event.epoch)
                rest = f"  {duration(left)} left" if left else ""
                which = f"{job.config.clusters if event.head == 'own' else job.config.over} clusters"
                progress.note(f"epoch {event.epoch}/{event.epochs}  {which}  loss {event.loss:.3f}{rest}")
