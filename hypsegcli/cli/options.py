"""Options that several commands share, each written once."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class PrecisionName(StrEnum):
    """Precision of the layers before the exponential map."""

    AUTO = "auto"
    FP32 = "fp32"
    BF16 = "bf16"


class Interpolation(StrEnum):
    """How the ball reaches the image's pixels."""

    SCALAR = "scalar"
    POINTS = "points"


class EngineChoice(StrEnum):
    """What runs the network."""

    AUTO = "auto"
    TORCH = "torch"
    OPENVINO = "openvino"
    ONNXRUNTIME = "onnxruntime"


_INPUT, _COMPUTING, _RUN = "Input and answer", "Computing", "Output folder"

InputPaths = Annotated[
    list[str],
    typer.Argument(
        metavar="INPUT...",
        help="Images, folders (searched through), quoted globs, or @list.txt with one path a line.",
        show_default=False,
    ),
]
OutFolder = Annotated[Path, typer.Option("--out", help="Folder for the results.", show_default=False)]
CheckpointFile = Annotated[
    Path | None,
    typer.Option(
        "--checkpoint",
        help="A .safetensors checkpoint.",
        show_default="the bundled one",
        rich_help_panel=_INPUT,
    ),
]
MEASURES = "distance, norm, entropy, margin, max-probability or calibrated"  # a test holds that these are all
Measure = Annotated[
    str | None,
    typer.Option(
        "--measure",
        help=f"What confidence means: {MEASURES}.",
        show_default="calibrated where the checkpoint can, else distance",
        rich_help_panel=_INPUT,
    ),
]
Raw = Annotated[
    bool, typer.Option("--raw", help="The distance itself, not calibrated: --measure distance.", rich_help_panel=_INPUT)
]
Interpolate = Annotated[
    Interpolation,
    typer.Option(
        "--interpolate",
        help="scalar: interpolate the distance; points: the points of the ball, as the reference does.",
        rich_help_panel=_INPUT,
    ),
]
LongestSide = Annotated[
    int | None,
    typer.Option(
        "--longest-side",
        min=16,
        help="Shrink larger images to this many pixels for the network; maps keep the image's size.",
        show_default="no limit",
        rich_help_panel=_INPUT,
    ),
]
MaxPixels = Annotated[
    int,
    typer.Option("--max-pixels", min=1, help="Refuse images with more pixels than this.", rich_help_panel=_INPUT),
]
DeviceName = Annotated[
    str, typer.Option("--device", help="auto, cpu, cuda, cuda:N or mps.", rich_help_panel=_COMPUTING)
]
Precision = Annotated[
    PrecisionName,
    typer.Option("--precision", help="auto: bf16 on CUDA devices that have it, else fp32.", rich_help_panel=_COMPUTING),
]
Engine = Annotated[
    EngineChoice,
    typer.Option(
        "--engine",
        help="What runs the network on the CPU. auto: openvino, else onnxruntime, else torch, whichever is installed.",
        rich_help_panel=_COMPUTING,
    ),
]
BatchSize = Annotated[
    int | None,
    typer.Option(
        "--batch-size",
        min=1,
        help="Images of equal size that go through the network together.",
        show_default="1 on CPU, 8 on GPU",
        rich_help_panel=_COMPUTING,
    ),
]
Tile = Annotated[
    str,
    typer.Option(
        "--tile",
        help="auto: images above 4 megapixels go in overlapping windows; off; or a window's side in pixels.",
        rich_help_panel=_COMPUTING,
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers",
        min=0,
        help="Threads that decode ahead of the network, and as many that encode behind it; 0: one thing after the "
        "other.",
        show_default="one a CPU, at most 16",
        rich_help_panel=_COMPUTING,
    ),
]
Profile = Annotated[
    bool, typer.Option("--profile", help="Say at the end where the time went.", rich_help_panel=_COMPUTING)
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace results that are there already.", rich_help_panel=_RUN)
]
Resume = Annotated[
    bool,
    typer.Option(
        "--resume",
        help="Redo only what is missing, has changed, or was made with another checkpoint or other options.",
        rich_help_panel=_RUN,
    ),
]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Print what would be read and written, and stop.", rich_help_panel=_RUN),
]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="No progress; failures are still named.", rich_help_panel=_RUN)
]
