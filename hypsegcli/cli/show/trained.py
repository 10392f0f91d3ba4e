"""What is said when a training begins with a preset, and when it is done."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from hypsegcli.cli.console import say, talk_of
from hypsegcli.files.words import count_of

if TYPE_CHECKING:
    from hypsegcli.checkpoint.format import Header
    from hypsegcli.training.config import TrainConfig
    from hypsegcli.training.loop import Started

_FEW, _MANY = 5, 100  # images to validate on


def preset_told(settings: TrainConfig, images: int) -> list[str]:
    """A sentence on how a training goes on from a checkpoint; none where no preset was taken."""
    if settings.preset == "auto":
        return []
    alone = f", of which the first {settings.head_epochs} learn embedding and classifier alone" * bool(
        settings.head_epochs
    )
    early = f", fewer where {count_of(settings.patience, 'validation')} in a row finds none better" * bool(
        settings.patience
    )
    epochs, steps = count_of(settings.epochs, "epoch"), count_of(images // settings.batch_size, "step")
    return [
        f"preset {settings.preset}, as for {settings.preset} images ({images} here): {epochs} of {steps}{alone}{early}"
        f", at a rate of {settings.learning_rate:g}; --preset, --epochs and the like say otherwise"
    ]


def say_trained(out: Path, settings: TrainConfig, started: Started, *, quiet: bool) -> None:
    """Where the checkpoint is, how good, and what to do with it."""
    from hypsegcli.checkpoint.read_header import read_header
    from hypsegcli.training.state import BEST, LAST

    scored = (out / BEST).exists()  # not where no validation gave a number
    best = out / (BEST if scored else LAST)
    header = read_header(best)
    score = header.provenance.scores.get("mean_iou")
    say(f"trained: {best}{'' if score is None else f', mIoU {100 * score:.1f} % on val'}")
    side, validated = header.input.longest_side, started.pairs[1]
    shrunk = [
        f"images larger than {side} pixels will be shrunk to that, as those were that it learned from; where larger "
        "ones show more, and not the same larger, as under a microscope: --set field_of_view=grows"
    ]
    few = [f"that score is of {count_of(validated, 'image')}, and rough: score others with hypseg evaluate"]
    uncalibrated = [
        f"or first hypseg calibrate IMAGES MASKS --checkpoint {_quoted(best)} --name 'what these are' --out "
        f"{_quoted(out / 'calibrated.safetensors')}, on images that are in neither train nor val: then confidence is a "
        "probability"
    ]
    talk_of(
        [
            *(few if scored and validated < _FEW else []),
            *(shrunk if side is not None and settings.field_of_view == "auto" else []),
            *_compared(out, best, header, started),
            f"next: hypseg predict IMAGES --checkpoint {_quoted(best)} --out MAPS{_sampled(header)}",
            *(uncalibrated if header.calibration is None else []),
        ],
        quiet=quiet,
    )


def _compared(out: Path, best: Path, header: Header, started: Started) -> list[str]:
    """How to see whether it helped: a line, and the commands that show it, a line each."""
    from hypsegcli.checkpoint.bundled import checkpoint_path
    from hypsegcli.checkpoint.read_header import read_header
    from hypsegcli.errors import CheckpointError
    from hypsegcli.training.fine_tune import starts_from_checkpoint

    settings = started.read
    try:
        before = read_header(checkpoint_path(settings.init)) if starts_from_checkpoint(settings.init) else None
    except CheckpointError:  # gone since the training began
        before = None
    if before is None or settings.held_out:
        return []
    if started.evaluated is None:
        return [
            "no commands tell whether it helped, for no list names the images to validate on as hypseg evaluate pairs "
            "them, such as two of one name in different folders; compare on others of your own"
        ]
    ours, theirs = (each.tree.names[: each.tree.classes] for each in (header, before))
    if ours != theirs:
        why = "in another order" if sorted(ours) == sorted(theirs) else "others"
        return [f"{settings.init} cannot be scored on these masks, for its classes are {why}: there is no before"]
    void = "" if settings.ignore_index == before.ignore_index else str(settings.ignore_index)
    quick = "torch" if started.pairs[1] < _MANY else ""  # converting a network for another engine takes a minute
    named = {
        "--map": settings.map, "--mask-colors": settings.mask_colors, "--image-suffix": settings.image_suffix,
        "--mask-suffix": settings.mask_suffix, "--unlabelled": settings.unlabelled, "--ignore-index": void,
        "--engine": quick,
    }  # fmt: skip
    given = "".join(f" {option} {_quoted(value)}" for option, value in named.items() if value)
    scored = f"hypseg evaluate {' '.join(map(_quoted, started.evaluated))}{given}"
    # Each as it has learned to see.
    old, new = f"{_quoted(settings.init)}{_sampled(before)}", f"{_quoted(best)}{_sampled(header)}"
    first, second = out / "before", out / "after"
    return [
        "whether it helped, on the images to validate on, which is too kind to it, or on others of your own:",
        f"  {scored} --checkpoint {old} --out {_quoted(first)}",
        f"  {scored} --checkpoint {new} --out {_quoted(second)}",
        f"  hypseg compare {_quoted(first)} {_quoted(second)}",
    ]


def _sampled(header: Header) -> str:
    """What lets a network see images as those that it learned from, where that is not the default."""
    return " --sampling adaptive" if header.input.sampling == "adaptive" else ""


def _quoted(path: object) -> str:
    """As a shell takes it for one word."""
    return shlex.quote(str(path))
