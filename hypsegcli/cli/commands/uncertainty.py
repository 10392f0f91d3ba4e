"""`hypseg uncertainty`: heatmaps, and a ranking of the images a person should look at first."""

from __future__ import annotations

import typer

from hypsegcli.budget import MAX_PIXELS
from hypsegcli.cli import options as opt
from hypsegcli.cli.console import as_option, say, say_nothing, talk
from hypsegcli.cli.parse import parse_measures, parse_tile, refuse_contradictions
from hypsegcli.cli.show.run import print_plan, show_run
from hypsegcli.errors import UsageError
from hypsegcli.files.words import count_of
from hypsegcli.images.discover import find_inputs
from hypsegcli.products import UNCERTAINTY
from hypsegcli.run.plan import plan_run

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
    from hypsegcli.checkpoint.bundled import bundled_checkpoint
    from hypsegcli.checkpoint.read_header import read_header
    from hypsegcli.products.product import Context, find_product

    refuse_contradictions(overwrite=overwrite, resume=resume, longest_side=longest_side, tile=tile)
    products = [find_product(kind) for kind in UNCERTAINTY]
    suffixes = {product.kind: product.suffix("png") for product in products}
    plan = plan_run(find_inputs(inputs), out, suffixes, further=(RANKING,), overwrite=overwrite, resume=resume)
    measures = parse_measures(measure, read_header(checkpoint or bundled_checkpoint()), raw=raw)
    if len(measures) > 1:
        raise UsageError(f"--measure {measure}: a heatmap is of one measure; run the command once for each")
    side = parse_tile(tile)
    if dry_run:
        print_plan(plan)
        return

    from hypsegcli.checkpoint.store import load_checkpoint
    from hypsegcli.inference.build import make_segmenter
    from hypsegcli.inference.request import Request
    from hypsegcli.products.outputs import make_outputs
    from hypsegcli.products.uncertainty import doubt_statistics
    from hypsegcli.run.ranking import write_ranking
    from hypsegcli.run.run import Job, Run

    loaded = load_checkpoint(checkpoint or bundled_checkpoint())
    request = Request(measures=measures, main=measures[0], longest_side=longest_side, interpolate=interpolate.value)
    segmenter = make_segmenter(
        loaded,
        request,
        engine=engine.value,
        device=device,
        precision=precision.value,
        tile=side,
        tell=say_nothing if quiet else talk,
    )
    job = Job(
        command="uncertainty",
        plan=plan,
        out=out,
        outputs=make_outputs(products, Context.of(loaded.header, loaded.sha256), doubt_statistics),
        max_pixels=max_pixels,
        batch_size=batch_size,
        workers=workers,
        resume=resume,
        write_setting=as_option,
    )
    run = Run(job, loaded, segmenter)
    (out / RANKING).unlink(missing_ok=True)  # should this run stop halfway, the old ranking would be wrong
    trained = loaded.header.input if longest_side is None else None
    code = show_run(run, out=out, trained=trained, quiet=quiet, profile=profile)
    if done := run.ledger.count("done"):
        write_ranking(out / RANKING, run.ledger)
        say(f"{count_of(done, 'image')}: {', '.join(suffixes)} and {RANKING} in {out}")
    raise typer.Exit(code)
