"""Where words go: results to stdout, talk and progress to stderr."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterable, Iterator
from typing import Any, TextIO

from hypsegcli.cli.exit_codes import NOTHING_DONE
from hypsegcli.errors import spell
from hypsegcli.files.words import escaped


def as_option(name: str, value: str | None) -> str:
    """`--tile 512`, `--tile`."""
    option = f"--{name.rstrip('_').replace('_', '-')}"
    return option if value is None else f"{option} {value}"


def say(line: str) -> None:
    """One line of result, to stdout; where that cannot take it, the command ends, and says so if anybody reads on."""
    _print(escaped(line))


def say_text(text: str) -> None:
    """Lines of result, JSON or TOML, as `say` has one."""
    _print(escaped(text, keep="\n"))


def _print(text: str) -> None:
    try:
        print(text, flush=True)  # noqa: T201 (printing is what this room is for)
    except OSError as problem:
        write_nowhere(sys.stdout)
        if not isinstance(problem, BrokenPipeError):  # whoever was reading, such as `head`, has read enough
            error(f"standard output cannot be written ({problem.strerror}); the rest of the answer is lost")
        raise SystemExit(NOTHING_DONE) from None


def write_nowhere(stream: TextIO) -> None:
    """Let what a stream still holds, and will be given, vanish: at the end it would be tried once more."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


class _Unheard(io.FileIO):
    """A file that loses what it cannot write, and says nothing of it."""

    def write(self, data: Any) -> int:
        with contextlib.suppress(OSError):
            super().write(data)
        return memoryview(data).nbytes


def unheard(stream: io.TextIOWrapper) -> TextIO:
    """The same stream, to which writing never fails: the disk may be full, the reader or the terminal gone."""
    raw = io.BufferedWriter(_Unheard(stream.fileno(), "w", closefd=False))
    return io.TextIOWrapper(raw, encoding=stream.encoding, errors="backslashreplace", line_buffering=True)


def talk(line: str) -> None:
    """One line about the run, to stderr; where that is full or gone, nothing is said, and the work goes on."""
    with contextlib.suppress(OSError, ValueError):
        print(escaped(spell(line, as_option)), file=sys.stderr, flush=True)  # noqa: T201


@contextlib.contextmanager
def loading(*, quiet: bool = False) -> Iterator[None]:
    """For what imports PyTorch, which takes a second or more: a person who waits at a terminal is told why.

    Modules make hundreds of thousands of objects, none of which can go: the garbage collector is not to look for some.
    Ctrl-C waits for the end.
    """
    import gc

    from hypsegcli.cli.undisturbed import undisturbed

    if not quiet and sys.stderr.isatty():
        talk("loading ...")
    gc.disable()
    try:
        with undisturbed():
            yield
    finally:
        gc.freeze()
        gc.enable()


def talk_of(lines: Iterable[str], *, quiet: bool) -> None:
    """Lines about the run, for whoever wants them."""
    if not quiet:
        for line in lines:
            talk(line)


def error(line: str) -> None:
    """One sentence that says what went wrong, to stderr."""
    talk(f"hypseg: {line}")


def say_nothing(_: str) -> None:
    """Where `--quiet` asks for no talk."""
