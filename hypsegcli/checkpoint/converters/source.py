"""Source: what a file of another project holds, its tensors under the names that they have there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from hypsegcli.errors import CheckpointError
from hypsegcli.files.words import count_of, first_of

SETTINGS = "config.json"  # that a hub wants beside the weights; in `Source.facts` under this name
# Where training tools put the weights beside an optimizer's state, and a counter or two.
_CONTAINERS = ("state_dict", "model_state_dict", "model_state", "model", "net", "network", "teacher")
_WRAPPERS = ("module.", "_orig_mod.", "model.", "net.", "network.")  # torch's, and what people call their network
_FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
_NAMED = 3


@dataclass(frozen=True, eq=False)
class Source:
    """The tensors of a file, and what else stands beside them that is plain: numbers, texts, lists of these."""

    path: Path
    tensors: Mapping[str, Tensor]
    facts: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()  # sentences on which of its tensors these are

    def take(self, names: Mapping[str, str], *, unused: Callable[[str], bool]) -> dict[str, Tensor]:
        """The tensors by `names`, ours to theirs, float32 where they are float; batch norms' counters are ours.

        CheckpointError where one is missing, or where others are left that are not `unused`.
        """
        wanted = {ours: theirs for ours, theirs in names.items() if not ours.endswith("num_batches_tracked")}
        if missing := sorted(theirs for theirs in wanted.values() if theirs not in self.tensors):
            raise CheckpointError(
                f"{self.path}: {count_of(len(missing), 'tensor')} missing, {first_of(missing, _NAMED)}"
            )
        known = {*names.values()}
        if left := sorted(name for name in self.tensors if name not in known and not unused(name)):
            what = f"{count_of(len(left), 'tensor')} that this network has no place for, {first_of(left, _NAMED)}"
            raise CheckpointError(f"{self.path}: holds {what}")
        for name in wanted.values():
            tensor = self.tensors[name]
            if tensor.is_sparse or not (tensor.is_floating_point() and tensor.dtype in _FLOATS):
                raise CheckpointError(f"{self.path}: the tensor {name} holds {tensor.dtype}, expected plain float32")
            if tensor.untyped_storage().nbytes() < tensor.nbytes:
                raise CheckpointError(f"{self.path}: the tensor {name} claims more numbers than the file holds")
        taken = {ours: as_float32(self.tensors[theirs]) for ours, theirs in wanted.items()}
        counters = {ours: torch.tensor(0) for ours in names if ours not in wanted}
        return taken | counters


def as_float32(tensor: Tensor) -> Tensor:
    """The same in float32, in memory of its own."""
    return tensor.detach().to(torch.float32, copy=True) if tensor.is_floating_point() else tensor.detach().clone()


class Unwrapped(NamedTuple):
    """The weights in what torch reads."""

    tensors: dict[str, Tensor]  # by name; none where it holds no weights
    facts: dict[str, Any]  # what stands beside them
    notes: tuple[str, ...]  # a sentence where weights of the same names stand elsewhere too


def unwrap(content: Any) -> Unwrapped:
    """The weights that training tools put into a container, by the names that the network gives them."""
    tensors, facts, place = _descend(content)
    others = [name for name, value in facts.items() if tensors.keys() & _descend(value)[0].keys()]
    if not others:
        return Unwrapped(tensors, facts, ())
    note = f"holds weights of these names more than once: those under {place} are taken, not {first_of(others, _NAMED)}"
    return Unwrapped(tensors, facts, (note,))


def _descend(content: Any) -> tuple[dict[str, Tensor], dict[str, Any], str]:
    """Tensors by name, what stands beside them and the name of the container that they are in."""
    facts: dict[str, Any] = {}
    place = ""
    while isinstance(content, Mapping) and not _are_weights(content):
        inner = next((name for name in _CONTAINERS if isinstance(content.get(name), Mapping)), None)
        if inner is None:
            return {}, facts, place
        facts |= {str(name): value for name, value in content.items() if name != inner}
        content, place = content[inner], inner
    if not isinstance(content, Mapping):
        return {}, facts, place
    tensors = dict(content)
    while prefix := next((one for one in _WRAPPERS if tensors and all(key.startswith(one) for key in tensors)), None):
        tensors = {key.removeprefix(prefix): value for key, value in tensors.items()}
    return tensors, facts, place


def _are_weights(content: Mapping[Any, Any]) -> bool:
    return bool(content) and all(isinstance(key, str) and isinstance(value, Tensor) for key, value in content.items())
