"""The checkpoint that comes with hypseg."""

from __future__ import annotations

from pathlib import Path

import hypsegcli
from hypsegcli.errors import CheckpointError

NAME = "camvid-resnet18.safetensors"


def bundled_checkpoint() -> Path:
    """Its file: inside the installed package, or in `weights/` beside it in a source checkout."""
    package = Path(hypsegcli.__file__).parent
    for folder in (package / "weights", package.parent / "weights"):
        if (folder / NAME).is_file():
            return folder / NAME
    raise CheckpointError(f"the bundled checkpoint {NAME} is missing from this installation; pass --checkpoint FILE")
