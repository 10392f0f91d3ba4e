"""Whether a checkpoint may be run in bf16: on a made-up picture, it must answer nearly as it does in fp32."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import cv2
import numpy as np
from torch import Tensor

from hypsegcli.hierarchy.softmax import class_log_probabilities
from hypsegcli.hierarchy.tree import ClassTree
from hypsegcli.inference.prediction import RGB
from hypsegcli.network.model import NetworkOutput

# Bounds on the network's own grid. In bf16 the bundled models gave at least 97.8 % of the picture's cells the same
# label, and distances that differed by 0.005 on average; of photographs 98.6 % and 0.026 (`disk`), else 99.6 % and
# 0.023. A network that bf16 does not suit is far from that: it overflows, or answers at random.
LABELS, DISTANCE = 0.95, 0.05
_SIDES = (384, 512)  # of the picture
_FEWEST, _FADING = 4, 0.6  # dots a side of the coarsest noise, and the strength of each next one, twice as fine


class Agreement(NamedTuple):
    """How far two answers to one picture agree."""

    labels: float  # share of cells with the same class
    distance: float  # mean difference of the distance to the origin

    @classmethod
    def of(cls, note: Mapping[str, float | None]) -> Agreement | None:
        """What was kept of it; None where nothing was."""
        labels, distance = note.get("labels"), note.get("distance")
        return None if labels is None or distance is None else cls(labels, distance)

    @property
    def is_close(self) -> bool:
        """Whether one may stand for the other; not where any of it is no number."""
        return self.labels >= LABELS and self.distance <= DISTANCE


def made_up_picture() -> RGB:
    """Colours that vary at every scale, as in photographs: (1, 384, 512, 3), always the same."""
    height, width = _SIDES
    chance = np.random.default_rng(0)
    colors = np.zeros((height, width, 3), np.float32)
    dots, strength = _FEWEST, 1.0
    while dots < height:
        noise = chance.standard_normal((dots, dots, 3)).astype(np.float32)
        colors += strength * cv2.resize(noise, (width, height), interpolation=cv2.INTER_LINEAR)
        dots, strength = 2 * dots, _FADING * strength
    colors -= colors.min()
    pixels: RGB = (255 * colors / colors.max()).astype(np.uint8)[None]
    return pixels


def agreement(exact: NetworkOutput, rounded: NetworkOutput, tree: ClassTree) -> Agreement:
    """How far a network's answer in bf16 is that in fp32."""
    mine, other = (_labels(output, tree) for output in (exact, rounded))
    apart = (exact.distance - rounded.distance).abs().mean()
    return Agreement(float((mine == other).float().mean()), float(apart))


def _labels(output: NetworkOutput, tree: ClassTree) -> Tensor:
    return class_log_probabilities(output.logits, tree).argmax(1)
