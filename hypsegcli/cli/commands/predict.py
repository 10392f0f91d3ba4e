"""`hypseg predict`: label, confidence and boundary maps for images and folders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from hypsegcli.cli import complete
from hypsegcli.cli.console import as_option, loading
from hypsegcli.cli.groups import spread
from hypsegcli.cli.options.computing import BatchSize, Computing, ShardText, Sharing, ShowProfile
from hypsegcli.cli.options.running import Every, Failures, Input, InputFiles, OutputFolder, PagesText, Raw, Refine
from hypsegcli.cli.parse import parse_failures, parse_level, parse_measures, parse_shard_of, parse_sides
from hypsegcli.cli.refuse import (
    refuse_contradictions,
    refuse_idle_refinement,
    refuse_idle_threshold,
)
from hypsegcli.cli.show.run import (
    print_plan,
    say_done,
    show_run,
    tell_of_calibration,
    tell_of_precision,
)
from hypsegcli.confidence.measures import MEASURES
from hypsegcli.errors import UsageError
from hypsegcli.files.kinds import PREDICT, USUAL, Format
from hypsegcli.inference.request import check_prototypes

if TYPE_CHECKING:
    from hypsegcli.products.product import Product


@spread
def predict(
    *,
    paths: InputFiles,
    output: OutputFolder,
    save: Annotated[
        str,
        typer.Option(
            metavar="KIND,...",
            help=f"What to write, separated by commas: {', '.join(PREDICT)}.",
            autocompletion=complete.kinds,
        ),
    ] = ",".join(USUAL),
    format_: Annotated[
        Format,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="png; npy: confidence as float32 NumPy; tif: labels, confidence and prototypes as tiled TIFF.",
        ),
    ] = "png",
    measure: Annotated[
        str | None,
        typer.Option(
            metavar="MEASURE,...",
            help=f"What confidence means: {', '.join(MEASURES)}; several separated by commas, or all. The first is "
            "that of confidence/ and boundary/, a further one goes to confidence-NAME/.",
            show_default="calibrated where the checkpoint can, else distance",
            autocompletion=complete.measures,
        ),
    ] = None,
    raw: Raw = False,
    level: Annotated[
        str | None,
        typer.Option(
            metavar="N|NODE|auto",
            help="Predict at a depth of the class tree (1: coarsest), at the depth of a named node, or 'auto': as deep "
            "as the probability stays above --threshold.",
            show_default="the classes",
            autocompletion=complete.level,
        ),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(metavar="P", min=0.5, max=0.999, help="For --level auto: 0.5 to 0.999.", show_default="0.5"),
    ] = None,
    legend: Annotated[
        bool,
        typer.Option(
            "--legend/--no-legend",
            help="The legend beside overlays and the bar beside doubt; without, they are as large as the image.",
        ),
    ] = True,
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
    """Segment images: label maps, confidence maps, boundary maps and overlays, a folder of each."""
    from hypsegcli.cli.checkpoint_in import read_named
    from hypsegcli.cli.found_inputs import find_images
    from hypsegcli.cli.source import open_source
    from hypsegcli.products.product import Context, find_products, with_beside
    from hypsegcli.run.films import Films
    from hypsegcli.run.occupied import plan_run, refuse_occupied

    kinds = _parse_kinds(save, format_)
    refuse_idle_threshold(level, threshold)
    named, header = read_named(inputs.checkpoint, quiet=output.quiet)
    # TIFFs are for pictures that may be too large to be in memory whole, where they could be shrunk.
    side, guide = parse_sides(inputs, computing, header, as_trained=format_ != "tif")
    measures = parse_measures(measure, header, raw=raw, interpolate=inputs.interpolate, sampling=inputs.sampling)
    tell_of_calibration(
        header,
        measure,
        raw=raw,
        interpolate=inputs.interpolate,
        sampling=inputs.sampling,
        quiet=output.quiet,
    )
    refuse_idle_refinement(refine, kinds, measures, level)
    products = with_beside(find_products(kinds, measures), format_)
    _refuse_idle(products, kinds, measures, legend=legend)
    depth = parse_level(level, header.tree)
    if any(product.needs_prototypes for product in products):
        check_prototypes(header.model, header.tree, level=depth)
    suffixes = {product.kind: product.suffix(format_) for product in products}
    refuse_contradictions(inputs, computing, output, sharing)
    part = parse_shard_of(shard, output)
    found, clips = find_images(paths, every=every, pages=pages, max_pixels=inputs.max_pixels, quiet=output.quiet)
    films = Films(output.out, clips, suffixes)
    share = plan_run(
        found,
        output.out,
        suffixes,
        further=films.names,
        overwrite=output.overwrite,
        resume=output.resume,
        shard=part,
    )
    most_failures = parse_failures(failures, len(share.images))
    if output.dry_run:
        print_plan(share.images, clips)
        return

    with loading(quiet=output.quiet):
        from hypsegcli.checkpoint.store import load_checkpoint
        from hypsegcli.confidence.measures import full_scales
        from hypsegcli.files.lock import locked
        from hypsegcli.inference.request import Request
        from hypsegcli.products.confidence import mean_confidence
        from hypsegcli.products.outputs import make_outputs
        from hypsegcli.run.run import Job, Run
        from hypsegcli.run.source import Work

    with locked(output.out, "predict", share.shard) as hold:
        refuse_occupied(share, output.out, further=films.names, overwrite=output.overwrite, resume=output.resume)
        loaded = load_checkpoint(named.path, header=header, source=named.source)
        request = Request(
            measures=measures,
            main=measures[0],
            level=depth,
            threshold=threshold or 0.5,
            probabilities=any(product.needs_probabilities for product in products),
            embeddings=any(product.needs_embeddings for product in products),
            prototypes=any(product.needs_prototypes for product in products),
            longest_side=side,
            sampling=inputs.sampling,
            guide_side=guide,
            interpolate=inputs.interpolate,
            refine=refine,
        )
        context = Context.of(
            loaded.header,
            loaded.sha256,
            level=depth,
            threshold=request.threshold,
            refine=refine,
            sampling=inputs.sampling,
            format=format_,
            legend=legend,
        )
        work = Work(
            outputs=make_outputs(products, context, mean_confidence),
            max_pixels=inputs.max_pixels,
            batch_size=batch_size,
            workers=computing.workers,
        )
        job = Job(
            command="predict",
            share=share,
            clips=clips,
            out=output.out,
            hold=hold,
            resume=output.resume,
            most_failures=most_failures,
            write_setting=as_option,
            further=films.further(),
            detail={
                "format": format_,
                "full_scale": full_scales(measures, max_distance=loaded.header.model.max_distance),
                "legend": legend,
            },
        )
        with open_source(loaded, request, computing, sharing, work, hold=hold, quiet=output.quiet) as source:
            tell_of_precision(loaded.header, measures, source.facts.precision, quiet=output.quiet)
            run = Run(job, loaded, source)
            code = show_run(
                run,
                calibration=loaded.header.calibration,
                quiet=output.quiet,
                profile=profile,
            )
            say_done(run, source.facts, suffixes, output.out)
        raise typer.Exit(code)


def _refuse_idle(products: Sequence[Product], kinds: Sequence[str], measures: Sequence[str], *, legend: bool) -> None:
    if len(measures) > 1 and "confidence" not in kinds:
        raise UsageError(
            f"--measure {','.join(measures)}: several measures are for confidence maps; name confidence in --save"
        )
    if not legend and not any(product.has_legend for product in products):
        raise UsageError("--no-legend is for overlay and doubt; name one of them in --save, or leave it out")


def _parse_kinds(save: str, format_: Format) -> tuple[str, ...]:
    """What `--save` names, once each; UsageError for what is none, and for a format that none of them comes in."""
    from hypsegcli.products.product import find_product

    kinds = tuple(dict.fromkeys(kind.strip() for kind in save.split(",") if kind.strip()))
    if not kinds or set(kinds) - set(PREDICT):
        raise UsageError(f"--save {save}: expected some of {', '.join(PREDICT)}, separated by commas")
    able = [kind for kind in PREDICT if find_product(kind).offers(format_)]
    if format_ != "png" and not set(able) & set(kinds):
        raise UsageError(
            f"--format {format_} is that of {' and '.join(able)}; name {' or '.join(able)} in --save, or leave it out"
        )
    return kinds
