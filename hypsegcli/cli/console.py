"""Where words go: results to stdout, talk and progress to stderr."""

from __future__ import annotations

import sys

from hypsegcli.errors import spell


def as_option(name: str, value: str | None) -> str:
    """`--tile 512`, `--tile`."""
    option = f"--{name.rstrip('_').replace('_', '-')}"
    return option if value is None else f"{option} {value}"


def say(line: str) -> None:
    """One line of result, to stdout."""
    print(line)  # noqa: T201 (printing is what this room is for)


def talk(line: str) -> None:
    """One line about the run, to stderr."""
    print(spell(line, as_option), file=sys.stderr, flush=True)  # noqa: T201


def error(line: str) -> None:
    """One sentence that says what went wrong, to stderr."""
    talk(f"hypseg: {line}")


def say_nothing(_: str) -> None:
    """Where `--quiet` asks for no talk."""
