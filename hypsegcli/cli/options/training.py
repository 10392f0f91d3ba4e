"""Options of `hypseg train`, made from the fields of TrainConfig. Imports pydantic, which takes as long as --help."""

from dataclasses import make_dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin

import typer

from hypsegcli.cli import complete
from hypsegcli.training.config import TrainConfig

LEARNING = "Learning"

# The settings that have an option of their own, by panel; --set reaches the others.
_PANELS = {
    "Network": (
        "backbone",
        "decoder",
        "output_stride",
        "embedding_size",
        "head",
        "curvature",
        "softmax",
        "init",
    ),
    LEARNING: (
        "preset",
        "epochs",
        "patience",
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
        "unlabelled",
        "image_suffix",
        "mask_suffix",
        "longest_side",
        "sampling",
        "held_out",
        "background",
        "colors",
        "licence",
        "validate_every",
        "calibration",
        "tensorboard",
        "workers",
    ),
}


# What stands behind an option, where it is neither a number nor the option's own name.
_METAVARS = {
    "map": "FILE", "mask_colors": "FILE", "colors": "FILE", "image_suffix": "TEXT", "mask_suffix": "TEXT",
    "licence": "TEXT", "held_out": "CLASS,...", "background": "CLASS", "unlabelled": "CLASS|void", "init": "FILE|NAME",
    "class_weights": "HOW", "backbone": "NAME",
}  # fmt: skip


def default_of(name: str) -> str:
    """The default of a setting, as it would be typed; empty where it is nothing."""
    default = TrainConfig.model_fields[name].default
    if isinstance(default, bool):
        return f"--{'' if default else 'no-'}{name.replace('_', '-')}"
    return str(default) if default != () else ""


def _option(name: str, panel: str) -> tuple[str, Any, None]:
    """Name, type and default of a field; None where the option is not given. What it may be is checked by pydantic."""
    field = TrainConfig.model_fields[name]
    kind: Any = field.annotation
    if get_origin(kind) is Literal:
        kind = type(get_args(kind)[0])
    if kind not in {bool, int, float}:
        kind = str
    option = typer.Option(
        metavar=_METAVARS.get(name, {int: "N", float: "X", bool: None}.get(kind, name.upper())),
        help=field.description,
        show_default=default_of(name) or False,
        autocompletion=complete.words(*complete.choices_of(name)),
        rich_help_panel=panel,
    )
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
