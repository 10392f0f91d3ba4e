"""The checkpoints that come with hypseg."""

from __future__ import annotations

import os
from pathlib import Path

from hypsegcli.errors import CheckpointError, setting

NAME = "camvid-resnet18.safetensors"
DISK = "camvid-disk.safetensors"  # two-dimensional


def checkpoint_path(given: str | os.PathLike[str] | None, *, bundled: str = NAME) -> Path:
    """The file of a checkpoint that was named, by its path or by the name of a bundled one; without one, `bundled`.

    A file of that name comes before a bundled checkpoint.
    """
    if given is None:
        return bundled_checkpoint(bundled)
    path = Path(given)
    file = f"{given}.safetensors"
    return bundled_checkpoint(file) if file in {NAME, DISK} and not path.exists() else path


def bundled_checkpoint(name: str = NAME) -> Path:
    """Its file: inside the installed package, or in `weights/` beside it in a source checkout."""
    package = Path(__file__).parents[1]
    for folder in (package / "weights", package.parent / "weights"):
        if (folder / name).is_file():
            return folder / name
    raise CheckpointError(
        f"the bundled checkpoint {name} is missing from this installation; pass {setting('checkpoint', 'FILE')}"
    )
