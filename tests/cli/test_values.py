"""Texts of the command line as numbers and choices."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

import pytest
import typer

from hypsegcli.cli.values import as_texts
from hypsegcli.errors import UsageError

Size = Annotated[int, typer.Option(min=1, max=9)]
Share = Annotated[float | None, typer.Option("--share", "-s", min=0.25)]
Engine = Annotated[Literal["torch", "onnx"], typer.Option("--engine", "-e")]
Crop = Annotated[tuple[int, int] | None, typer.Option()]


@pytest.mark.parametrize(
    ("hint", "text", "value"),
    [
        (Size, "9", 9),
        (Size, "+3", 3),
        (Share, "0.25", 0.25),
        (Share, "1e3", 1000.0),
        (Share, None, None),
        (Engine, "onnx", "onnx"),
        (Crop, ("3", "-4"), (3, -4)),
        (Crop, None, None),
    ],
)
def test_what_can_be_is_read(hint: Any, text: Any, value: object) -> None:
    _, read = as_texts("size", hint)
    assert read is not None
    assert read(text) == value
    assert type(read(text)) is type(value)


@pytest.mark.parametrize(
    ("hint", "text", "sentence"),
    [
        (Size, "0", r"^--the-size 0: expected a whole number from 1 to 9$"),
        (Size, "10", r"^--the-size 10: expected"),
        (Size, "2.0", r"^--the-size 2.0: expected"),
        (Size, "1_0", r"expected"),
        (Size, "٣", r"expected"),
        (Share, "0.2", r"^--share 0.2: expected a number from 0.25 on$"),
        (Share, "nan", r"^--share nan: expected"),
        (Share, "inf", r"expected"),
        (Share, "", r"expected"),
        (Engine, "tf", r"^--engine tf: expected torch or onnx$"),
        (Engine, "Torch", r"expected torch or onnx"),
        (Crop, ("3", "x"), r"^--the-size 3 x: expected 2 numbers"),
    ],
)
def test_what_cannot_be_is_refused_by_name(hint: Any, text: Any, sentence: str) -> None:
    _, read = as_texts("the_size", hint)
    assert read is not None
    with pytest.raises(UsageError, match=sentence):
        read(text)


def test_typer_is_asked_for_texts_and_nothing_else_of_the_option_changes() -> None:
    asked, _ = as_texts("size", Size)
    kind, option = get_args(asked)
    assert (kind, option.min, option.max) == (str, None, None)
    assert (get_args(Size)[1].min, get_args(Size)[1].max) == (1, 9)
    assert get_args(as_texts("engine", Engine)[0])[1].param_decls == get_args(Engine)[1].param_decls
    assert get_args(get_args(as_texts("crop", Crop)[0])[0])[0] == tuple[str, str]


@pytest.mark.parametrize("hint", [Annotated[str, typer.Option()], Annotated[bool, typer.Option()], str])
def test_texts_and_flags_are_left(hint: Any) -> None:
    assert as_texts("name", hint) == (hint, None)
