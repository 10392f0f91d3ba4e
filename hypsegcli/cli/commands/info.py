"""`hypseg info`: what a checkpoint is, from its header alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hypsegcli.cli.console import say


def info(
    checkpoint: Annotated[
        Path | None, typer.Argument(help="A .safetensors checkpoint.", show_default="the bundled one")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The whole header as JSON.")] = False,
) -> None:
    """Tell what a checkpoint is, without running it."""
    from hypsegcli.checkpoint.bundled import checkpoint_path
    from hypsegcli.checkpoint.read_header import read_header

    path = checkpoint_path(checkpoint)
    header = read_header(path)
    if as_json:
        say(header.model_dump_json(indent=2))
        return
    model, tree, provenance = header.model, header.tree, header.provenance
    kind = f"{model.backbone}, output stride {model.output_stride}, {model.convolutions} convolutions"
    if model.head == "euclidean":
        geometry = f"Euclidean, D = {model.embedding_size}"
    else:
        geometry = f"{model.head}, D = {model.embedding_size}, c = {model.curvature:g}"
        geometry += f", distance to the origin up to {model.max_distance:.4g} ({model.radial_limit} limit)"
    scores = ", ".join(f"{name} {value:.4g}" for name, value in provenance.scores.items())
    size = path.stat().st_size / 1e6
    rows = {
        "file": f"{path} ({size:.1f} MB)",
        "network": f"DeepLabV3+ on {kind}",
        "geometry": geometry,
        "softmax": f"{model.softmax}, {model.nodes} outputs",
        "classes": f"{tree.classes}: {', '.join(tree.names[: tree.classes])}",
        "tree": "flat"
        if tree.is_flat
        else f"{tree.max_depth} levels; inner nodes {', '.join(tree.names[tree.classes :])}",
        "background": "none" if header.background is None else tree.names[header.background],
        "void label": str(header.ignore_index),
        "input": f"RGB, trained at {header.input.width} x {header.input.height}; any size is accepted",
        "trained on": provenance.trained_on,
        "started from": provenance.initialised_from,
        "scores": scores + f", on {provenance.validated_on}" if scores else "none recorded",
        "calibration": f"fitted on {header.calibration.fitted_on}" if header.calibration else "none",
        "licence": provenance.licence,
        "made with": f"hypseg {provenance.hypseg_version}, torch {provenance.torch_version}",
    }
    width = max(map(len, rows))
    for name, value in rows.items():
        say(f"{name:<{width}}  {value}")
