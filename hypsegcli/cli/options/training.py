"""Options of `hypseg train`, made from the fields of TrainConfig. Imports pydantic, which takes as long as --help."""

from dataclasses import make_dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin

import typer
from rich.markup import escape

from hypsegcli.training.config import TrainConfig

LEARNING = "Learning"

# The settings that have an option of their own, by panel; --set reaches the others.
_PANELS = {
    "Network": (
        "backbone",
        "output_stride",
        "embedding_size",
        "head",
        "curvature",
        "softmax",
        "init",
    ),
    LEARNING: (
        "epochs",
        "batch_size",
        "learning_rate",
        "class_weights",
        "radius_weight",
        "precision",
        "seed",
    ),
    "Data and files": (
        "layout",
        "ignore_index",
        "map",
        "mask_colors",
        "image_suffix",
        "mask_suffix",
        "longest_side",
        "held_out",
        "background",
        "colors",
        "licence",
        "validate_every",
        "tensorboard",
        "workers",
    ),
}


def _option(name: str, panel: str) -> tuple[str, Any, None]:
    """Name, type and default of a field; None where the option is not given. What it may be is checked by pydantic."""
    field = TrainConfig.model_fields[name]
    kind = field.annotation
    if get_origin(kind) is Literal:
        kind = type(get_args(kind)[0])
    if kind not in {bool, int, float}:
        kind = str
    option = typer.Option(help=escape(field.description or ""), rich_help_panel=panel, show_default=False)
    return name, Annotated[kind | None, option], None


if TYPE_CHECKING:
    Settings = Any
else:
    Settings = make_dataclass(
        "Settings",
        [_option(name, panel) for panel, names in _PANELS.items() for name in names],
        frozen=True,
        kw_only=True,
    )
