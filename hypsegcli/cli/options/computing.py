"""Options of what a checkpoint runs on, and of who shares the images."""

from dataclasses import dataclass
from typing import Annotated

import typer

from hypsegcli.cli import complete
from hypsegcli.inference.request import EngineName, Precision, Runner

COMPUTING = "Computing"  # the panel of --help

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
