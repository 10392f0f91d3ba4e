"""What Ctrl-C, and being told to stop, must not come into: they wait until it is done."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_STOPPING = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Put off what stops this process to the end of the block; in other threads than the main one, nothing comes.

    PyTorch imports NumPy from C, where an exception is lost, or taken for another, and NumPy stays half imported.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    told: list[tuple[int, FrameType | None]] = []
    before = {number: handler for number in _STOPPING if callable(handler := signal.getsignal(number))}
    for number in before:
        signal.signal(number, lambda number, frame: told.append((number, frame)))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if told:
            first, frame = told[0]
            before[signal.Signals(first)](first, frame)
