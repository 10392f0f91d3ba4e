"""Two heads on one embedding, and what the views' answers are."""

from __future__ import annotations

import pytest
import torch

from hypsegcli.network.config import ModelConfig
from hypsegcli.network.deeplab import ASPP_CHANNELS
from hypsegcli.network.model import HyperbolicDeepLab, build_model
from hypsegcli.training.clustering.learner import ClusterLearner, HeadName, where_seen


@pytest.fixture(scope="module")
def learner() -> ClusterLearner:
    torch.manual_seed(0)
    config = ModelConfig(backbone="mobilenet_v3_small", embedding_size=4, nodes=3, softmax="flat")
    return ClusterLearner(build_model(config), over=7).eval()


@pytest.mark.parametrize(("head", "clusters"), [("own", 3), ("over", 7)])
def test_answers_are_probabilities_at_the_places_of_the_first_view(
    learner: ClusterLearner, head: HeadName, clusters: int
) -> None:
    first = torch.randn(2, 3, 64, 96)
    mirrored = torch.tensor([False, True])
    second = torch.stack([first[0], first[1].flip(-1)])
    with torch.no_grad():
        one, other = learner(first, second, mirrored, head=head)
        unturned = learner(first, second, torch.tensor([False, False]), head=head)[1]
    assert one.shape == other.shape == (2, clusters, 16, 24)
    assert torch.allclose(one.sum(1), torch.ones(2, 16, 24), atol=1e-5)
    assert torch.allclose(other[0], one[0], atol=1e-5)
    assert torch.allclose(other[1], unturned[1].flip(-1))


def test_the_mean_of_the_image_is_cut_off_and_stays_so(learner: ClusterLearner) -> None:
    model = learner.model
    assert isinstance(model, HyperbolicDeepLab)
    with torch.no_grad():
        model.aspp.pool[1].bias.add_(1.0)
        model.aspp.join[0].weight[:, -ASPP_CHANNELS:] = 1.0
    learner.hold()
    image = torch.randn(1, 3, 64, 64)
    mean = model.features(image).mean((0, 2, 3))
    with torch.no_grad():
        assert torch.equal(model.embed(image, mean), model.embed(image, mean + 5.0))


def test_what_is_frozen_keeps_its_statistics() -> None:
    config = ModelConfig(backbone="mobilenet_v3_small", embedding_size=4, nodes=3, softmax="flat")
    learner = ClusterLearner(build_model(config), over=7, freeze_batch_norm=True).train()
    norms = [module for module in learner.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    assert norms
    assert not any(norm.training for norm in norms)
    assert learner.model.training


def test_cells_that_are_mostly_unseen_say_nothing() -> None:
    seen = torch.ones(1, 8, 8, dtype=torch.bool)
    seen[:, :, 5:] = False
    shown = where_seen(seen, torch.ones(1, 2, 2, 2))
    assert shown[0, 0].tolist() == [[1.0, 0.0], [1.0, 0.0]]
