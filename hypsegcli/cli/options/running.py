"""Options of whatever runs a checkpoint on images."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from hypsegcli.budget import MAX_PIXELS
from hypsegcli.checkpoint.bundled import DEFAULT
from hypsegcli.cli import complete
from hypsegcli.confidence.measures import Interpolation
from hypsegcli.files.place import locate
from hypsegcli.inference.request import EngineName, Precision, Refinement, Runner
from hypsegcli.sampling.choice import Sampling

# Panels of --help; the other options stand in one above them.
OUTPUT, INPUT, COMPUTING = "Output", "Checkpoint and input", "Computing"

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
        help="Images, videos, folders (searched through), quoted globs, or @list.txt with one path a line.",
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
DeviceName = Annotated[
    str,
    typer.Option(
        "--device",
        metavar="DEVICE",
        help="auto, cpu, cuda, cuda:N or mps.",
        autocompletion=complete.devices,
        rich_help_panel=COMPUTING,
    ),
]
DeviceNames = Annotated[
    str,
    typer.Option(
        "--device",
        metavar="DEVICE,...",
        help="auto, cpu, cuda, cuda:N or mps. predict and uncertainty take several, such as cuda:0,cuda:1, or "
        "cuda:all: a process each.",
        autocompletion=complete.devices,
        rich_help_panel=COMPUTING,
    ),
]
PrecisionName = Annotated[
    Precision,
    typer.Option(
        "--precision",
        metavar="PRECISION",
        help="fp32, bf16, int8 for checkpoints that were quantised, or auto: on a CPU int8 where there is that, bf16 "
        "where the device computes in it and answers stay alike.",
        rich_help_panel=COMPUTING,
    ),
]
BatchSize = Annotated[
    int | None,
    typer.Option(
        "--batch-size",
        metavar="N",
        min=1,
        help="Images of equal size that go through the network together.",
        show_default="1 on CPU, 8 on GPU",
        rich_help_panel=COMPUTING,
    ),
]
ShardText = Annotated[
    str | None,
    typer.Option(
        "--shard",
        metavar="I/N|auto/N|auto",
        help="Do every Nth image, from the Ith on, counted from 0, beside other processes that do the others; hypseg "
        "merge makes one run of them. auto: as Slurm, Kubernetes or Coiled numbers this process.",
        show_default="all images",
        rich_help_panel=COMPUTING,
    ),
]
RunnerName = Annotated[
    Runner,
    typer.Option(
        "--runner",
        metavar="local|ray",
        help="What segments images: this machine; or actors on a Ray cluster, one a GPU, or one for four CPUs.",
        rich_help_panel=COMPUTING,
    ),
]
RayAddress = Annotated[
    str | None,
    typer.Option(
        "--ray-address",
        metavar="HOST:PORT|auto",
        help="For --runner ray: the head of the cluster.",
        show_default="RAY_ADDRESS, or a cluster on this machine",
        rich_help_panel=COMPUTING,
    ),
]
ShowProfile = Annotated[
    bool, typer.Option("--profile", help="Say at the end where the time went.", rich_help_panel=COMPUTING)
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


@dataclass(frozen=True, kw_only=True)
class Computing:
    """What runs the network, and how; the pixels stay the same up to rounding."""

    engine: Annotated[
        EngineName,
        typer.Option(
            metavar="ENGINE",
            help="What runs the network on the CPU: openvino, onnxruntime or torch. auto: the first of these that is "
            "installed.",
            rich_help_panel=COMPUTING,
        ),
    ] = "auto"
    device: DeviceNames = "auto"
    precision: PrecisionName = "auto"
    tile: Annotated[
        str,
        typer.Option(
            metavar="N|auto|off",
            help="auto: images for which there is no memory whole go in overlapping windows; off; or a window's side "
            "in pixels.",
            rich_help_panel=COMPUTING,
        ),
    ] = "auto"
    workers: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=0,
            help="Threads that decode ahead of the network, and as many that encode behind it; 0: one thing after the "
            "other.",
            show_default="one a CPU, at most 16",
            rich_help_panel=COMPUTING,
        ),
    ] = None

    @property
    def threads(self) -> int:
        """The number of workers named, or one a CPU."""
        from hypsegcli.files.threads import default_workers

        return default_workers() if self.workers is None else self.workers


@dataclass(frozen=True, kw_only=True)
class Sharing:
    """What shares the images of a run."""

    runner: RunnerName = "local"
    ray_address: RayAddress = None
