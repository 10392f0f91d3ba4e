"""Options of where a person is to look first."""

from dataclasses import dataclass
from typing import Annotated, Literal

import typer

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
    ] = "mean"
    diverse: Annotated[
        bool,
        typer.Option(
            "--diverse/--no-diverse",
            help="Let images wait that look like one ranked before, and regions of such images.",
            rich_help_panel=LOOKING,
        ),
    ] = False
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
        float | None,
        typer.Option(
            metavar="P",
            min=0.01,
            max=1.0,
            help="A region is of connected pixels that are right with less than this probability.",
            show_default="0.7",
            rich_help_panel=LOOKING,
        ),
    ] = None
    smallest: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Leave out regions of fewer pixels.",
            show_default="64",
            rich_help_panel=LOOKING,
        ),
    ] = None
    most: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            max=1000,
            help="Of an image, keep this many regions: those with the most pixels that are expected to be wrong.",
            show_default="20",
            rich_help_panel=LOOKING,
        ),
    ] = None
