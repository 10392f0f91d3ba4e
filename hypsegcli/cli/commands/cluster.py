"""`hypseg cluster`: from photographs without masks to clusters of their pixels that a person can name."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hypsegcli.cli import complete
from hypsegcli.cli.command import Command
from hypsegcli.cli.commands.predict import predict
from hypsegcli.cli.console import loading, say, say_text, talk, talk_of
from hypsegcli.cli.exit_codes import DONE, PARTLY_DONE
from hypsegcli.cli.groups import spread
from hypsegcli.cli.heard_once import heard_once
from hypsegcli.cli.options.computing import DeviceName
from hypsegcli.cli.options.running import OUTPUT, Quiet
from hypsegcli.cli.show.run import tell_of_skipped
from hypsegcli.errors import PlanError, UsageError
from hypsegcli.files.words import count_of, first_of
from hypsegcli.training.launched import place_of, refuse_several

if TYPE_CHECKING:
    from hypsegcli.run.plan import PlannedImage
    from hypsegcli.training.clustering.config import ClusterConfig

MAPS, NAMES = "maps", "clusters.txt"
_LEARNING = "Learning"
_NAMED = 5


@spread
def cluster(
    *,
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="IMAGES...",
            help="Images, folders (searched through), quoted globs, or @list.txt with one path a line.",
            show_default=False,
        ),
    ] = None,
    clusters: Annotated[
        int | None,
        typer.Option("--clusters", metavar="K", help="How many clusters there are to be.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="DIR",
            help="Folder for clusters.safetensors, maps/, clusters.png and clusters.txt.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Go on with the run in --out, from its last epoch or its last map, with the same images and options.",
            rich_help_panel=OUTPUT,
        ),
    ] = False,
    quiet: Quiet = False,
    init: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|NAME",
            help="Start from a checkpoint, a bundled model, the backbone's weights for ImageNet (imagenet), or random "
            "weights (random).",
            show_default="clothing",
            autocompletion=complete.models,
            rich_help_panel=_LEARNING,
        ),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Passes over the images.",
            show_default="as many as make 400 steps",
            rich_help_panel=_LEARNING,
        ),
    ] = None,
    longest_side: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Shrink larger images to this many pixels; 0: never.",
            show_default="128",
            rich_help_panel=_LEARNING,
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Of weights, order and augmentation.",
            show_default="0",
            rich_help_panel=_LEARNING,
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="Any setting that --show-config prints; may be repeated.",
            rich_help_panel=_LEARNING,
        ),
    ] = None,
    show_config: Annotated[
        bool,
        typer.Option(
            "--show-config",
            help="Print all settings, values and meanings, as TOML; stop.",
            rich_help_panel=_LEARNING,
        ),
    ] = False,
    device: DeviceName = "auto",
) -> None:
    """Learn clusters of pixels from images without masks: label maps, a checkpoint, and examples of each to name it."""
    given = {"clusters": clusters, "init": init, "epochs": epochs, "longest_side": longest_side, "seed": seed}
    given = {name: value for name, value in given.items() if value is not None}
    begun = _settings_of(out, quiet=quiet) if resume and out is not None else {}
    settings = _settle(given, set_ or [], begun=begun, quiet=quiet)
    if show_config:
        from hypsegcli.training.clustering.config import USED
        from hypsegcli.training.config_file import to_toml

        say_text(to_toml(settings, USED).rstrip())
        return
    missing = [
        name for name, value in (("IMAGES", paths), ("--clusters", clusters or begun), ("--out", out)) if not value
    ]
    if missing or not paths or out is None:
        raise UsageError(f"{missing[0]} is missing; see hypseg cluster --help")
    with heard_once(place := place_of()):
        refuse_several(place, "cluster")
    plan = _plan(paths, out, resume=resume, quiet=quiet)

    with loading(quiet=quiet):
        from hypsegcli.cli.show.clustering import show_learning
        from hypsegcli.inference.device import choose_device
        from hypsegcli.run.corrected import refuse_corrected
        from hypsegcli.training.clustering.run import Job
        from hypsegcli.training.clustering.state import CHECKPOINT

    _refuse_taken(plan, out, settings.clusters)
    if resume:
        refuse_corrected(out / MAPS, plan)
    show_learning(
        Job({str(each.key): each.source for each in plan}, out, settings, choose_device(device)),
        resume=resume,
        quiet=quiet,
    )
    code = _write_maps(paths, out, out / CHECKPOINT, resume=resume, quiet=quiet, device=device)
    if code not in {DONE, PARTLY_DONE}:
        raise typer.Exit(code)
    _write_examples(plan, out, out / CHECKPOINT, quiet=quiet)
    raise typer.Exit(code)


def _settings_of(out: Path, *, quiet: bool) -> dict[str, Any]:
    """The settings that the run in a folder was started with; none where it has learned nothing yet."""
    if not out.is_dir():
        return {}
    with loading(quiet=quiet):
        from hypsegcli.training.clustering.state import settings_of

    return settings_of(out)


def _settle(given: dict[str, Any], pairs: Sequence[str], *, begun: Mapping[str, Any], quiet: bool) -> ClusterConfig:
    """Options and --set before what the start brings before the defaults.

    Where a run begins, an address to start from is fetched, and becomes the one that names it for good. One that goes
    on has `begun` with all its settings, and needs nothing of what it started from.
    """
    from hypsegcli.checkpoint.remote.address import is_address, may_be, read_address
    from hypsegcli.cli.checkpoint_in import open_named
    from hypsegcli.training.clustering.config import USED, USUAL, ClusterConfig, usual_settings
    from hypsegcli.training.config_file import check_against, parse_setting

    origin = {name: f"--{name.replace('_', '-')}" for name in given}
    for text in pairs:
        name, value = parse_setting(text)
        if name in given:
            raise UsageError(f"--set {name}: is given as {origin[name]} too; give one of them")
        given[name], origin[name] = value, f"--set {name}"
        if name not in USED:
            raise UsageError(
                f"--set {name}: is no setting of a clustering; hypseg cluster --show-config prints those there are"
            )
    init = str(given.get("init", USUAL))
    if begun:
        kept = str(begun.get("init", USUAL))
        if is_address(init) and is_address(kept) and may_be(read_address(init), read_address(kept)):
            given["init"] = kept
        return check_against(ClusterConfig, {**begun, **given}, origin)
    if is_address(init):
        given["init"] = init = open_named(init, quiet=quiet).source
    return check_against(ClusterConfig, usual_settings(init) | given, origin)


def _plan(paths: Sequence[str], out: Path, *, resume: bool, quiet: bool) -> Sequence[PlannedImage]:
    """Where the maps are to go; refused before anything is decoded."""
    from hypsegcli.images.discover import find_inputs
    from hypsegcli.run.occupied import plan_run

    found = find_inputs(paths)
    tell_of_skipped(found, quiet=quiet)
    return plan_run(found, out / MAPS, {"labels": ".png", "overlay": ".png"}, resume=resume).images


def _refuse_taken(plan: Sequence[PlannedImage], out: Path, clusters: int) -> None:
    """PlanError where files that are to be written would replace an image, or one that no clustering has written."""
    from hypsegcli.files.books import refuse_in_a_run
    from hypsegcli.run.cluster_examples import sheet_names
    from hypsegcli.training.clustering.state import CHECKPOINT
    from hypsegcli.training.state import STATE

    refuse_in_a_run(out, "clusters")
    images = {os.path.realpath(planned.source) for planned in plan}
    files = [out / name for name in (*sheet_names(clusters), NAMES, CHECKPOINT, STATE)]
    if taken := next((path for path in files if os.path.realpath(path) in images), None):
        raise PlanError(f"{taken}: would be written over, and is one of the images; choose another --out")
    if not (out / STATE).exists() and (taken := next(filter(os.path.lexists, files), None)):
        raise PlanError(f"{taken}: is there already, and no clustering has written it; choose another --out")


def _write_maps(paths: Sequence[str], out: Path, checkpoint: Path, *, resume: bool, quiet: bool, device: str) -> int:
    """An ordinary run of `hypseg predict`, by whose exit code it is known how that went."""
    from typer.main import get_command

    alone = typer.Typer(add_completion=False)
    alone.command("predict", cls=Command)(predict)
    options = ["--out", str(out / MAPS), "--checkpoint", str(checkpoint), "--save", "labels,overlay"]
    options += ["--device", device, *(["--resume"] if resume else []), *(["--quiet"] if quiet else [])]
    code: int | None = get_command(alone).main([*options, "--", *paths], "hypseg predict", standalone_mode=False)
    return code or DONE


def _write_examples(plan: Sequence[PlannedImage], out: Path, checkpoint: Path, *, quiet: bool) -> None:
    """The sheets and the list of names, which stays where a person may have written into it."""
    from hypsegcli.checkpoint.read_header import read_header
    from hypsegcli.files.atomic import write_atomically
    from hypsegcli.images.png import encode_rgb_png
    from hypsegcli.run.cluster_examples import draw_sheets, sheet_names

    header = read_header(checkpoint)
    names = header.tree.names[: header.tree.classes]
    sheets, pixels = draw_sheets(plan, header)
    files = sheet_names(len(names))
    for name, sheet in zip(files, sheets, strict=True):
        write_atomically(out / name, encode_rgb_png(sheet))
    if not (out / NAMES).exists():
        lines = "".join(f"{index}:{name}\n" for index, name in enumerate(names))
        write_atomically(out / NAMES, lines.encode())
    say(f"{count_of(len(names), 'cluster')}: {checkpoint}, {', '.join(files)} and {NAMES} in {out}")
    if empty := [name for name, count in zip(names, pixels, strict=True) if not count]:
        talk(f"{count_of(len(empty), 'cluster')} without a pixel: {first_of(empty, _NAMED)}")
    talk_of([f"next: look at {out / files[0]} and write what each cluster is into {out / NAMES}"], quiet=quiet)
