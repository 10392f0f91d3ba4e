"""`hypseg uncertainty`: heatmaps, labels, and what a person should look at first: images, and regions of them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from hypsegcli.cli import complete
from hypsegcli.cli.console import as_option, loading
from hypsegcli.cli.groups import spread
from hypsegcli.cli.options.computing import BatchSize, Computing, ShardText, Sharing, ShowProfile
from hypsegcli.cli.options.running import Every, Failures, Input, InputFiles, OutputFolder, PagesText, Raw, Refine
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
from hypsegcli.files.books import TABLES
from hypsegcli.files.kinds import UNCERTAINTY

if TYPE_CHECKING:
    from hypsegcli.confidence.regions import Bounds

LOOKING = "Where to look first"  # a panel of --help


@dataclass(frozen=True, kw_only=True)
class Looking:
    """How images and regions of them are ranked, and what is a region."""

    rank: Annotated[
        Literal["mean", "expected"],
        typer.Option(
            metavar="HOW",
            help="How ranking.csv ranks images. mean: by their mean uncertainty; expected: by the number of their "
            "pixels that are expected to be wrong, as regions.csv ranks regions.",
            rich_help_panel=LOOKING,
        ),
    ] = "expected"
    diverse: Annotated[
        bool,
        typer.Option(
            "--diverse/--no-diverse",
            help="Let images wait that look like one ranked before, and regions of such images.",
            rich_help_panel=LOOKING,
        ),
    ] = True
    quota: Annotated[
        str | None,
        typer.Option(
            metavar="P|CLASS=P,...",
            help="Of any first rows, the largest share of one class, or of classes by their names, while there are "
            "rows of others: 0.2, or sky=0.05,road=0.1.",
            show_default="any",
            rich_help_panel=LOOKING,
        ),
    ] = None
    below: Annotated[
        float,
        typer.Option(
            metavar="P",
            min=0.01,
            max=1.0,
            help="A region is of connected pixels that are right with less than this probability.",
            rich_help_panel=LOOKING,
        ),
    ] = 0.7
    smallest: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=1,
            help="Leave out regions of fewer pixels.",
            rich_help_panel=LOOKING,
        ),
    ] = 64
    most: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=1,
            max=1000,
            help="Of an image, keep this many regions: those with the most pixels that are expected to be wrong.",
            rich_help_panel=LOOKING,
        ),
    ] = 20

    @property
    def bounds(self) -> Bounds:
        """What is a region."""
        from hypsegcli.confidence.regions import Bounds

        return Bounds(self.below, self.smallest, self.most)


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
    looking: Looking,
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
    """Write heatmaps of uncertainty, 16-bit planes, labels, and what to look at first: ranking.csv and regions.csv."""
    from hypsegcli.cli.checkpoint_in import read_named
    from hypsegcli.cli.found_inputs import find_images
    from hypsegcli.cli.looking import chance_of, parse_quota
    from hypsegcli.cli.source import open_source
    from hypsegcli.products.product import Context, find_product
    from hypsegcli.run.films import Films
    from hypsegcli.run.occupied import plan_run, refuse_occupied
    from hypsegcli.run.ordering import Ordering

    refuse_contradictions(inputs, computing, output, sharing)
    products = [find_product(kind) for kind in UNCERTAINTY]
    found, clips = find_images(paths, every=every, pages=pages, max_pixels=inputs.max_pixels, quiet=output.quiet)
    films = Films(output.out, clips, UNCERTAINTY)
    share = plan_run(
        found,
        output.out,
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
    bounds = looking.bounds
    ordering = Ordering(looking.rank, looking.diverse, parse_quota(looking.quota, header.tree))
    chance = chance_of(header, inputs, quiet=output.quiet)  # whatever the heatmaps show
    measures = tuple(dict.fromkeys((measures[0], chance)))
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
        from hypsegcli.products.worth import weigh
        from hypsegcli.run.run import Job, Run
        from hypsegcli.run.source import Work
        from hypsegcli.run.tables import writers

    with locked(output.out, "uncertainty", share.shard) as hold:
        refuse_occupied(
            share, output.out, further=(*TABLES, *films.names), overwrite=output.overwrite, resume=output.resume
        )
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
        context = Context.of(loaded.header, loaded.sha256, refine=refine, sampling=inputs.sampling)
        work = Work(
            outputs=make_outputs(
                products,
                context,
                partial(doubt_statistics, chance=chance),
                partial(weigh, context=context, chance=chance, bounds=bounds),
            ),
            max_pixels=inputs.max_pixels,
            batch_size=batch_size,
            workers=computing.workers,
        )
        job = Job(
            command="uncertainty",
            share=share,
            clips=clips,
            out=output.out,
            hold=hold,
            resume=output.resume,
            most_failures=most_failures,
            write_setting=as_option,
            further={**writers(ordering), **films.further()},
            ordering=ordering,
            detail=asdict(bounds),
        )
        with open_source(loaded, request, computing, sharing, work, hold=hold, quiet=output.quiet) as source:
            tell_of_precision(loaded.header, measures, source.facts.precision, quiet=output.quiet)
            run = Run(job, loaded, source)
            code = show_run(run, calibration=loaded.header.calibration, quiet=output.quiet, profile=profile)
            say_done(run, source.facts, UNCERTAINTY, output.out)
        raise typer.Exit(code)
