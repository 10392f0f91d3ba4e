"""Header: everything a user of a model must know beside its weights. Imports no torch, so `info` is instant.

A checkpoint is one .safetensors file; the header is JSON in its metadata under the key `hypseg`.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, FailFast, Field, ValidationError, model_validator
from typing_extensions import TypeAliasType

from hypsegcli.confidence.calibration import Calibration
from hypsegcli.confidence.measures import Interpolation
from hypsegcli.errors import CheckpointError
from hypsegcli.files.mark import MOST_MARKS, Mark
from hypsegcli.hierarchy.tree import ClassTree
from hypsegcli.network.config import ModelConfig
from hypsegcli.sampling.choice import Sampling

SCHEMA_VERSION: Literal[1] = 1
METADATA_KEY = "hypseg"
# Of a header: the most that is looked at, so that checking it takes seconds and tens of megabytes, whatever it holds.
MOST_CHARACTERS, MOST_FIELDS = 2_000_000, 1_000
MOST_ANCESTORS = 50

Channel = Annotated[int, Field(ge=0, le=255)]
Color = tuple[Channel, Channel, Channel]
# Beyond these float32 makes nothing of a pixel but 0, or infinity.
Shift = Annotated[float, Field(ge=-1e6, le=1e6)]
Scale = Annotated[float, Field(ge=1e-6, le=1e6)]
Pixels = Annotated[int, Field(gt=0, le=1_000_000)]
Words = TypeAliasType("Words", Annotated[list[str], FailFast()])  # an alias that can stand in a union


class _Record(BaseModel):
    # A score may be NaN (a class that no image shows); as JSON's null it could not be read back.
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")


class InputSpec(_Record):
    """How an 8-bit RGB image becomes the network's input: `(rgb * pixel_range / 255 - mean) / std`."""

    model_config = ConfigDict(allow_inf_nan=False)

    mean: tuple[Shift, Shift, Shift] = (0.485, 0.456, 0.406)
    std: tuple[Scale, Scale, Scale] = (0.229, 0.224, 0.225)
    pixel_range: Literal[1, 255] = 1
    # Typical size of the training images, None where nobody said it; any size is accepted.
    height: Pixels | None
    width: Pixels | None
    # Pixels; longer images are shrunk to it on their way in. None where they go in as they are: since larger ones show
    # more, or since a copy was calibrated or scored so.
    longest_side: int | None = Field(
        default_factory=lambda known: max(filter(None, map(known.get, ("height", "width"))), default=None),
        ge=16,
        le=1_000_000,
    )
    # What a larger picture shows. fixed: the same larger; grows: more of the world (microscopy, aerial pictures); None:
    # nobody knows. Where a header does not say it, larger ones are shrunk if it is fixed.
    field_of_view: Literal["fixed", "grows"] | None = Field(
        default_factory=lambda known: "fixed" if known.get("longest_side") else "grows"
    )

    # How images of more pixels than that became samples: evenly, or with more of them at boundaries between classes.
    sampling: Sampling = "uniform"

    @model_validator(mode="after")
    def _has_both_sides(self) -> InputSpec:
        if (self.height is None) != (self.width is None):
            raise ValueError("height and width are known together, or neither is")
        return self


class Ancestor(_Record):
    """A checkpoint that a training started from, as its own header said."""

    name: str
    trained_on: str
    licence: str
    initialised_from: str


class Provenance(_Record):
    """Where a model comes from."""

    trained_on: str
    validated_on: str = ""  # what the scores were measured on
    # By their files, as a calibration keeps its own. Those of the checkpoint that it started from are among them, those
    # of further data among the first. Empty: they were not kept.
    trained_images: Annotated[tuple[Mark, ...], FailFast()] = Field(default=(), max_length=MOST_MARKS)
    validated_images: Annotated[tuple[Mark, ...], FailFast()] = Field(default=(), max_length=MOST_MARKS)
    scores: dict[str, float] = {}
    licence: str
    initialised_from: str = "random weights"
    # The checkpoint that it started from, the one that this started from, and so on; the furthest are left out.
    ancestors: Annotated[tuple[Ancestor, ...], FailFast()] = Field(default=(), max_length=MOST_ANCESTORS)
    recipe: dict[str, str | int | float | bool | Words | None] = {}
    hypseg_version: str
    torch_version: str


