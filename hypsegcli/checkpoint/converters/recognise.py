"""Which format a file is of, and where in it the network is: tools put tensors of their own beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from torch import Tensor

from hypsegcli.checkpoint.converters import CONVERTERS
from hypsegcli.checkpoint.converters.converted import Converter
from hypsegcli.checkpoint.converters.source import Source
from hypsegcli.errors import CheckpointError
from hypsegcli.files.words import count_of, first_of

_LEVELS = 3  # of names, such as `net.model.`, below which a network is looked for
_NAMED = 3


def recognise(source: Source) -> str:
    """The format of a file; CheckpointError where it is none that is known, or holds several networks."""
    found = _places(source, CONVERTERS)
    if not found:
        seen = first_of(sorted(source.tensors), _NAMED)
        raise CheckpointError(
            f"{source.path}: of no format that is known ({', '.join(CONVERTERS)}); it holds "
            f"{count_of(len(source.tensors), 'tensor')}, {seen}"
        )
    return _only(source, found)[0]


def network_in(source: Source, format_name: str) -> Source:
    """The network of that format in a file, by its own names, with a note on the tensors that stand beside it.

    Its own names begin where those of a larger module end, such as `model.` of Lightning's. Raises CheckpointError
    where there is none, or several.
    """
    found = _places(source, {format_name: CONVERTERS[format_name]})
    if not found:
        raise CheckpointError(f"{source.path}: its tensors are not those of the format {format_name}")
    _, prefix, tensors = _only(source, found)
    left = sorted(name for name in source.tensors if not name.startswith(prefix))
    if not left:
        return replace(source, tensors=tensors)
    note = (
        f"{count_of(len(left), 'tensor')} beside the network, which is what is called {prefix}*, left out: "
        f"{first_of(left, _NAMED)}"
    )
    return replace(source, tensors=tensors, notes=(*source.notes, note))


_Place = tuple[str, str, Mapping[str, Tensor]]  # a format, what its names begin with, and the tensors without that


def _places(source: Source, converters: Mapping[str, Converter]) -> list[_Place]:
    """Where in a file networks of these formats are, as far out as there are any."""
    level: list[tuple[str, Mapping[str, Tensor]]] = [("", source.tensors)]
    for _ in range(_LEVELS):
        found = [
            (name, prefix, tensors)
            for prefix, tensors in level
            for name, converter in converters.items()
            if converter.recognises(replace(source, tensors=tensors))
        ]
        if found:
            return found
        level = [
            (f"{prefix}{first}.", inner) for prefix, tensors in level for first, inner in _by_first(tensors).items()
        ]
    return []


def _by_first(tensors: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    found: dict[str, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        first, dot, rest = name.partition(".")
        if dot:
            found.setdefault(first, {})[rest] = tensor
    return found


def _only(source: Source, found: list[_Place]) -> _Place:
    if len(found) > 1:
        where = first_of([f"{prefix}*" for _, prefix, _ in found], _NAMED)
        raise CheckpointError(
            f"{source.path}: holds {len(found)} networks, called {where}; save the tensors of one of them alone"
        )
    return found[0]
