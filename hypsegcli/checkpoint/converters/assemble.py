"""From a file of another project's to a header and a state of ours, checked by building the network."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, NamedTuple

import torch
from pydantic import ValidationError
from torch import Tensor

from hypsegcli.checkpoint.converters import CONVERTERS
from hypsegcli.checkpoint.converters.converted import Converted, Converter, Told
from hypsegcli.checkpoint.converters.recognise import network_in
from hypsegcli.checkpoint.converters.source import Source
from hypsegcli.checkpoint.format import Header, InputSpec, Provenance
from hypsegcli.checkpoint.store import check_state
from hypsegcli.errors import CheckpointError, HypsegError, TreeError, UsageError, first_line, setting
from hypsegcli.files.words import as_text
from hypsegcli.hierarchy.tree import ClassTree, background_of, flat_tree
from hypsegcli.network.config import KINDS, ModelConfig
from hypsegcli.pictures.palette import spread_colors

_IGNORE_INDEX = 255  # where neither the file nor anybody says another


class Facts(NamedTuple):
    """What is told of a model beside its weights, for its header; None where nobody did."""

    ignore_index: int | None
    size: tuple[int, int] | None  # (W, H) of its training images
    trained_on: str
    licence: str


class Assembled(NamedTuple):
    """A checkpoint that can be saved."""

    format: str
    header: Header
    state: Mapping[str, Tensor]
    notes: tuple[str, ...]
    names: tuple[str, ...]  # of the classes, as the file has them; none where it has none


def assemble(source: Source, told: Told, facts: Facts, *, format_name: str) -> Assembled:
    """Convert a file; `format_name` is one of CONVERTERS.

    Raises UsageError for what must be told and was not, or contradicts the file, CheckpointError for what is no file of
    that format.
    """
    source = network_in(source, format_name)
    found = _convert(CONVERTERS[format_name], source, told)
    _refuse_contradictions(source, told, found, facts)
    tree = _tree(source, told, found)
    hierarchical = found.outputs == tree.nodes and not tree.is_flat
    softmax = found.config.get("softmax", "hierarchical") if hierarchical else "flat"
    try:
        model = ModelConfig.model_validate({**found.config, "nodes": found.outputs, "softmax": softmax})
        width, height = facts.size or (None, None)
        background = background_of(tree)
        header = Header(
            model=model,
            input=InputSpec(
                **found.input._asdict(),
                width=width,
                height=height,
                longest_side=None,  # other projects' networks take any size, whatever larger images show
                field_of_view=None,
            ),
            tree=tree,
            colors=spread_colors(tree.classes, background=background),
            ignore_index=next(
                each for each in (found.ignore_index, facts.ignore_index, _IGNORE_INDEX) if each is not None
            ),
            background=background,
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
    return Assembled(format_name, header, found.state, (*source.notes, *found.notes), found.names)


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


def _refuse_contradictions(source: Source, told: Told, found: Converted, facts: Facts) -> None:
    """Raise UsageError for what was told and does not count, since the file or its project says otherwise."""
    if told.tasks is not None and found.tree is None:
        raise UsageError(f"{source.path}: {setting('tasks')} is for files of TOPICS; leave it out")
    wanted: dict[str, Any] = {
        name: getattr(told, name) for name in ("curvature", "output_stride", "rates", "mean", "std")
    }
    known: dict[str, Any] = {**found.config, "mean": found.input.mean, "std": found.input.std}
    if found.ignore_index is not None:
        wanted["ignore_index"], known["ignore_index"] = facts.ignore_index, found.ignore_index
    for name, value in wanted.items():
        if value is not None and value != known.get(name):
            why = "this format has none to choose"
            if name in known:
                why = f"by the file, its folder or its project it is {_shown(known[name])}"
            raise UsageError(f"{source.path}: {setting(name, _shown(value))} does not count: {why}; leave it out")


def _shown(value: Any) -> str:
    return ",".join(f"{each:g}" for each in value) if isinstance(value, tuple) else f"{value}"


def _tree(source: Source, told: Told, found: Converted) -> ClassTree:
    tree = found.tree or told.tree or (_named(source, found.names) if found.names else None)
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


def _named(source: Source, names: tuple[str, ...]) -> ClassTree:
    try:
        return flat_tree(names)
    except TreeError as error:
        raise CheckpointError(
            f"{source.path}: the names of the classes in it make no class list ({error.message}); name one with "
            f"{setting('classes')}"
        ) from error
