"""From a checkpoint to files that answer as it does, or to a sentence that says why there are none."""

from __future__ import annotations

import contextlib
import json
import warnings
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version
from typing import NamedTuple

import torch

from hypsegcli.checkpoint.format import METADATA_KEY, header_to_json
from hypsegcli.checkpoint.store import Checkpoint
from hypsegcli.errors import UsageError, first_line, is_out_of_memory, setting
from hypsegcli.export.formats import FORMATS
from hypsegcli.export.graph import planes_of, trace, trace_ends
from hypsegcli.export.int8 import join
from hypsegcli.export.openvino_file import save
from hypsegcli.export.request import FormatName, Precision, Size
from hypsegcli.export.verify import Agreement, compare, pictures
from hypsegcli.inference.engines.tracing_lock import TORCH

EXPORT_KEY = "hypseg_export"  # beside METADATA_KEY, which holds the checkpoint's header


class Exported(NamedTuple):
    """What was made of a checkpoint, and how near it comes to it."""

    files: Mapping[str, bytes]  # by suffix, the one that names all of them first
    planes: tuple[str, ...]
    engine: str  # in which it was verified
    agreement: Agreement


def export(
    checkpoint: Checkpoint,
    name: FormatName,
    *,
    precision: Precision = "fp32",
    size: Size | None = None,
    tell: Callable[[str], None] = lambda sentence: None,
) -> Exported:
    """A checkpoint in a format, for images of any size or of one, and verified; `tell` hears of what takes long.

    In int8 it is the graph that the checkpoint holds, for OpenVINO. UsageError for a network that the format cannot
    express, or that answers otherwise in it.
    """
    if (model := checkpoint.header.model).is_imported:
        raise UsageError(f"{checkpoint.path}: {model.kind.title} cannot be exported, only networks of hypseg's own can")
    form, planes = FORMATS[name](), planes_of(checkpoint.header)
    metadata = metadata_of(checkpoint, size, precision=precision)
    try:
        tell("tracing the network, which takes some seconds")
        with TORCH.alone(), _without_warnings():
            if precision == "int8":
                files = save(join(checkpoint, trace_ends(checkpoint), size), planes, metadata)
            else:
                files = form.write(trace(checkpoint, size), planes, metadata)
        tell(f"comparing what it answers in {form.label}")
        with _without_warnings():
            agreement = compare(form.load(files), checkpoint, list(pictures(size)), precision=precision)
    except FloatingPointError as error:
        raise UsageError(f"{checkpoint.path}: cannot be exported; {error}") from error
    except Exception as error:  # anything may come out of somebody else's compiler
        if is_out_of_memory(error):
            raise
        other = f"; try {setting('sizes', 'HxW')}, of one size" if size is None else ""
        raise UsageError(f"{checkpoint.path}: cannot be exported to {name} ({first_line(error)}){other}") from error
    if not agreement.is_close:
        raise UsageError(
            f"{checkpoint.path}: answers otherwise in {form.label} than as a checkpoint: {in_words(agreement)}; "
            "nothing is written"
        )
    return Exported(files, planes, form.label, agreement)


def metadata_of(checkpoint: Checkpoint, size: Size | None, *, precision: Precision = "fp32") -> dict[str, str]:
    """What is written beside a graph: the header of the checkpoint as in its file, and what the export was."""
    header, planes = checkpoint.header, planes_of(checkpoint.header)
    # Nothing of what is not in the graph: int8, or a calibration of blends.
    kept = header.model_copy(
        update={
            "int8": header.int8 if precision == "int8" else None,
            "calibration": header.calibration if "calibrated" in planes else None,
        }
    )
    facts = {
        "checkpoint_sha256": checkpoint.sha256,
        "hypseg_version": version("hypseg"),
        "torch_version": str(torch.__version__),
        "planes": planes,
        "size": size,
        "precision": precision,
    }
    if checkpoint.source:
        facts["checkpoint_source"] = checkpoint.source
    return {METADATA_KEY: header_to_json(kept), EXPORT_KEY: json.dumps(facts)}


def in_words(agreement: Agreement) -> str:
    """How near a file comes to its checkpoint, for people."""
    words = f"{1e6 * agreement.labels:.3g} ppm of {agreement.pixels:,} labels differ"
    words += f", the distance by at most {agreement.distance:.1g}"
    if agreement.calibrated is not None:
        words += f", the probability of being right by {agreement.calibrated:.1g}"
    return words


@contextlib.contextmanager
def _without_warnings() -> Iterator[None]:
    """Exporters warn of their own ways to do things."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
