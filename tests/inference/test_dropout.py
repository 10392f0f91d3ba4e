"""Monte Carlo dropout against the same passes by hand, and that it leaves no trace behind."""

from __future__ import annotations

import hashlib
import math
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from hypsegcli.checkpoint.format import InputSpec
from hypsegcli.hierarchy.softmax import class_log_probabilities
from hypsegcli.hierarchy.tree import ClassTree, flat_tree
from hypsegcli.inference.device import Device
from hypsegcli.inference.dropout import DROPOUT_MEASURES, DropoutSampler
from hypsegcli.inference.engines.torch_engine import TorchEngine
from hypsegcli.inference.normalise import normalise
from hypsegcli.inference.request import Request
from hypsegcli.inference.segmenter import Segmenter
from hypsegcli.inference.windows import Tiling
from hypsegcli.network.config import ModelConfig
from hypsegcli.network.head import HEADS
from hypsegcli.network.model import NetworkOutput, build_deeplab, build_segformer

CPU = Device(torch.device("cpu"))
SPEC = InputSpec(height=48, width=64)
TREE = ClassTree(names=("sky", "road", "tree", "car", "ground"), parents=(-1, 4, 4, -1, -1), classes=4)
RATE = 0.4

Picture = NDArray[np.uint8]


class Decoder(nn.Module):
    """Two convolutions of one grid point each."""

    def __init__(self) -> None:
        super().__init__()
        self.refine = nn.Sequential(*(nn.Sequential(nn.Conv2d(12, 12, 1), nn.ReLU(inplace=True)) for _ in range(2)))
        self.embed = nn.Conv2d(12, 6, 1)

    def forward(self, features: Tensor) -> Tensor:
        embedding: Tensor = self.embed(self.refine(features))
        return embedding


def spread_out(model: Any, decoder: Any, embedding: Tensor) -> None:
    """Make pixels lie on all sides of the origin, |v| around 1, and classes differ."""
    with torch.no_grad():
        mean, scale = embedding.mean((0, 2, 3)), 1.0 / embedding.std((0, 2, 3)) / embedding.shape[1] ** 0.5
        decoder.embed.bias.copy_((decoder.embed.bias - mean) * scale)
        decoder.embed.weight *= scale[:, None, None, None]
        for parameter in model.head.parameters():
            parameter.copy_(0.7 * torch.randn_like(parameter).clamp(-1, 1))


class TinyNetwork(nn.Module):
    """Sees the 4 x 4 pixels of a grid cell; has the parts behind which dropout is put, under the same names."""

    def __init__(self, tree: ClassTree = TREE, *, gain: float = 1.0) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.config = ModelConfig(
            nodes=tree.nodes, embedding_size=6, softmax="flat" if tree.is_flat else "hierarchical"
        )
        self.aspp = nn.Sequential(nn.Conv2d(3, 12, 4, stride=4), nn.ReLU())
        self.decoder = Decoder()
        self.head = HEADS[self.config.head](self.config)
        self.gain = gain
        self.fails = False
        spread_out(self, self.decoder, self.decoder(self.aspp(torch.randn(1, 3, 32, 32))))

    @property
    def before_dropout(self) -> tuple[nn.Module, ...]:
        return (self.aspp, *self.decoder.refine)

    def forward(self, image: Tensor, mean: Tensor | None = None) -> NetworkOutput:
        embedding = self.gain * self.decoder(self.aspp(image))
        if self.fails:
            raise RuntimeError("out of memory")
        return NetworkOutput(embedding, *self.head(embedding))

    def features(self, image: Tensor) -> Tensor:
        return torch.nn.functional.avg_pool2d(image, 16)


def picture(height: int = 16, width: int = 32, seed: int = 0) -> Picture:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)


def segmenter(model: Any = None, tree: ClassTree = TREE, *, tiling: Tiling | None = None, **answer: Any) -> Segmenter:
    network: Any = model or TinyNetwork(tree)
    engine = TorchEngine(network, SPEC, CPU)
    return Segmenter(engine, tree, request=Request(**answer), tiling=tiling)


