"""Header: everything a user of a model must know beside its weights. Imports no torch, so `info` is instant.

A checkpoint is one .safetensors file; the header is JSON in its metadata under the key `hypseg`.
"""

from __future__ import annotations

import json
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from hypsegcli.confidence.calibration import Calibration
from hypsegcli.errors import CheckpointError
from hypsegcli.hierarchy.tree import ClassTree
from hypsegcli.network.config import ModelConfig

SCHEMA_VERSION: Literal[1] = 1
METADATA_KEY = "hypseg"

Channel = Annotated[int, Field(ge=0, le=255)]
Color = tuple[Channel, Channel, Channel]


class _Record(BaseModel):
    # A score may be NaN (a class that no image shows); as JSON's null it could not be read back.
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")


class InputSpec(_Record):
    """How an 8-bit RGB image becomes the network's input: `(rgb * pixel_range / 255 - mean) / std`."""

    model_config = ConfigDict(allow_inf_nan=False)

    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]] = (
        0.229,
        0.224,
        0.225,
    )
    pixel_range: Literal[1, 255] = 1
    height: int = Field(gt=0)  # typical size of the training images, in pixels; any size is accepted
    width: int = Field(gt=0)
    # Pixels; longer images are shrunk to it on their way in. None where they go in as they are, since a larger picture
    # shows more of the world and not the same larger: microscopy, aerial pictures.
    longest_side: int | None = Field(default_factory=lambda known: max(known["height"], known["width"]), ge=16)


class Provenance(_Record):
    """Where a model comes from."""

    trained_on: str
    validated_on: str = ""  # what the scores were measured on
    scores: dict[str, float] = {}
    licence: str
    initialised_from: str = "random weights"
    recipe: dict[str, str | int | float | bool | list[str] | None] = {}
    hypseg_version: str
    torch_version: str


class Header(_Record):
    """The complete description of a checkpoint."""

    schema_version: Literal[1] = 1
    model: ModelConfig
    input: InputSpec
    tree: ClassTree
    colors: tuple[Color, ...]  # (K,) RGB
    ignore_index: int = Field(ge=0)  # the label value that masks use for "not labelled"
    background: int | None = Field(default=None, ge=0)  # the class that is the rest of the world, if one is
    provenance: Provenance
    calibration: Calibration | None = None

    @model_validator(mode="after")
    def _fits(self) -> Header:
        if self.tree.classes < 2:
            raise ValueError("one class leaves nothing to tell apart; a checkpoint has at least two")
        flat = self.model.softmax == "flat"
        wanted = self.tree.classes if flat else self.tree.nodes
        if self.model.nodes != wanted:
            kind = "classes" if flat else "nodes"
            raise ValueError(f"the head has {self.model.nodes} outputs, but the class tree has {wanted} {kind}")
        if len(self.colors) != self.tree.classes:
            raise ValueError(f"{len(self.colors)} colours for {self.tree.classes} classes")
        if self.background is not None and self.background >= self.tree.classes:
            last = self.tree.classes - 1
            raise ValueError(f"the background is said to be class {self.background}, but classes are 0 to {last}")
        return self


def header_to_json(header: Header) -> str:
    """The header as it stands in a file's metadata."""
    return header.model_dump_json()


def header_from_json(text: str, *, origin: object) -> Header:
    """Read a header; `origin` is the file it came from, for the sentence that says what is wrong with it.

    Raises CheckpointError for another schema version, missing or unknown fields, or fields that contradict.
    """
    try:
        version = json.loads(text)["schema_version"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise CheckpointError(f"{origin}: its header is not that of a hypseg checkpoint ({error!s:.100})") from error
    if version != SCHEMA_VERSION:
        raise CheckpointError(
            f"{origin}: written with schema version {version}, this hypseg reads version {SCHEMA_VERSION}; "
            "install the hypseg it was made with, or export it again"
        )
    try:
        return Header.model_validate_json(text)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, e['loc'])) or 'header':.100}: {e['msg'].removeprefix('Value error, '):.300}"
            for e in error.errors()[:5]
        )
        raise CheckpointError(f"{origin}: its header contradicts itself or is incomplete: {problems}") from error
