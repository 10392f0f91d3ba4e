"""The whole graph, not yet exported, against what `predict` answers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.lively import make_lively_checkpoint

from hypsegcli.checkpoint.store import Checkpoint, load_checkpoint
from hypsegcli.confidence.calibration import Calibration
from hypsegcli.export.graph import WholeGraph, planes_of, trace
from hypsegcli.hierarchy.tree import ClassTree, flat_tree
from hypsegcli.inference.build import make_segmenter
from hypsegcli.inference.request import Request
from hypsegcli.network.model import HyperbolicDeepLab

TREE = ClassTree(names=("sky", "road", "tree", "car", "ground"), parents=(-1, 4, 4, -1, -1), classes=4)
CURVE = Calibration(distances=(0.0, 0.5, 1.0, 4.0), probabilities=(0.0, 0.25, 0.75, 1.0), fitted_on="nothing")


def checkpoint(folder: Path, tree: ClassTree = TREE, curve: Calibration | None = CURVE, **options: Any) -> Checkpoint:
    loaded = load_checkpoint(make_lively_checkpoint(folder / "x.safetensors", tree, **options))
    return replace(loaded, header=loaded.header.model_copy(update={"calibration": curve}))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"tree": flat_tree(["a", "b", "c"]), "backbone": "resnet18_c4"},
        {"head": "hyperbolic-reference", "softmax": "flat", "curvature": 2.0},
        {"softmax": "paths", "least_factor": 1e-4},
        {"head": "euclidean", "output_stride": 8, "backbone": "mobilenet_v3_small"},
    ],
)
def test_it_answers_as_predict_does(options: dict[str, Any], tmp_path: Path) -> None:
    known = checkpoint(tmp_path, **options)
    graph = WholeGraph(known).eval()
    segmenter = make_segmenter(known, Request(measures=("distance", "calibrated")), engine="torch", device="cpu")
    for size in ((1, 1), (16, 48), (33, 50)):
        images = np.random.default_rng(1).integers(0, 256, (2, *size, 3), dtype=np.uint8)
        with torch.inference_mode():
            labels, distance, calibrated = (plane.numpy() for plane in graph(torch.from_numpy(images)))
        for index, wanted in enumerate(segmenter.predict(list(images))):
            assert labels[index].dtype == wanted.labels.dtype
            assert (labels[index] == wanted.labels).mean() > 0.999
            np.testing.assert_allclose(distance[index], wanted.confidence["distance"].values, atol=1e-4)
            np.testing.assert_allclose(calibrated[index], wanted.confidence["calibrated"].values, atol=1e-4)


def test_labels_of_many_classes_have_32_bits(many_classes: Path) -> None:
    graph = WholeGraph(load_checkpoint(many_classes)).eval()
    with torch.inference_mode():
        labels, _ = graph(torch.zeros(1, 17, 16, 3, dtype=torch.uint8))
    assert labels.dtype == torch.int32


@pytest.mark.parametrize(
    ("curve", "planes"),
    [
        (None, ("labels", "distance")),
        (CURVE, ("labels", "distance", "calibrated")),
        (CURVE.model_copy(update={"interpolate": "points"}), ("labels", "distance")),
    ],
)
def test_a_calibration_of_distances_is_a_plane(
    curve: Calibration | None, planes: tuple[str, ...], tmp_path: Path
) -> None:
    known = checkpoint(tmp_path, curve=curve)
    assert planes_of(known.header) == planes
    with torch.inference_mode():
        assert len(WholeGraph(known).eval()(torch.zeros(1, 16, 16, 3, dtype=torch.uint8))) == len(planes)


def test_a_backbone_that_cannot_be_traced_for_any_size_is_refused_at_once(tmp_path: Path) -> None:
    known = checkpoint(tmp_path)
    assert isinstance(known.model, HyperbolicDeepLab)
    known.model.backbone.exportable = False
    with pytest.raises(ValueError, match="mobilenet_v3_large cannot be traced for images of any size"):
        trace(known, None)
