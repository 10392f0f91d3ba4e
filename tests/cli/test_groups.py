"""Options in groups: what Typer sees, and what a command gets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import pytest
import typer
from typer.testing import CliRunner

from hypsegcli.cli.groups import spread
from hypsegcli.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Paint:
    """How it is painted."""

    color: Annotated[str, typer.Option(help="Needed.")]
    finish: Annotated[Literal["matt", "gloss"], typer.Option("--finish", "-f")] = "matt"


@dataclass(frozen=True, kw_only=True)
class Size:
    """How large it is."""

    width: Annotated[int, typer.Option(min=1)] = 7


def run(*arguments: str) -> tuple[list[object], int, str]:
    received: list[object] = []
    app = typer.Typer(add_completion=False)

    @app.command()
    @spread
    def draw(
        *,
        name: Annotated[str, typer.Argument()],
        paint: Paint,
        fast: Annotated[bool, typer.Option("--fast")] = False,
        size: Size,
    ) -> None:
        """Draw something."""
        received.extend((name, paint, fast, size))

    result = CliRunner().invoke(app, arguments)
    if isinstance(result.exception, UsageError):
        return received, 2, str(result.exception)
    return received, result.exit_code, result.output


def test_a_command_gets_its_groups() -> None:
    received, code, _ = run("house", "--color", "red", "-f", "gloss", "--width", "3", "--fast")
    assert (received, code) == (["house", Paint(color="red", finish="gloss"), True, Size(width=3)], 0)


def test_fields_keep_their_defaults() -> None:
    received, code, _ = run("house", "--color", "red")
    assert (received, code) == (["house", Paint(color="red"), False, Size()], 0)
    assert Size().width == 7


@pytest.mark.parametrize(
    ("arguments", "named"),
    [(("house",), "--color"), (("house", "--color", "red", "--width", "0"), "--width"),
     (("house", "--color", "red", "-f", "dull"), "--finish"), (("house", "--color", "red", "--paint", "x"), "--paint")],
)  # fmt: skip
def test_what_a_field_does_not_allow_is_refused(arguments: tuple[str, ...], named: str) -> None:
    received, code, output = run(*arguments)
    assert (received, code) == ([], 2)
    assert named in output


def test_help_lists_the_fields_in_their_order() -> None:
    _, code, output = run("--help")
    assert code == 0
    assert "Draw something." in output
    places = [output.index(option) for option in ("--color", "--finish", "--fast", "--width")]
    assert places == sorted(places)


def test_two_options_of_one_name_are_a_mistake() -> None:
    @dataclass(frozen=True)
    class Other:
        width: Annotated[int, typer.Option()] = 1

    def draw(one: Size, two: Other) -> None: ...

    draw.__annotations__ = {"one": Size, "two": Other, "return": None}
    with pytest.raises(ValueError, match="width"):
        spread(draw)
