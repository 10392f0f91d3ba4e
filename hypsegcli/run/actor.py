"""What an actor does that segments images of a run on a Ray cluster: as `worker`, but Ray carries the messages."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from hypsegcli.errors import HypsegError, PlanError, setting
from hypsegcli.files.regular import is_there

if TYPE_CHECKING:
    from hypsegcli.inference.windows import Tiling
    from hypsegcli.run.hand import Message
    from hypsegcli.run.order import Order
    from hypsegcli.run.plan import PlannedImage
    from hypsegcli.run.source import Here


class Actor:
    """Its methods may be called from several threads; images are segmented in one of them at a time.

    They return what they have to say, and what they would raise: Ray makes another exception of that.
    """

    def __init__(self) -> None:
        self._here: Here | None = None
        self._one_at_a_time, self._is_over = threading.Lock(), threading.Event()

    def get_ready(self, order: Order, folder: Path, probe: Path) -> list[Message]:
        """Carry out an order in the folder that its relative paths are meant from.

        Writes its node's name into `probe`, a new file in the output folder, for whoever has given the order.
        """
        from hypsegcli.run.hand import Told, as_sent

        self._order = order
        told: list[Message] = []
        try:
            _enter(folder)
            _write_probe(order, probe)
            self._here = order.carry_out(lambda sentence: told.append(Told(sentence)))
            return [*told, self._here.facts]
        except HypsegError as error:
            return [*told, type(error)(f"on the node {socket.gethostname()}: {error.message}")]
        except BaseException as error:
            return [*told, as_sent(error)]

    def agree(self, tiling: Tiling | None) -> list[Message]:
        """Take large images in these windows."""
        assert self._here is not None
        self._here.agree(tiling)
        return []

    def segment(self, images: Sequence[PlannedImage]) -> list[Message]:
        """Results of images, as far as it has come to them when it is told to finish."""
        from hypsegcli.run.hand import as_sent

        assert self._here is not None
        witness = self._order.witness
        check = witness.check if witness is not None else lambda: None
        found: list[Message] = []
        with self._one_at_a_time:
            if self._is_over.is_set():
                return found
            try:
                with closing(self._here.results(images, check=check, late=found.append)) as results:
                    for result in results:
                        found.append(result)
                        if self._is_over.is_set():
                            break
            except BaseException as error:
                found.append(as_sent(error))
        return found

    def finish(self) -> list[Message]:
        """Begin no image any more; returns when those that were begun are finished."""
        self._is_over.set()
        with self._one_at_a_time:
            return []


def _enter(folder: Path) -> None:
    try:
        os.chdir(folder)
    except OSError as error:
        raise PlanError(
            f"{folder}: the folder of the command cannot be entered here ({error.strerror}); every node needs the same "
            "paths, on a file system that they share"
        ) from error


def _write_probe(order: Order, probe: Path) -> None:
    advice = f"every node has to see the same output folder; choose another {setting('out')}"
    if order.witness is not None and not is_there(order.witness.folder):
        raise PlanError(f"{order.out}: is not there; {advice}")
    if order.witness is not None:
        try:
            order.witness.check()
        except HypsegError as error:
            raise PlanError(f"{order.out}: is another folder here; {advice}") from error
    try:
        probe.write_text(socket.gethostname(), encoding="utf-8")
    except OSError as error:
        raise PlanError(f"{order.out}: cannot be written ({error.strerror}); {advice}") from error
