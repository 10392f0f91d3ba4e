"""`hypseg export`: a checkpoint as a file that other programs run, bytes in and planes out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from hypsegcli.cli import complete
from hypsegcli.cli.console import loading, say, say_nothing, talk
from hypsegcli.cli.groups import spread
from hypsegcli.cli.options.running import OUTPUT, Overwrite, Quiet
from hypsegcli.cli.parse import parse_sizes
from hypsegcli.errors import UsageError
from hypsegcli.export.request import SUFFIXES, FormatName, decide_precision
from hypsegcli.files.atomic import already_there, refuse_unwritable, sweep, writing
from hypsegcli.files.books import refuse_in_a_run

if TYPE_CHECKING:
    from hypsegcli.checkpoint.format import Header
    from hypsegcli.export.request import Precision, Size

# How a file is run, in a line of Python; docs/export.md has all of them.
_RUN: dict[FormatName, str] = {
    "onnx": "onnxruntime.InferenceSession({file!r}).run(None, {{'images': pixels}})",
    "openvino": "openvino.compile_model({file!r}, 'CPU', {{'INFERENCE_PRECISION_HINT': 'f32'}})(pixels)",
    "pt2": "torch.export.load({file!r}).module()(torch.from_numpy(pixels))",
}


@spread
def export(
    *,
    checkpoint: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="A .safetensors checkpoint, the name of a bundled one, or an address: hf://OWNER/NAME, "
            "https://...#sha256=...",
            autocompletion=complete.models,
            show_default=False,
        ),
    ],
    to: Annotated[
        FormatName,
        typer.Option(
            "--to",
            metavar="FORMAT",
            help="onnx, which nearly everything runs; openvino, its .xml with a .bin beside it; or pt2, which torch "
            "runs.",
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", metavar="FILE", help="The .onnx, .xml or .pt2 file to write.", rich_help_panel=OUTPUT
        ),
    ],
    sizes: Annotated[
        str,
        typer.Option(
            "--sizes",
            metavar="any|HxW",
            help="any: batches of images of any size; HxW, such as 720x960: one image at a time, of that height and "
            "width, for what runs graphs of fixed shapes alone.",
        ),
    ] = "any",
    precision: Annotated[
        Literal["auto", "fp32", "int8"],
        typer.Option(
            "--precision",
            metavar="PRECISION",
            help="fp32; int8 for checkpoints that were quantised, with --to openvino; or auto: int8 where it can be.",
        ),
    ] = "auto",
    overwrite: Overwrite = False,
    quiet: Quiet = False,
) -> None:
    """Write a checkpoint as one graph for other programs: bytes in, labels and confidence out; compared with torch."""
    paths = _to_write(out, to, overwrite=overwrite)
    size = parse_sizes(sizes)

    with loading(quiet=quiet):
        from hypsegcli.checkpoint.store import load_checkpoint
        from hypsegcli.cli.checkpoint_in import read_named
        from hypsegcli.export.export import export as make
        from hypsegcli.export.export import in_words
        from hypsegcli.export.formats import require

    require(to)
    named, header = read_named(checkpoint, quiet=quiet)
    chosen = decide_precision(precision, to, quantised=header.int8 is not None)
    loaded = load_checkpoint(named.path, header=header, source=named.source)
    made = make(loaded, to, precision=chosen, size=size, tell=say_nothing if quiet else talk)
    sweep(out.parent)
    files = dict(zip(paths, made.files.values(), strict=True))
    with writing(files, replace=overwrite):
        pass
    megabytes = sum(map(len, files.values())) / 1e6
    beside = "".join(f" and {other}" for other in paths[1:])
    against = "torch" if chosen == "fp32" else "the checkpoint in int8"
    say(
        f"{out}{beside}: {megabytes:.1f} MB, in {chosen}, from uint8 RGB {_shape(size)} to {', '.join(made.planes)}; "
        f"verified in {made.engine} against {against}: {in_words(made.agreement)}"
    )
    say(f"run it with {_RUN[to].format(file=str(out))}")
    for line in _to_know(header, made.planes, size, chosen):
        say(line)


def _to_write(out: Path, to: FormatName, *, overwrite: bool) -> tuple[Path, ...]:
    """The files of an export; UsageError or PlanError where one cannot be written there."""
    first = SUFFIXES[to][0]
    if out.suffix != first:
        meant = next((name for name, suffixes in SUFFIXES.items() if out.suffix == suffixes[0]), None)
        also = f", or --to {meant}" if meant else ""
        raise UsageError(f"--out {out}: expected a name that ends in {first}{also}")
    paths = tuple(out.with_suffix(suffix) for suffix in SUFFIXES[to])
    refuse_in_a_run(out, "a graph")
    for path in paths:
        if os.path.lexists(path) and not overwrite:
            raise already_there(path)
        if path.is_dir():
            raise UsageError(f"--out {out}: {path} is a folder; choose another name")
    refuse_unwritable(out.parent)
    return paths


def _shape(size: Size | None) -> str:
    return "(batch, height, width, 3)" if size is None else f"(1, {size.height}, {size.width}, 3)"


def _to_know(header: Header, planes: tuple[str, ...], size: Size | None, precision: Precision) -> list[str]:
    """What whoever runs it has to do, or to do without."""
    lines = []
    side = header.input.longest_side
    if side is not None and (size is None or max(size) > side):
        lines.append(
            f"the checkpoint takes at most {side} pixels: shrink images whose longer side is larger before, the graph "
            "does not"
        )
    if header.calibration is not None and "calibrated" not in planes:
        way = "--sampling adaptive" if header.calibration.sampling == "adaptive" else "--interpolate points"
        lines.append(f"its calibration is one for {way}, which no graph holds: distance alone")
    fitted = header.calibrated_in_int8
    if "calibrated" in planes and fitted is not None and fitted != (precision == "int8"):
        lines.append(
            f"its calibration was {'' if fitted else 'not '}fitted in int8, and the graph is in {precision}, where "
            "distances are others: 'calibrated' may promise too much or too little; fit one with hypseg calibrate "
            f"--precision {precision}, and export that"
        )
    if header.int8 is not None and precision == "fp32":
        lines.append("what the checkpoint holds in int8 is left out")
    return lines
