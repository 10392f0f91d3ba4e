"""Segmentation: one image, what was predicted of it, and what ids and values mean."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePath, PurePosixPath
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from hypsegcli.confidence.boundary import boundary_map
from hypsegcli.confidence.planes import Plane
from hypsegcli.errors import ImageError, PlanError, UsageError, setting
from hypsegcli.files.atomic import writing
from hypsegcli.files.kinds import PREDICT, USUAL, Format
from hypsegcli.images.discover import Input, Inputs
from hypsegcli.images.georeference import Georeference
from hypsegcli.inference.prediction import RGB, Embeddings, Labels, Prediction
from hypsegcli.pictures.overlay import overlay
from hypsegcli.products.confidence import mean_confidence
from hypsegcli.products.outputs import make_outputs
from hypsegcli.products.product import Context, find_products, with_beside
from hypsegcli.run.manifest import is_below
from hypsegcli.run.plan import occupied, plan_outputs


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Segmentation:
    """What a model makes of an image; H x W pixels, those of the upright image. Arrays are read-only."""

    photograph: RGB  # (H, W, 3) uint8, the image as it was segmented, before it was shrunk
    prediction: Prediction  # its planes, by measure
    context: Context  # what all segmentations of a model have in common
    measures: tuple[str, ...]  # of confidence, those asked for, the main one first
    source: Path | None  # the image's file, None where it had none
    notes: tuple[str, ...]  # what was changed in decoding, shrunk for the network, or done for want of memory
    georeference: Georeference = ()  # where it lies on Earth, of the file of a GeoTIFF

    def __post_init__(self) -> None:
        planes = dict(self.prediction.confidence)  # a plain one, so that a segmentation can be copied and pickled
        object.__setattr__(self, "prediction", replace(self.prediction, confidence=planes))
        vectors = None if self.embeddings is None else self.embeddings.vectors
        kept = (self.photograph, self.labels, self.probabilities, self.prototypes, vectors, self.valid)
        for array in (*kept, *(plane.values for plane in planes.values())):
            if array is not None:
                array.flags.writeable = False

    def __repr__(self) -> str:
        height, width = self.labels.shape
        return f"<Segmentation of {self.source or 'an image'}, {width} x {height} pixels, {self.measures[0]}>"

    @property
    def labels(self) -> Labels:
        """(H, W) ids, uint8 or, from 256 nodes of the class tree on, uint16; `names` says what they mean.

        Where the image has no data, see `valid`, they are the largest number of their type, which is no id.
        """
        return self.prediction.labels

    @property
    def valid(self) -> NDArray[np.bool_] | None:
        """(H, W), of the file of a TIFF that says where it has no data: False there; None of any other image.

        Confidence is 0 there, and class probabilities are NaN.
        """
        return self.prediction.valid

    @property
    def names(self) -> tuple[str, ...]:
        """The name of each id: of the classes, and with a level of the inner nodes too, then `undecided`."""
        return self.context.names

    @property
    def colors(self) -> NDArray[np.uint8]:
        """(N, 3) RGB of each id."""
        return self.context.palette

    @property
    def confidence(self) -> NDArray[np.float32]:
        """(H, W) of the main measure, high where the network is sure, never stretched per image.

        By default, of a calibrated checkpoint, the probability that the pixel is right.
        """
        return self.prediction.main.values

    @property
    def distance(self) -> NDArray[np.float32]:
        """(H, W) geodesic distance of the pixel's embedding to the origin of the ball, in the ball's unit."""
        return self.prediction.confidence["distance"].values

    @property
    def planes(self) -> Mapping[str, Plane]:
        """Every measure by its name, with its values (H, W) and the largest value that it can take."""
        return MappingProxyType(dict(self.prediction.confidence))

    @property
    def probabilities(self) -> NDArray[np.float16] | None:
        """(K, H, W) of the classes, where `load_model` was told to keep them."""
        return self.prediction.probabilities

    @property
    def embeddings(self) -> Embeddings | None:
        """The vectors (D, h, w) on the network's grid, where `load_model` was told to keep them."""
        return self.prediction.embeddings

    @property
    def prototypes(self) -> Labels | None:
        """(H, W) which prototype answered, k P + m for m of the P of class k, where `load_model` was told to say."""
        return self.prediction.prototypes

    @property
    def curvature(self) -> float:
        """Of the ball: c > 0, its sectional curvature is -c."""
        return self.context.curvature

    def boundary(self) -> NDArray[np.uint8]:
        """(H, W): 255 where the confidence falls to half or less between two surer regions, 0 where it does not dip."""
        return boundary_map(self.prediction.main, self.valid)

    def overlay(self, *, legend: bool = True) -> RGB:
        """(H, W + legend, 3) RGB: the photograph under its classes, clear where the background is, with a legend.

        Beside pictures under 240 pixels the legend may be higher. Its size depends on the model and on H alone.
        """
        return overlay(
            self.photograph,
            self.labels,
            self.colors,
            self.names,
            background=self.context.background,
            legend=legend,
            valid=self.valid,
        )

    def save(
        self,
        folder: str | os.PathLike[str],
        *,
        name: str | None = None,
        kinds: Iterable[str] = USUAL,
        format: Format = "png",
        legend: bool = True,
        overwrite: bool = False,
    ) -> dict[str, Path]:
        """Write what `hypseg predict` writes, `folder/<kind>/<name>.png`, and say where; all files or none, each whole.

        `kinds` are labels, confidence, boundary, overlay, doubt, polygons, which take rasterio, and, where the model
        keeps them, probabilities, embeddings and prototypes; confidence brings `confidence-<measure>` for every further
        measure. `format` is as on the command line: npy for confidence, tif for labels, which have a style for QGIS
        beside them then, confidence and prototypes. `legend` is whether overlay and doubt have theirs beside them. The
        name, which may have folders in it, is by default that of the image's file.

        Raises UsageError for a folder, kinds or a name that cannot be, PlanError for files that are there already,
        unless they are to be overwritten, or that would replace the image, and ImageError where a file cannot be
        written.
        """
        kept = {name: getattr(self, name) is not None for name in ("probabilities", "embeddings", "prototypes")}
        known = [kind for kind in PREDICT if kept.get(kind, True)]
        chosen = _checked_kinds(kinds, known)
        products = find_products(chosen, self.measures)
        if format != "png" and not any(product.format(format) == format for product in products):
            raise UsageError(
                f"{setting('format', format)}: expected png, or npy or tif for kinds that come in it, unlike "
                f"{', '.join(chosen)}"
            )
        products = with_beside(products, format)
        key = _checked_name(name if name is not None else self.source.stem if self.source else None)
        suffixes = {product.kind: product.suffix(format) for product in products}
        image = Input(self.source or Path(key), key)
        (planned,) = plan = plan_outputs(Inputs((image,), ()), _checked_folder(folder), suffixes)
        if not overwrite and (taken := occupied(plan)):
            raise _already_there(taken[0])
        outputs = make_outputs(products, replace(self.context, format=format, legend=legend), mean_confidence)
        files = {
            planned.outputs[kind]: outputs.encode(kind, self.photograph, self.prediction, self.georeference)
            for kind in outputs.encoders
        }
        try:
            with writing(files, replace=overwrite):
                pass
        except PlanError as error:  # there is one by another thread or process, since it was looked for
            raise next((_already_there(path) for path in files if os.path.lexists(path)), error) from None
        except OSError as error:
            raise ImageError(
                f"{error.filename}: cannot be written ({error.strerror}); choose another folder", "unwritable"
            ) from error
        return dict(planned.outputs)


def _already_there(path: Path) -> PlanError:
    return PlanError(f"{path}: is there already; replace it with {setting('overwrite', True)}")


def _checked_folder(folder: str | os.PathLike[str]) -> Path:
    try:
        name = os.fsencode(folder)
    except (TypeError, UnicodeError):
        name = b""
    if not name or b"\0" in name:
        raise UsageError(f"{setting('folder', repr(folder))}: expected the path of a folder")
    return Path(folder)


def _checked_kinds(kinds: Iterable[str], known: Collection[str]) -> tuple[str, ...]:
    named = list(kinds) if isinstance(kinds, Iterable) and not isinstance(kinds, str) else []
    if not named or any(kind not in known for kind in named):
        given = named or kinds
        raise UsageError(f"{setting('kinds', given)}: expected a list of some of {', '.join(known)}")
    return tuple(dict.fromkeys(named))


def _checked_name(name: str | None) -> PurePosixPath:
    if name is None:
        raise UsageError(f"the image came from no file; say with {setting('name')} what its files are to be called")
    if not isinstance(name, str | PurePath) or not is_below(str(name)):
        raise UsageError(f"{setting('name', repr(name))}: expected a name, or folders and a name, below the folder")
    return PurePosixPath(name)
