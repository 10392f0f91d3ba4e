"""`hypseg train`: from a folder of images and masks to a checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hypsegcli.cli.console import say, talk
from hypsegcli.cli.options import DeviceName, Quiet
from hypsegcli.cli.show.progress import Progress, duration, progress_for
from hypsegcli.errors import UsageError

if TYPE_CHECKING:
    from hypsegcli.training.config import TrainConfig
    from hypsegcli.training.loop import EpochReport, Started, Step

_NETWORK, _LEARNING, _DATA = "Network", "Learning", "Data and files"


def _setting(help_: str, panel: str) -> Any:
    return typer.Option(help=help_, rich_help_panel=panel, show_default=False)


def train(
    data: Annotated[
        Path | None, typer.Option(help="Folder with train/ and val/ (images/, masks/) and classes.txt.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Run folder: checkpoints, log.csv, pictures.")] = None,
    config: Annotated[Path | None, typer.Option(help="TOML file of settings; options override it.")] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Any setting; may be repeated.", show_default=False),
    ] = None,
    show_config: Annotated[
        bool,
        typer.Option("--show-config", help="Print all settings, values and meanings, as TOML; stop."),
    ] = False,
    backbone: Annotated[str | None, _setting("ResNet or MobileNet, by torchvision's name.", _NETWORK)] = None,
    output_stride: Annotated[int | None, _setting("8 or 16.", _NETWORK)] = None,
    embedding_size: Annotated[int | None, _setting("D, the dimensions of the ball.", _NETWORK)] = None,
    head: Annotated[str | None, _setting("hyperbolic, hyperbolic-reference or euclidean.", _NETWORK)] = None,
    curvature: Annotated[float | None, _setting("c > 0; sectional curvature is -c.", _NETWORK)] = None,
    softmax: Annotated[str | None, _setting("hierarchical or flat.", _NETWORK)] = None,
    init: Annotated[str | None, _setting("imagenet, or a checkpoint or backbone file.", _NETWORK)] = None,
    epochs: Annotated[int | None, _setting("Passes over the training images.", _LEARNING)] = None,
    batch_size: Annotated[int | None, _setting("Images a step.", _LEARNING)] = None,
    crop: Annotated[tuple[int, int] | None, _setting("Height and width, multiples of 16.", _LEARNING)] = None,
    learning_rate: Annotated[float | None, _setting("At its peak.", _LEARNING)] = None,
    class_weights: Annotated[str | None, _setting("none, root or inverse (of frequency).", _LEARNING)] = None,
    radius_weight: Annotated[float | None, _setting("Of the loss that teaches the radius.", _LEARNING)] = None,
    precision: Annotated[str | None, _setting("fp32 or bf16.", _LEARNING)] = None,
    seed: Annotated[int | None, _setting("Of weights, order and augmentation.", _LEARNING)] = None,
    ignore_index: Annotated[int | None, _setting("The mask value that means 'not labelled'.", _DATA)] = None,
    longest_side: Annotated[int | None, _setting("Shrink larger images to it, pixels.", _DATA)] = None,
    held_out: Annotated[str | None, _setting("Classes not to be learned, separated by commas.", _DATA)] = None,
    colors: Annotated[str | None, _setting("Class colours, lines of 'name:#rrggbb'.", _DATA)] = None,
    licence: Annotated[str | None, _setting("Terms of use, written into the checkpoint.", _DATA)] = None,
    validate_every: Annotated[int | None, _setting("Epochs; the last is always validated.", _DATA)] = None,
    tensorboard: Annotated[bool | None, _setting("Write RUN/tensorboard.", _DATA)] = None,
    workers: Annotated[int | None, _setting("Processes that read and augment.", _DATA)] = None,
    device: DeviceName = "auto",
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in --out.")] = False,
    quiet: Quiet = False,
) -> None:
    """Train a checkpoint; writes one after every epoch and keeps the best. Defaults: --show-config."""
    given = {
        name: value
        for name, value in locals().items()
        if value is not None
        and name not in {"data", "out", "config", "set_", "show_config", "device", "resume", "quiet"}
    }
    settings = _settle(given, config, set_ or [])

    if show_config:
        from hypsegcli.training.config_file import to_toml

        say(to_toml(settings).rstrip())
        return
    if data is None or out is None:
        raise UsageError(f"{'--data' if data is None else '--out'} is missing; see hypseg train --help")

    from hypsegcli.inference.device import choose_device
    from hypsegcli.training import loop
    from hypsegcli.training.run import Job

    events = loop.train(Job(data, out, settings, choose_device(device)), resume=resume)
    if not quiet:
        talk(f"looking at every file in {data}")
    started = next(events)
    assert isinstance(started, loop.Started)
    for note in started.notes:
        talk(note)
    with progress_for(started.epochs * started.steps, quiet=quiet, unit="steps", verb="training") as progress:
        for event in events:
            _show(event, progress)
    advice = f"; use it with --longest-side {settings.longest_side}, as it was trained" if settings.longest_side else ""
    say(f"trained: {out / 'best.safetensors'}{advice}")


def _settle(given: dict[str, Any], config: Path | None, pairs: list[str]) -> TrainConfig:
    """Options before --set before the file before the defaults."""
    from hypsegcli.training.config_file import check_settings, parse_setting, read_settings

    settings = read_settings(config) if config else {}
    origin = {name: f"{config}: {name}" for name in settings}
    for text in pairs:
        name, value = parse_setting(text)
        settings[name], origin[name] = value, f"--set {name}"
    if "crop" in given:
        given["crop_height"], given["crop_width"] = given.pop("crop")
    for name, value in given.items():
        settings[name] = value
        origin[name] = "--crop" if name.startswith("crop_") else f"--{name.replace('_', '-')}"
    return check_settings(settings, origin)


def _show(event: Started | Step | EpochReport, progress: Progress) -> None:
    from hypsegcli.training.loop import EpochReport, Step

    if isinstance(event, Step):
        progress.advance()
    if isinstance(event, EpochReport):
        line = f"epoch {event.epoch}/{event.epochs}  loss {event.loss:.3f}  radius {event.radius_loss:.3f}"
        if scores := event.scores:
            line += (
                f"  val mIoU {100 * scores.mean_iou:.2f}  accuracy {100 * scores.pixel_accuracy:.2f}"
                f"  AUROC distance {scores.auroc_distance:.3f} entropy {scores.auroc_entropy:.3f}"
                f"  distance {scores.distance_q05:.1f}/{scores.distance_q50:.1f}/{scores.distance_q95:.1f}"
            )
        left = event.seconds * (event.epochs - event.epoch)
        line += f"  {event.seconds:.0f} s" + (f", about {duration(left)} left" if left else "")
        progress.note(f"{line}{'  best' if event.is_best else ''}")