def seed_of(number: int, key: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{number}/{key}".encode()).digest()[:7])


def stack_by_hand(logits: Tensor, tree: ClassTree = TREE) -> NDArray[np.float64]:
    """Class probabilities at every pixel, of the 16 bits that a stack is kept in."""
    scores = F.interpolate(class_log_probabilities(logits, tree), scale_factor=4, mode="bilinear", align_corners=False)
    stack: NDArray[np.float64] = scores.softmax(1)[0].numpy().astype(np.float16).astype(np.float64)
    return stack


def passes_by_hand(model: TinyNetwork, image: Picture, key: str, passes: int, rate: float) -> NDArray[np.float64]:
    """(N, K, H, W), with dropout called in the open."""
    stacks = []
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        for number in range(passes):
            torch.manual_seed(seed_of(number, key))
            features = F.dropout(model.aspp(normalise(torch.from_numpy(image).permute(2, 0, 1)[None], SPEC)), rate)
            for block in model.decoder.refine:
                features = F.dropout(block(features), rate)
            stacks.append(stack_by_hand(model.head(model.gain * model.decoder.embed(features))[0]))
    return np.stack(stacks)


def entropy(p: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    nats: NDArray[np.float64] = -(p * np.log(np.maximum(p, 1e-300))).sum(axis)
    return nats


def same(one: Any, two: Any) -> bool:
    planes = all(np.array_equal(one.confidence[name].values, two.confidence[name].values) for name in DROPOUT_MEASURES)
    return planes and np.array_equal(one.labels, two.labels)


@pytest.mark.parametrize("passes", [1, 4])
def test_the_mean_over_the_passes_against_passes_by_hand(passes: int) -> None:
    model, image = TinyNetwork(), picture()
    found = DropoutSampler(segmenter(model), passes=passes, rate=RATE).predict(image, key="sub/c")
    stacks = passes_by_hand(model, image, "sub/c", passes, RATE)
    mean = stacks.mean(0)
    assert found.labels.shape == (16, 32)
    assert found.labels.dtype == np.uint8
    sure = np.diff(np.sort(mean, 0)[-2:], axis=0)[0] > 1e-3
    assert sure.mean() > 0.9
    np.testing.assert_array_equal(found.labels[sure], mean.argmax(0)[sure])
    assert len(np.unique(found.labels)) > 1, "too uniform a network to test anything"
    spread = entropy(mean, 0)
    information = spread - entropy(stacks, 1).mean(0)
    expected = {
        "mc-entropy": 1 - spread / math.log(4),
        "mc-mutual-information": 1 - information / math.log(4),
        "mc-max-probability": mean.max(0),
    }
    assert list(found.confidence) == list(expected) == list(DROPOUT_MEASURES)
    for name, plane in found.confidence.items():
        assert (plane.measure, plane.full_scale) == (name, 1.0)
        assert plane.values.dtype == np.float32
        np.testing.assert_allclose(plane.values, expected[name], atol=2e-3, err_msg=name)
    if passes == 1:
        np.testing.assert_allclose(found.confidence["mc-mutual-information"].values, 1.0, atol=1e-6)
    else:
        assert found.confidence["mc-mutual-information"].values.min() < 0.99, "the passes hardly differ"


def test_dropout_stands_behind_aspp_and_the_decoders_convolutions() -> None:
    """Of the real network, run here part by part."""
    torch.manual_seed(0)
    model = build_deeplab(ModelConfig(backbone="mobilenet_v3_large", embedding_size=4, nodes=TREE.nodes))
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = 1.0
    model.train()(torch.randn(2, 3, 64, 64))  # so that the batch norms know their activations
    spread_out(model, model.decoder, model.eval()(torch.randn(1, 3, 64, 64)).embedding)
    image = picture(16, 16)
    found = DropoutSampler(segmenter(model), passes=1, rate=RATE).predict(image, key="a")
    batch = torch.from_numpy(image).permute(2, 0, 1)[None]
    model = model.to(memory_format=torch.channels_last)  # random numbers are drawn in the order of memory
    with torch.inference_mode(), torch.random.fork_rng(devices=[]):
        low, high = model.backbone(normalise(batch, SPEC))
        torch.manual_seed(seed_of(0, "a"))
        high = F.dropout(model.aspp(high), RATE)
        high = F.interpolate(high, size=low.shape[2:], mode="bilinear", align_corners=False)
        features = torch.cat([high, model.decoder.low_level(low)], dim=1)
        for block in model.decoder.refine:
            features = F.dropout(block(features), RATE)
        stack = stack_by_hand(model.head(model.decoder.embed(features))[0])
    np.testing.assert_allclose(found.confidence["mc-max-probability"].values, stack.max(0), atol=2e-3)
    plain = segmenter(model, measures=("max-probability",)).predict([image])[0].confidence["max-probability"].values
    assert np.abs(plain - stack.max(0)).max() > 0.02, "dropout changes too little to test anything"


def test_in_segformer_s_decoder_it_stands_before_the_last_layer() -> None:
    torch.manual_seed(0)
    config = ModelConfig(backbone="timm:test_convnext", decoder="mlp", embedding_size=4, nodes=TREE.nodes)
    model = build_segformer(config).eval()
    spread_out(model, model.decoder, model(torch.randn(1, 3, 64, 64)).embedding)
    image = picture(32, 32)
    found = DropoutSampler(segmenter(model), passes=1, rate=RATE).predict(image, key="a")
    batch = torch.from_numpy(image).permute(2, 0, 1)[None]
    folded = segmenter(model).engine.model  # type: ignore[attr-defined]  # as it runs there, in that order of memory
    features: list[Tensor] = []
    hook = folded.decoder.relu.register_forward_hook(lambda _m, _i, output: features.append(output.clone()))
    with torch.inference_mode(), torch.random.fork_rng(devices=[]):
        folded(normalise(batch, SPEC))
        hook.remove()
        torch.manual_seed(seed_of(0, "a"))
        stack = stack_by_hand(model.head(folded.decoder.embed(F.dropout(features[0], RATE)))[0])
    np.testing.assert_allclose(found.confidence["mc-max-probability"].values, stack.max(0), atol=2e-3)
    plain = segmenter(model, measures=("max-probability",)).predict([image])[0].confidence["max-probability"].values
    assert np.abs(plain - stack.max(0)).max() > 0.02, "dropout changes too little to test anything"


def test_a_key_has_its_own_masks_whatever_ran_before() -> None:
    sampler = DropoutSampler(segmenter(), passes=2, rate=RATE)
    first = sampler.predict(picture(), key="a")
    torch.manual_seed(99)
    other = sampler.predict(picture(), key="b")
    again = sampler.predict(picture(), key="a")
    fresh = DropoutSampler(segmenter(), passes=2, rate=RATE).predict(picture(), key="a")
    assert same(first, again)
    assert same(first, fresh)
    assert not same(first, other)
    odd = sampler.predict(picture(), key="caf\udce9")  # a file name that is no UTF-8
    assert not same(first, odd)


def test_more_dropout_another_answer_and_none_the_plain_one() -> None:
    work = segmenter(measures=("entropy", "max-probability"))
    none, some, much = (DropoutSampler(work, passes=2, rate=rate).predict(picture(), key="a") for rate in (0, 0.2, 0.6))
    assert not same(none, some)
    assert not same(some, much)
    plain = work.predict([picture()])[0]
    np.testing.assert_allclose(
        none.confidence["mc-max-probability"].values, plain.confidence["max-probability"].values, atol=1e-3
    )
    np.testing.assert_allclose(none.confidence["mc-entropy"].values, plain.confidence["entropy"].values, atol=2e-3)
    assert (none.labels == plain.labels).mean() > 0.99
    agreement = [found.confidence["mc-mutual-information"].values.mean() for found in (none, some, much)]
    assert agreement[0] == pytest.approx(1.0, abs=1e-6)
    assert max(agreement[1:]) < 0.95


def test_the_plain_answer_and_the_random_state_stay_as_they_were() -> None:
    model = TinyNetwork()
    work = segmenter(model)
    before, state = work.predict([picture()])[0], torch.get_rng_state()
    DropoutSampler(work, passes=2, rate=RATE).predict(picture(), key="a")
    after = work.predict([picture()])[0]
    np.testing.assert_array_equal(before.confidence["distance"].values, after.confidence["distance"].values)
    np.testing.assert_array_equal(before.labels, after.labels)
    assert torch.equal(torch.get_rng_state(), state)
    assert not model.training
    assert work.request == Request()


def test_a_network_that_fails_in_between_keeps_no_dropout() -> None:
    model = TinyNetwork()
    work = segmenter(model)
    before, state = work.predict([picture()])[0], torch.get_rng_state()
    model.fails = True
    with pytest.raises(RuntimeError, match="out of memory"):
        DropoutSampler(work, passes=2, rate=RATE).predict(picture(), key="a")
    model.fails = False
    after = work.predict([picture()])[0]
    np.testing.assert_array_equal(before.confidence["distance"].values, after.confidence["distance"].values)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("among", [(1, 3), (3, 1), (2,), None])
def test_among_chooses_the_best_of_the_mean(among: tuple[int, ...] | None) -> None:
    model, image = TinyNetwork(), picture(16, 64)
    found = DropoutSampler(segmenter(model, among=among), passes=2, rate=RATE).predict(image, key="a")
    mean = passes_by_hand(model, image, "a", 2, RATE).mean(0)
    allowed = list(among or range(4))
    assert set(np.unique(found.labels)) <= set(allowed)
    best = np.array(allowed)[mean[allowed].argmax(0)]
    assert (found.labels == best).mean() > 0.99
    assert len(allowed) == 1 or len(np.unique(best)) > 1, "too uniform a network to test anything"
    np.testing.assert_allclose(found.confidence["mc-max-probability"].values, mean.max(0), atol=2e-3)


@pytest.mark.parametrize("gain", [0.0, 1.0, 1e4])
@pytest.mark.parametrize("tiling", [None, Tiling(tile=32, overlap=16, above=0)])
def test_measures_lie_between_nothing_and_all(gain: float, tiling: Tiling | None) -> None:
    image = picture(64, 72)
    found = DropoutSampler(segmenter(TinyNetwork(gain=gain), tiling=tiling), passes=3, rate=RATE).predict(
        image, key="a"
    )
    for name, plane in found.confidence.items():
        assert plane.values.shape == (64, 72)
        assert 0.0 <= plane.values.min() <= plane.values.max() <= 1.0, name


class SameHead(nn.Module):
    """Gives every pixel the same logits."""

    def __init__(self, logits: Tensor) -> None:
        super().__init__()
        self.logits = logits

    def forward(self, embedding: Tensor) -> tuple[Tensor, Tensor]:
        return self.logits[:, None, None].expand(1, -1, *embedding.shape[2:]), embedding.norm(dim=1)


@pytest.mark.parametrize(
    ("measure", "logits", "expected"),
    [
        ("mc-entropy", torch.zeros(19), 0.0),  # 19 times 1/19 in 16 bits is more than 1
        ("mc-max-probability", torch.tensor([0.0, 99.0, 0.0]), 1.0),  # tiles' weights in 16 bits: up to 1.001
    ],
)
def test_rounding_leaves_no_measure_outside(measure: str, logits: Tensor, expected: float) -> None:
    tree = flat_tree([str(index) for index in range(len(logits))])
    model = TinyNetwork(tree)
    model.head = SameHead(logits)
    work = segmenter(model, tree, tiling=Tiling(tile=64, overlap=16, above=4096))
    for height, width in ((152, 176), (16, 16)):
        found = DropoutSampler(work, passes=1, rate=0.0).predict(picture(height, width), key="a")
        values = found.confidence[measure].values
        assert 0.0 <= values.min() <= values.max() <= 1.0
        np.testing.assert_allclose(values, expected, atol=2e-3)


def test_passes_that_agree_are_certain_of_the_mask_and_no_more() -> None:
    found = DropoutSampler(segmenter(), passes=3, rate=0.0).predict(picture(16, 64), key="a")
    agreement = found.confidence["mc-mutual-information"].values
    assert 1 - 1e-6 < agreement.min() <= agreement.max() <= 1.0


def test_tiles_are_those_of_the_segmenter() -> None:
    """Every window goes through the network in every pass; so does the size that a long image is shrunk to."""
    model, seen = TinyNetwork(), []
    model.register_forward_pre_hook(lambda _, arguments: seen.append(tuple(arguments[0].shape)))
    tiled = segmenter(model, tiling=Tiling(tile=32, overlap=16, above=0))
    DropoutSampler(tiled, passes=2, rate=RATE).predict(picture(32, 48), key="a")
    assert seen == [(1, 3, 32, 32)] * 4
    seen.clear()
    found = DropoutSampler(segmenter(model, longest_side=32), passes=3, rate=RATE).predict(picture(64, 48), key="a")
    assert seen == [(1, 3, 32, 32)] * 3
    assert found.labels.shape == (64, 48)


def test_many_classes_take_16_bits() -> None:
    tree = flat_tree([str(index) for index in range(300)])
    found = DropoutSampler(segmenter(tree=tree, among=(7, 299)), passes=1, rate=0.0).predict(picture(16, 16), key="a")
    assert found.labels.dtype == np.uint16
    assert set(np.unique(found.labels)) <= {7, 299}


def test_no_pass_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one pass"):
        DropoutSampler(segmenter(), passes=0, rate=RATE).predict(picture(), key="a")
