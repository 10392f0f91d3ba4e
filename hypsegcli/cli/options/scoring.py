"""Options of whatever is measured against masks."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, get_args

import typer

from hypsegcli.cli import complete
from hypsegcli.files.words import one_of
from hypsegcli.metrics.conventions import ConventionName, Over

# Panels of --help.
MASKS, _MAPS, _SCORES, _DROPOUT = "Masks", "Maps that were written before", "Scores", "Dropout"
DROPOUT_RATE = 0.2  # of 0.05, 0.1, 0.2 and 0.3 the best for a ResNet-18's mistakes on CamVid


@dataclass(frozen=True, kw_only=True)
class Truth:
    """How the masks are read and paired."""

    ignore_index: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="The mask value that means 'not labelled'.",
            show_default="the checkpoint's or label maps', else 255",
            rich_help_panel=MASKS,
        ),
    ] = None
    id_map: Annotated[
        Path | None,
        typer.Option(
            "--map",
            metavar="FILE",
            help="Translate the masks' ids: lines 'from:to' or 'from:void'; ids not listed stay.",
            rich_help_panel=MASKS,
        ),
    ] = None
    mask_colors: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Masks are in colour: lines 'name:#rrggbb', 'name: r g b', or CVAT's labelmap.txt.",
            rich_help_panel=MASKS,
        ),
    ] = None
    unlabelled: Annotated[
        str,
        typer.Option(
            metavar="CLASS|void",
            help="Of masks that CVAT, COCO or Label Studio exported: what pixels are that nobody labelled.",
            show_default="background, where that is a class, else void",
            rich_help_panel=MASKS,
        ),
    ] = ""
    image_suffix: Annotated[
        str,
        typer.Option(
            metavar="TEXT",
            help="Ending of the images' names that masks lack, e.g. _leftImg8bit.",
            rich_help_panel=MASKS,
        ),
    ] = ""
    mask_suffix: Annotated[
        str,
        typer.Option(
            metavar="TEXT", help="Ending of the masks' names, e.g. _gtFine_labelTrainIds.", rich_help_panel=MASKS
        ),
    ] = ""


@dataclass(frozen=True, kw_only=True)
class Classes:
    """What the ids are called, and how the classes hang together."""

    classes: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Class list, a line 'id:name' each.",
            show_default="the checkpoint's",
            rich_help_panel=MASKS,
        ),
    ] = None
    tree: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Class tree, nested JSON objects.",
            show_default="the checkpoint's",
            rich_help_panel=MASKS,
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class StoredMaps:
    """Label maps and planes that are scored in place of a checkpoint that runs."""

    predictions: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Score these label maps (a folder, or what hypseg predict wrote) instead of running a checkpoint; of "
            "--checkpoint only its classes, tree and void id are used then.",
            rich_help_panel=_MAPS,
        ),
    ] = None
    confidence: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=DIR",
            help="A folder of confidence planes, white is sure; may be repeated.",
            show_default="the folders confidence* of --predictions",
            rich_help_panel=_MAPS,
        ),
    ] = None
    uncertainty: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=DIR", help="The same of uncertainty, white is doubtful.", rich_help_panel=_MAPS),
    ] = None
    full_scale: Annotated[
        float,
        typer.Option(metavar="X", min=1e-6, help="What means entirely sure in .npy planes.", rich_help_panel=_MAPS),
    ] = 1.0
    prediction_map: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Translate the label maps' ids, as --map does those of masks.", rich_help_panel=_MAPS
        ),
    ] = None
    prediction_colors: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="The label maps are in colour, as --mask-colors says of masks.", rich_help_panel=_MAPS
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class Scoring:
    """Which scores, over what, and how good they must be."""

    convention: Annotated[
        ConventionName,
        typer.Option(
            metavar="NAME",
            help=f"Whose means over classes head the report, which has all: {one_of(get_args(ConventionName))}.",
            rich_help_panel=_SCORES,
        ),
    ] = "cityscapes"
    mean_over: Annotated[
        Over,
        typer.Option(
            metavar="CLASSES",
            help="present: means over the classes that occur; all: over all of them, absent ones as 0.",
            rich_help_panel=_SCORES,
        ),
    ] = "present"
    level: Annotated[
        str | None,
        typer.Option(
            metavar="N|NODE|auto",
            help="Also score answers that may be inner nodes of the class tree: at a depth (1: coarsest), at that of a "
            "named node, or 'auto': as deep as the probability stays above --threshold.",
            show_default="the classes alone",
            rich_help_panel=_SCORES,
        ),
    ] = None
    threshold: Annotated[
        float | None,
        typer.Option(
            metavar="P",
            min=0.5,
            max=0.999,
            help="For --level auto; the report has the curve over all.",
            show_default="0.5",
            rich_help_panel=_SCORES,
        ),
    ] = None
    unseen: Annotated[
        str | None,
        typer.Option(
            metavar="CLASS,...",
            help="Zero-label: classes, separated by commas, to which masks and answers are restricted.",
            rich_help_panel=_SCORES,
        ),
    ] = None
    match: Annotated[
        str | None,
        typer.Option(
            metavar="HOW|REPORT",
            help="The ids that are scored are clusters. hungarian: each class is one of them at most; majority: each "
            "cluster is the class that most of its pixels have; or as in the report of an evaluation of other images. "
            "--classes names the masks' classes.",
            autocompletion=complete.words("hungarian", "majority"),
            rich_help_panel=_SCORES,
        ),
    ] = None
    measure: Annotated[
        str | None,
        typer.Option(
            metavar="MEASURE",
            help="The measure whose boundaries, zones and most uncertain images are shown.",
            autocompletion=complete.measure,
            show_default="calibrated where there is one, else distance",
            rich_help_panel=_SCORES,
        ),
    ] = None
    tolerance: Annotated[
        str,
        typer.Option(
            metavar="N|P%",
            help="How far edges may lie apart: pixels, or a share of the diagonal.",
            rich_help_panel=_SCORES,
        ),
    ] = "0.5%"
    background: Annotated[
        str | None,
        typer.Option(
            metavar="CLASS",
            help="The background class, set apart in the zones.",
            show_default="the checkpoint's, if it has one",
            rich_help_panel=_SCORES,
        ),
    ] = None
    bootstrap: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=0,
            help="Replicates for the 95 % intervals, 100 or more; 0 for none.",
            rich_help_panel=_SCORES,
        ),
    ] = 1000
    fail_under: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="Exit with 4 if the score, such as miou, is lower; a share, 0 to 1; may be repeated.",
            rich_help_panel=_SCORES,
        ),
    ] = None
    fail_over: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE", help="The same if it is higher, such as ece:calibrated.", rich_help_panel=_SCORES
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class Dropout:
    """Another uncertainty to compare with."""

    mc_dropout: Annotated[
        int,
        typer.Option(
            metavar="N", min=0, help="Also run the network this many times under dropout.", rich_help_panel=_DROPOUT
        ),
    ] = 0
    dropout_rate: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            min=0.01,
            max=0.9,
            help="The share of features that dropout drops.",
            show_default=str(DROPOUT_RATE),
            rich_help_panel=_DROPOUT,
        ),
    ] = None

    @property
    def rate(self) -> float:
        """The rate named, or the default."""
        return DROPOUT_RATE if self.dropout_rate is None else self.dropout_rate
