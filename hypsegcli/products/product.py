"""What every kind of output says of itself, and what all images of a run have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any, BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray

from hypsegcli.checkpoint.format import Header
from hypsegcli.confidence.levels import to_levels
from hypsegcli.errors import UsageError
from hypsegcli.files.kinds import FileType, Format
from hypsegcli.images.georeference import Georeference
from hypsegcli.images.metadata import MapMetadata
from hypsegcli.images.tiff_write import TiffWriter, encode_tiff
from hypsegcli.inference.nodata import void_of
from hypsegcli.inference.prediction import RGB, Prediction
from hypsegcli.inference.request import Refinement
from hypsegcli.pictures.palette import node_palette
from hypsegcli.sampling.choice import Sampling

ROOT_NAME = "undecided"
NODATA_LEVEL = 0  # in maps of levels, of pixels of which there are no data


@dataclass(frozen=True, eq=False)
class Context:
    """What all images of a run have in common."""

    format: Format  # the one wanted; a product that does not come in it has its own
    level: int | Literal["auto"] | None  # of the labels, as in a Request
    threshold: float | None  # of level auto
    refine: Refinement | None  # of the probabilities that labels are decided by
    sampling: Sampling  # of images that are shrunk for the network
    names: tuple[str, ...]  # what labels mean, by id
    parents: tuple[int, ...] | None  # (M,) of the nodes, -1 for children of the root; None where labels are classes
    palette: NDArray[np.uint8]  # (N, 3) their colours
    ignore_index: int  # of the masks that the checkpoint learned from
    checkpoint: str  # its SHA-256
    curvature: float
    head: str
    prototypes: int  # of each class; 0 where the head has none
    background: int | None  # the label that overlays leave clear
    legend: bool  # beside pictures that have one

    @classmethod
    def of(
        cls,
        header: Header,
        sha256: str,
        *,
        level: int | Literal["auto"] | None = None,
        threshold: float = 0.5,
        refine: Refinement | None = None,
        sampling: Sampling = "uniform",
        format: Format = "png",
        legend: bool = True,
    ) -> Context:
        """For a checkpoint, and the labels, format and legends that are wanted."""
        tree = header.tree
        names = tree.names[: tree.classes] if level is None else tree.names
        if level == "auto":
            names = (*names, ROOT_NAME)
        palette = node_palette(header.colors, tree.leaves_below())[: len(names)]
        return cls(
            format=format,
            level=level,
            threshold=threshold if level == "auto" else None,
            refine=refine,
            sampling=sampling,
            names=tuple(names),
            parents=None if level is None else tree.parents,
            palette=palette,
            ignore_index=header.ignore_index,
            checkpoint=sha256,
            curvature=header.model.curvature,
            head=header.model.head,
            prototypes=header.model.prototypes if header.model.has_prototypes else 0,
            background=header.background,
            legend=legend,
        )

    def metadata(self, kind: str, **fields: Any) -> MapMetadata:
        """What a map of this run says of itself; `fields` are those of its kind."""
        if self.sampling != "uniform":
            fields["sampling"] = self.sampling
        return MapMetadata(kind=kind, **fields, checkpoint=self.checkpoint, curvature=self.curvature, head=self.head)


@dataclass(frozen=True, eq=False)
class TiffPlane:
    """What goes into a TIFF, whether all at once or strip by strip: each pixel depends on no other."""

    values: NDArray[Any]  # (H, W) uint8 or uint16
    metadata: MapMetadata
    palette: NDArray[np.uint8] | None = None  # (N, 3), that of uint8 values which are ids
    nodata: int | None = None  # the value of pixels of which there are no data, where there may be such

    def encode(self, georeference: Georeference = ()) -> bytes:
        """The file of a whole image, which lies where the picture does."""
        description = self.metadata.tiff_description()
        return encode_tiff(
            self.values,
            self.values.dtype.type,
            palette=self.palette,
            description=description,
            georeference=georeference,
            nodata=self.nodata,
        )

    def writer(self, file: BinaryIO, height: int, width: int, georeference: Georeference = ()) -> TiffWriter:
        """What writes an image (height, width) of which these are the first rows."""
        description = self.metadata.tiff_description()
        return TiffWriter(
            file,
            height,
            width,
            self.values.dtype.type,
            palette=self.palette,
            description=description,
            georeference=georeference,
            nodata=self.nodata,
        )


def with_void(palette: NDArray[np.uint8], ids: NDArray[Any], prediction: Prediction) -> NDArray[np.uint8]:
    """(N, 3) the palette of a map of these ids; where some may be void, it reaches to that one, and is black there."""
    if prediction.valid is None:
        return palette
    black = np.zeros((void_of(ids) + 1, 3), np.uint8)
    black[: len(palette)] = palette
    return black


def levels_with_nodata(share: NDArray[np.float32], valid: NDArray[np.bool_] | None) -> NDArray[np.uint16]:
    """A plane of shares of full scale as 16 bits; of an image that lacks data somewhere 0 means that, and 1 the least.

    What has data and would be 0 is off by one level, which is as far as rounding is off for two others.
    """
    levels = to_levels(share)
    if valid is not None:
        np.maximum(levels, 1, out=levels)
        levels[~valid] = NODATA_LEVEL
    return levels


class Product(ABC):
    """A kind of output: one file an image."""

    kind: str  # its name, and that of its folder
    formats: tuple[FileType, ...] = ("png",)  # which it comes in; the first where another one is wanted
    needs_probabilities: bool = False  # of a Prediction
    needs_embeddings: bool = False
    needs_prototypes: bool = False
    has_legend: bool = False  # or a bar, beside the photograph
    made_with: tuple[str, str] | None = None  # a package that need not be there, and the extra that brings it
    is_placed: bool = False  # whether `encode_at` makes another file, that says where the photograph lies on Earth

    @abstractmethod
    def encode(self, photograph: RGB, prediction: Prediction, context: Context) -> bytes:
        """The file of an image (H, W, 3), other than as a TIFF."""

    def encode_at(self, photograph: RGB, prediction: Prediction, place: Georeference, context: Context) -> bytes:
        """The same of an image that lies somewhere."""
        return self.encode(photograph, prediction, context)

    def of_all(self, context: Context) -> bytes | None:
        """The file, where it is the same for all images of a run; else None."""
        return None

    def tiff(self, prediction: Prediction, context: Context) -> TiffPlane:
        """The same as a TIFF, of any rows of an image; only where that is among the formats."""
        raise NotImplementedError(f"{self.kind} comes in {', '.join(self.formats)}")

    def beside(self, wanted: Format) -> tuple[Product, ...]:
        """The products whose files go with its own where some format is wanted."""
        return ()

    def further(self, measures: Sequence[str]) -> tuple[Product, ...]:
        """The products that are added for measures besides the main one; none where the kind is not one a measure."""
        return ()

    def offers(self, format: Format) -> bool:
        """Whether it comes in a format besides its usual one."""
        return format in self.formats[1:]

    def format(self, wanted: Format) -> FileType:
        """The format that it comes in where some format is wanted."""
        return wanted if wanted in self.formats else self.formats[0]

    def suffix(self, wanted: Format) -> str:
        """The suffix of its files where some format is wanted."""
        return f".{self.format(wanted)}"


def find_products(kinds: Sequence[str], measures: Sequence[str]) -> list[Product]:
    """The products of some kinds, in their order, and then those for measures besides the first, the main one."""
    products = [find_product(kind) for kind in kinds]
    return products + [further for product in products for further in product.further(measures[1:])]


def with_beside(products: Sequence[Product], wanted: Format) -> list[Product]:
    """The products of a run that wants a format, and then those that go with some of them.

    Raises UsageError for one that cannot be made here.
    """
    for product in products:
        if product.made_with is not None and find_spec(product.made_with[0]) is None:
            package, extra = product.made_with
            raise UsageError(f"{product.kind}: are made with {package}; pip install '{extra}', or leave them out")
    return [*products, *(beside for product in products for beside in product.beside(wanted))]


def find_product(kind: str) -> Product:
    """The product of a kind that is listed in this package; imported only now, so that help is instant."""
    product: Product = import_module(f"hypsegcli.products.{kind}").PRODUCT
    return product
