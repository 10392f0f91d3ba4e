"""Workers that are processes of this machine, one a device, each with a Python of its own."""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import torch

from hypsegcli.inference.windows import Tiling
from hypsegcli.run.crew import Crew, at_work
from hypsegcli.run.hand import Gone, Message
from hypsegcli.run.order import Order
from hypsegcli.run.plan import PlannedImage


@contextmanager
def processes(order: Order, devices: Sequence[str], *, tell: Callable[[str], None]) -> Iterator[Crew]:
    """A source whose images go to one process a device; they share what torch may take of the processor here.

    Raises as `at_work` does.
    """
    threads, of = torch.get_num_threads(), Counter(devices)
    orders = [order.shared(device, len(devices), threads=threads, sharing=of[device]) for device in devices]

    def hire(place: int, report: Callable[[Message], None]) -> _Process:
        return _Process(orders[place], report)

    with at_work(hire, devices, out=order.swept, tell=tell) as crew:
        yield crew


class _Process:
    """One worker, as `Hand` says."""

    def __init__(self, order: Order, report: Callable[[Message], None]) -> None:
        # Not by `multiprocessing`, which would import whatever this process was started as, and cannot where that is
        # the .exe of Windows. Nor does it give a process a group of its own, which Ctrl-C in a terminal does not reach.
        lines = f"import sys; sys.path[:] = {sys.path!r}; from hypsegcli.run.worker import serve; serve()"
        self._process = subprocess.Popen(
            [sys.executable, "-c", lines], bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **_APART
        )
        threading.Thread(target=self._listen, args=(report,), daemon=True).start()
        self._say(order)

    def agree(self, tiling: Tiling | None) -> None:
        """As in `Hand`."""
        self._say(tiling)

    def give(self, images: Sequence[PlannedImage]) -> None:
        """As in `Hand`."""
        self._say(images)

    def finish(self) -> None:
        """As in `Hand`."""
        self._say(None)

    def end(self) -> None:
        """As in `Hand`."""
        self._process.kill()
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()

    def _say(self, message: object) -> None:
        assert self._process.stdin is not None
        data = memoryview(pickle.dumps(message))
        with contextlib.suppress(OSError):  # it died, as whoever listens to it finds
            while data:
                data = data[self._process.stdin.write(data) :]

    def _listen(self, report: Callable[[Message], None]) -> None:
        """In a thread: what interrupts the main one must not do so in the middle of a message."""
        with io.BufferedReader(cast(io.RawIOBase, self._process.stdout)) as answers:
            try:
                while True:
                    report(pickle.load(answers))
            except (EOFError, OSError, pickle.UnpicklingError):  # also in the middle of a message
                pass
        report(Gone(_how(self._process.wait())))


_APART: dict[str, Any] = (
    {"start_new_session": True} if os.name != "nt" else {"creationflags": 0x200}  # CREATE_NEW_PROCESS_GROUP
)


def _how(code: int) -> str:
    """How a process ended."""
    if code < 0:
        with contextlib.suppress(ValueError):
            return f"killed by {signal.Signals(-code).name}"
    return f"exit code {code}"
