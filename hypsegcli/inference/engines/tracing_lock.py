"""Who may use torch while a network is being traced: nobody else.

`torch.export` and the converters that continue its work change what all threads of a process share: whether torch
passes for compiling, and what calling a module does. Two at once fail, and leave torch compiling for ever; a network
that runs meanwhile is off in the last digits.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Gate:
    """Lets any number of threads in together, or one alone. Neither way in may be taken from the inside."""

    def __init__(self) -> None:
        self._entrance = threading.Lock()  # held by whoever is alone, or waits to be
        self._changed = threading.Condition()
        self._inside = 0

    @contextmanager
    def together(self) -> Iterator[None]:
        """Inside with all but one that wants to be alone: behind it, where it waits already."""
        with self._entrance, self._changed:
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Inside once all others have left."""
        with self._entrance:
            with self._changed:
                self._changed.wait_for(lambda: not self._inside)
            yield


TORCH = Gate()  # of this process
