"""A worker as the crew knows it, whatever it runs in, and what it has to say."""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from hypsegcli.inference.windows import Tiling
from hypsegcli.run.plan import PlannedImage
from hypsegcli.run.results import Failed, Written
from hypsegcli.run.source import Facts


@dataclass(frozen=True)
class Told:
    """A sentence for people, from a worker."""

    sentence: str


@dataclass(frozen=True)
class Gone:
    """Says that a worker is no more, or has done all that it was to do."""

    how: str  # it died, such as `killed by SIGKILL`


# What comes of a worker: its facts once it is ready, then results; an exception where it cannot go on.
Message = Told | Facts | Written | Failed | BaseException | Gone


def as_sent(error: BaseException) -> BaseException:
    """What a worker raised, as it can be sent, with where that was."""
    where = "".join(traceback.format_exception(error))
    error.add_note(where)
    try:
        sent: BaseException = pickle.loads(pickle.dumps(error))
    except Exception:  # not all that libraries raise can be pickled, and made again
        return RuntimeError(where)
    return sent


class Hand(Protocol):
    """One worker, which tells its news to whom it was hired for."""

    def agree(self, tiling: Tiling | None) -> None:
        """Tell it in what windows large images go; before its first image."""

    def give(self, images: Sequence[PlannedImage]) -> None:
        """Let it segment images besides those that it has."""

    def finish(self) -> None:
        """Let it finish the images that it has begun, give back what it can, and be gone."""

    def end(self) -> None:
        """End it at once."""


Hire = Callable[[int, Callable[[Message], None]], Hand]  # of a place, and who is to hear of the worker
