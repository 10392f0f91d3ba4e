"""Which prototype answered, against the head's own cosines."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hypsegcli.checkpoint.format import InputSpec
from hypsegcli.hierarchy.tree import flat_tree
from hypsegcli.inference.device import Device
from hypsegcli.inference.engines.torch_engine import TorchEngine
from hypsegcli.inference.prediction import Labels, Prediction
from hypsegcli.inference.request import Request
from hypsegcli.inference.segmenter import Segmenter
from hypsegcli.inference.windows import Tiling
from hypsegcli.network.config import PROTOTYPES, ModelConfig
from hypsegcli.network.model import NetworkOutput
from hypsegcli.network.prototypes import PrototypeHead

TREE = flat_tree(["sky", "road", "car"])
P, D = 4, 6


class LocalNetwork(nn.Module):
    """Sees the 4 x 4 pixels of a grid cell and nothing else."""

    def __init__(self, head: Any = "prototypes", prototypes: int = P) -> None:
        super().__init__()
        torch.manual_seed(1)
        config = {"nodes": TREE.classes, "embedding_size": D, "softmax": "flat", "head": head}
        self.config = ModelConfig.model_validate(config | {"prototypes": prototypes})
        self.mix = nn.Conv2d(3, D, 4, stride=4)
        self.head = PrototypeHead(self.config)

    def forward(self, image: Tensor, mean: Tensor | None = None) -> NetworkOutput:
        embedding = 2.0 * self.mix(image).float()
        return NetworkOutput(embedding, *self.head(embedding))

    def features(self, image: Tensor) -> Tensor:
        return nn.functional.avg_pool2d(image, 16)


def picture(height: int, width: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def segmenter(model: Any, tiling: Tiling | None = None) -> Segmenter:
    engine = TorchEngine(model, InputSpec(height=48, width=64), Device(torch.device("cpu")))
    return Segmenter(engine, TREE, request=Request(prototypes=True), tiling=tiling)


def numbers(prediction: Prediction) -> Labels:
    assert prediction.prototypes is not None
    return prediction.prototypes


@pytest.mark.parametrize("head", PROTOTYPES)
@torch.no_grad()
def test_it_is_the_nearest_of_the_class_that_was_answered(head: str) -> None:
    model, image = LocalNetwork(head), picture(60, 90)
    (found,) = segmenter(model).predict([image])
    assert numbers(found).dtype == np.uint8
    np.testing.assert_array_equal(numbers(found) // P, found.labels)
    padded = np.pad(image, ((0, 4), (0, 6), (0, 0)), mode="edge")
    v = segmenter(model).engine(padded[None]).embedding
    cosines = torch.stack([model.head.cosines(v, k) for k in range(TREE.classes)], dim=1)[0]
    wide = nn.functional.interpolate(cosines, scale_factor=4, mode="bilinear", align_corners=False)[..., :60, :90]
    labels = torch.from_numpy(found.labels.astype(np.int64))
    own = wide.gather(0, labels[None, None].expand(1, P, -1, -1))[0].argmax(0)
    assert (numbers(found) % P == own.numpy()).mean() > 0.999  # but for rounding where two are as near


def test_images_of_a_batch_and_windows_have_their_own() -> None:
    model, images = LocalNetwork(), [picture(48, 64), picture(48, 64)[::-1].copy()]
    together, apart = segmenter(model).predict(images), [segmenter(model).predict([image])[0] for image in images]
    for one, other in zip(together, apart, strict=True):
        np.testing.assert_array_equal(numbers(one), numbers(other))
    large = picture(320, 400)
    whole, cut = segmenter(model), segmenter(model, Tiling(tile=128, overlap=32, above=128 * 128))
    (one,), (other,) = whole.predict([large]), cut.predict([large])
    inner = np.abs(np.diff(one.labels.astype(int), axis=0, append=-1)) == 0
    same = numbers(one) == numbers(other)
    assert same[inner].mean() > 0.99
    np.testing.assert_array_equal(numbers(other) // P, other.labels)


def test_images_sampled_at_boundaries_have_theirs() -> None:
    request = Request(prototypes=True, longest_side=64, sampling="adaptive", guide_side=32)
    engine = segmenter(LocalNetwork()).engine
    image = picture(12, 16).repeat(8, 0).repeat(8, 1)
    (found,) = Segmenter(engine, TREE, request=request).predict([image])
    assert numbers(found).shape == (96, 128)
    np.testing.assert_array_equal(numbers(found) // P, found.labels)
    assert len(np.unique(numbers(found))) > TREE.classes


def test_more_than_256_are_numbered_in_16_bits() -> None:
    (found,) = segmenter(LocalNetwork(prototypes=100)).predict([picture(32, 32)])
    assert numbers(found).dtype == np.uint16
    np.testing.assert_array_equal(numbers(found) // 100, found.labels)
