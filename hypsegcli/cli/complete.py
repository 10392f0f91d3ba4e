"""What a shell offers when Tab is pressed: the words that options take. Imports nothing heavy before it is asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from hypsegcli.checkpoint.bundled import DEFAULT, MODELS
from hypsegcli.confidence.measures import MEASURES
from hypsegcli.files.kinds import PREDICT

Complete = Callable[[str], list[str]]  # from what was typed to what it may become; Typer goes by the parameter's name


def words(*names: str) -> Complete:
    """One of several words."""
    return lambda incomplete: [name for name in names if name.startswith(incomplete)]


def lists(*names: str) -> Complete:
    """Several words with commas between them, none twice."""

    def complete(incomplete: str) -> list[str]:
        before, comma, last = incomplete.rpartition(",")
        given = before.split(",")
        return [before + comma + name for name in names if name.startswith(last) and name not in given]

    return complete


kinds = lists(*PREDICT)
measure = words(*MEASURES)
measures = lists(*MEASURES, "all")
models = words(*(called for model in MODELS for called in (model.name, *model.aliases)))
devices = words("auto", "cpu", "cuda", "cuda:all", "mps")


def level(ctx: Any, incomplete: str) -> list[str]:
    """Depths of the class tree of the checkpoint that was named, and its inner nodes."""
    from hypsegcli.checkpoint.bundled import checkpoint_path
    from hypsegcli.checkpoint.read_header import is_torch_file, read_header
    from hypsegcli.checkpoint.remote.address import is_address
    from hypsegcli.errors import HypsegError

    named = ctx.params.get("checkpoint") or DEFAULT
    try:
        # Nothing is fetched for a key that was pressed, and torch would take as long.
        slow = is_address(str(named)) or is_torch_file(Path(named))
        tree = None if slow else read_header(checkpoint_path(named)).tree
    except HypsegError:
        tree = None
    depths = [] if tree is None else [str(depth) for depth in range(1, tree.max_depth + 1)]
    nodes = () if tree is None else tree.names[tree.classes :]
    return words("auto", *depths, *nodes)(incomplete)


def recipe(incomplete: str) -> list[str]:
    """Recipes that come with hypseg."""
    from hypsegcli.training.config_file import RECIPES

    return words(*RECIPES)(incomplete)


def setting(incomplete: str) -> list[str]:
    """Names of a training's settings, and behind the equals sign the words that one may have."""
    from hypsegcli.training.config import TrainConfig

    name, equals, value = incomplete.partition("=")
    if not equals:
        return [f"{field}=" for field in TrainConfig.model_fields if field.startswith(name)]
    return [f"{name}={word}" for word in choices_of(name.replace("-", "_")) if word.startswith(value)]


def choices_of(field: str) -> list[str]:
    """The words that a setting of a training may have, where they are few."""
    from hypsegcli.network.config import BACKBONES
    from hypsegcli.training.config import TrainConfig

    if field == "backbone":
        return list(BACKBONES)
    if field == "init":
        return ["imagenet", *(model.name for model in MODELS)]
    kind = TrainConfig.model_fields[field].annotation if field in TrainConfig.model_fields else None
    return [str(word) for word in get_args(kind)] if get_origin(kind) is Literal else []
