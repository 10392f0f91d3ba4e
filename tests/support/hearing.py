"""Ctrl-C, which whoever runs the tests may ignore."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator


@contextlib.contextmanager
def hearing_interrupts() -> Iterator[None]:
    """Let SIGINT raise KeyboardInterrupt as long as the block runs, in the main thread."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
