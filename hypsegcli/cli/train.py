"""`hypseg train`: from a folder of images and masks to a checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hypsegcli.cli.console import say, talk
from hypsegcli.cli.options import DeviceName


def train(
    data: Annotated[Path, typer.Option(help="Folder with train/ and val/ (images/, masks/) and classes.txt.")],
    out: Annotated[Path, typer.Option(help="Run folder: best.safetensors, last.safetensors, state.pt, log.csv.")],
    backbone: Annotated[str, typer.Option(help="resnet18, resnet50, resnet101 or mobilenet_v3_large.")] = "resnet18",
    output_stride: Annotated[int, typer.Option(help="8 or 16.")] = 16,
    convolutions: Annotated[str, typer.Option(help="standard or separable, in ASPP and decoder.")] = "separable",
    embedding_size: Annotated[int, typer.Option(help="D, the dimensions of the ball.")] = 64,
    head: Annotated[str, typer.Option(help="hyperbolic, hyperbolic-reference or euclidean.")] = "hyperbolic",
    curvature: Annotated[float, typer.Option(help="c > 0; the ball's sectional curvature is -c.")] = 1.0,
    softmax: Annotated[str, typer.Option(help="hierarchical (over the class tree) or flat.")] = "hierarchical",
    epochs: Annotated[int, typer.Option(help="Passes over the training images.")] = 110,
    batch_size: Annotated[int, typer.Option(help="Images a step.")] = 8,
    crop: Annotated[tuple[int, int], typer.Option(help="Height and width of the crops, in pixels.")] = (
        240,
        320,
    ),
    learning_rate: Annotated[float, typer.Option(help="Peak learning rate of AdamW.")] = 2e-3,
    radius_weight: Annotated[float, typer.Option(help="Weight of the loss that makes the radius a confidence.")] = 0.5,
    ignore_index: Annotated[int, typer.Option(help="The mask value that means 'not labelled'.")] = 255,
    precision: Annotated[str, typer.Option(help="fp32 or bf16, of the layers before the exponential map.")] = "fp32",
    validate_every: Annotated[int, typer.Option(help="Validate every N epochs, and after the last.")] = 1,
    workers: Annotated[int, typer.Option(help="Processes that read and augment images.")] = 2,
    seed: Annotated[int, typer.Option(help="Seed of weights, order and augmentation.")] = 0,
    colors: Annotated[Path | None, typer.Option(help="Class colours, lines of 'name:#rrggbb'.")] = None,
    licence: Annotated[str, typer.Option(help="Terms of use, written into the checkpoint.")] = "unknown",
    device: DeviceName = "auto",
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in --out.")] = False,
) -> None:
    """Train a checkpoint; writes one after every epoch and keeps the best."""
    from pydantic import ValidationError

    from hypsegcli.errors import UsageError
    from hypsegcli.inference.device import choose_device
    from hypsegcli.training import loop
    from hypsegcli.training.config import TrainConfig
    from hypsegcli.training.run import Job

    try:
        config = TrainConfig.model_validate(
            {
                "epochs": epochs,
                "batch_size": batch_size,
                "crop_height": crop[0],
                "crop_width": crop[1],
                "learning_rate": learning_rate,
                "radius_weight": radius_weight,
                "precision": precision,
                "validate_every": validate_every,
                "workers": workers,
                "seed": seed,
            }
        )
        job = Job(
            data=data,
            out=out,
            config=config,
            architecture={
                "backbone": backbone,
                "output_stride": output_stride,
                "convolutions": convolutions,
                "embedding_size": embedding_size,
                "head": head,
                "curvature": curvature,
                "softmax": softmax,
            },
            ignore_index=ignore_index,
            licence=licence,
            colors=colors,
            device=choose_device(device),
        )
        for report in loop.train(job, resume=resume):
            line = f"epoch {report.epoch}/{report.epochs}  loss {report.loss:.3f}  radius {report.radius_loss:.3f}"
            if scores := report.scores:
                line += (
                    f"  val mIoU {100 * scores.mean_iou:.2f}  accuracy {100 * scores.pixel_accuracy:.2f}"
                    f"  AUROC distance {scores.auroc_distance:.3f} entropy {scores.auroc_entropy:.3f}"
                )
            talk(f"{line}  {report.seconds:.0f} s{'  best' if report.is_best else ''}")
    except ValidationError as problem:
        first = problem.errors()[0]
        name = str(first["loc"][-1]).replace("_", "-") if first["loc"] else "options"
        name = "crop" if name in {"crop-height", "crop-width"} else name
        raise UsageError(f"--{name}: {first['msg']}, found {first['input']!r}") from problem
    say(f"trained: {out / 'best.safetensors'}")
