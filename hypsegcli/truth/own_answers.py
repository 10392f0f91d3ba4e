"""Masks that say of themselves that hypseg wrote them: what a network answered, where truth is expected."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hypsegcli.annotation.masks import AnnotatedMask
from hypsegcli.errors import ImageError, setting
from hypsegcli.images.metadata import read_metadata

_ANSWERS = ("labels", "prototypes")


def answers_as_masks(paths: Sequence[Path]) -> str | None:
    """What to say of masks all of which are label maps that hypseg wrote; None of others.

    People correct such maps, and editors that keep what a file says of itself are no reason to refuse them. Beyond the
    first that is none, no file is looked at.
    """
    if not paths or not all(map(is_answer, paths)):
        return None
    files = f"all {len(paths)} masks say" if len(paths) > 1 else f"the mask {paths[0]} says"
    return (
        f"{files} that hypseg wrote them as label maps: unless somebody corrected them, they are a network's answers, "
        "and to agree with them says nothing of being right; name masks that people drew, and label maps that are to "
        f"be scored with {setting('predictions')}"
    )


def is_answer(path: Path) -> bool:
    """Whether a mask says of itself that hypseg wrote it as a label map."""
    if isinstance(path, AnnotatedMask):
        return False
    try:
        own = read_metadata(path)
    except ImageError:  # such as MATLAB's
        return False
    return own is not None and own.kind in _ANSWERS
