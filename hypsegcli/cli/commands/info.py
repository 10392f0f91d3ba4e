"""`hypseg info`: what a checkpoint is, from its header alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from hypsegcli.cli import complete
from hypsegcli.cli.console import say, say_text
from hypsegcli.files.words import count_of

if TYPE_CHECKING:
    from hypsegcli.checkpoint.format import Ancestor, InputSpec, Quantisation
    from hypsegcli.confidence.calibration import Calibration


def info(
    checkpoint: Annotated[
        str | None,
        typer.Argument(
            metavar="[FILE|NAME|URL]",
            help="A .safetensors checkpoint, the name of a bundled one, or an address: hf://OWNER/NAME, "
            "https://...#sha256=...",
            show_default="a list of the bundled ones",
            autocompletion=complete.models,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The whole header, or the list, as JSON.")] = False,
) -> None:
    """Tell what a checkpoint is, without running it; without one, which models come with hypseg."""
    if checkpoint is None:
        _list_bundled(as_json=as_json)
        return

    from hypsegcli.checkpoint.read_header import read_header
    from hypsegcli.cli.checkpoint_in import open_named

    path, source = open_named(checkpoint, quiet=False)
    header = read_header(path)
    if as_json:
        say_text(header.model_dump_json(indent=2))
        return
    model, tree, provenance = header.model, header.tree, header.provenance
    geometry = f"{model.head if model.in_ball else 'Euclidean'}, D = {model.embedding_size}"
    if model.in_ball:
        geometry += f", c = {model.curvature:g}, distance to the origin up to {model.max_distance:.4g} "
        geometry += f"({model.radial_limit} limit)"
    if model.has_prototypes:
        geometry += f", {count_of(model.prototypes, 'prototype')} a class"
    scores = ", ".join(f"{name} {value:.4g}" for name, value in provenance.scores.items())
    size = path.stat().st_size / 1e6
    rows = {
        "file": f"{path} ({size:.1f} MB)",
        **({"fetched from": source} if source else {}),
        "network": f"{model.kind.title} on {model.in_words}",
        "geometry": geometry,
        "softmax": f"{model.softmax}, {model.nodes} outputs",
        "classes": f"{tree.classes}: {', '.join(tree.names[: tree.classes])}",
        "tree": "flat"
        if tree.is_flat
        else f"{tree.max_depth} levels; inner nodes {', '.join(tree.names[tree.classes :])}",
        "background": "none" if header.background is None else tree.names[header.background],
        "void label": str(header.ignore_index),
        "input": f"RGB, trained at {_trained_at(header.input)}; {_larger(header.input)}",
        "trained on": provenance.trained_on,
        "started from": provenance.initialised_from,
        **({"ancestors": "; ".join(map(_told, provenance.ancestors))} if provenance.ancestors else {}),
        "scores": scores + f", on {provenance.validated_on}" if scores else "none recorded",
        "calibration": _fitted(header.calibration),
        "in int8": _int8(header.int8),
        "licence": provenance.licence,
        "made with": f"hypseg {provenance.hypseg_version}, torch {provenance.torch_version}",
    }
    width = max(map(len, rows))
    for name, value in rows.items():
        say(f"{name:<{width}}  {value}")


def _told(ancestor: Ancestor) -> str:
    return (
        f"{ancestor.name} (trained on {ancestor.trained_on}; started from {ancestor.initialised_from}; licence "
        f"{ancestor.licence})"
    )


def _fitted(found: Calibration | None) -> str:
    if found is None:
        return "none"
    told = f"fitted on {found.fitted_on}" + (", in int8" if found.int8 else "")
    told += ", for --interpolate points" if found.interpolate == "points" else ""
    return told + (", for --sampling adaptive" if found.sampling == "adaptive" else "")


def _int8(found: Quantisation | None) -> str:
    if found is None:
        return "no"
    return f"{found.labels:.1%} of the labels as in fp32; adjusted on {count_of(found.images, 'image')}"


def _trained_at(size: InputSpec) -> str:
    return "a size that is not known" if size.width is None else f"{size.width} x {size.height}"


def _larger(size: InputSpec) -> str:
    if size.longest_side is None:
        shown = {"grows": "show more, and ", "fixed": "show the same larger, and yet ", None: ""}[size.field_of_view]
        return f"larger ones {shown}are not shrunk"
    shown = "show more, and yet " if size.field_of_view == "grows" else ""
    densely = ""
    if size.sampling == "adaptive":
        densely = "; it has learned from more samples at boundaries, --sampling adaptive"
    return f"larger ones {shown}are shrunk to {size.longest_side} pixels{densely}"


class _Listed(NamedTuple):
    """A bundled model, and what its header says of it."""

    name: str
    world: str
    aliases: tuple[str, ...]
    classes: tuple[str, ...]
    megabytes: float  # of its file, 10^6 bytes
    mean_iou: float | None  # on its own validation images
    file: str
    is_default: bool  # whether it is taken where none is named


def _list_bundled(*, as_json: bool) -> None:
    from hypsegcli.checkpoint.bundled import DEFAULT, DISK, MODELS, bundled_checkpoint
    from hypsegcli.checkpoint.read_header import read_header
    from hypsegcli.cli.show.tables import print_table

    listed = []
    for model in MODELS:
        path = bundled_checkpoint(model.name)
        header = read_header(path)
        entry = _Listed(
            **model._asdict(),
            classes=header.tree.names[: header.tree.classes],
            megabytes=round(path.stat().st_size / 1e6, 1),
            mean_iou=header.provenance.scores.get("mean_iou"),
            file=str(path),
            is_default=path == bundled_checkpoint(),
        )
        listed.append(entry)
    if as_json:
        import json

        say_text(json.dumps([each._asdict() for each in listed], indent=2, ensure_ascii=False))
        return
    print_table(
        "Models that come with hypseg; mean IoU is that on each one's own validation images",
        ("name", "also called", "classes", "MB", "mean IoU", "knows"),
        [
            (
                each.name,
                ", ".join(each.aliases) or "-",
                str(len(each.classes)),
                f"{each.megabytes:.1f}",
                "-" if each.mean_iou is None else f"{each.mean_iou:.4f}",
                each.world,
            )
            for each in listed
        ],
        left=(0, 1, 5),
    )
    say(f"hypseg info NAME says more, --checkpoint NAME takes one; unasked it is {DEFAULT}, for hypseg disk: {DISK}")
