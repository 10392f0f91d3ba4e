"""Numbers and choices on the command line: Typer is asked for their texts alone, and they are read here.

So what cannot be is refused in sentences of ours, whichever version of Typer there is.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from copy import copy
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from hypsegcli.cli.complete import words
from hypsegcli.cli.console import as_option
from hypsegcli.errors import UsageError
from hypsegcli.files.words import number_within, one_of

Read = Callable[[Any], Any]


def as_texts(name: str, hint: Any) -> tuple[Any, Read | None]:
    """The hint of an option as Typer gets it, and what reads the texts that come back; None: they are texts, or flags.

    `hint` is `Annotated[kind, typer.Option(...)]`; of `kind`, numbers, tuples of them and Literals of strings are read.
    """
    if get_origin(hint) is not Annotated:
        return hint, None
    kind, info = get_args(hint)
    optional = get_origin(kind) in {Union, UnionType}
    (kind,) = (arm for arm in get_args(kind) if arm is not NoneType) if optional else (kind,)
    named = (info.default, *(info.param_decls or ()))  # the first name stands where a default would
    option = next((text for text in named if str(text).startswith("--")), as_option(name, None))
    plain = copy(info)
    plain.min = plain.max = None
    asked: Any = str
    if kind in {int, float}:
        read = _number(option, kind, info.min, info.max)
    elif get_origin(kind) is tuple:
        read, asked = _several(option, get_args(kind)), tuple[(str,) * len(get_args(kind))]  # type: ignore[misc]
    elif get_origin(kind) is Literal:
        read = _choice(option, get_args(kind))
        plain.autocompletion = info.autocompletion or words(*get_args(kind))
    else:
        return hint, None
    return Annotated[asked | None if optional else asked, plain], lambda found: None if found is None else read(found)


def _number(option: str, kind: type[int] | type[float], least: float | None, most: float | None) -> Read:
    wanted = number_within("whole number" if kind is int else "number", ge=least, le=most)

    def read(text: str) -> float:
        value = _as_number(text, kind)
        if value is None or (least is not None and value < least) or (most is not None and value > most):
            raise UsageError(f"{option} {text}: expected {wanted}")
        return value

    return read


def _several(option: str, kinds: tuple[Any, ...]) -> Read:
    def read(texts: tuple[str, ...]) -> tuple[float, ...]:
        found = [_as_number(text, kind) for text, kind in zip(texts, kinds, strict=True)]
        if None in found:
            raise UsageError(f"{option} {' '.join(texts)}: expected {len(kinds)} numbers, with a space between them")
        return tuple(value for value in found if value is not None)

    return read


def _choice(option: str, choices: tuple[str, ...]) -> Read:
    def read(text: str) -> str:
        if text not in choices:
            raise UsageError(f"{option} {text}: expected {one_of(choices)}")
        return text

    return read


def _as_number(text: str, kind: type[int] | type[float]) -> float | None:
    if kind is int:
        return int(text) if re.fullmatch(r"[+-]?[0-9]{1,18}", text, flags=re.ASCII) else None
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
