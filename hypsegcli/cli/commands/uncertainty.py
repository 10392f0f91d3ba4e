"""`hypseg uncertainty`: heatmaps, and a ranking of the images a person should look at first."""

from __future__ import annotations

from typing import Annotated

import typer

from hypsegcli.cli import complete
from hypsegcli.cli.console import as_option, loading
from hypsegcli.cli.groups import spread
from hypsegcli.cli.options.running import (
    BatchSize,
    Computing,
    Every,
    Failures,
    Input,
    InputFiles,
    OutputFolder,
    PagesText,
    Raw,
    Refine,
    ShardText,
    Sharing,
    ShowProfile,
)
from hypsegcli.cli.parse import parse_failures, parse_measures, parse_shard_of, parse_sides
from hypsegcli.cli.refuse import refuse_contradictions, refuse_idle_refinement
from hypsegcli.cli.show.run import (
    print_plan,
    say_done,
    show_run,
    tell_of_calibration,
    tell_of_precision,
)
from hypsegcli.confidence.measures import MEASURES
from hypsegcli.errors import UsageError
from hypsegcli.files.books import RANKING
from hypsegcli.files.kinds import UNCERTAINTY


@spread
def uncertainty(
    *,
    paths: InputFiles,
    output: OutputFolder,
    measure: Annotated[
        str | None,
        typer.Option(
            metavar="MEASURE",
            help=f"What confidence means: {', '.join(MEASURES)}.",
            show_default="calibrated where the checkpoint can, else distance",
            autocompletion=complete.measure,
        ),
    ] = None,
    raw: Raw = False,
    failures: Failures,
    inputs: Input,
    every: Every = None,
    pages: PagesText = None,
    refine: Refine = None,
    computing: Computing,
    sharing: Sharing,
    batch_size: BatchSize = None,
    shard: ShardText = None,
    profile: ShowProfile = False,
) -> None:
    """Write heatmaps of uncertainty, alone and over the photograph, 16-bit planes, and ranking.csv, the worst first."""
    from hypsegcli.cli.checkpoint_in import read_named
    from hypsegcli.cli.found_inputs import find_images
    from hypsegcli.cli.source import open_source
    from hypsegcli.products.product import Context, find_product
    from hypsegcli.run.films import Films
    from hypsegcli.run.occupied import plan_run, refuse_occupied

    refuse_contradictions(inputs, computing, output, sharing)
    part = parse_shard_of(shard, output)
    out = output.out
    products = [find_product(kind) for kind in UNCERTAINTY]
    found, clips = find_images(paths, every=every, pages=pages, max_pixels=inputs.max_pixels, quiet=output.quiet)
    films = Films(out, clips, UNCERTAINTY)
    share = plan_run(
        found,
        out,
        {product.kind: product.suffix("png") for product in products},
        further=(RANKING, *films.names),
        overwrite=output.overwrite,
        resume=output.resume,
        shard=part,
    )
    named, header = read_named(inputs.checkpoint, quiet=output.quiet)
    side, guide = parse_sides(inputs, computing, header)
    measures = parse_measures(measure, header, raw=raw, interpolate=inputs.interpolate, sampling=inputs.sampling)
    tell_of_calibration(
        header,
        measure,
        raw=raw,
        interpolate=inputs.interpolate,
        sampling=inputs.sampling,
        quiet=output.quiet,
    )
    refuse_idle_refinement(refine, (), measures)
    if len(measures) > 1:
        raise UsageError(f"--measure {measure}: a heatmap is of one measure; run the command once for each")
    most_failures = parse_failures(failures, len(share.images))
    if output.dry_run:
        print_plan(share.images, clips)
        return

    with loading(quiet=output.quiet):
        from hypsegcli.checkpoint.store import load_checkpoint
        from hypsegcli.files.lock import locked
        from hypsegcli.inference.request import Request
        from hypsegcli.products.outputs import make_outputs
        from hypsegcli.products.uncertainty import doubt_statistics
        from hypsegcli.run.ranking_csv import write_ranking
        from hypsegcli.run.run import Job, Run
        from hypsegcli.run.source import Work

    with locked(out, "uncertainty", share.shard) as hold:
        refuse_occupied(share, out, further=(RANKING, *films.names), overwrite=output.overwrite, resume=output.resume)
        loaded = load_checkpoint(named.path, header=header, source=named.source)
        request = Request(
            measures=measures,
            main=measures[0],
            longest_side=side,
            sampling=inputs.sampling,
            guide_side=guide,
            interpolate=inputs.interpolate,
            refine=refine,
        )
        context = Context.of(loaded.header, loaded.sha256, sampling=inputs.sampling)
        work = Work(
            outputs=make_outputs(products, context, doubt_statistics),
            max_pixels=inputs.max_pixels,
            batch_size=batch_size,
            workers=computing.workers,
        )
        job = Job(
            command="uncertainty",
            share=share,
            clips=clips,
            out=out,
            hold=hold,
            resume=output.resume,
            most_failures=most_failures,
            write_setting=as_option,
            further={RANKING: write_ranking, **films.further()},
        )
        with open_source(loaded, request, computing, sharing, work, hold=hold, quiet=output.quiet) as source:
            tell_of_precision(loaded.header, measures, source.facts.precision, quiet=output.quiet)
            run = Run(job, loaded, source)
            code = show_run(run, out=out, calibration=loaded.header.calibration, quiet=output.quiet, profile=profile)
            say_done(run, source.facts, UNCERTAINTY, out)
        raise typer.Exit(code)
