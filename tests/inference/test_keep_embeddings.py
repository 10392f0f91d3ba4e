"""Embeddings that are kept, against the network's own answer."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hypsegcli.checkpoint.format import InputSpec
from hypsegcli.hierarchy.tree import flat_tree
from hypsegcli.images.shrink import shrink_image
from hypsegcli.inference.device import Device
from hypsegcli.inference.engines.torch_engine import TorchEngine
from hypsegcli.inference.prediction import Embeddings
from hypsegcli.inference.request import Request
from hypsegcli.inference.segmenter import Segmenter
from hypsegcli.inference.strips import pad_to_cells
from hypsegcli.inference.windows import Tiling
from hypsegcli.network.config import ModelConfig
from hypsegcli.network.head import HEADS
from hypsegcli.network.model import NetworkOutput

CPU = Device(torch.device("cpu"))
SPEC = InputSpec(height=48, width=64)
TREE = flat_tree(["sky", "road", "car"])


class LocalNetwork(nn.Module):
    """Sees the 4 x 4 pixels of a grid cell and nothing else."""

    def __init__(self, *, gain: float = 2.0, **options: Any) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.config = ModelConfig(nodes=TREE.classes, embedding_size=6, softmax="flat", **options)
        self.mix = nn.Conv2d(3, 6, 4, stride=4)
        self.head = HEADS[self.config.head](self.config)
        self.gain = gain

    def forward(self, image: Tensor, mean: Tensor | None = None) -> NetworkOutput:
        embedding = self.gain * self.mix(image).float()
        return NetworkOutput(embedding, *self.head(embedding))

    def features(self, image: Tensor) -> Tensor:
        return nn.functional.avg_pool2d(image, 16)


def picture(height: int, width: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def embeddings(model: Any, image: NDArray[np.uint8], *, tiling: Tiling | None = None, **request: Any) -> Embeddings:
    asked = Request(embeddings=True, **request)
    (found,) = Segmenter(TorchEngine(model, SPEC, CPU), TREE, request=asked, tiling=tiling).predict([image])
    assert found.embeddings is not None
    assert found.embeddings.vectors.dtype == np.float16
    return found.embeddings


def answer(model: Any, image: NDArray[np.uint8]) -> NetworkOutput:
    return TorchEngine(model, SPEC, CPU)(pad_to_cells(image[None]))


@pytest.mark.parametrize("c", [0.2, 1.0, 4.0])
@pytest.mark.parametrize(
    ("head", "limit"), [("hyperbolic", "smooth"), ("hyperbolic", "hard"), ("hyperbolic-reference", "hard")]
)
def test_vectors_point_where_the_network_says_and_are_half_the_distance_long(head: str, limit: str, c: float) -> None:
    model = LocalNetwork(head=head, radial_limit=limit, curvature=c, gain=2.0 / math.sqrt(c))
    image = picture(48, 64)
    v = embeddings(model, image).vectors.astype(np.float64)
    output = answer(model, image)
    distance, raw = output.distance[0].double().numpy(), output.embedding[0].double().numpy()
    length = np.linalg.norm(v, axis=0)
    np.testing.assert_allclose(2 * length, distance, rtol=5e-4)
    cosine = (v * raw).sum(0) / length / np.linalg.norm(raw, axis=0)
    assert cosine.min() > 1 - 1e-6
    points = np.tanh(math.sqrt(c) * length) / (math.sqrt(c) * length) * v
    radius = math.sqrt(c) * np.linalg.norm(points, axis=0)
    np.testing.assert_allclose(2 / math.sqrt(c) * np.arctanh(radius), distance, rtol=5e-4)
    assert (2 * np.linalg.norm(raw, axis=0) > 1.2 * model.config.max_distance).any(), "the limit was never met"
    assert (distance < 0.7 * model.config.max_distance).any()


def test_float16_holds_a_tangent_vector_where_it_loses_a_point_of_the_ball() -> None:
    model = LocalNetwork(radial_limit="hard", gain=20.0)
    image = picture(48, 64)
    v, distance = embeddings(model, image).vectors, answer(model, image).distance[0].numpy()
    far = distance > 7.0
    assert far.any()
    length = np.linalg.norm(v.astype(np.float64), axis=0)
    points = (np.tanh(length) / length * v.astype(np.float64)).astype(np.float16)
    lossy = 2 * np.arctanh(np.minimum(np.linalg.norm(points.astype(np.float64), axis=0), 1 - 2.0**-24))
    assert np.abs(lossy - distance)[far].max() > 20 * np.abs(2 * length - distance)[far].max()


def test_a_euclidean_head_s_are_what_its_classifier_takes() -> None:
    model, image = LocalNetwork(head="euclidean", gain=20.0), picture(48, 64)
    np.testing.assert_array_equal(embeddings(model, image).vectors, answer(model, image).embedding[0].half().numpy())


@pytest.mark.parametrize(("height", "width"), [(48, 64), (33, 47), (1, 1), (18, 5)])
def test_the_grid_covers_the_image_and_no_padding(height: int, width: int) -> None:
    found = embeddings(LocalNetwork(), picture(height, width))
    assert found.vectors.shape == (6, math.ceil(height / 4), math.ceil(width / 4))
    assert found.cell == (4.0, 4.0)


def test_of_a_shrunk_image_cells_are_larger() -> None:
    model, image = LocalNetwork(), picture(64, 96)
    found = embeddings(model, image, longest_side=48)
    assert found.cell == (8.0, 8.0)
    np.testing.assert_array_equal(found.vectors, embeddings(model, shrink_image(image, 48)).vectors)
    odd = embeddings(model, picture(70, 100), longest_side=50)
    assert odd.vectors.shape == (6, 9, 13)
    assert odd.cell == (8.0, 8.0)


@pytest.mark.parametrize(("height", "width"), [(208, 90), (300, 131), (64, 64), (1, 200), (129, 128)])
def test_windows_give_each_cell_once_and_in_its_place(height: int, width: int) -> None:
    model, image = LocalNetwork(), picture(height, width)
    found = embeddings(model, image, tiling=Tiling(tile=64, overlap=32, above=0))
    whole = embeddings(model, image)
    assert found.vectors.shape == whole.vectors.shape == (6, math.ceil(height / 4), math.ceil(width / 4))
    # Batches of other sizes round otherwise.
    np.testing.assert_allclose(found.vectors, whole.vectors, atol=4e-3)
    assert found.cell == (4.0, 4.0)


def test_several_images_have_their_own() -> None:
    model: Any = LocalNetwork()
    images = [picture(32, 32), 255 - picture(32, 32)]
    together = Segmenter(TorchEngine(model, SPEC, CPU), TREE, request=Request(embeddings=True)).predict(images)
    for image, found in zip(images, together, strict=True):
        assert found.embeddings is not None
        np.testing.assert_allclose(found.embeddings.vectors, embeddings(model, image).vectors, atol=4e-3)


def test_they_are_kept_on_request_only() -> None:
    model: Any = LocalNetwork()
    (found,) = Segmenter(TorchEngine(model, SPEC, CPU), TREE).predict([picture(16, 16)])
    assert found.embeddings is None


def test_vectors_too_long_for_float16_are_refused() -> None:
    with pytest.raises(FloatingPointError, match="float16 cannot hold its embeddings; leave them out"):
        embeddings(LocalNetwork(head="euclidean", gain=1e6), picture(16, 16))
    assert np.isfinite(embeddings(LocalNetwork(gain=1e6), picture(16, 16)).vectors).all()
