"""What predict and uncertainty share: plan, refuse or go on, run, count, say where the results are."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hypsegcli.cli.console import error, say, talk
from hypsegcli.cli.network import make_segmenter
from hypsegcli.cli.show.profile import Profile, print_profile
from hypsegcli.cli.show.progress import progress_for
from hypsegcli.errors import PlanError, TreeError, UsageError
from hypsegcli.files.ahead import default_workers
from hypsegcli.images.discover import find_inputs
from hypsegcli.run import MANIFEST, RUN
from hypsegcli.run.plan import PlannedImage, occupied, plan_outputs

if TYPE_CHECKING:
    from hypsegcli.checkpoint.format import Header
    from hypsegcli.checkpoint.store import Checkpoint
    from hypsegcli.hierarchy.tree import ClassTree
    from hypsegcli.inference.engines.choose import EngineName
    from hypsegcli.inference.request import Request
    from hypsegcli.products.outputs import Outputs
    from hypsegcli.run.ledger import Ledger

# Training shows things at up to twice their usual size; beyond three times a network guesses.
_UNUSUAL = 3


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """Options of a run, as the command line gave them."""

    inputs: Sequence[str]
    out: Path
    checkpoint: Path | None
    engine: EngineName
    device: str
    precision: Literal["auto", "fp32", "bf16"]
    batch_size: int | None
    tile: str
    workers: int | None
    profile: bool
    max_pixels: int
    overwrite: bool
    resume: bool
    quiet: bool
    longest_side: int | None


def make_plan(options: RunOptions, suffixes: Mapping[str, str], *, further: Sequence[str] = ()) -> list[PlannedImage]:
    """The whole map from inputs to outputs, or a PlanError; nothing is decoded, written or imported for it."""
    if options.overwrite and options.resume:
        raise UsageError("--overwrite and --resume contradict each other; --resume replaces what it must")
    if options.longest_side is not None and options.tile not in {"auto", "off"}:
        raise UsageError("--longest-side makes images small enough to go in whole; leave out --tile")
    extra = [options.out / name for name in (RUN, MANIFEST, *further)]
    plan = plan_outputs(find_inputs(options.inputs), options.out, suffixes, extra=extra)
    taken = occupied(plan, extra)
    if options.resume and taken and not (options.out / MANIFEST).is_file():
        raise PlanError(
            f"{options.out}: holds files such as {taken[0].name}, but no {MANIFEST} of an earlier run to resume; "
            "choose another --out, or replace them with --overwrite"
        )
    if taken and not (options.overwrite or options.resume):
        raise PlanError(
            f"{options.out}: {len(taken)} of the outputs are there already, such as {taken[0]}; continue that run with "
            "--resume, replace it with --overwrite, or choose another --out"
        )
    return plan


def checkpoint_path(options: RunOptions) -> Path:
    """The checkpoint asked for, or the bundled one."""
    from hypsegcli.checkpoint.bundled import bundled_checkpoint

    return options.checkpoint or bundled_checkpoint()


def read_header(options: RunOptions) -> Header:
    """What the checkpoint is; found out before its weights are read."""
    from hypsegcli.checkpoint import read_header as peek

    return peek.read_header(checkpoint_path(options))


def parse_level(text: str | None, tree: ClassTree) -> int | Literal["auto"] | None:
    """`--level`: a depth, `auto`, or the name of a node, which stands for its depth."""
    if text is None or text == "auto":
        return "auto" if text else None
    try:
        level = int(text) if text.lstrip("-").isdecimal() else tree.level_of(text)
        tree.at_level(level)
    except TreeError as problem:
        raise UsageError(f"--level {text}: {problem}") from problem
    return level


def parse_measures(text: str | None, header: Header, *, raw: bool) -> tuple[str, ...]:
    """`--measure`: names separated by commas, or all; by default what the checkpoint can say best.

    That is the probability of being right where it carries a calibration, else, and with `--raw`, the distance.
    """
    from hypsegcli.confidence.measures import MEASURES, available

    if raw and text is not None:
        raise UsageError("--raw is short for --measure distance; leave one of them out")
    calibrated = header.calibration is not None
    if text is None:
        return ("calibrated" if calibrated and not raw else "distance",)
    known = available(calibrated=calibrated)
    names = known if text == "all" else tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    if "calibrated" in names and not calibrated:
        raise UsageError("--measure calibrated: this checkpoint carries no calibration; fit one with hypseg calibrate")
    if set(names) - set(MEASURES):
        raise UsageError(f"--measure {text}: expected all, or some of {', '.join(MEASURES)}, separated by commas")
    return names


def refuse_unwritable(folder: Path) -> None:
    """PlanError unless a folder can be written, or made: found out before a long run, not after it."""
    above = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not above.is_dir() or not os.access(above, os.W_OK):
        raise PlanError(f"{folder}: cannot be written, for {above} is no folder that may be; choose another --out")


def print_plan(plan: Sequence[PlannedImage]) -> int:
    """What --dry-run shows."""
    for planned in plan:
        say(f"{planned.source} -> {', '.join(str(path) for path in planned.outputs.values())}")
    talk(f"{count_images(len(plan))}; nothing was read or written")
    return 0


def count_images(count: int) -> str:
    """`1 image`, `2 images`."""
    return f"{count} image{'' if count == 1 else 's'}"


def load(options: RunOptions) -> Checkpoint:
    """Load the checkpoint with its weights."""
    from hypsegcli.checkpoint.store import load_checkpoint

    return load_checkpoint(checkpoint_path(options))


def run(
    command: str,
    options: RunOptions,
    plan: Sequence[PlannedImage],
    checkpoint: Checkpoint,
    request: Request,
    outputs: Outputs,
    *,
    detail: Mapping[str, Any],
) -> tuple[int, Ledger]:
    """Segment what needs it; returns the exit code and the books."""
    from hypsegcli.run.ledger import Ledger, recipe_id, versions
    from hypsegcli.run.process import process
    from hypsegcli.run.results import Failed

    segmenter = make_segmenter(
        checkpoint,
        request,
        engine=options.engine,
        device=options.device,
        precision=options.precision,
        tile=options.tile,
        quiet=options.quiet,
    )
    header, engine, tiling = checkpoint.header, segmenter.engine, segmenter.tiling
    pixels = {
        "command": command,
        "request": asdict(request),
        "outputs": list(outputs.encoders),
        "tiling": asdict(tiling) if tiling else None,
        "engine": engine.label.split()[0],
        "bf16": engine.device.bf16,
        **detail,
    }
    batch_size = options.batch_size or (1 if engine.device.torch.type == "cpu" else 8)
    workers = default_workers() if options.workers is None else options.workers
    ledger = Ledger(
        options.out,
        recipe=recipe_id(checkpoint.sha256, pixels),
        description={
            "versions": versions(),
            "checkpoint": {"path": str(checkpoint.path), "sha256": checkpoint.sha256},
            "options": {**pixels, "batch_size": batch_size, "workers": workers, "max_pixels": options.max_pixels},
            "engine": engine.label,
            "device": engine.device.label,
        },
    )
    todo = ledger.unfinished(plan) if options.resume else list(plan)
    kept = len(plan) - len(todo)
    ledger.open(total=len(plan))
    if kept and not options.quiet:
        talk(f"{kept} of {count_images(len(plan))} done already")
    interrupted = False
    profile = Profile(workers)
    with progress_for(len(todo), quiet=options.quiet) as progress:
        try:
            sizes = {"batch_size": batch_size, "max_pixels": options.max_pixels, "workers": workers}
            with closing(process(todo, segmenter, outputs, **sizes)) as results:
                for result in results:
                    ledger.add(result)
                    if isinstance(result, Failed):
                        progress.note(f"failed: {result.reason}")
                    else:
                        profile.add(result.seconds)
                    progress.advance()
        except KeyboardInterrupt:
            interrupted = True
        finally:
            profile.stop()
            ledger.close(interrupted=interrupted, profile=profile.numbers())
    if options.profile:
        print_profile(profile)
    done, failed = ledger.count("done"), ledger.count("failed")
    if not options.quiet and request.longest_side is None:
        _warn_of_size(ledger, max(header.input.height, header.input.width))
    if interrupted:
        error(f"interrupted after {done} of {count_images(len(plan))}; the same command with --resume continues")
        return 130, ledger
    if failed:
        error(f"{failed} of {count_images(len(plan))} failed; {options.out / MANIFEST} says why")
    return (0 if not failed else 3 if done else 1), ledger


def _warn_of_size(ledger: Ledger, trained: int) -> None:
    """Say so where images are much larger than those that the network has learned from."""
    sides = [max(line["height"], line["width"]) for line in ledger.lines.values() if line["status"] == "done"]
    if large := sum(side > _UNUSUAL * trained for side in sides):
        talk(
            f"more than {_UNUSUAL} times as large as the images this checkpoint was trained on ({trained} pixels): "
            f"{count_images(large)}; if things in them look larger too, try --longest-side {2 * trained}"
        )
