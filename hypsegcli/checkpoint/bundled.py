"""The checkpoints that come with hypseg."""

from __future__ import annotations

from pathlib import Path

import hypsegcli
from hypsegcli.errors import CheckpointError, setting

NAME = "camvid-resnet18.safetensors"
DISK = "camvid-disk.safetensors"  # two-dimensional


def checkpoint_path(given: Path | None, *, bundled: str = NAME) -> Path:
    """The checkpoint that was named, else a bundled one."""
    return given or bundled_checkpoint(bundled)


def bundled_checkpoint(name: str = NAME) -> Path:
    """Its file: inside the installed package, or in `weights/` beside it in a source checkout."""
    package = Path(hypsegcli.__file__).parent
    for folder in (package / "weights", package.parent / "weights"):
        if (folder / name).is_file():
            return folder / name
    raise CheckpointError(
        f"the bundled checkpoint {name} is missing from this installation; pass {setting('checkpoint', 'FILE')}"
    )
