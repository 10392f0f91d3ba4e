"""What a checkpoint keeps of the images that it was made with: enough to know them again, too little to see them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

# Of the SHA-256 of an image's file the first 8 bytes, in hex; two of a million images share theirs once in 40 million.
Mark = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
MOST_MARKS = 20_000  # of one kind, of which a header holds 400 kB

_DIGITS = 16


def image_mark(sha256: str) -> str:
    """The mark of an image, from the hex SHA-256 of its file, or the first 16 digits of it at least."""
    return sha256[:_DIGITS]


def kept_marks(marks: Iterable[str]) -> tuple[str, ...]:
    """Those that a checkpoint keeps: each once, and of more than 20,000 the smallest."""
    return tuple(sorted(set(marks))[:MOST_MARKS])