class Quantisation(_Record):
    """How the network in int8 that a file holds as well, for OpenVINO, came about, and how near it comes in fp32."""

    model_config = ConfigDict(allow_inf_nan=False)

    images: int = Field(ge=1)  # of which the numbers' ranges were taken
    compared: int = Field(ge=1)  # others, on which it was scored
    labels: float = Field(ge=0.0, le=1.0)  # share of pixels whose class is that of fp32
    distance: float = Field(ge=0.0)  # by which the distance to the origin differs on average
    speed: float = Field(gt=0.0)  # how many times as fast as in fp32 it ran where it was made
    made_with: str


class Header(_Record):
    """The complete description of a checkpoint."""

    schema_version: Literal[1] = 1
    model: ModelConfig
    input: InputSpec
    tree: ClassTree
    colors: Annotated[tuple[Color, ...], FailFast()]  # (K,) RGB
    ignore_index: int = Field(ge=0, lt=2**31)  # the label value that masks use for "not labelled"
    background: int | None = Field(default=None, ge=0)  # the class that is the rest of the world, if one is
    provenance: Provenance
    calibration: Calibration | None = None
    int8: Quantisation | None = None

    @property
    def calibrated_for(self) -> Interpolation | None:
        """The way of interpolating whose distances the calibration is of; None without one of evenly sampled images."""
        return self.calibrated_when("uniform")

    def calibrated_when(self, sampling: Sampling) -> Interpolation | None:
        """The same for images that are sampled in some way."""
        fitted = self.calibration
        return None if fitted is None or fitted.sampling != sampling else fitted.interpolate

    @property
    def calibrated_in_int8(self) -> bool | None:
        """Whether the distances that the calibration is of are those of the network in int8; None without one."""
        return None if self.calibration is None else self.calibration.int8

    def with_longest_side(self, pixels: int | None) -> Header:
        """The header of a copy that has longer images shrunk to so many; scores are of the size they were taken at."""
        if pixels == self.input.longest_side:
            return self
        return self.model_copy(
            update={
                "input": self.input.model_copy(update={"longest_side": pixels}),
                "provenance": self.provenance.model_copy(update={"scores": {}}),
            }
        )

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
    if len(text) > MOST_CHARACTERS:
        raise CheckpointError(
            f"{origin}: its header has {len(text):,} characters, where at most {MOST_CHARACTERS:,} are expected; it is "
            "not that of a hypseg checkpoint"
        )
    try:
        version = json.loads(text, object_pairs_hook=_small_object)["schema_version"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise CheckpointError(f"{origin}: its header is not that of a hypseg checkpoint ({error!s:.100})") from error
    if not isinstance(version, int) or isinstance(version, bool):
        raise CheckpointError(
            f"{origin}: its header's schema version is {json.dumps(version):.20}, expected the whole number "
            f"{SCHEMA_VERSION}; it is not that of a hypseg checkpoint"
        )
    if version != SCHEMA_VERSION:
        raise CheckpointError(
            f"{origin}: written with schema version {version!s:.20}, this hypseg reads version {SCHEMA_VERSION}; "
            "install the hypseg it was made with, or export it again"
        )
    try:
        return Header.model_validate_json(text)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, e['loc'])) or 'header':.100}: {e['msg'].removeprefix('Value error, '):.300}"
            for e in error.errors(include_url=False, include_context=False, include_input=False)[:5]
        )
        raise CheckpointError(f"{origin}: its header contradicts itself or is incomplete: {problems}") from error


def _small_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of the JSON, which is checked field by field: each that is wrong costs a sentence."""
    if len(pairs) > MOST_FIELDS:
        raise ValueError(f"an object of {len(pairs):,} fields, where at most {MOST_FIELDS:,} are expected")
    return dict(pairs)
