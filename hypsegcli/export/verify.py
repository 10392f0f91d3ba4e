"""Whether what was written answers as the checkpoint does in torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import cv2
import numpy as np

from hypsegcli.checkpoint.store import Checkpoint
from hypsegcli.export.formats import Planes
from hypsegcli.export.graph import planes_of
from hypsegcli.export.request import Precision, Size
from hypsegcli.inference.build import make_segmenter
from hypsegcli.inference.engines.rounding import made_up_picture
from hypsegcli.inference.prediction import RGB
from hypsegcli.inference.request import EngineName, Request

LABELS, RADIUS, PROBABILITY = 100e-6, 1e-3, 1e-3  # bounds of what an `Agreement` says
_LIKE_A_PHOTOGRAPH, _NOISE = (381, 507), (2, 157, 203, 3)  # sizes of the pictures, no multiples of anything


class Agreement(NamedTuple):
    """How far a file's answers are from torch's."""

    pixels: int  # that were compared
    labels: float  # share of them with another label
    distance: float  # by which the distance to the origin differs at most
    radius: float  # the same in units of the ball's curvature, sqrt(c) times the distance
    # By which the probability of being right is, at most, not that of the file's own distance; None without one.
    calibrated: float | None

    @property
    def is_close(self) -> bool:
        """Whether the file may stand for the checkpoint; not where any of it is no number."""
        calibrated = self.calibrated is None or self.calibrated <= PROBABILITY
        return self.labels <= LABELS and self.radius <= RADIUS and calibrated


def pictures(size: Size | None) -> Iterator[RGB]:
    """What is compared on: one picture that looks like a photograph, then noise, (B, H, W, 3)."""
    made_up, chance = made_up_picture(), np.random.default_rng(0)
    if size is None:
        yield np.ascontiguousarray(made_up[:, : _LIKE_A_PHOTOGRAPH[0], : _LIKE_A_PHOTOGRAPH[1]])
        yield chance.integers(0, 256, _NOISE, dtype=np.uint8)
    else:
        yield cv2.resize(made_up[0], (size.width, size.height), interpolation=cv2.INTER_LINEAR)[None].astype(np.uint8)
        yield chance.integers(0, 256, (1, *size, 3), dtype=np.uint8)


def compare(
    run: Callable[[RGB], Planes], checkpoint: Checkpoint, images: Sequence[RGB], *, precision: Precision = "fp32"
) -> Agreement:
    """Run images (B, H, W, 3) through a file, and through the checkpoint as `predict` does: in torch, int8 in OpenVINO.

    ValueError where the file's answer has another shape or type; FloatingPointError where the other is no number.
    """
    engine: EngineName = "openvino" if precision == "int8" else "torch"
    segmenter = make_segmenter(checkpoint, Request(), engine=engine, device="cpu", precision=precision, tile="off")
    names, header = planes_of(checkpoint.header), checkpoint.header
    label_kind = np.dtype(np.uint8 if header.tree.nodes < 256 else np.int32)
    pixels, other, apart, wrong = 0, 0, [0.0], [0.0]
    for batch in images:
        found = dict(zip(names, run(batch), strict=True))
        for index, wanted in enumerate(segmenter.predict(list(batch))):
            mine = {name: plane[index] for name, plane in found.items()}
            distance = wanted.confidence["distance"].values
            for name, plane in mine.items():
                kind = label_kind if name == "labels" else np.dtype(np.float32)
                if (plane.shape, plane.dtype) != (distance.shape, kind):
                    raise ValueError(f"its {name} are {plane.dtype} of {plane.shape}, not {kind} of {distance.shape}")
            pixels += wanted.labels.size
            other += int((mine["labels"] != wanted.labels).sum())
            apart.append(np.abs(mine["distance"] - distance).max())
            if header.calibration is not None and "calibrated" in mine:
                curve = np.interp(mine["distance"], header.calibration.distances, header.calibration.probabilities)
                wrong.append(np.abs(mine["calibrated"] - curve).max())
    furthest = float(np.max(apart))  # NaN where there is one, unlike Python's own
    radius = furthest * header.model.curvature**0.5
    return Agreement(pixels, other / pixels, furthest, radius, float(np.max(wrong)) if "calibrated" in names else None)
