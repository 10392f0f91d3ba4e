"""What became of an image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hypsegcli.errors import Code
from hypsegcli.files.digest import Digest
from hypsegcli.run.plan import PlannedImage


@dataclass(frozen=True)
class Written:
    """An image whose outputs are all on disk."""

    planned: PlannedImage
    source: Digest  # of the bytes that were decoded
    files: Mapping[str, Digest]  # of the outputs, by kind
    height: int
    width: int
    seconds: Mapping[str, float]  # of decode, network, reduce, encode, write; or of stream, all of them by turns
    summary: Mapping[str, float]
    notes: tuple[str, ...]  # what was changed in decoding, shrunk for the network, or done for want of memory
    time: float | None = None  # of a frame of a video, in seconds from its beginning
    worth: Mapping[str, Any] = field(default_factory=dict)  # what its line has of what in it is worth a look


@dataclass(frozen=True)
class Failed:
    """An image that was not done, the sentence that says why, and its kind."""

    planned: PlannedImage
    reason: str
    code: Code
    leaves_earlier: bool = False  # whether none of its files has been touched: those of an earlier run are whole still


FileResult = Written | Failed
