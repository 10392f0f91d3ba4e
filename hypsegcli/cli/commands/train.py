"""`hypseg train`: from a folder of images and masks to a checkpoint."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hypsegcli.cli import complete
from hypsegcli.cli.console import loading, say_text, talk, talk_of
from hypsegcli.cli.groups import spread
from hypsegcli.cli.heard_once import heard_once
from hypsegcli.cli.interruption import saying_what_is_saved
from hypsegcli.cli.options.computing import DeviceName
from hypsegcli.cli.options.running import OUTPUT, Quiet
from hypsegcli.cli.options.training import LEARNING, Settings, default_of
from hypsegcli.cli.show.progress import Progress, duration, progress_for
from hypsegcli.errors import UsageError
from hypsegcli.files.place import refuse_address
from hypsegcli.training.launched import Place, place_of

if TYPE_CHECKING:
    from hypsegcli.training.config import TrainConfig
    from hypsegcli.training.loop import Event


@spread
def train(
    *,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder of images/, masks/ and classes.txt, the first two below train/ and val/ or alone; or a known "
            "set as it unpacks.",
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE|NAME",
            help="TOML file of settings, or a recipe's name; options override it.",
            autocompletion=complete.recipe,
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="Any setting; may be repeated.", autocompletion=complete.setting
        ),
    ] = None,
    show_config: Annotated[
        bool,
        typer.Option("--show-config", help="Print all settings, values and meanings, as TOML; stop."),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", metavar="DIR", help="Run folder: checkpoints, log.csv, pictures.", rich_help_panel=OUTPUT
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Continue the run in --out, with its data and settings; with more --epochs also one that is done.",
            rich_help_panel=OUTPUT,
        ),
    ] = False,
    quiet: Quiet = False,
    options: Settings,
    crop: Annotated[
        tuple[int, int] | None,
        typer.Option(
            metavar="HEIGHT WIDTH",
            help="Pixels, multiples of 16.",
            show_default=f"{default_of('crop_height')} {default_of('crop_width')}",
            rich_help_panel=LEARNING,
        ),
    ] = None,
    device: DeviceName = "auto",
) -> None:
    """Run `hypseg train`, whose help stands in app.py: the list of commands shows it without importing this."""
    given = {name: value for name, value in asdict(options).items() if value is not None}
    if crop is not None:
        given["crop_height"], given["crop_width"] = crop
    place = place_of()
    with heard_once(place):
        if data is not None:
            refuse_address(data)
        begun = _settings_of(out) if resume and out is not None else None
        quiet = quiet or not place.is_first
        settings = _settle(given, config or begun, set_ or [], data=data, begun=begun, quiet=quiet)
        if show_config:
            from hypsegcli.training.config_file import to_toml

            if place.is_first:
                say_text(to_toml(settings).rstrip())
            return
        if out is None or (data is None and not resume):
            raise UsageError(f"{'--data' if data is None else '--out'} is missing; see hypseg train --help")

        with loading(quiet=quiet):
            from hypsegcli.training import loop
            from hypsegcli.training.ranks import choose_own_device, joined
            from hypsegcli.training.run import Job
            from hypsegcli.training.state import data_of

        if data is None:
            data = data_of(out)
        own = choose_own_device(device, place)
        if place.count > 1:
            talk_of([f"waiting for all of {place.count} processes"], quiet=quiet)
        with joined(place, own) as ranks:
            events = loop.train(Job(data, out, settings, own), resume=resume, ranks=ranks)
            if place.is_first:
                _tell(events, out, data, settings, place, quiet=quiet)
            else:
                deque(events, maxlen=0)


def _tell(
    events: Iterator[Event],
    out: Path,
    data: Path,
    settings: TrainConfig,
    place: Place,
    *,
    quiet: bool,
) -> None:
    """Let a training run, and say how it goes and what it gave."""
    from hypsegcli.cli.show.trained import preset_told, say_trained
    from hypsegcli.training import loop
    from hypsegcli.training.log import LOG

    if not quiet:
        talk(f"looking at every file in {data}")
    started = next(events)
    assert isinstance(started, loop.Started)
    talk(f"{started.pairs[0]} images with masks to train on, {started.pairs[1]} to validate on")
    talk_of(preset_told(settings, started.pairs[0]), quiet=quiet)
    if place.count > 1:
        talk(f"{place.count} processes share each batch of {settings.batch_size}")
    for note in started.notes:
        talk(note)
    talk_of([f"of val: mIoU in %, AUROC of the distance as a sign of errors; {LOG} has more"], quiet=quiet)
    finished = settings.epochs - started.epochs
    saved = saying_what_is_saved(
        lambda: f"{out} holds what there was after epoch {finished}; the same command with --resume goes on from there"
    )
    with saved, progress_for(started.epochs * started.steps, quiet=quiet, unit="steps", verb="training") as progress:
        for event in events:
            _show(event, progress, head_epochs=settings.head_epochs)
            if isinstance(event, loop.EpochReport):
                finished = event.epoch
    say_trained(out, settings, started, quiet=quiet)


def _settings_of(run: Path) -> Path | None:
    """The file of settings that a run was started with."""
    from hypsegcli.training.config_file import CONFIG

    return run / CONFIG if (run / CONFIG).exists() else None


def _settle(
    given: dict[str, Any],
    config: Path | None,
    pairs: list[str],
    *,
    data: Path | None,
    begun: Path | None,
    quiet: bool,
) -> TrainConfig:
    """Options before --set before the file before what `init` brings for the images in `data` before the defaults.

    Where a training begins, an address to start from is fetched, and becomes the one that names it for good; where one
    goes on that has `begun` with some settings, it is theirs, unless it is that of another checkpoint.
    """
    from hypsegcli.checkpoint.remote.address import is_address, may_be, read_address
    from hypsegcli.cli.checkpoint_in import open_named
    from hypsegcli.training.config_file import check_settings, parse_setting, read_settings

    settings = read_settings(config) if config else {}
    origin = {name: f"{config}: {name}" for name in settings}
    for text in pairs:
        name, value = parse_setting(text)
        settings[name], origin[name] = value, f"--set {name}"
    for name, value in given.items():
        settings[name] = value
        origin[name] = "--crop" if name.startswith("crop_") else f"--{name.replace('_', '-')}"
    if is_address(init := str(settings.get("init", ""))):
        kept = "" if begun is None else str(read_settings(begun).get("init", ""))
        if begun is None:
            settings["init"] = open_named(init, quiet=quiet).source
        elif is_address(kept) and may_be(read_address(init), read_address(kept)):
            settings["init"] = kept
    # A file of settings says all that is not a default, unless it names a preset; that of a run that goes on says all.
    if config is not None and (config == begun or settings.get("preset", "auto") == "auto"):
        return check_settings(settings, origin)
    return _fine_tuned(settings, origin, data)


def _fine_tuned(settings: dict[str, Any], origin: dict[str, str], data: Path | None) -> TrainConfig:
    """Settings, above those that are usual where a training starts from a checkpoint, by how many images there are."""
    from hypsegcli.training.config_file import check_settings
    from hypsegcli.training.fine_tune import fine_tuning, glance_at, starts_from_checkpoint

    init, preset, epochs = str(settings.get("init", "")), str(settings.get("preset", "auto")), settings.get("epochs")
    checked = check_settings(fine_tuning(init, preset=preset, epochs=epochs) | settings, origin)
    if data is None or not starts_from_checkpoint(init):
        return checked
    usual = fine_tuning(init, preset=preset, epochs=epochs, glance=glance_at(data, checked))
    return check_settings(usual | settings | {"preset": usual["preset"]}, origin)


def _show(event: Event, progress: Progress, *, head_epochs: int) -> None:
    from hypsegcli.training.loop import Calibrated, EpochReport, Step

    if isinstance(event, Step):
        progress.advance()
    if isinstance(event, EpochReport):
        line = f"epoch {event.epoch}/{event.epochs}  loss {event.loss:.3f}"
        if scores := event.scores:
            line += f"  mIoU {100 * scores.mean_iou:.2f}  AUROC {scores.auroc_distance:.3f}"
        if left := event.seconds * (event.epochs - event.epoch):
            # Those in which all learns take several times as long.
            line += f"  {'at least ' if event.epoch < head_epochs else ''}{duration(left)} left"
        progress.note(f"{line}{'  best' if event.is_best else ''}")
        if event.mistake:
            progress.note(f"hypseg: in the masks of val {event.mistake}")
        if event.ends_early:
            progress.note(
                f"ends early, after epoch {event.epoch} of {event.epochs}: none was better for all of --patience"
            )
    if isinstance(event, Calibrated):
        for note in event.notes:
            progress.note(note)
