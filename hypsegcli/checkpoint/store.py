"""Load and save checkpoints: checked before use, written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor

from hypsegcli.checkpoint.format import METADATA_KEY, Header, header_to_json
from hypsegcli.checkpoint.int8 import take_int8
from hypsegcli.checkpoint.read_header import is_torch_file, open_safetensors, read_header, require_file
from hypsegcli.checkpoint.torch_file import read_state
from hypsegcli.errors import CheckpointError, PlanError, UsageError, first_line, setting
from hypsegcli.files.atomic import replacing
from hypsegcli.files.digest import Digest, digest_file, digest_stream
from hypsegcli.files.regular import ChangedFileError, unchanging
from hypsegcli.files.threads import beside
from hypsegcli.files.words import first_of
from hypsegcli.geometry.poincare import EDGE
from hypsegcli.network.model import Network, build_model

MOST_TENSORS = 20_000  # of a file; a ResNet-101 has 700
_FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)  # torch hardly computes with those of 8 bits
_LETTERS = 80  # of a tensor's name in a sentence


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A model ready to run, and what is known about it: all of the same bytes, whatever becomes of the file."""

    path: Path
    sha256: str  # of the file
    header: Header
    model: Network  # on the CPU, float32, in evaluation mode
    stored: Mapping[str, torch.dtype]  # in which the file holds each tensor
    int8: Mapping[str, Tensor]  # what OpenVINO runs in int8: bytes by `int8.GRAPH.xml` and `.bin`; empty if not there
    source: str = ""  # where the file was fetched from, as an address that names it for good; empty where it was here

    @property
    def origin(self) -> str:
        """What tells others which file it is: the address that it was fetched from, or its path."""
        return self.source or str(self.path)


def save_checkpoint(
    path: Path, header: Header, state: Mapping[str, Tensor], *, half: bool = False, replace: bool = True
) -> None:
    """Write a .safetensors file; with `half` of what `halve_kernels` makes of the state.

    Without `replace` PlanError where there is a file by then.
    """
    kept = halve_kernels(state) if half else state
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in kept.items()}
    with replacing(path, replace=replace) as file:
        file.write(save(tensors, metadata={METADATA_KEY: header_to_json(header)}))


