"""What a converter is told, and what it makes of a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol

from torch import Tensor

from hypsegcli.checkpoint.converters.source import Source
from hypsegcli.checkpoint.converters.topics_tasks import Tasks
from hypsegcli.errors import UsageError, setting
from hypsegcli.hierarchy.tree import ClassTree


class Normalised(NamedTuple):
    """How an image goes in: `(rgb * pixel_range / 255 - mean) / std`."""

    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    pixel_range: Literal[1, 255] = 1


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a person says of a file, since it does not itself; None: nothing."""

    tree: ClassTree | None = None  # the classes, and what stands above them
    ids: tuple[int, ...] | None = None  # the label values of the classes where the file has outputs between them
    curvature: float | None = None
    output_stride: int | None = None  # 8 or 16
    rates: tuple[int, int, int] | None = None
    mean: tuple[float, float, float] | None = None
    mean_of_set: tuple[float, float, float] | None = None  # of the data set, in bytes, as the reference takes it off
    std: tuple[float, float, float] | None = None
    tasks: Tasks | None = None  # of TOPICS: which row of its classifier is which class

    def normalised(self) -> Normalised:
        """How an image goes in, where it is not told that of ImageNet, scaled to 1."""
        return Normalised(self.mean or Normalised().mean, self.std or Normalised().std)

    def known_curvature(self, source: Source) -> float:
        """The curvature of a file that has none; UsageError where it was not told."""
        if self.curvature is None:
            raise UsageError(f"{source.path}: does not hold its curvature; name it with {setting('curvature')}")
        return self.curvature


class Converted(NamedTuple):
    """A network of another project's, as ours."""

    config: dict[str, Any]  # the fields of a ModelConfig, but for `nodes`
    state: Mapping[str, Tensor]  # `trunk.`, `embedding.` and `head.`, as `build_model` names them
    outputs: int  # rows of the head
    input: Normalised
    names: tuple[str, ...] = ()  # of the classes, where the file has them
    tree: ClassTree | None = None  # of the rows of the head, where they are not in the order of the tree that was told
    notes: tuple[str, ...] = ()  # sentences on what was taken for granted, and what was left out


class Converter(Protocol):
    """One format."""

    def recognises(self, source: Source) -> bool:
        """Whether a file is of this format, by the names of its tensors."""

    def convert(self, source: Source, told: Told) -> Converted:
        """Bring its weights. UsageError for what must be told and was not, CheckpointError for what is no such file."""
