"""Options in groups: a command takes frozen dataclasses of options, Typer sees every field as an option of its own."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from functools import wraps
from inspect import Parameter
from typing import Any, get_type_hints

from hypsegcli.cli.values import Read, as_texts


def spread(command: Callable[..., None]) -> Callable[..., None]:
    """Spread the parameters of a command that are dataclasses of `Annotated` options into their fields.

    What Typer is given has one keyword for every field, in the order of the parameters, numbers and choices as texts;
    on a call these are read, and the fields gathered into the dataclasses again. Raises ValueError where two options
    have one name.
    """
    groups: dict[str, type[Any]] = {}
    flat: list[Parameter] = []
    reads: dict[str, Read] = {}

    def add(name: str, hint: Any, default: Any) -> None:
        asked, read = as_texts(name, hint)
        flat.append(Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=asked))
        if read is not None:
            reads[name] = read

    for parameter in inspect.signature(command, eval_str=True).parameters.values():
        group = parameter.annotation
        if isinstance(group, type) and is_dataclass(group):
            groups[parameter.name] = group
            hints = get_type_hints(group, include_extras=True)
            for field in fields(group):
                default = Parameter.empty if field.default is MISSING else field.default
                add(field.name, hints[field.name], default)
        else:
            add(parameter.name, parameter.annotation, parameter.default)

    @wraps(command)
    def gather(**values: Any) -> None:
        values |= {name: read(values[name]) for name, read in reads.items()}
        gathered = {
            name: group(**{field.name: values.pop(field.name) for field in fields(group)})
            for name, group in groups.items()
        }
        command(**gathered, **values)

    gather.__signature__ = inspect.Signature(flat)  # type: ignore[attr-defined]
    gather.__annotations__ = {parameter.name: parameter.annotation for parameter in flat}
    return gather
