"""The help of a command as a person with 80 columns reads it: panels of options, no types, defaults whole, examples."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from textwrap import wrap
from typing import Any

import typer
from typer.core import TyperCommand

from hypsegcli.cli.usage import our_sentences, refuse_empty_folders, refuse_repeated

_BESIDE = 26  # letters of an option, or fewer, beside which its meaning stands, and not below
_WHOLE = 40  # letters of a default, or fewer, that stay on one line
_ARGUMENTS, _OPTIONS = "Arguments", "Options"

_JOINED = "\N{NO-BREAK SPACE}"

Row = tuple[str, str]  # what is typed, what it means


class Command(TyperCommand):
    """A command whose help, and whose refusals of what cannot be read, are ours."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the command line; UsageError where that cannot be."""
        with our_sentences(self, ctx):
            if not ctx.resilient_parsing:  # what a shell completes is not done yet
                values, _, given = self.make_parser(ctx).parse_args(list(args))
                refuse_repeated(given)
                refuse_empty_folders(values, given)
            return super().parse_args(ctx, args)

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """What follows the command's name."""
        return ["[OPTIONS]", *(str(argument.metavar) for argument in self.get_params(ctx) if _is_argument(argument))]

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Usage, what it does, arguments and options by panel, examples."""
        write_help(self, ctx, formatter)


def write_help(command: Any, ctx: Any, formatter: Any, commands: Sequence[Row] = ()) -> None:
    """The help of a command, or of the group with its `commands`, into Typer's formatter."""
    from hypsegcli.cli.examples import EXAMPLES

    width = formatter.width
    formatter.write_usage(ctx.command_path, " ".join(command.collect_usage_pieces(ctx)))
    formatter.write("".join(f"\n{line}" for line in _wrapped(command.help, width, "  ")) + "\n")
    panels: dict[str, list[Row]] = {_ARGUMENTS: [], _OPTIONS: []}
    for parameter in command.get_params(ctx):
        if not parameter.hidden:
            panel = _ARGUMENTS if _is_argument(parameter) else getattr(parameter, "rich_help_panel", None) or _OPTIONS
            panels.setdefault(panel, []).append((_typed(parameter), _meant(parameter)))
    for title, rows in (panels | {"Commands": commands}).items():
        if rows:
            formatter.write(f"\n{_bold(title)}:\n" + "".join(_lines(rows, width, 11 if rows is commands else _BESIDE)))
    if examples := EXAMPLES.get(ctx.info_name):
        formatter.write(f"\n{_bold('Examples')}:\n" + "".join(f"  {example}\n" for example in examples))


def _is_argument(parameter: Any) -> bool:
    return bool(parameter.param_type_name == "argument")


def _typed(parameter: Any) -> str:
    if _is_argument(parameter):
        return str(parameter.metavar)
    names = ", ".join((*sorted(parameter.opts, key=len), *parameter.secondary_opts))
    return names if parameter.is_flag else f"{names} {parameter.metavar or ''}".rstrip()


def _meant(parameter: Any) -> str:
    """Its meaning, and where it has a default that is something, that."""
    shown, default = parameter.show_default, parameter.default
    if isinstance(shown, str):
        default = shown
    elif not shown or default in ("", None) or not isinstance(default, str | int | float):
        default = None
    elif isinstance(default, bool):
        default = (parameter.opts if default else parameter.secondary_opts or [None])[0]
    ending = "[required]" if parameter.required else "" if default is None else f"[default: {default}]"
    if len(ending) <= _WHOLE:
        ending = ending.replace(" ", _JOINED)
    return f"{parameter.help or ''}  {ending}".strip()


def _lines(rows: Sequence[Row], width: int, beside: int) -> Iterable[str]:
    for typed, meant in rows:
        text = _wrapped(meant, width, " " * (beside + 4))
        if len(typed) <= beside:
            text[0] = f"  {typed:<{beside}}  {text[0].lstrip()}"
        else:
            text.insert(0, f"  {typed}")
        yield "".join(f"{line}\n" for line in text)


def _wrapped(text: str, width: int, indent: str) -> list[str]:
    """Lines of whole words: names of options and of choices are neither broken nor cut."""
    lines = wrap(
        text, width, initial_indent=indent, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
    return [_in_letters(line.replace(_JOINED, " ")) for line in lines]


def _in_letters(text: str) -> str:
    """With escapes for letters that standard output lacks: Typer would write them in another encoding."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def _bold(title: str) -> str:
    """As a heading; Typer leaves the style out where no terminal reads."""
    return title if os.environ.get("TERM") == "dumb" else typer.style(title, bold=True)
