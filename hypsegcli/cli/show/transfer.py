"""What a person sees of a download: a bar on a terminal, a plain line every few seconds elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator

from hypsegcli.cli.console import talk

EVERY = 5.0  # seconds between plain lines

Advance = Callable[[int, int | None], None]


@contextlib.contextmanager
def showing_transfer(*, quiet: bool) -> Iterator[Advance]:
    """Show the bytes that are here, and how many there will be, whenever the block is told of them."""
    if quiet:
        yield lambda here, total: None
    elif not sys.stderr.isatty():
        yield _Lines()
    else:
        bar = _Bar()
        try:
            yield bar
        finally:
            bar.close()


class _Lines:
    def __init__(self) -> None:
        self._last = time.monotonic()

    def __call__(self, here: int, total: int | None) -> None:
        now = time.monotonic()
        if now - self._last >= EVERY and here != total:
            self._last = now
            talk(f"{here / 1e6:.1f}" + (f" of {total / 1e6:.1f}" if total is not None else "") + " MB are here")


class _Bar:
    """A bar that appears with the first bytes, since most commands fetch nothing."""

    def __init__(self) -> None:
        self._close: Callable[[], None] | None = None
        self._show: Callable[[int], None] = lambda here: None

    def __call__(self, here: int, total: int | None) -> None:
        if self._close is None:
            self._open(total)
        self._show(here)

    def close(self) -> None:
        if self._close is not None:
            self._close()

    def _open(self, total: int | None) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

        bar = Progress(
            TextColumn("fetching"),
            BarColumn(),
            DownloadColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        task = bar.add_task("fetching", total=total)

        def show(here: int) -> None:
            bar.update(task, completed=here)

        bar.start()
        self._close, self._show = bar.stop, show
