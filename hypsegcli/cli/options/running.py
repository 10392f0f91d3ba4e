"""Options of whatever runs a checkpoint on images: what these are, and what becomes of the results."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from hypsegcli.budget import MAX_PIXELS
from hypsegcli.checkpoint.bundled import DEFAULT
from hypsegcli.cli import complete
from hypsegcli.confidence.measures import Interpolation
from hypsegcli.files.place import locate
from hypsegcli.inference.request import Refinement
from hypsegcli.sampling.choice import Sampling

# Panels of --help; the other options stand in one above them.
OUTPUT, INPUT = "Output", "Checkpoint and input"

InputPaths = Annotated[
    list[str],
    typer.Argument(
        metavar="INPUT...",
        help="Images, folders (searched through), quoted globs, or @list.txt with one path a line; addresses too: "
        "s3://, gs://, az://, https://.",
        show_default=False,
    ),
]
InputFiles = Annotated[
    list[str],
    typer.Argument(
        metavar="INPUT...",
        help="Images, videos, folders (searched through), quoted globs, or @list.txt with one path a line; addresses "
        "of images too: s3://, gs://, az://, https://.",
        show_default=False,
    ),
]
Raw = Annotated[bool, typer.Option("--raw", help="The distance itself, not calibrated: --measure distance.")]
MaxPixels = Annotated[
    int,
    typer.Option(
        "--max-pixels", metavar="N", min=1, help="Refuse images with more pixels than this.", rich_help_panel=INPUT
    ),
]
CheckpointName = Annotated[
    str | None,  # a path would lose slashes of an address
    typer.Option(
        "--checkpoint",
        "-c",
        metavar="FILE|NAME|URL",
        help="A .safetensors checkpoint, the name of a bundled one, which hypseg info lists, or an address: "
        "hf://OWNER/NAME, https://...#sha256=..., s3://BUCKET/FILE.",
        show_default=DEFAULT,
        autocompletion=complete.models,
        rich_help_panel=INPUT,
    ),
]
LongestSideText = Annotated[
    str,
    typer.Option(
        "--longest-side",
        metavar="N|auto|off",
        help="Shrink larger images to this many pixels for the network; maps keep the image's size. auto: to those "
        "that the checkpoint was trained at, if it says so, unless --tile names a window's side; off: never.",
        rich_help_panel=INPUT,
    ),
]
Refine = Annotated[
    Refinement | None,
    typer.Option(
        metavar="edges",
        help="Let class probabilities follow the edges of the photograph before classes are decided.",
        show_default="as the network says",
        rich_help_panel=INPUT,
    ),
]
Every = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        min=1,
        help="Of a video, the first of every N frames.",
        show_default="every frame",
        rich_help_panel=INPUT,
    ),
]
PagesText = Annotated[
    str | None,
    typer.Option(
        "--pages",
        metavar="all|N,N-N",
        help="Of TIFFs of several pages, ImageJ's stacks among them, which are images, counted from 1: all, or such as "
        "1,3-5 or 8-.",
        show_default="the first page",
        rich_help_panel=INPUT,
    ),
]
CheckpointOut = Annotated[
    Path, typer.Option("--out", "-o", metavar="FILE", help="The .safetensors file to write.", rich_help_panel=OUTPUT)
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace results that are there already.", rich_help_panel=OUTPUT)
]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="No progress; failures are still named.", rich_help_panel=OUTPUT)
]


@dataclass(frozen=True, kw_only=True)
class OutputFolder:
    """Where a run's files go, and what becomes of those that are there."""

    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", metavar="DIR", help="Folder for the results, or s3://, gs://, az://.", rich_help_panel=OUTPUT
        ),
    ]
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite",
            help="Replace what an earlier run made of these images, and remove what it made of images that are gone.",
            rich_help_panel=OUTPUT,
        ),
    ] = False
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Redo only what is missing, has changed, or was made with another checkpoint or other options.",
            rich_help_panel=OUTPUT,
        ),
    ] = False
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Print what would be read and written, and stop.", rich_help_panel=OUTPUT),
    ] = False
    quiet: Quiet = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "out", locate(self.out))


@dataclass(frozen=True, kw_only=True)
class Failures:
    """How many images may fail before a run stops."""

    max_failures: Annotated[
        str | None,
        typer.Option(
            metavar="N|P%",
            help="Stop when more images have failed than this, or than this share of all; exit code 5.",
            show_default="go on with the next image",
            rich_help_panel=OUTPUT,
        ),
    ] = None
    fail_fast: Annotated[
        bool,
        typer.Option(
            "--fail-fast", help="Stop at the first image that fails: --max-failures 0.", rich_help_panel=OUTPUT
        ),
    ] = False


@dataclass(frozen=True, kw_only=True)
class Input:
    """The checkpoint, and how images reach it."""

    checkpoint: CheckpointName = None
    interpolate: Annotated[
        Interpolation,
        typer.Option(
            metavar="HOW",
            help="scalar: interpolate the distance; points: the points of the ball, as the reference does.",
            rich_help_panel=INPUT,
        ),
    ] = "scalar"
    longest_side: LongestSideText = "auto"
    sampling: Annotated[
        Sampling,
        typer.Option(
            metavar="HOW",
            help="How an image is shrunk. uniform; or adaptive: with more samples at boundaries between classes, which "
            "a first, smaller pass finds; for checkpoints that were trained so.",
            rich_help_panel=INPUT,
        ),
    ] = "uniform"
    guide_side: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="For --sampling adaptive: pixels of the longer side in the first pass.",
            show_default="half of --longest-side",
            rich_help_panel=INPUT,
        ),
    ] = None
    max_pixels: MaxPixels = MAX_PIXELS
