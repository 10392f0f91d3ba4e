"""Files that torch wrote, read without running code in them."""

from __future__ import annotations

import re
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hypsegcli.checkpoint.format import Header, header_from_json
from hypsegcli.checkpoint.mistaken import mistaken
from hypsegcli.errors import CheckpointError, first_line
from hypsegcli.files.regular import open_regular
from hypsegcli.files.words import first_of

_SHOWN, _LETTERS = 4, 80  # names in a sentence, and letters of each


def read_plain(path: Path) -> Any:
    """What a .pt or .pth file holds, on the CPU; CheckpointError where it is damaged or more than plain weights."""
    try:
        with open_regular(path) as file:
            return torch.load(file, map_location="cpu", weights_only=True)
    except OSError as error:
        raise CheckpointError(
            f"{path}: cannot be read as plain weights ({error.strerror or first_line(error)}); check the file"
        ) from error
    # The unpickler lets almost any exception through when the bytes are damaged; torch's texts advise to run the file.
    except Exception as error:
        if (known := mistaken(path)) is not None:
            raise CheckpointError(f"{path}: {known}") from error
        found = re.search(r"GLOBAL ([\w.]+)", str(error))
        what = f"it holds more than tensors ({found[1]:.100})" if found else "it is damaged, or holds more than tensors"
        raise CheckpointError(
            f"{path}: cannot be read as plain weights: {what}; files that would run code when opened are refused; copy "
            "it again, or save the tensors alone, with torch.save(model.state_dict(), FILE)"
        ) from error


def read_state(path: Path) -> tuple[Header, dict[str, Tensor]]:
    """The header and the weights in a training run's state.pt; CheckpointError for any other file."""
    content = read_plain(path)
    if not isinstance(content, dict) or not isinstance(content.get("header"), str):
        keys = (
            first_of(list(map(str, islice(content, _SHOWN))), _SHOWN, letters=_LETTERS)
            if isinstance(content, dict)
            else type(content).__name__
        )
        raise CheckpointError(
            f"{path}: holds no hypseg header (found: {keys}), so its classes, curvature and normalisation are "
            "unknown; use a file that `hypseg train` wrote"
        )
    weights = content.get("model")
    if not isinstance(weights, dict) or not all(isinstance(tensor, Tensor) for tensor in weights.values()):
        raise CheckpointError(f"{path}: has a hypseg header but no weights under 'model'; it is not a run's state.pt")
    return header_from_json(content["header"], origin=path), weights
