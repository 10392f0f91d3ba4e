"""From a file of another project's to a header and a state of ours, checked by building the network."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import NamedTuple

import torch
from pydantic import ValidationError
from torch import Tensor

from hypsegcli.checkpoint.converters import CONVERTERS
from hypsegcli.checkpoint.converters.converted import Converted, Converter, Told
from hypsegcli.checkpoint.converters.source import Source
from hypsegcli.checkpoint.format import Header, InputSpec, Provenance
from hypsegcli.checkpoint.store import check_state
from hypsegcli.errors import CheckpointError, HypsegError, UsageError, first_line, setting
from hypsegcli.files.words import as_text, count_of, first_of
from hypsegcli.hierarchy.tree import ClassTree, flat_tree
from hypsegcli.network.config import KINDS, ModelConfig
from hypsegcli.pictures.palette import spread_colors

_NAMED = 3


class Facts(NamedTuple):
    """What is known of a model beside its weights, for its header."""

    ignore_index: int
    size: tuple[int, int]  # (W, H) of its training images
    trained_on: str
    licence: str


class Assembled(NamedTuple):
    """A checkpoint that can be saved."""

    format: str
    header: Header
    state: Mapping[str, Tensor]
    notes: tuple[str, ...]


def recognise(source: Source) -> str:
    """The format of a file; CheckpointError where it is none that is known."""
    found = [name for name, converter in CONVERTERS.items() if converter.recognises(source)]
    if len(found) != 1:
        seen = first_of(sorted(source.tensors), _NAMED)
        raise CheckpointError(
            f"{source.path}: of no format that is known ({', '.join(CONVERTERS)}); it holds "
            f"{count_of(len(source.tensors), 'tensor')}, {seen}"
        )
    return found[0]


def assemble(source: Source, told: Told, facts: Facts, *, format_name: str) -> Assembled:
    """Convert a file; `format_name` is one of CONVERTERS.

    Raises UsageError for what must be told and was not, or contradicts the file, CheckpointError for what is no file of
    that format.
    """
    converter = CONVERTERS[format_name]
    if not converter.recognises(source):
        raise CheckpointError(f"{source.path}: its tensors are not those of the format {format_name}")
    found = _convert(converter, source, told)
    _refuse_contradictions(source, told, found)
    tree = _tree(source, told, found)
    hierarchical = found.outputs == tree.nodes and not tree.is_flat
    softmax = found.config.get("softmax", "hierarchical") if hierarchical else "flat"
    try:
        model = ModelConfig.model_validate({**found.config, "nodes": found.outputs, "softmax": softmax})
        header = Header(
            model=model,
            input=InputSpec(
                **found.input._asdict(),
                width=facts.size[0],
                height=facts.size[1],
                longest_side=None,  # other projects' networks take any size, whatever larger images show
                field_of_view=None,
            ),
            tree=tree,
            colors=spread_colors(tree.classes),
            ignore_index=facts.ignore_index,
            provenance=Provenance(
                trained_on=as_text(facts.trained_on),
                licence=as_text(facts.licence),
                initialised_from=as_text(f"{KINDS[model.network].title}, {source.path.name}"),
                hypseg_version=version("hypseg"),
                torch_version=torch.__version__,
            ),
        )
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, problem["loc"]))
        raise CheckpointError(f"{source.path}: {where}: {problem['msg'].removeprefix('Value error, ')}") from error
    check_state(source.path, header, found.state)
    return Assembled(format_name, header, found.state, found.notes)


def _convert(converter: Converter, source: Source, told: Told) -> Converted:
    """What a converter makes of a file; CheckpointError where shapes or numbers in it are none that it can be of."""
    try:
        return converter.convert(source, told)
    except HypsegError:
        raise
    except (ValueError, TypeError, IndexError, KeyError, RuntimeError, NotImplementedError) as error:
        raise CheckpointError(
            f"{source.path}: what it holds is not of this format's shapes, or out of bounds ({first_line(error):.200})"
        ) from error


def _refuse_contradictions(source: Source, told: Told, found: Converted) -> None:
    """Raise UsageError for what was told and does not count, since the file or its project says otherwise."""
    if told.tasks is not None and found.tree is None:
        raise UsageError(f"{source.path}: {setting('tasks')} is for files of TOPICS; leave it out")
    facts = {**found.config, "mean": found.input.mean, "std": found.input.std}
    for name in ("curvature", "output_stride", "rates", "mean", "std"):
        said, known = getattr(told, name), facts.get(name)
        if said is not None and said != known:
            shown = ",".join(map(str, said)) if isinstance(said, tuple) else said
            why = "this format has none to choose" if known is None else f"by the file, or its project, it is {known}"
            raise UsageError(f"{source.path}: {setting(name, shown)} does not count: {why}; leave it out")


def _tree(source: Source, told: Told, found: Converted) -> ClassTree:
    tree = found.tree or told.tree or (flat_tree(found.names) if found.names else None)
    what = f"{source.path}: has {found.outputs} outputs"
    if tree is None:
        raise UsageError(
            f"{what} and no names for them; name a data set with {setting('preset')}, or a class list with "
            f"{setting('classes')}"
        )
    if found.outputs not in {tree.classes, tree.nodes}:
        nodes = "" if tree.is_flat else f", or {tree.nodes} of the class tree"
        raise UsageError(f"{what}, not the {tree.classes} of the class list{nodes}; name another")
    return tree
