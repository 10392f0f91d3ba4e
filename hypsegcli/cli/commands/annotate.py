"""`hypseg annotate`: label maps to where people correct them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from hypsegcli.cli.console import error, loading, say, talk_of
from hypsegcli.cli.exit_codes import DONE, PARTLY_DONE
from hypsegcli.cli.options.running import OUTPUT, Overwrite, Quiet
from hypsegcli.errors import UsageError
from hypsegcli.files.words import count_of

_SUFFIXES = {"cvat": ".zip", "coco": ".json", "label-studio": ".json"}
_NEXT = {
    "cvat": (
        "in CVAT: paste {labels} into the raw labels of a project or task, make a task of the photographs, with their "
        "folders, and upload {file} as annotations, Segmentation mask 1.1"
    ),
    "with-images": (
        "in CVAT: paste {labels} into the raw labels of a project, and import {file} as its dataset, Segmentation mask "
        "1.1"
    ),
    "coco": "to images, by file_name, in whichever tool imports COCO's JSON",
    "label-studio": (
        "in Label Studio: paste {labels} as the labelling interface, import {file}, and let it serve {images}"
    ),
}


def annotate(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="What predict or uncertainty wrote, with label maps.")],
    images: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[@FILE|KEY...]",
            help="Which images: keys or paths, a list of them, or a table with a column key, such as review.csv, of "
            "which those count whose verdict is wrong; all, where none are named.",
            show_default=False,
        ),
    ] = None,
    *,
    to: Annotated[
        Literal["cvat", "coco", "label-studio"],
        typer.Option(metavar="TOOL", help="cvat, coco or label-studio.", rich_help_panel=OUTPUT),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FILE", help="A .zip for cvat, else .json.", rich_help_panel=OUTPUT)
    ],
    with_images: Annotated[
        bool,
        typer.Option(
            "--with-images", help="For cvat: the photographs too, for a whole data set.", rich_help_panel=OUTPUT
        ),
    ] = False,
    images_at: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="For label-studio: what stands before the images' names in their addresses.",
            show_default="/data/local-files/?d=",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
) -> None:
    """Write label maps for a labelling tool, to be corrected there; train and evaluate read what it exports."""
    from hypsegcli.files.atomic import refuse_unwritable, sweep
    from hypsegcli.files.books import refuse_in_a_run
    from hypsegcli.files.place import locate, refuse_address

    if out.suffix.lower() != _SUFFIXES[to]:
        raise UsageError(f"--out {out}: expected a name that ends in {_SUFFIXES[to]} for --to {to}")
    if with_images and to != "cvat":
        raise UsageError(f"--with-images: only what CVAT takes has room for photographs; leave it out for --to {to}")
    if images_at is not None and to != "label-studio":
        raise UsageError(f"--images-at: only Label Studio's tasks have addresses; leave it out for --to {to}")
    refuse_address(out)
    refuse_in_a_run(out, "what is made for other tools")
    refuse_unwritable(out.parent)
    with loading(quiet=quiet):
        from hypsegcli.annotation.label_studio import LOCAL_FILES
        from hypsegcli.cli.show.progress import progress_for
        from hypsegcli.run.annotate import choose_maps, write_export

    chosen = choose_maps(locate(folder), images or [])
    for notice in chosen.notices:
        error(notice)
    for key, reason in chosen.failed.items():
        say(f"left out: {key}: {reason}")
    sweep(out.parent)
    prefix = LOCAL_FILES if images_at is None else images_at
    with progress_for(len(chosen.lines), quiet=quiet) as progress:
        written = write_export(
            chosen,
            to,
            out,
            images_at=prefix,
            with_images=with_images,
            replace=overwrite,
            advance=progress.advance,
        )
    labels = len(chosen.labels.names) - (chosen.labels.void is not None)
    say(f"{out}: {count_of(len(chosen.lines), 'image')} with {count_of(labels, 'label')}")
    for notice in written.notices:
        error(notice)
    following = _NEXT["with-images" if with_images else to]
    talk_of([following.format(file=written.files[0], labels=written.files[-1], images=f"{prefix}...")], quiet=quiet)
    if chosen.failed:
        error(f"{count_of(len(chosen.failed), 'image')} without a label map left out")
    raise typer.Exit(PARTLY_DONE if chosen.failed else DONE)
