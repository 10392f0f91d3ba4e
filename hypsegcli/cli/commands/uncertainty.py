"""`hypseg uncertainty`: heatmaps, and a ranking of the images a person should look at first."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from hypsegcli.cli import options as opt
from hypsegcli.cli import segment
from hypsegcli.cli.console import say
from hypsegcli.cli.network import parse_tile
from hypsegcli.errors import UsageError
from hypsegcli.images import MAX_PIXELS

if TYPE_CHECKING:
    from hypsegcli.run.ledger import Ledger

RANKING = "ranking.csv"


def uncertainty(
    inputs: opt.InputPaths,
    out: opt.OutFolder,
    checkpoint: opt.CheckpointFile = None,
    measure: opt.Measure = None,
    raw: opt.Raw = False,
    interpolate: opt.Interpolate = opt.Interpolation.SCALAR,
    longest_side: opt.LongestSide = None,
    max_pixels: opt.MaxPixels = MAX_PIXELS,
    engine: opt.Engine = opt.EngineChoice.AUTO,
    device: opt.DeviceName = "auto",
    precision: opt.Precision = opt.PrecisionName.AUTO,
    batch_size: opt.BatchSize = None,
    tile: opt.Tile = "auto",
    workers: opt.Workers = None,
    profile: opt.Profile = False,
    overwrite: opt.Overwrite = False,
    resume: opt.Resume = False,
    dry_run: opt.DryRun = False,
    quiet: opt.Quiet = False,
) -> None:
    """Write uncertainty heatmaps, their raw 16-bit planes, and ranking.csv, most uncertain image first."""
    options = segment.RunOptions(
        inputs=inputs,
        out=out,
        checkpoint=checkpoint,
        engine=engine.value,
        device=device,
        precision=precision.value,
        batch_size=batch_size,
        tile=tile,
        workers=workers,
        profile=profile,
        longest_side=longest_side,
        max_pixels=max_pixels,
        overwrite=overwrite,
        resume=resume,
        quiet=quiet,
    )
    plan = segment.make_plan(options, {"heatmap": ".png", "uncertainty": ".png"}, further=(RANKING,))
    measures = segment.parse_measures(measure, segment.read_header(options), raw=raw)
    if len(measures) > 1:
        raise UsageError(f"--measure {measure}: a heatmap is of one measure; run the command once for each")
    parse_tile(tile)
    if dry_run:
        raise typer.Exit(segment.print_plan(plan))

    from hypsegcli.inference.request import Request
    from hypsegcli.products.outputs import uncertainty_outputs

    loaded = segment.load(options)
    request = Request(measures=measures, longest_side=longest_side, interpolate=interpolate.value)
    outputs = uncertainty_outputs(loaded.header, loaded.sha256, measure=measures[0])
    (out / RANKING).unlink(missing_ok=True)  # should this run stop halfway, the old ranking would be wrong
    code, ledger = segment.run("uncertainty", options, plan, loaded, request, outputs, detail={})
    if ledger.count("done"):
        write_ranking(out / RANKING, ledger)
        say(f"{segment.count_images(ledger.count('done'))}: heatmap, uncertainty and {RANKING} in {out}")
    raise typer.Exit(code)


def write_ranking(path: Path, ledger: Ledger) -> None:
    """Rank, input, mean, median and 95th percentile of every image's uncertainty in [0, 1], largest mean first."""
    from hypsegcli.files.atomic import write_atomically

    every = (*ledger.others, *ledger.lines.values())
    lines = [line for line in every if line["status"] == "done" and line["recipe"] == ledger.recipe]
    lines.sort(key=lambda line: (-line["summary"]["mean"], line["key"]))
    table = io.StringIO(newline="")
    writer = csv.writer(table)
    writer.writerow(["rank", "image", "mean", "median", "p95", "heatmap"])
    for rank, line in enumerate(lines, start=1):
        values = (f"{line['summary'][name]:.6f}" for name in ("mean", "median", "p95"))
        writer.writerow([rank, line["input"], *values, line["outputs"]["heatmap"]])
    write_atomically(path, table.getvalue().encode("utf-8", "surrogateescape"))
