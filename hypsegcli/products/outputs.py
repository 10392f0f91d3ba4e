"""What is written for an image: every kind of output, its suffix, and how a Prediction becomes its bytes."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hypsegcli.checkpoint.format import Header
from hypsegcli.confidence.boundary import RADIUS, SMOOTHING, boundary_map
from hypsegcli.confidence.levels import to_levels
from hypsegcli.confidence.measures import MEASURES, full_scale
from hypsegcli.images.npy import encode_npy
from hypsegcli.images.png import encode_grey8_png, encode_grey16_png, encode_indexed_png, encode_rgb_png
from hypsegcli.images.tiff_write import encode_tiff
from hypsegcli.inference.prediction import Prediction
from hypsegcli.inference.request import Request
from hypsegcli.pictures.heatmap import heatmap
from hypsegcli.pictures.overlay import overlay
from hypsegcli.pictures.palette import node_palette

Encoder = Callable[[NDArray[np.uint8], Prediction], bytes]  # the upright photograph, and what was found in it

ROOT_NAME = "undecided"


@dataclass(frozen=True)
class TiffPlane:
    """What goes into a TIFF, whether all at once or strip by strip: each pixel depends on no other."""

    values: Callable[[Prediction], NDArray[Any]]
    dtype: type[np.uint8 | np.uint16]
    description: str  # ASCII
    palette: NDArray[np.uint8] | None = None

    def encode(self, _: NDArray[np.uint8], found: Prediction) -> bytes:
        """The file of a whole image."""
        return encode_tiff(self.values(found), self.dtype, palette=self.palette, description=self.description)


@dataclass(frozen=True)
class Outputs:
    """The encoders of a run, by kind, and the numbers kept of each image; `planes` are those that are TIFFs."""

    encoders: Mapping[str, Encoder]
    summarise: Callable[[Prediction], dict[str, float]]
    planes: Mapping[str, TiffPlane] = field(default_factory=dict)


def prediction_outputs(
    header: Header, sha256: str, *, kinds: tuple[str, ...], request: Request, form: Literal["png", "npy", "tif"]
) -> Outputs:
    """`labels`, `confidence`, `boundary`, `overlay`, `probabilities`: what `hypseg predict` writes.

    The first measure of the request is that of `confidence` and `boundary`; a further one goes to its own kind,
    `confidence-NAME`. Of `form`, `npy` stores confidence as float32 in the measure's own unit instead of a 16-bit PNG;
    `tif` stores labels and confidence as TIFFs of the same values.
    """
    tree, scales = header.tree, full_scales(header, request)
    measure = request.measures[0]
    scale = scales[measure]
    names = list(tree.names[: tree.classes] if request.level is None else tree.names)
    if request.level == "auto":
        names.append(ROOT_NAME)
    palette = node_palette(header.colors, tree.leaves_below())[: len(names)]
    text = _metadata(header, sha256)

    def labels(_: NDArray[np.uint8], found: Prediction) -> bytes:
        return encode_indexed_png(found.labels, palette, text(kind="labels", names=names, level=request.level))

    def confidence(name: str) -> Encoder:
        def encode(_: NDArray[np.uint8], found: Prediction) -> bytes:
            if form == "npy":
                return encode_npy(found.confidence[name])
            return encode_grey16_png(levels(name, found), text(kind="confidence", **_scale(name, scales[name])))

        return encode

    def levels(name: str, found: Prediction) -> NDArray[np.uint16]:
        return to_levels(found.confidence[name] / np.float32(scales[name]))

    def boundary(_: NDArray[np.uint8], found: Prediction) -> bytes:
        strength = boundary_map(found.confidence[measure], full_scale=scale)
        method = (
            f"min(1, 2 (closing - f) / closing), f the {measure} plane after a Gaussian of {SMOOTHING} pixels, "
            f"closing with a disk of radius {RADIUS} pixels"
        )
        return encode_grey8_png(strength, text(kind="boundary", method=method, full_scale=1.0))

    def picture(photograph: NDArray[np.uint8], found: Prediction) -> bytes:
        return encode_rgb_png(overlay(photograph, found.labels, palette, names))

    def probabilities(_: NDArray[np.uint8], found: Prediction) -> bytes:
        if found.probabilities is None:
            raise ValueError("probabilities were not asked of the segmenter")
        return encode_npy(found.probabilities)

    def tiff(
        values: Callable[[Prediction], NDArray[Any]], dtype: type[np.uint8 | np.uint16], **about: Any
    ) -> TiffPlane:
        description = json.dumps(json.loads(text(**about)["hypseg"]))  # the same, in ASCII
        return TiffPlane(values, dtype, description, palette if dtype is np.uint8 else None)

    planes: dict[str, TiffPlane] = {}
    if form == "tif":
        label_type = np.uint8 if len(palette) <= 256 else np.uint16
        about = {"kind": "labels", "names": names, "level": request.level}
        planes["labels"] = tiff(lambda found: found.labels, label_type, **about)
        for kind, name in confidence_kinds(request.measures).items():
            about = {"kind": "confidence", **_scale(name, scales[name])}
            planes[kind] = tiff(functools.partial(levels, name), np.uint16, **about)

    every: dict[str, Encoder] = {
        "labels": labels,
        **{kind: confidence(name) for kind, name in confidence_kinds(request.measures).items()},
        "boundary": boundary,
        "overlay": picture,
        "probabilities": probabilities,
        **{kind: plane.encode for kind, plane in planes.items()},
    }

    def summarise(found: Prediction) -> dict[str, float]:
        return {f"mean {measure}": round(float(found.confidence[measure].mean()), 6)}

    chosen = {kind: plane for kind, plane in planes.items() if kind in kinds}
    return Outputs({kind: every[kind] for kind in kinds}, summarise, chosen)


def confidence_kinds(measures: Sequence[str]) -> dict[str, str]:
    """Kind of output to measure: `confidence` for the first, `confidence-NAME` for the others."""
    return {"confidence" if not index else f"confidence-{name}": name for index, name in enumerate(measures)}


def full_scales(header: Header, request: Request) -> dict[str, float]:
    """The largest value of each measure of a request, the first measure first."""
    return {name: full_scale(name, max_distance=header.model.max_distance) for name in request.measures}


def uncertainty_outputs(header: Header, sha256: str, *, measure: str) -> Outputs:
    """`heatmap` and `uncertainty`, the picture and the raw plane that `hypseg uncertainty` writes."""
    scale = full_scale(measure, max_distance=header.model.max_distance)
    text = _metadata(header, sha256)
    title = MEASURES[measure].doubt or f"uncertainty: {MEASURES[measure].title}"

    def plane(found: Prediction) -> NDArray[np.float32]:
        doubt: NDArray[np.float32] = np.clip(np.float32(1.0) - found.confidence[measure] / np.float32(scale), 0.0, 1.0)
        return doubt

    def picture(_: NDArray[np.uint8], found: Prediction) -> bytes:
        return encode_rgb_png(heatmap(plane(found), title=title))

    def raw(_: NDArray[np.uint8], found: Prediction) -> bytes:
        about = {
            "measure": measure,
            "formula": f"1 - ({MEASURES[measure].formula}) / {scale:.6g}",
            "full_scale": 1.0,
        }
        return encode_grey16_png(to_levels(plane(found)), text(kind="uncertainty", **about))

    def summarise(found: Prediction) -> dict[str, float]:
        values = plane(found)
        median, p95 = np.quantile(values, (0.5, 0.95))
        return {"mean": float(values.mean()), "median": float(median), "p95": float(p95)}

    return Outputs({"heatmap": picture, "uncertainty": raw}, summarise)


def _scale(measure: str, scale: float) -> dict[str, Any]:
    return {
        "measure": measure,
        "formula": MEASURES[measure].formula,
        "full_scale": scale,
        "decode": "value / 65535 * full_scale",
    }


def _metadata(header: Header, sha256: str) -> Callable[..., dict[str, str]]:
    """One PNG text chunk called `hypseg` that holds JSON, as every map carries it; a TIFF as its description."""
    about = {"checkpoint": sha256, "curvature": header.model.curvature, "head": header.model.head}

    def text(**fields: Any) -> dict[str, str]:
        return {"hypseg": json.dumps(fields | about, ensure_ascii=False)}

    return text
