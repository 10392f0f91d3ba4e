"""A run as a person sees it: the plan, progress, failures, what to do next, the exit code."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from hypsegcli.cli.console import error, say, talk, talk_of
from hypsegcli.cli.exit_codes import INTERRUPTED, STOPPED, code_of_run
from hypsegcli.cli.show.progress import progress_for
from hypsegcli.confidence.measures import Interpolation, of_another_precision, of_another_way
from hypsegcli.files.kinds import folder_of
from hypsegcli.files.words import count_alike, count_of, first_of
from hypsegcli.inference.guide import of_another_sampling
from hypsegcli.sampling.choice import Sampling

if TYPE_CHECKING:
    from hypsegcli.checkpoint.format import Header
    from hypsegcli.confidence.calibration import Calibration
    from hypsegcli.images.discover import Inputs
    from hypsegcli.images.frames import Clip
    from hypsegcli.run.ledger import Ledger
    from hypsegcli.run.plan import PlannedImage
    from hypsegcli.run.run import Run
    from hypsegcli.run.source import Facts

_LISTED = 3  # files


def tell_of_skipped(inputs: Inputs, *, quiet: bool) -> None:
    """What lies in the folders and is left out."""
    if (skipped := str(inputs.skipped)) and not quiet:
        talk(f"left out: {skipped}")


def tell_of_clips(clips: Sequence[Clip], *, quiet: bool) -> None:
    """How many frames videos have, and that a container has it otherwise."""
    for clip in clips if not quiet else ():
        claims = "" if clip.claimed in {None, clip.frames} else f", where its container says {clip.claimed}"
        which = f", of which one in {clip.every} is taken" if clip.every > 1 else ""
        talk(f"{clip.path}: {count_of(clip.frames, 'frame')}{claims}{which}")


def tell_of_calibration(
    header: Header,
    measure: str | None,
    *,
    raw: bool,
    interpolate: Interpolation,
    sampling: Sampling,
    quiet: bool,
) -> None:
    """Why a checkpoint that is calibrated does not give that measure, where its options leave the choice to hypseg."""
    another = of_another_sampling(header, sampling) or of_another_way(header.calibrated_when(sampling), interpolate)
    if another and measure in {None, "all"} and not (raw or quiet):
        talk(another)


def tell_of_precision(header: Header, measures: Sequence[str], precision: str, *, quiet: bool) -> None:
    """That a calibration which is used was fitted in int8 and the network runs otherwise, or the other way."""
    another = of_another_precision(header.calibrated_in_int8, precision)
    if another and "calibrated" in measures and not quiet:
        talk(another)


def print_plan(plan: Sequence[PlannedImage], clips: Sequence[Clip]) -> None:
    """What --dry-run shows."""
    for planned in plan:
        say(f"{planned.name} -> {', '.join(str(path) for path in planned.outputs.values())}")
    but = ", but videos to count their frames" if clips else ""
    talk(f"{count_of(len(plan), 'image')}; nothing was read or written{but}")


def show_run(run: Run, *, calibration: Calibration | None, quiet: bool, profile: bool) -> int:
    """Go through a run and show it; returns the exit code.

    `calibration` is that of the checkpoint, which knows how sure it usually is.
    """
    from hypsegcli.run.remarks import say_stayed
    from hypsegcli.run.results import Failed

    total = run.kept + len(run.unfinished)
    if run.kept and not quiet:
        talk(f"{run.kept} of {count_of(total, 'image')} done already")
    talk_of(run.ledger.remarks, quiet=quiet)
    interrupted = False
    with progress_for(len(run.unfinished), quiet=quiet) as progress:
        try:
            with closing(run.results()) as results:
                for result in results:
                    if isinstance(result, Failed):
                        progress.note(f"failed: {result.reason}")
                    progress.advance()
        except KeyboardInterrupt:
            interrupted = True
    if profile:
        from hypsegcli.cli.show.profile import print_profile

        print_profile(run.profile)
    if calibration is not None and calibration.of_another_world is not None and not quiet:
        _warn_of_another_world(run.ledger, calibration.of_another_world)
    talk_of(say_stayed(run.ledger.stayed), quiet=quiet)
    talk_of(count_alike(run.ledger.notes(), "image"), quiet=quiet)
    done, failed = run.ledger.count("done"), run.ledger.count("failed")
    if interrupted:
        error(f"interrupted after {done} of {count_of(total, 'image')}; the same command with --resume continues")
        return INTERRUPTED
    if run.status == "stopped":
        error(
            f"stopped, for {failed} of {count_of(total, 'image')} failed, more than --max-failures allows; {done} "
            f"{'is' if done == 1 else 'are'} done; {run.ledger.manifest} says why; the same command with --resume "
            "continues"
        )
        return STOPPED
    if failed:
        error(f"{failed} of {count_of(total, 'image')} failed; {run.ledger.manifest} says why")
    return code_of_run(done=done, failed=failed)


def say_done(run: Run, facts: Facts, kinds: Iterable[str], out: Path) -> None:
    """The last line: how many images there are by now, and what of each, where, and what the network ran in."""
    if done := run.ledger.count("done"):
        further = first_of(run.further, _LISTED)
        own = [kind for kind in kinds if folder_of(kind) == kind]  # others lie beside these
        written = ", ".join([*own, *([further] if further else [])])
        say(f"{count_of(done, 'image')}: {written} in {out} ({facts.engine}, {facts.device})")


def _warn_of_another_world(ledger: Ledger, limit: float) -> None:
    """Say so where the network is less than half as sure of most images as it is of nearly all of its own world."""
    means = ledger.means
    strange = sum(mean < limit for mean in means)
    if 2 * strange > len(means):
        look = "looks" if strange == 1 else "look"
        talk(
            f"{strange} of {count_of(len(means), 'image')} {look} like another world than this checkpoint's: the mean "
            f"probability of being right lies below {limit:.2f}, half of what nearly all of its own reach; labels mean "
            "little there"
        )