def halve_kernels(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A state whose convolution kernels are float16; everything else stays float32.

    Batch-norm statistics and the head are kept whole: their range, and the geometry, do not survive rounding.
    """
    return {
        name: tensor.half() if tensor.ndim == 4 and not name.startswith("head.") else tensor
        for name, tensor in state.items()
    }


def copy_checkpoint(loaded: Checkpoint, target: Path, header: Header, *, over: Digest | None = None) -> None:
    """Write what was loaded with another header of the same network; its weights stay what they are, bit for bit.

    What OpenVINO runs in int8 is written where the header tells of it.

    All but those of float64, which a network does not hold: they keep the precision of float32. PlanError where there
    is a file at `target`, unless it is still the one that `over` was taken of.
    """
    state = loaded.model.state_dict()
    tensors = {name: state[name].detach().cpu().to(dtype).contiguous() for name, dtype in loaded.stored.items()}
    tensors |= loaded.int8 if header.int8 else {}
    data = save(tensors, metadata={METADATA_KEY: header_to_json(header)})
    with replacing(target, replace=over is not None) as file:
        file.write(data)
        # Last: what came to lie there while something was worked out is another's, such as a training's new best.
        if over is not None and os.path.lexists(target) and digest_file(target) != over:
            raise PlanError(
                f"{target}: was replaced or written by something else meanwhile, and stays; choose another "
                f"{setting('out')}, or run the command again"
            )


def load_checkpoint(path: Path, *, header: Header | None = None, source: str = "") -> Checkpoint:
    """Read a checkpoint: .safetensors, or a .pt that `hypseg train` left in its run folder.

    `header` is what was read of it before, where something was decided by it; `source` the address that it was fetched
    from, if it was. Raises CheckpointError with a sentence
    that names the file, what was found and what to do; also for a file that changes while it is read, or has another
    header by now.
    """
    require_file(path)
    try:
        with unchanging(path) as file:
            found, state = beside(partial(read_state if is_torch_file(path) else _read_safetensors, path))
            int8 = take_int8(path, found, state)
            model = _build_shapes(path, found)
            check_state(path, found, state, model)
            # Copies: the file's own bytes, which state maps into memory, may be written over while the network runs.
            int8 = {name: tensor.clone() for name, tensor in int8.items()}
            tensors = {name: state[name].to(like.dtype, copy=True) for name, like in model.state_dict().items()}
            sha256 = digest_stream(file).sha256
    except ChangedFileError as error:
        raise _changed(path) from error
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror}); look at its permissions") from error
    # As text: a score may be NaN, which is not itself.
    if header is not None and header_to_json(header) != header_to_json(found):
        raise _changed(path)
    model.load_state_dict(tensors, assign=True)
    if any(buffer.is_meta for buffer in model.buffers()):
        # Constants that no file holds, such as Swin's tables of positions: they are worked out where there is memory.
        model = build_model(found.model)
        model.load_state_dict(tensors)
    stored = {name: tensor.dtype for name, tensor in state.items()}
    return Checkpoint(path, sha256, found, model.eval(), stored, int8, source)


def _changed(path: Path) -> CheckpointError:
    return CheckpointError(
        f"{path}: was replaced or written while it was read; run the command again once that is done, or give it a "
        "copy that nothing writes"
    )


def _read_safetensors(path: Path) -> tuple[Header, dict[str, Tensor]]:
    return read_header(path), read_tensors(path)


def read_tensors(path: Path) -> dict[str, Tensor]:
    """What a safetensors file holds, on the CPU; CheckpointError where it is damaged."""
    with open_safetensors(path, "pt") as file:
        names = file.keys()
        if len(names) > MOST_TENSORS:
            raise CheckpointError(f"{path}: {len(names):,} tensors; a network of {MOST_TENSORS:,} or more is not read")
        return {name: file.get_tensor(name) for name in names}


def _build_shapes(path: Path, header: Header) -> Network:
    """Build the network without memory for its tensors: a header may ask for any size, and lie."""
    try:
        with torch.device("meta"):
            return build_model(header.model)
    except UsageError as error:  # a backbone that cannot be had here
        raise CheckpointError(f"{path}: {error.message}") from error
    except ValueError as error:  # features that are no embedding of that size
        raise CheckpointError(f"{path}: {first_line(error)}") from error
    except (RuntimeError, TypeError, OverflowError) as error:
        size = header.model.embedding_size
        raise CheckpointError(f"{path}: no network can be built with an embedding of {size} dimensions") from error


def check_state(path: Path, header: Header, state: Mapping[str, Tensor], model: Network | None = None) -> None:
    """Raise CheckpointError where a state is not one of the header's network, or holds what none can run on."""
    model = _build_shapes(path, header) if model is None else model
    expected = model.state_dict()
    missing, unexpected = sorted(set(expected) - set(state)), sorted(map(str, set(state) - set(expected)))
    if missing or unexpected:
        raise CheckpointError(
            f"{path}: its tensors are not those of a {header.model.backbone} with a {header.model.head} head: "
            f"{len(missing)} missing{_some(missing)}, {len(unexpected)} unexpected{_some(unexpected)}"
        )
    for name, like in expected.items():
        if state[name].shape != like.shape:
            raise CheckpointError(
                f"{path}: the tensor {name} has shape {_shape(state[name])}, its header asks for {tuple(like.shape)}"
            )
        # In what torch writes, a view may repeat one number a billion times.
        if state[name].is_sparse or state[name].untyped_storage().nbytes() < state[name].nbytes:
            raise CheckpointError(f"{path}: the tensor {name} claims more numbers than the file holds")
        few = state[name].is_floating_point() and state[name].dtype not in _FLOATS
        if few or _kind(state[name]) != _kind(like):
            raise CheckpointError(
                f"{path}: the tensor {name} holds {state[name].dtype}, expected {like.dtype}; write it again from the "
                "network that was trained"
            )
        # As the network will hold it: a float64 may be too large for a float32.
        if not torch.isfinite(state[name].to(like.dtype)).all():
            raise CheckpointError(f"{path}: the tensor {name} holds NaN or infinity; training must have diverged")
        if name.endswith("running_var") and (state[name] < 0).any():
            raise CheckpointError(
                f"{path}: the tensor {name} holds variances below 0, whose root is no number; copy the file again, or "
                "write it again from the network that was trained"
            )
    offsets = state.get("head.offsets")
    if offsets is not None:
        norm = float(offsets.float().norm(dim=1).max()) * header.model.curvature**0.5
        if norm > 1.0 - EDGE + 1e-6:  # a point that was projected in float32 lies on the limit but for rounding
            raise CheckpointError(
                f"{path}: an offset lies at {norm:.4f} of the ball's radius, outside the 1 - {EDGE:g} that its "
                f"logits are defined for; the curvature in the header ({header.model.curvature:g}) may be wrong"
            )


def _some(names: list[str]) -> str:
    return f" ({first_of(names, 3, letters=_LETTERS)})" if names else ""


def _kind(tensor: Tensor) -> tuple[bool, bool]:
    return tensor.is_floating_point(), tensor.is_complex()


def _shape(tensor: Tensor) -> str:
    return f"{tuple(tensor.shape)!s:.80}"
