"""Progress: a bar with an estimate on a terminal, one plain line every few seconds elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Protocol, Self

from hypsegcli.cli.console import as_option, talk
from hypsegcli.errors import spell
from hypsegcli.files.words import escaped

_EVERY = {"images": 5.0, "steps": 60.0}  # seconds between plain lines; trainings are long


class Progress(Protocol):
    """Counts images, or steps; use as a context manager."""

    def __enter__(self) -> Self:
        """Start showing."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop showing."""

    def advance(self) -> None:
        """One more is done or has failed."""

    def note(self, line: str) -> None:
        """Print a line without breaking the display."""


class Silent:
    """Shows nothing but notes."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def advance(self) -> None:
        """Show nothing."""

    def note(self, line: str) -> None:
        """Print it."""
        talk(line)


class Lines(Silent):
    """A plain line every so many seconds, for logs."""

    def __init__(self, total: int, unit: str, *, every: float) -> None:
        self.total, self.done, self.unit, self.every = total, 0, unit, every
        self.started = self.last = time.monotonic()

    def advance(self) -> None:
        """Count, and print now and then."""
        self.done += 1
        now = time.monotonic()
        if now - self.last >= self.every and self.done < self.total:
            self.last = now
            left = (now - self.started) / self.done * (self.total - self.done)
            talk(f"{self.done}/{self.total} {self.unit}, about {duration(left)} left")


class Bar(Silent):
    """A rich progress bar."""

    def __init__(self, total: int, verb: str) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )
        from rich.progress import Progress as RichProgress

        self.bar = RichProgress(
            TextColumn(verb),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        self.task = self.bar.add_task(verb, total=total)

    def __enter__(self) -> Self:
        self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.stop()

    def advance(self) -> None:
        """Move the bar."""
        self.bar.advance(self.task)

    def note(self, line: str) -> None:
        """Print above the bar."""
        self.bar.console.print(escaped(spell(line, as_option)), markup=False, highlight=False, soft_wrap=True)


def progress_for(total: int, *, quiet: bool, unit: str = "images", verb: str = "segmenting") -> Progress:
    """The display that fits where stderr goes."""
    if quiet:
        return Silent()
    return Bar(total, verb) if sys.stderr.isatty() else Lines(total, unit, every=_EVERY[unit])


def duration(seconds: float) -> str:
    """`1 h 5 min`, `3 min 2 s`, `7 s`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
