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

Channels = tuple[float, float, float]  # red, green, blue
Rates = tuple[int, int, int]  # dilations of ASPP's branches


class Normalised(NamedTuple):
    """How an image goes in: `(rgb * pixel_range / 255 - mean) / std`."""

    mean: Channels = (0.485, 0.456, 0.406)
    std: Channels = (0.229, 0.224, 0.225)
    pixel_range: Literal[1, 255] = 1


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a person says of a file, since it does not itself; None: nothing."""

    tree: ClassTree | None = None  # the classes, and what stands above them
    ids: tuple[int, ...] | None = None  # the label values of the classes where the file has outputs between them
    curvature: float | None = None
    output_stride: int | None = None  # 8 or 16
    rates: Rates | None = None
    mean: Channels | None = None
    mean_of_set: Channels | None = None  # of the data set, in bytes, as the reference takes it off
    std: Channels | None = None
    tasks: Tasks | None = None  # of TOPICS: which row of its classifier is which class

    def normalised(
        self, default: Normalised | None = None, *, mean: Channels | None = None, std: Channels | None = None
    ) -> tuple[Normalised, tuple[str, ...]]:
        """How an image goes in, and a note on what of it is the project's default, which is mostly that for ImageNet.

        `mean` and `std` are what the file says, where it does.
        """
        default = default or Normalised()
        found = Normalised(mean or self.mean or default.mean, std or self.std or default.std, default.pixel_range)
        assumed = [
            f"the {what} {', '.join(f'{each:g}' for each in value)}"
            for what, known, value in (
                ("mean", mean or self.mean, found.mean),
                ("deviation", std or self.std, found.std),
            )
            if known is None
        ]
        if not assumed:
            return found, ()
        verb = "are" if len(assumed) > 1 else "is"
        note = f"{' and '.join(assumed)} of the images {verb} not in the file, and {verb} taken as the project has it"
        return found, (note,)

    def known_curvature(self, source: Source) -> float:
        """The curvature of a file that has none; UsageError where it was not told."""
        if self.curvature is None:
            raise UsageError(f"{source.path}: does not hold its curvature; name it with {setting('curvature')}")
        return self.curvature

    def known_output_stride(self, source: Source, said: int | None) -> int:
        """The output stride that the file says, or else the one that was told; UsageError where neither is there."""
        found = said or self.output_stride
        if found is None:
            raise _unsaid(source, "its output stride", _ASK_STRIDE)
        return found

    def known_trunk(self, source: Source, stride: int | None, rates: Rates | None) -> tuple[int, Rates]:
        """Output stride and dilations of ASPP as the file says, or else as told; UsageError where one is missing."""
        stride, rates = stride or self.output_stride, rates or self.rates
        if stride is None and rates is None:
            raise _unsaid(source, "its output stride and the dilations of its ASPP", f"{_ASK_STRIDE}, and {_ASK_RATES}")
        if rates is None:
            raise _unsaid(source, "the dilations of its ASPP", _ASK_RATES)
        return self.known_output_stride(source, stride), rates


_ASK_STRIDE, _ASK_RATES = f"{setting('output_stride')}, 8 or 16", f"{setting('rates')}, such as 12,24,36"


def _unsaid(source: Source, what: str, how: str) -> UsageError:
    """They do not show in tensors, and every answer rests on them."""
    return UsageError(f"{source.path}: does not say {what}, on which every answer rests; name it with {how}")


class Converted(NamedTuple):
    """A network of another project's, as ours."""

    config: dict[str, Any]  # the fields of a ModelConfig, but for `nodes`
    state: Mapping[str, Tensor]  # `trunk.`, `embedding.` and `head.`, as `build_model` names them
    outputs: int  # rows of the head
    input: Normalised
    names: tuple[str, ...] = ()  # of the classes, where the file has them
    tree: ClassTree | None = None  # of the rows of the head, where they are not in the order of the tree that was told
    notes: tuple[str, ...] = ()  # sentences on what was taken for granted, and what was left out
    ignore_index: int | None = None  # the label value of void, where the file has it


class Converter(Protocol):
    """One format."""

    def recognises(self, source: Source) -> bool:
        """Whether a file is of this format, by the names of its tensors."""

    def convert(self, source: Source, told: Told) -> Converted:
        """Bring its weights. UsageError for what must be told and was not, CheckpointError for what is no such file."""
