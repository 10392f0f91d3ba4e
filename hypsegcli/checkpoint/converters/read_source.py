"""Read a file of another project's without running anything in it."""

from __future__ import annotations

from pathlib import Path

from hypsegcli.checkpoint.converters.safe_globals import plain_rebuilders
from hypsegcli.checkpoint.converters.source import Source, unwrap
from hypsegcli.checkpoint.converters.tensorflow_bundle import find_index, read_bundle
from hypsegcli.checkpoint.read_header import has_header
from hypsegcli.checkpoint.store import read_tensors
from hypsegcli.checkpoint.torch_file import read_plain
from hypsegcli.errors import CheckpointError, UsageError


def read_source(path: Path) -> Source:
    """What a checkpoint of torch's, of TensorFlow's or of safetensors holds.

    Raises CheckpointError for what is missing, damaged or more than plain weights, UsageError for a checkpoint that is
    hypseg's already.
    """
    if (index := find_index(path)) is not None:
        return Source(index, read_bundle(index))
    if not path.is_file():
        raise CheckpointError(
            f"{path}: no such file; expected a .pth, .pt, .ckpt or .safetensors, or one of TensorFlow's by its .index, "
            "its name without that, or its folder"
        )
    if path.suffix == ".safetensors":
        if has_header(path):
            raise UsageError(f"{path}: is a checkpoint of hypseg's already; it needs no converting")
        return Source(path, *unwrap(read_tensors(path)))
    with plain_rebuilders():
        content = read_plain(path)
    tensors, facts = unwrap(content)
    if not tensors:
        raise CheckpointError(
            f"{path}: holds no weights by name; save the tensors, with torch.save(model.state_dict())"
        )
    return Source(path, tensors, facts)
