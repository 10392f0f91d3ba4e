"""A prediction, and the run that it belongs to, as products take them."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from hypsegcli.checkpoint.format import Header, InputSpec, Provenance
from hypsegcli.confidence.planes import Plane
from hypsegcli.hierarchy.tree import ClassTree, flat_tree
from hypsegcli.inference.prediction import Prediction
from hypsegcli.network.config import ModelConfig

HEIGHT, WIDTH = 40, 56
SCALE = 7.5
RNG = np.random.default_rng(0)
PHOTOGRAPH = RNG.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)


def header_of(tree: ClassTree) -> Header:
    return Header(
        model=ModelConfig(nodes=tree.classes, softmax="flat", curvature=0.5),
        input=InputSpec(height=48, width=64),
        tree=tree,
        colors=tuple((index % 256, index // 256, 7) for index in range(tree.classes)),
        ignore_index=255,
        provenance=Provenance(trained_on="nothing", licence="none", hypseg_version="0", torch_version="0"),
    )


HEADER = header_of(flat_tree(["sky", "road", "car"]))


def prediction(**changes: Any) -> Prediction:
    """Of three classes, with planes of distance, the main one, and entropy."""
    rng = np.random.default_rng(1)
    planes = {
        "distance": Plane((SCALE * rng.random((HEIGHT, WIDTH))).astype(np.float32), "distance", SCALE),
        "entropy": Plane(rng.random((HEIGHT, WIDTH), np.float32), "entropy", 1.0),
    }
    labels = rng.integers(0, 3, (HEIGHT, WIDTH), dtype=np.uint8)
    return replace(Prediction(labels, confidence=planes, main_measure="distance"), **changes)


def read_picture(data: bytes) -> tuple[np.ndarray, Image.Image]:
    """Stored values, and the picture with its texts."""
    image = Image.open(BytesIO(data))
    return np.asarray(image), image
