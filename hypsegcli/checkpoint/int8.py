"""What a checkpoint holds of its network in int8: files of OpenVINO's, as bytes beside the weights."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from hypsegcli.checkpoint.format import Header
from hypsegcli.errors import CheckpointError
from hypsegcli.files.words import first_of

# Of images that go in whole, of windows with the mean over their image's features, and of these features; the first one
# alone, where a network takes no mean.
INT8_GRAPHS = ("embedding", "embedding_of_windows", "features")
_MOST_XML = 2**25  # bytes; that of an EfficientNet has half a million


def take_int8(path: Path, header: Header, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Take these files out of all tensors that a checkpoint holds, by name; none where its header tells of none.

    Raises CheckpointError where one is missing, or cannot be a file.
    """
    if header.int8 is None:
        return {}
    graphs = INT8_GRAPHS if header.model.takes_mean else INT8_GRAPHS[:1]
    files = tuple(f"int8.{graph}.{kind}" for graph in graphs for kind in ("xml", "bin"))
    found = {name: state.pop(name) for name in files if name in state}
    if missing := sorted(set(files) - set(found)):
        raise CheckpointError(
            f"{path}: its header tells of int8, but it lacks {first_of(missing, 3)}; quantise the checkpoint again"
        )
    for name, tensor in found.items():
        most = _MOST_XML if name.endswith("xml") else 2 * path.stat().st_size
        if tensor.dtype != torch.uint8 or tensor.ndim != 1 or not 0 < tensor.numel() <= most:
            raise CheckpointError(f"{path}: the tensor {name} is no file of OpenVINO's; quantise the checkpoint again")
    return found
