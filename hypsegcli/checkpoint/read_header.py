"""Read a checkpoint's header without its weights; imports torch only for the .pt of a training run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from safetensors import SafetensorError, safe_open

from hypsegcli.checkpoint.format import METADATA_KEY, Header, header_from_json
from hypsegcli.checkpoint.mistaken import mistaken
from hypsegcli.errors import CheckpointError, first_line


def require_file(path: Path) -> None:
    """Raise CheckpointError where there is no such file."""
    if not path.is_file():
        raise CheckpointError(f"{path}: no such checkpoint file; give the path of a .safetensors file")


def is_torch_file(path: Path) -> bool:
    """Whether a checkpoint is read by torch, as its suffix tells, and not as safetensors."""
    return path.suffix in {".pt", ".pth"}


@contextmanager
def open_safetensors(path: Path, framework: Literal["np", "pt"]) -> Iterator[Any]:
    """A safetensors file, checked to be whole; CheckpointError otherwise."""
    try:
        with safe_open(path, framework=framework) as file:
            yield file
    # Shapes that no tensor can have are errors of torch's and numpy's own kinds.
    except (SafetensorError, OSError, TypeError, ValueError, OverflowError, RuntimeError) as error:
        what = mistaken(path) or f"not a whole safetensors file ({first_line(error):.300}); copy it again"
        raise CheckpointError(f"{path}: {what}") from error


def has_header(path: Path) -> bool:
    """Whether a safetensors file is a checkpoint of hypseg's; CheckpointError where it is damaged."""
    with open_safetensors(path, "np") as file:
        return METADATA_KEY in (file.metadata() or {})


def is_checkpoint(path: Path) -> bool:
    """Whether a file of weights is a checkpoint of hypseg's, by what it says or, torch's, by what it is called."""
    return has_header(path) if path.suffix == ".safetensors" else path.name == "state.pt"


def read_header(path: Path) -> Header:
    """The header of a checkpoint file; CheckpointError where there is none."""
    require_file(path)
    if is_torch_file(path):
        from hypsegcli.checkpoint.torch_file import read_state

        return read_state(path)[0]
    with open_safetensors(path, "np") as file:
        metadata = file.metadata() or {}
    if METADATA_KEY not in metadata:
        raise CheckpointError(
            f"{path}: a safetensors file without hypseg's header, so its classes, curvature and normalisation are "
            "unknown; use a file that `hypseg train` wrote"
        )
    return header_from_json(metadata[METADATA_KEY], origin=path)
