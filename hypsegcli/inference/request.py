"""Request: what is asked of the network for every pixel; the names of what may run it. Imports no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from hypsegcli.confidence.measures import Interpolation
from hypsegcli.errors import UsageError, setting
from hypsegcli.hierarchy.rule import Rule
from hypsegcli.sampling.choice import Sampling

if TYPE_CHECKING:
    from hypsegcli.hierarchy.tree import ClassTree
    from hypsegcli.network.config import ModelConfig

EngineName = Literal["auto", "torch", "openvino", "onnxruntime"]
Precision = Literal["auto", "fp32", "bf16", "int8"]  # of the layers before the exponential map

Runner = Literal["local", "ray"]  # what segments images: this machine, or a cluster

Refinement = Literal["edges"]  # of class probabilities: what they follow

Tile = int | Literal["auto", "off"]  # side of the windows of large images, in pixels
LongestSide = int | Literal["auto", "off"]  # to which longer images are shrunk, in pixels

_MOST_PROTOTYPES = 65_536  # that a map numbers, in 16 bits


@dataclass(frozen=True)
class Request:
    """What is asked of the network for every pixel."""

    measures: tuple[str, ...] = ("distance",)
    main: str | None = None  # the measure that maps of one measure show; None: the only one, or none is needed
    level: int | Literal["auto"] | None = None  # depth in the class tree; None: classes
    threshold: float = 0.5  # of level auto
    probabilities: bool = False
    embeddings: bool = False
    prototypes: bool = False  # which of them answered, of a head that has some
    among: tuple[int, ...] | None = None  # the classes that may be answered; None: all
    longest_side: int | None = None  # pixels; longer images are shrunk to it on their way into the network
    sampling: Sampling = "uniform"  # of images that are shrunk
    guide_side: int | None = None  # of sampling adaptive: pixels of the longer side in the pass that finds boundaries
    interpolate: Interpolation = "scalar"
    refine: Refinement | None = None  # before anything is decided; images are then needed whole
    rules: tuple[Rule, ...] = ()  # by which the tree's nodes are answered as well, beside the labels

    @property
    def needs_whole(self) -> bool:
        """Whether an image must be in memory whole, at whatever size."""
        return self.longest_side is not None or self.refine is not None

    def shrinks(self, height: int, width: int) -> bool:
        """Whether an image of that size is shrunk on its way into the network."""
        return self.longest_side is not None and max(height, width) > self.longest_side

    def __post_init__(self) -> None:
        if self.sampling == "adaptive" and not 0 < (self.guide_side or 0) < (self.longest_side or 0):
            raise ValueError(
                "sampling at boundaries takes a longest side, and a smaller one of the pass that guides it"
            )
        if self.main is not None and self.main not in self.measures:
            raise ValueError(f"the main measure {self.main} is none of {', '.join(self.measures)}")


def decide_longest_side(asked: LongestSide | str, trained: int | None, *, tile: Tile) -> int | None:
    """The longest side that images may have on their way into the network, in pixels; None: any.

    `asked`: a number; `off`; or `auto`: `trained`, that of the images which the checkpoint has learned from, unless a
    window's side is named, which is for those who want every pixel. UsageError for what is neither, and for a number
    beside a window's side.
    """
    if asked == "off":
        return None
    if asked == "auto":
        return trained if isinstance(tile, str) else None
    if not isinstance(asked, int) or asked < 16:
        raise UsageError(f"{setting('longest_side', asked)}: expected auto, off, or 16 pixels or more")
    if isinstance(tile, int):
        raise UsageError(
            f"{setting('longest_side', asked)} makes images small enough to go in whole; leave out {setting('tile')}"
        )
    return asked


def check_prototypes(config: ModelConfig, tree: ClassTree, *, level: int | Literal["auto"] | None) -> None:
    """UsageError where a network cannot say which prototype answered, or nobody could write it down."""
    if not config.has_prototypes:
        raise UsageError(
            f"prototypes: this checkpoint's head, {config.head}, has none; leave them out, or train one with "
            f"{setting('head', 'prototypes')}"
        )
    if level is not None:
        raise UsageError(f"prototypes are of classes, and of no other nodes; leave out {setting('level')}")
    if tree.classes * config.prototypes > _MOST_PROTOTYPES:
        raise UsageError(
            f"prototypes: {tree.classes} classes of {config.prototypes} are more than {_MOST_PROTOTYPES:,}, which no "
            "map can number"
        )


def check_tile(tile: int | str) -> Tile:
    """The same, where it says how large windows are; UsageError where it does not."""
    if tile == "auto":
        return "auto"
    if tile == "off":
        return "off"
    if not isinstance(tile, int) or tile < 128 or tile % 16:
        raise UsageError(f"{setting('tile', tile)}: expected auto, off, or a multiple of 16 pixels from 128 on")
    return tile
