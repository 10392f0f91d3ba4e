"""What is wrong with a command line, in sentences of ours: Typer only finds it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Any

import typer

from hypsegcli.errors import UsageError

# What Typer raises for a command line that it cannot read; it does not export the name.
_NotUnderstood: type[Exception] = typer.BadParameter.__mro__[1]


@contextmanager
def our_sentences(command: Any, context: Any) -> Iterator[None]:
    """Where Typer cannot read the command line of `command`, raise a UsageError."""
    try:
        yield
    except _NotUnderstood as problem:
        name = context.command_path
        raise UsageError(f"{_sentence(problem, command, context, name)}; {name} --help says more") from problem


def refuse_unknown(command: str, known: Collection[str]) -> None:
    """Raise UsageError for a command that there is not."""
    if command not in known:
        raise UsageError(f"{command}: there is no such command{_meant(command, known)}; there are {', '.join(known)}")


def refuse_repeated(given: Iterable[Any]) -> None:
    """UsageError where an option of several values, which wants commas, is among those given twice."""
    for option, times in Counter(given).items():
        if times > 1 and (option.metavar or "").endswith(",..."):
            name = max(option.opts, key=len)
            raise UsageError(
                f"{name} is given {times} times; name all behind one, with commas: {name} {option.metavar}"
            )


def refuse_empty_folders(values: Mapping[str, Any], given: Iterable[Any]) -> None:
    """UsageError for a folder whose name is empty, which would be taken for the present one."""
    for parameter in given:
        if parameter.metavar == "DIR" and values[parameter.name] == "":
            name = parameter.metavar if parameter.param_type_name == "argument" else max(parameter.opts, key=len)
            raise UsageError(f"{name} is empty, as a variable is that was never set; give a folder (. is this one)")


def _sentence(problem: Any, command: Any, context: Any, name: str) -> str:
    parameters = command.get_params(context)
    if (option := getattr(problem, "option_name", None)) is not None:
        known = {each: parameter for parameter in parameters for each in (*parameter.opts, *parameter.secondary_opts)}
        if option not in known:
            return f"{option}: {name} has no such option{_meant(option, known)}"
        return (
            f"{option} takes no value"
            if known[option].is_flag
            else f"{option}: expected {known[option].metavar} behind it"
        )
    usage = " ".join((name, *command.collect_usage_pieces(context)))
    if (lacking := getattr(problem, "param", None)) is not None and lacking.required:
        wanted = lacking.metavar if lacking.param_type_name == "argument" else max(lacking.opts, key=len)
        return f"{wanted} is missing: {usage}"
    message = problem.format_message()
    if (many := re.search(r"unexpected extra argument.*?\((?!s\))(.*)\)", message)) is not None:
        return f"{many[1]}: more than is expected: {usage}"
    return str(message).rstrip(".")


def _meant(typo: str, known: Collection[str]) -> str:
    letters = typo.strip("-")  # perhaps the first ones of words, as others call a learning rate
    short = [name for name in known if letters == "".join(word[:1] for word in name.strip("-").split("-"))]
    near = short or get_close_matches(typo, known, n=1)
    return f" (did you mean {near[0]}?)" if near else ""
