"""Embedding an image in the disk, against the network's own output on an image padded by hand."""

from __future__ import annotations

import math
from typing import Any, cast

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hypsegcli.checkpoint.format import InputSpec
from hypsegcli.geometry.mlr import Gyroplanes, closed_form_logits, radial
from hypsegcli.geometry.poincare import EDGE
from hypsegcli.hierarchy.softmax import class_log_probabilities
from hypsegcli.hierarchy.tree import ClassTree
from hypsegcli.images.shrink import shrink_image
from hypsegcli.inference.ball_points import points_to_blend
from hypsegcli.inference.device import Device
from hypsegcli.inference.embed import Embedded, embed, gyroplanes
from hypsegcli.inference.engines.torch_engine import TorchEngine
from hypsegcli.inference.normalise import normalise
from hypsegcli.network.config import ModelConfig
from hypsegcli.network.head import HEADS
from hypsegcli.network.model import HyperbolicDeepLab, NetworkOutput

CPU = Device(torch.device("cpu"))
SPEC = InputSpec(height=48, width=64)
TREE = ClassTree(names=("sky", "road", "tree", "car", "ground"), parents=(-1, 4, 4, -1, -1), classes=4)


class LocalNetwork(nn.Module):
    """Sees the 4 x 4 pixels of a grid cell and nothing else, and remembers what it was shown."""

    def __init__(self, **options: Any) -> None:
        super().__init__()
        torch.manual_seed(1)
        options = {"nodes": TREE.nodes, "embedding_size": 2} | options
        self.config = ModelConfig(**options)
        self.mix = nn.Conv2d(3, self.config.embedding_size, 4, stride=4)
        self.head = HEADS[self.config.head](self.config)
        with torch.no_grad():
            self.mix.weight.mul_(3.0)
            for parameter in self.head.parameters():
                parameter.copy_(0.4 * torch.randn_like(parameter).clamp(-1, 1))

    def forward(self, image: Tensor, mean: None = None) -> NetworkOutput:
        self.shown = image
        embedding = self.mix(image)
        logits, distance = self.head(embedding)
        return NetworkOutput(embedding, logits, distance)


def picture(height: int, width: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def embedded(model: Any, image: NDArray[np.uint8], **options: Any) -> Embedded:
    return embed(TorchEngine(model, SPEC, CPU), TREE, image, **options)


def by_hand(model: Any, image: NDArray[np.uint8]) -> NetworkOutput:
    height, width = image.shape[:2]
    padded = np.pad(image, ((0, -height % 16), (0, -width % 16), (0, 0)), mode="edge")
    with torch.no_grad():
        output: NetworkOutput = model(normalise(torch.from_numpy(padded).permute(2, 0, 1)[None], SPEC))
    return output


def planes_of(model: LocalNetwork) -> Gyroplanes:
    """Of its head, which is all that is looked at."""
    return gyroplanes(cast("HyperbolicDeepLab", model))


@pytest.mark.parametrize("c", [0.2, 1.0, 4.0])
@pytest.mark.parametrize("head", ["hyperbolic", "hyperbolic-reference"])
@pytest.mark.parametrize(("height", "width"), [(48, 64), (33, 47), (1, 1), (18, 5)])
def test_points_and_classes_are_those_of_the_network(height: int, width: int, head: str, c: float) -> None:
    model = LocalNetwork(head=head, curvature=c, t_max=3.0)
    image = picture(height, width)
    found, output = embedded(model, image), by_hand(model, image)
    h, w = math.ceil(height / 4), math.ceil(width / 4)
    assert found.points.shape == (h, w, 2)
    assert found.classes.shape == (h, w)
    z = points_to_blend(output, model.config)[0, :, :h, :w].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(found.points, math.sqrt(c) * z, atol=2e-6)
    classes = class_log_probabilities(output.logits, TREE)[0].argmax(0)[:h, :w]
    np.testing.assert_array_equal(found.classes, classes)
    if height > 30:
        assert len(np.unique(found.classes)) > 2
        assert np.linalg.norm(found.points, axis=-1).max() > 0.8, "the limit was never met"


def test_a_flat_softmax_is_understood() -> None:
    found = embedded(LocalNetwork(nodes=TREE.classes, softmax="flat"), picture(48, 64))
    assert set(np.unique(found.classes)) <= set(range(TREE.classes))


def test_larger_images_are_shrunk_on_their_way_in() -> None:
    model, image = LocalNetwork(), picture(64, 96)
    found = embedded(model, image, longest_side=48)
    assert model.shown.shape == (1, 3, 32, 48)
    expected = embedded(model, shrink_image(image, 48))
    np.testing.assert_array_equal(found.points, expected.points)
    assert embedded(model, image, longest_side=96).classes.shape == (16, 24)
    assert embedded(model, image).classes.shape == (16, 24)


@pytest.mark.parametrize("options", [{"embedding_size": 3}, {"head": "euclidean"}])
def test_other_models_have_no_disk(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="hyperbolic head with D = 2"):
        embedded(LocalNetwork(**options), picture(16, 16))


@pytest.mark.parametrize("which", [0, 1, 2])
def test_an_answer_that_is_no_number_is_refused(which: int, monkeypatch: pytest.MonkeyPatch) -> None:
    model = LocalNetwork()
    output = list(by_hand(model, picture(16, 16)))
    output[which] = output[which].clone()
    output[which][..., -1] = math.inf if which else math.nan
    monkeypatch.setattr(model, "forward", lambda image, mean: NetworkOutput(*output))
    with pytest.raises(FloatingPointError, match="NaN or infinity"):
        embedded(model, picture(16, 16))


@pytest.mark.parametrize("c", [0.2, 1.0, 4.0])
@pytest.mark.parametrize("head", ["hyperbolic", "hyperbolic-reference"])
def test_gyroplanes_give_the_logits_of_the_head(head: str, c: float) -> None:
    model = LocalNetwork(head=head, curvature=c)
    if head == "hyperbolic-reference":
        with torch.no_grad():
            model.get_parameter("head.offsets").mul_(0.5 / math.sqrt(c))
    v = torch.randn(1, 2, 5, 6, generator=torch.Generator().manual_seed(0)) / math.sqrt(c)
    planes = planes_of(model)
    assert planes.W.dtype == torch.float64
    t = radial(v.double(), c=c, limit="hard" if head == "hyperbolic-reference" else "smooth")
    with torch.no_grad():
        torch.testing.assert_close(
            closed_form_logits(v.double(), planes, t, c=c), model.head(v)[0].double(), rtol=1e-4, atol=1e-5
        )


def test_offsets_outside_the_ball_are_brought_back() -> None:
    model = LocalNetwork(head="hyperbolic-reference", curvature=4.0)
    with torch.no_grad():
        model.get_parameter("head.offsets").fill_(5.0)
    W, w0, _ = planes_of(model)
    u = torch.full((2,), (1.0 - EDGE) / math.sqrt(2.0), dtype=torch.float64)  # the offset in the unit disk
    torch.testing.assert_close(2.0 * W @ u, w0 * (1.0 + u.square().sum()), rtol=1e-9, atol=1e-9)


def test_a_euclidean_head_has_none() -> None:
    with pytest.raises(TypeError, match="EuclideanHead has no gyroplanes"):
        planes_of(LocalNetwork(head="euclidean"))
