"""What a process does that segments images for another one, which it hears through standard input.

It answers through standard output, in pickles; whatever else prints there prints to standard error. It ends when the
other one does, however that is, and leaves what interrupts a terminal's programs to it.
"""

from __future__ import annotations

import os
import pickle
import queue
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import BinaryIO

from hypsegcli.images.unsaid import leave_unsaid
from hypsegcli.inference.windows import Tiling
from hypsegcli.run.hand import Gone, Message, Told, as_sent
from hypsegcli.run.order import Order
from hypsegcli.run.plan import PlannedImage
from hypsegcli.run.source import Here


def serve() -> None:
    """Carry out the order that comes first, then segment what comes, until there is word that nothing more does."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    leave_unsaid()
    heard, answers = _take_streams()
    order: Order = pickle.load(heard)
    inbox = _Inbox(heard)
    threading.Thread(target=inbox.listen, daemon=True).start()

    def answer(message: Message) -> None:
        try:
            answers.write(pickle.dumps(message))
            answers.flush()
        except OSError:  # nobody is there any more
            _die()

    try:
        here = order.carry_out(lambda sentence: answer(Told(sentence)))
        answer(here.facts)
        _Shift(inbox, here, order).work(answer)
        answer(Gone("done"))
    except BaseException as error:
        answer(as_sent(error))
    threading.Event().wait()  # to be ended, which is quicker than to take PyTorch apart


class _Inbox:
    """What the other process says after its order: how windows lie, then images, and that there are no more."""

    def __init__(self, heard: BinaryIO) -> None:
        self._heard = heard
        self.tiling: queue.SimpleQueue[Tiling | None] = queue.SimpleQueue()
        self.images: queue.SimpleQueue[PlannedImage | None] = queue.SimpleQueue()
        self.is_over = threading.Event()

    def listen(self) -> None:
        """Take in what comes, to the end of the other process and of this one: for a thread."""
        try:
            self.tiling.put(pickle.load(self._heard))
            while True:
                images: Sequence[PlannedImage] | None = pickle.load(self._heard)
                if images is None:
                    self.is_over.set()
                for image in (None,) if images is None else images:
                    self.images.put(image)
        except (EOFError, OSError, pickle.UnpicklingError):
            _die()


class _Shift:
    """A worker's time, from its first image to the word that there are no more."""

    def __init__(self, inbox: _Inbox, here: Here, order: Order) -> None:
        self._inbox, self._here = inbox, here
        self._check = order.witness.check if order.witness is not None else lambda: None

    def work(self, answer: Callable[[Message], None]) -> None:
        """Segment images as they come; `answer` has the results."""
        inbox = self._inbox
        self._here.agree(inbox.tiling.get())
        while not inbox.is_over.is_set() and (first := inbox.images.get()) is not None:
            with closing(self._here.results(self._at_hand(first), check=self._check, late=answer)) as results:
                for result in results:
                    answer(result)
                    if inbox.is_over.is_set():
                        break

    def _at_hand(self, first: PlannedImage) -> Iterator[PlannedImage]:
        """Images as long as there are some; to wait for one would keep those before it from being finished."""
        image: PlannedImage | None = first
        while image is not None and not self._inbox.is_over.is_set():
            yield image
            try:
                image = self._inbox.images.get_nowait()
            except queue.Empty:
                return


def _take_streams() -> tuple[BinaryIO, BinaryIO]:
    """What this process hears and what it answers by, which nothing else in it reads or writes from now on."""
    heard, answers = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return os.fdopen(heard, "rb"), os.fdopen(answers, "wb")


def _die() -> None:
    """At once: another run may write to the same folder by now."""
    os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
