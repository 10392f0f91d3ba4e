"""`hypseg uncertainty`: heatmaps, labels, and what a person should look at first: images, and regions of them."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import Annotated

import typer

from hypsegcli.cli import complete
from hypsegcli.cli.console import as_option, loading, talk
from hypsegcli.cli.groups import spread
from hypsegcli.cli.options.running import (
    BatchSize,
    Computing,
    Every,
    Failures,
    Input,
    InputFiles,
    OutputFolder,
    Raw,
    Refine,
    ShardText,
    Sharing,
    ShowProfile,
)
from hypsegcli.cli.parse import parse_failures, parse_measures, parse_shard_of, parse_sides
from hypsegcli.cli.refuse import refuse_contradictions
from hypsegcli.cli.show.run import (
    print_plan,
    say_done,
    show_run,
    tell_of_calibration,
    tell_of_precision,
)
from hypsegcli.confidence.measures import MEASURES
from hypsegcli.errors import UsageError
from hypsegcli.files.books import REGIONS, TABLES
from hypsegcli.files.kinds import UNCERTAINTY

# Why there are no regions.
_UNKNOWN = "how likely pixels are right is not known without a calibration for these options; see hypseg calibrate"


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
    refine: Refine = None,
    computing: Computing,
    sharing: Sharing,
    batch_size: BatchSize = None,
    shard: ShardText = None,
    profile: ShowProfile = False,
) -> None:
    """Write heatmaps of uncertainty, 16-bit planes, labels, and what to look at first: ranking.csv and regions.csv."""
    from hypsegcli.cli.checkpoint_in import read_named
    from hypsegcli.cli.found_inputs import find_images
    from hypsegcli.cli.source import open_source
    from hypsegcli.confidence.regions import Bounds
    from hypsegcli.products.product import Context, find_product
    from hypsegcli.run.films import Films
    from hypsegcli.run.occupied import plan_run, refuse_occupied

    refuse_contradictions(inputs, computing, output, sharing)
    out = output.out
    products = [find_product(kind) for kind in UNCERTAINTY]
    found, clips = find_images(paths, every=every, max_pixels=inputs.max_pixels, quiet=output.quiet)
    films = Films(out, clips, UNCERTAINTY)
    share = plan_run(
        found,
        out,
        {product.kind: product.suffix("png") for product in products},
        further=(*TABLES, *films.names),
        overwrite=output.overwrite,
        resume=output.resume,
        shard=parse_shard_of(shard, output),
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
    if len(measures) > 1:
        raise UsageError(f"--measure {measure}: a heatmap is of one measure; run the command once for each")
    main, bounds = measures[0], Bounds() if header.calibrated_when(inputs.sampling) == inputs.interpolate else None
    if bounds is not None:  # whatever the heatmaps show, where to look first is a matter of chances
        measures = tuple(dict.fromkeys((main, "calibrated")))
    elif not output.quiet:
        talk(f"{_UNKNOWN}; {out / REGIONS} is not written")
    most_failures = parse_failures(failures, len(share.images))
    if output.dry_run:
        print_plan(share.images, clips)
        return

    with loading(quiet=output.quiet):
        from hypsegcli.checkpoint.store import load_checkpoint
        from hypsegcli.files.lock import locked
        from hypsegcli.inference.request import Request
        from hypsegcli.products.outputs import make_outputs
        from hypsegcli.products.uncertainty import doubt_statistics, regions_of
        from hypsegcli.run.run import Job, Run
        from hypsegcli.run.source import Work
        from hypsegcli.run.tables import WRITERS

    with locked(out, "uncertainty", share.shard) as hold:
        refuse_occupied(share, out, further=(*TABLES, *films.names), overwrite=output.overwrite, resume=output.resume)
        loaded = load_checkpoint(named.path, header=header, source=named.source)
        request = Request(
            measures=measures,
            main=main,
            longest_side=side,
            sampling=inputs.sampling,
            guide_side=guide,
            interpolate=inputs.interpolate,
            refine=refine,
        )
        context = Context.of(loaded.header, loaded.sha256, refine=refine, sampling=inputs.sampling)
        work = Work(
            outputs=make_outputs(
                products,
                context,
                doubt_statistics,
                None if bounds is None else partial(regions_of, context=context, bounds=bounds),
            ),
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
            further={**WRITERS, **films.further()},
            detail={} if bounds is None else asdict(bounds),
        )
        with open_source(loaded, request, computing, sharing, work, hold=hold, quiet=output.quiet) as source:
            tell_of_precision(loaded.header, measures, source.facts.precision, quiet=output.quiet)
            run = Run(job, loaded, source)
            code = show_run(run, out=out, calibration=loaded.header.calibration, quiet=output.quiet, profile=profile)
            say_done(run, source.facts, UNCERTAINTY, out)
        raise typer.Exit(code)
