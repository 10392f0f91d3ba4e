"""TrainConfig as TOML: read, checked, and written with what each setting means."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin

from pydantic import ValidationError

from hypsegcli.errors import HypsegError, UsageError, setting
from hypsegcli.files.text import UnreadableTextError, read_text
from hypsegcli.files.words import number_within, one_of
from hypsegcli.training.config import TrainConfig

CONFIG = "config.toml"  # that a run folder holds
Config = TypeVar("Config", bound=TrainConfig)
RECIPES = {path.stem: path for path in sorted((Path(__file__).parent / "recipes").glob("*.toml"))}


def read_settings(path: Path) -> dict[str, Any]:
    """The settings in a TOML file, or in a recipe of `RECIPES` by its name, not yet checked.

    Raises UsageError for a file that is not there or is not TOML.
    """
    if not path.is_file():
        path = RECIPES.get(str(path), path)
    try:
        return tomllib.loads(read_text(path))
    except ValueError as error:
        others = f"; recipes that come with hypseg are {', '.join(RECIPES)}" if not path.exists() else ""
        raise UsageError(f"{path}: cannot be read as TOML ({error}){others}") from error


def is_a_run_s(path: Path) -> bool:
    """Whether a file of settings is as a training writes it, whatever they are."""
    try:
        return to_toml(check_settings(read_settings(path), {})) == read_text(path)
    except (HypsegError, UnreadableTextError):
        return False


def parse_setting(text: str) -> tuple[str, Any]:
    """`name=value` as on the command line; what is not a TOML value is a string.

    Raises UsageError where there is no equals sign.
    """
    name, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"{setting('set', text)}: expected NAME=VALUE, such as class_weights=none")
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except ValueError:
        parsed = value.strip()
    return name.strip().replace("-", "_"), parsed


def check_settings(settings: Mapping[str, Any], origin: Mapping[str, str]) -> TrainConfig:
    """The configuration of a training, as `check_against` gives it."""
    return check_against(TrainConfig, settings, origin)


def check_against(kind: type[Config], settings: Mapping[str, Any], origin: Mapping[str, str]) -> Config:
    """The configuration of a kind that settings stand for; `origin` says where a setting was given.

    Raises UsageError with a sentence on the first setting that cannot be.
    """
    try:
        return kind.model_validate(dict(settings))
    except ValidationError as problem:
        first = problem.errors()[0]
        reason = first["msg"].removeprefix("Value error, ")
        if not first["loc"]:
            raise UsageError(reason) from problem
        name = str(first["loc"][0])
        where = origin.get(name, name)
        if first["type"] == "extra_forbidden":
            raise UsageError(
                f"{where}: there is no setting '{name}'; {setting('show_config')} prints them all"
            ) from problem
        if first["type"] != "value_error":
            reason = f"expected {_expected(kind, name)}"
        raise UsageError(f"{where}: {reason}, found {first['input']!r}") from problem


def _expected(kind: type[TrainConfig], name: str) -> str:
    """What a setting has to be, in words."""
    field = kind.model_fields[name]
    value = field.annotation
    if get_origin(value) is Literal:
        return one_of([str(choice) for choice in get_args(value)])
    if value in {int, float}:
        limits: list[Any] = [each for each in field.metadata if is_dataclass(each)]
        bounds = {bound: value for limit in limits for bound, value in asdict(limit).items()}
        return number_within("whole number" if value is int else "number", **bounds)
    return "true or false" if value is bool else "a text" if value is str else "names, separated by commas"


def to_toml(config: TrainConfig, names: Sequence[str] = tuple(TrainConfig.model_fields)) -> str:
    """Every setting of some names a line, each with its meaning and unit as a comment."""
    lines = []
    for name in names:
        field = type(config).model_fields[name]
        # Numbers, booleans, strings and lists of strings are written alike in JSON and TOML.
        value = json.dumps(config.model_dump(mode="json")[name], ensure_ascii=False)
        lines.append(f"{name} = {value}  # {field.description}")
    return "\n".join(lines) + "\n"
