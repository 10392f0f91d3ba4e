"""Two heads on one embedding, and what the views' answers are."""

from __future__ import annotations

import pytest
import torch

from hypsegcli.network.config import ModelConfig
from hypsegcli.network.model import build_deeplab
from hypsegcli.training.clustering.learner import ClusterLearner, HeadName, side_by_side


def learner_of(*, freeze_batch_norm: bool = False, **architecture: object) -> ClusterLearner:
    config = {"backbone": "mobilenet_v3_small", "embedding_size": 4, "nodes": 3, "softmax": "flat"} | architecture
    model = build_deeplab(ModelConfig.model_validate(config))
    return ClusterLearner(model, over=7, freeze_batch_norm=freeze_batch_norm)


@pytest.mark.parametrize(("head", "clusters"), [("own", 3), ("over", 7)])
def test_answers_are_probabilities_at_the_places_of_the_first_view(head: HeadName, clusters: int) -> None:
    torch.manual_seed(0)
    learner = learner_of().eval()
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


@pytest.mark.parametrize("convolutions", ["separable", "standard"])
def test_clusters_see_what_is_near(convolutions: str) -> None:
    """And the network itself answers as while it learned: what ASPP says counts for nothing, and stays so."""
    torch.manual_seed(0)
    learner = learner_of(backbone="resnet18_c4", convolutions=convolutions)
    with torch.no_grad():
        for name, tensor in learner.model.decoder.refine[0].state_dict().items():
            if name.endswith("weight"):
                tensor.add_(0.1)
    learner.hold()
    learner.eval()
    image = torch.randn(1, 3, 96, 96)
    changed = image.clone()
    changed[..., 88:] = 5.0
    untouched = torch.tensor([False])
    with torch.no_grad():
        before, after = (learner(one, one, untouched, head="own")[0] for one in (image, changed))
        assert torch.equal(before, learner.model(image).logits.softmax(1))
    assert torch.allclose(before[..., :12], after[..., :12], atol=1e-6)
    assert not torch.allclose(before[..., 22:], after[..., 22:])


def test_what_is_not_used_stays_as_it_came() -> None:
    learner = learner_of().train()
    before = {name: tensor.clone() for name, tensor in learner.model.state_dict().items()}
    optimizer = torch.optim.SGD(learner.parameters(), lr=0.1)
    image = torch.randn(2, 3, 64, 64)
    one, other = learner(image, image, torch.tensor([False, True]), head="own")
    (one * other).sum().backward()
    optimizer.step()
    learner.hold()
    changed = {name for name, tensor in learner.model.state_dict().items() if not torch.equal(tensor, before[name])}
    assert not [name for name in changed if name.startswith(("aspp.", "backbone.high."))]
    assert any(name.startswith("backbone.low.") for name in changed)
    assert any(name.startswith("decoder.embed.") for name in changed)


def test_what_is_frozen_keeps_its_statistics() -> None:
    learner = learner_of(freeze_batch_norm=True).train()
    norms = [module for module in learner.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    assert norms
    assert not any(norm.training for norm in norms)
    assert learner.model.training


def test_cells_that_are_mostly_unseen_say_nothing() -> None:
    seen = torch.ones(1, 2, 8, 8, dtype=torch.bool)
    seen[:, 0, :, 5:] = False
    shown = side_by_side(torch.ones(1, 3, 2, 2), torch.ones(1, 3, 2, 2), seen, torch.tensor([[0, 0]]))
    assert [one[0, 2].tolist() for one in shown] == [[[1.0, 0.0], [1.0, 0.0]], [[1.0, 1.0], [1.0, 1.0]]]


@pytest.mark.parametrize("shift", [(0, 0), (2, 0), (-1, 3), (-4, -2), (5, 7), (6, 0)])
def test_answers_of_the_second_view_come_to_their_places(shift: tuple[int, int]) -> None:
    """Cut out of one map of answers, of which both views have a part of 6 x 8 cells."""
    whole = torch.randn(2, 3, 24, 24)
    down, across = shift
    first = whole[:, :, 8:14, 8:16]
    second = whole[:, :, 8 + down : 14 + down, 8 + across : 16 + across]
    seen = torch.ones(2, 2, 24, 32, dtype=torch.bool)
    one, other = side_by_side(first, second, seen, torch.tensor([shift, shift]))
    assert torch.equal(one, first)
    reached = other.abs().sum(1) > 0
    assert torch.equal(other.movedim(1, -1)[reached], first.movedim(1, -1)[reached])
    assert int(reached.sum()) == 2 * max(0, 6 - abs(down)) * max(0, 8 - abs(across))


@pytest.mark.parametrize("shift", [(9, 0), (-9, 0), (0, 20), (-20, -20), (4, -6)])
def test_views_that_do_not_meet_have_nothing_in_common(shift: tuple[int, int]) -> None:
    answers, seen = torch.rand(1, 3, 4, 6), torch.ones(1, 2, 16, 24, dtype=torch.bool)
    first, moved = side_by_side(answers, answers, seen, torch.tensor([shift]))
    assert first.shape == moved.shape == answers.shape
    assert moved.abs().sum() == 0.0
