"""Rows of a classifier, which belong to classes and inner nodes: those of names that both class lists have are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from torch import Tensor

from hypsegcli.files.words import as_text, count_of, first_of
from hypsegcli.hierarchy.alike import match_names

_NAMED, _LETTERS = 10, 40  # names in a sentence, letters of each


@dataclass(frozen=True)
class KeptRows:
    """Of the nodes that a classifier tells apart, those that it knew when the training began."""

    start: str  # what it began from
    kept: tuple[str, ...]  # names as ours
    new: tuple[str, ...]
    dropped: tuple[str, ...]  # names of theirs that have no place here

    def told(self) -> list[str]:
        """A sentence each on what is kept, new and left behind."""
        nodes = count_of(len(self.kept) + len(self.new), "row")
        if not self.kept:
            return [
                f"{self.start} knows none of these names: {_some(self.new)}; it knows {_some(self.dropped)}; all "
                f"{nodes} of the classifier begin anew",
                *self._renamed(),
            ]
        sentences = [
            f"kept of {self.start}, by name: {len(self.kept)} of {nodes} of the classifier ({_some(self.kept)})"
        ]
        if self.new:
            sentences.append(f"new to it, from chance: {_some(self.new)}")
        if self.dropped:
            sentences.append(f"not taken over, for nothing here is called so: {_some(self.dropped)}")
        return sentences + self._renamed()

    def _renamed(self) -> list[str]:
        """A sentence on names that may have been changed in between, in a labelling tool perhaps."""
        pairs = [(new, close[0]) for new in self.new if (close := get_close_matches(new, self.dropped, 1))]
        if not pairs and len(self.new) == len(self.dropped) == 1:
            pairs = [(self.new[0], self.dropped[0])]
        if not pairs:
            return []
        which = _some([f"{new} may be {old}" for new, old in pairs])
        return [f"{which} by another name: then give it the old one, or what was learned of it is lost"]


def carry_rows(
    head: Mapping[str, Tensor], known: Mapping[str, Tensor], ours: Sequence[str], theirs: Sequence[str], *, start: str
) -> tuple[dict[str, Tensor], KeptRows | None]:
    """The tensors of a `head` of our nodes, with the rows that `known`, the head of theirs, has for the same names.

    Tensors with a row a node, (M, ...), get these rows and keep their own for others; numbers of the whole head are
    taken as they are. No tensors where no name is known; where heads differ in more than their nodes, nothing at all.
    `start` is what theirs is called.
    """
    if any(name not in known or known[name].shape[1:] != tensor.shape[1:] for name, tensor in head.items()):
        return {}, None
    same = match_names(ours, theirs)
    carried: dict[str, Tensor] = {}
    for name, tensor in head.items() if same else ():
        carried[name] = tensor.clone() if tensor.ndim else known[name]
        if tensor.ndim:
            carried[name][list(same)] = known[name][list(same.values())].to(tensor.dtype)
    return carried, KeptRows(
        start,
        tuple(name for place, name in enumerate(ours) if place in same),
        tuple(name for place, name in enumerate(ours) if place not in same),
        tuple(name for place, name in enumerate(theirs) if place not in same.values()),
    )


def _some(names: Sequence[str]) -> str:
    return first_of([as_text(name) for name in names], _NAMED, letters=_LETTERS)
