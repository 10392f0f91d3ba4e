"""Read a file of another project's without running anything in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypsegcli.checkpoint.converters.safe_globals import plain_rebuilders
from hypsegcli.checkpoint.converters.source import SETTINGS, Source, unwrap
from hypsegcli.checkpoint.converters.tensorflow_bundle import find_index, read_bundle
from hypsegcli.checkpoint.read_header import has_header
from hypsegcli.checkpoint.store import read_tensors
from hypsegcli.checkpoint.torch_file import read_plain
from hypsegcli.errors import CheckpointError, UsageError
from hypsegcli.files.text import UnreadableTextError, read_text

_PRETRAINED = "model.safetensors"  # in the folder that a `save_pretrained` writes


def read_source(path: Path) -> Source:
    """What a checkpoint of torch's, of TensorFlow's or of safetensors holds, and what `config.json` beside that says.

    Raises CheckpointError for what is missing, damaged or more than plain weights, UsageError for a checkpoint that is
    hypseg's already.
    """
    if (index := find_index(path)) is not None:
        return Source(index, read_bundle(index))
    if path.is_dir():
        path = path / _PRETRAINED
    if not path.is_file():
        raise CheckpointError(
            f"{path}: no such file; expected a .pth, .pt, .ckpt or .safetensors, the folder of a {_PRETRAINED}, or one "
            "of TensorFlow's by its .index, its name without that, or its folder"
        )
    if path.suffix == ".safetensors":
        if has_header(path):
            raise UsageError(f"{path}: is a checkpoint of hypseg's already; it needs no converting")
        return Source(path, unwrap(read_tensors(path)).tensors, _settings_beside(path))
    with plain_rebuilders():
        content = read_plain(path)
    tensors, facts, notes = unwrap(content)
    if not tensors:
        raise CheckpointError(
            f"{path}: holds no weights by name; save the tensors, with torch.save(model.state_dict())"
        )
    return Source(path, tensors, facts, notes)


def _settings_beside(path: Path) -> dict[str, Any]:
    """What stands in the file of settings in the same folder, under its name; nothing where there is none."""
    beside = path.parent / SETTINGS
    if not beside.exists():
        return {}
    try:
        return {SETTINGS: json.loads(read_text(beside))}
    except (UnreadableTextError, ValueError, RecursionError) as error:
        raise CheckpointError(
            f"{beside}: cannot be read as the settings of {path.name} ({error!s:.100}); copy it again, or put "
            f"{path.name} into a folder of its own"
        ) from error
