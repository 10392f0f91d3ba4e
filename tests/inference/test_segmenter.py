"""The Segmenter against plain whole-image arithmetic, on a tiny random network and on stubs."""

from __future__ import annotations

import itertools
import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from support.limited_engine import LimitedEngine
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from hypsegcli.budget import BUDGET, Budget
from hypsegcli.checkpoint.format import InputSpec
from hypsegcli.confidence.calibration import Calibration
from hypsegcli.confidence.measures import available
from hypsegcli.geometry.poincare import exp_map_zero, project
from hypsegcli.hierarchy.rule import Rule
from hypsegcli.hierarchy.softmax import class_log_probabilities
from hypsegcli.hierarchy.tree import ClassTree, flat_tree
from hypsegcli.inference import reduce
from hypsegcli.inference.device import Device
from hypsegcli.inference.engines.torch_engine import TorchEngine
from hypsegcli.inference.normalise import normalise
from hypsegcli.inference.prediction import Prediction
from hypsegcli.inference.refine import smoother_of
from hypsegcli.inference.request import Request
from hypsegcli.inference.segmenter import Segmenter
from hypsegcli.inference.upsample import bands
from hypsegcli.inference.windows import Tiling, round_to_alignment
from hypsegcli.network.config import ModelConfig
from hypsegcli.network.head import HEADS
from hypsegcli.network.model import HyperbolicDeepLab, NetworkOutput, build_deeplab

CPU = Device(torch.device("cpu"))
SPEC = InputSpec(height=48, width=64)
#  0 sky | 5 ground: 1 road, 6 plants: 2 tree, 3 grass | 4 car
TREE = ClassTree(
    names=("sky", "road", "tree", "grass", "car", "ground", "plants"), parents=(-1, 5, 6, 6, -1, -1, 5), classes=5
)

MEASURES = available(calibrated=False)
SIZES = [(48, 64), (33, 47), (1, 1), (1, 37), (17, 1)]

Picture = NDArray[np.uint8]


def picture(height: int, width: int, seed: int = 0) -> Picture:
    """Smooth in places and noisy in others."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (-(-height // 8), -(-width // 8), 3)).repeat(8, 0).repeat(8, 1)[:height, :width]
    noisy: Picture = np.clip(coarse + rng.integers(-20, 20, coarse.shape), 0, 255).astype(np.uint8)
    return noisy


def network(**architecture: Any) -> HyperbolicDeepLab:
    """A random network whose batch norms know its activations, so that pixels differ."""
    torch.manual_seed(0)
    config = ModelConfig(**{"backbone": "mobilenet_v3_large", "embedding_size": 6, "nodes": TREE.nodes} | architecture)
    model = build_deeplab(config)
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = 1.0
    with torch.no_grad():
        model.train()(torch.randn(2, 3, 64, 64))
        image = torch.from_numpy(picture(48, 64)).permute(2, 0, 1)[None]
        length = model.eval()(normalise(image, SPEC)).embedding.norm(dim=1).median()
        model.decoder.embed.weight /= length  # |v| around 1: far from the origin and from the edge
        model.decoder.embed.bias /= length
        for parameter in model.head.parameters():
            parameter.copy_(0.3 * torch.randn_like(parameter).clamp(-1, 1))
    return model


@pytest.fixture(scope="module")
def model() -> HyperbolicDeepLab:
    return network()


class LocalNetwork(nn.Module):
    """Sees the 4 x 4 pixels of a grid cell and nothing else."""

    def __init__(self, *, nodes: int = TREE.nodes, embedding_size: int = 6, gain: float = 1.0, **options: Any) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.config = ModelConfig(nodes=nodes, embedding_size=embedding_size, **options)
        self.mix = nn.Conv2d(3, embedding_size, 4, stride=4)
        self.head = HEADS[self.config.head](self.config)
        self.gain = gain
        with torch.no_grad():
            for parameter in self.head.parameters():
                parameter.copy_(0.3 * torch.randn_like(parameter).clamp(-1, 1))

    def forward(self, image: Tensor, mean: Tensor | None = None) -> NetworkOutput:
        embedding = self.gain * self.mix(image).float()
        logits, distance = self.head(embedding)
        return NetworkOutput(embedding, logits, distance)

    def features(self, image: Tensor) -> Tensor:
        return F.avg_pool2d(image, 16)


class FixedNetwork(nn.Module):
    """Answers the same grids whatever it sees."""

    def __init__(self, embedding: Tensor, logits: Tensor, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.output = NetworkOutput(embedding, logits, HEADS["hyperbolic"](config)(embedding)[1].detach())

    def forward(self, image: Tensor, mean: Tensor | None = None) -> NetworkOutput:
        return self.output


def segmenter(model: Any, tree: ClassTree = TREE, *, device: Device = CPU, **options: Any) -> Segmenter:
    tiling, budget = options.pop("tiling", None), Budget(band_bytes=options.pop("band_bytes", BUDGET.band_bytes))
    engine = TorchEngine(model, SPEC, device)
    return Segmenter(engine, tree, request=Request(**options), tiling=tiling, budget=budget)


def grids(model: Any, image: Picture) -> NetworkOutput:
    """What the network says of an image that was normalised and padded by hand."""
    mean, std = np.array(SPEC.mean, np.float32), np.array(SPEC.std, np.float32)
    height, width = image.shape[:2]
    padded = np.pad(image, ((0, -height % 16), (0, -width % 16), (0, 0)), mode="edge")
    scaled = torch.from_numpy((padded.astype(np.float32) / 255 - mean) / std)
    with torch.no_grad():
        output: NetworkOutput = model(scaled.permute(2, 0, 1)[None].contiguous())
    return output


def whole(grid: Tensor, image: Picture) -> Tensor:
    """The plain interpolation, of everything at once."""
    height, width = image.shape[:2]
    return F.interpolate(grid, scale_factor=4, mode="bilinear", align_corners=False)[0, :, :height, :width]


def class_probabilities(model: Any, image: Picture, tree: ClassTree = TREE) -> NDArray[np.float64]:
    scores = class_log_probabilities(grids(model, image).logits, tree)
    return whole(scores, image).double().softmax(0).numpy()


def clear(probabilities: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Where the answer does not hang on the last bits."""
    best = np.sort(probabilities, 0)
    apart: NDArray[np.bool_] = best[-1] - best[-2] > 1e-4
    return apart


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_labels_are_the_argmax_of_the_interpolated_scores(model: HyperbolicDeepLab, height: int, width: int) -> None:
    image = picture(height, width)
    found = segmenter(model).predict([image])[0]
    probabilities = class_probabilities(model, image)
    assert found.labels.shape == (height, width)
    assert found.labels.dtype == np.uint8
    sure = clear(probabilities)
    assert sure.mean() > 0.9
    np.testing.assert_array_equal(found.labels[sure], probabilities.argmax(0)[sure])
    assert height * width < 2000 or len(np.unique(found.labels)) > 2, "too uniform a network to test anything"


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_the_distance_is_interpolated(model: HyperbolicDeepLab, height: int, width: int) -> None:
    image = picture(height, width)
    found = segmenter(model).predict([image])[0].confidence["distance"].values
    assert found.shape == (height, width)
    assert found.dtype == np.float32
    expected = whole(grids(model, image).distance[:, None], image)[0].numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    assert found.min() >= 0
    assert found.max() <= model.config.max_distance


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_what_is_refined_is_all_that_comes_of_probabilities(model: HyperbolicDeepLab, height: int, width: int) -> None:
    """Labels with nothing beside them, the probabilities, what is made of them, and every level; not the distance."""
    image = picture(height, width)
    (plain,) = segmenter(model, refine="edges").predict([image])
    probabilities = class_probabilities(model, image).astype(np.float32)
    expected = smoother_of(image, 1.0)(probabilities).astype(np.float64)
    sure = clear(expected)
    np.testing.assert_array_equal(plain.labels[sure], expected.argmax(0)[sure])
    rules = (Rule(1), Rule("auto", 0.6))
    (told,) = segmenter(model, refine="edges", probabilities=True, measures=MEASURES, rules=rules).predict([image])
    np.testing.assert_array_equal(told.labels, plain.labels)
    assert told.probabilities is not None
    np.testing.assert_allclose(told.probabilities, expected, atol=1e-3)
    largest = told.confidence["max-probability"].values
    np.testing.assert_allclose(largest, expected.max(0), atol=1e-4)
    unrefined = segmenter(model).predict([image])[0].confidence["distance"].values
    np.testing.assert_array_equal(told.confidence["distance"].values, unrefined)
    for index, (level, threshold) in enumerate(rules):
        assert told.answers is not None
        asked: dict[str, Any] = {"level": level} | ({} if threshold is None else {"threshold": threshold})
        (alone,) = segmenter(model, refine="edges", **asked).predict([image])
        np.testing.assert_array_equal(told.answers[index], alone.labels)


def test_refined_images_go_together_as_alone(model: HyperbolicDeepLab) -> None:
    images = [picture(48, 64, seed) for seed in range(3)]
    refining = segmenter(model, refine="edges")
    together = refining.predict(images)
    for image, found in zip(images, together, strict=True):
        np.testing.assert_array_equal(found.labels, refining.predict([image])[0].labels)


def test_a_shrunk_image_is_refined_by_its_own_pixels(model: HyperbolicDeepLab) -> None:
    """The farther, the more of them one pixel of the network's was."""
    image = picture(96, 128)
    (found,) = segmenter(model, refine="edges", longest_side=64, probabilities=True).predict([image])
    (plain,) = segmenter(model, longest_side=64, probabilities=True).predict([image])
    assert plain.probabilities is not None
    expected = smoother_of(image, 2.0)(plain.probabilities.astype(np.float32))
    assert found.probabilities is not None
    np.testing.assert_allclose(found.probabilities, expected, atol=3e-3)
    assert np.abs(found.probabilities - plain.probabilities).max() > 0.05


def test_a_calibration_knows_the_networks_own_entropy(model: HyperbolicDeepLab) -> None:
    """Not the refined one, which it was not fitted to."""
    image = picture(48, 64)
    curve = Calibration(distances=(0.0, 1.0), probabilities=(0.2, 0.9), fitted_on="made up", measure="entropy")
    request = Request(measures=("calibrated", "entropy"), refine="edges")
    engine = TorchEngine(model, SPEC, CPU)
    (found,) = Segmenter(engine, TREE, request=request, calibration=curve).predict([image])
    own = segmenter(model, measures=("entropy",)).predict([image])[0].confidence["entropy"].values
    np.testing.assert_allclose(found.confidence["calibrated"].values, 0.2 + 0.7 * own, atol=1e-5)
    assert np.abs(found.confidence["entropy"].values - own).max() > 0.01


def test_an_image_in_windows_is_not_refined(model: HyperbolicDeepLab) -> None:
    windows = Tiling(tile=128, overlap=32, above=128 * 128)
    refining = segmenter(model, refine="edges", tiling=windows)
    with pytest.raises(MemoryError, match="whole"):
        refining.predict([picture(130, 140)])
    with pytest.raises(ValueError, match="refined"):
        next(refining.strips(picture(130, 140)))


def by_hand(name: str, p: list[float], distance: float, c: float) -> float:
    """A measure of one pixel, in Python floats."""
    match name:
        case "distance":
            return distance
        case "norm":
            return math.tanh(math.sqrt(c) * distance / 2)
        case "entropy":
            return 1 + sum(x * math.log(x) for x in p if x > 0) / math.log(len(p))
        case "margin":
            first, second = sorted(p, reverse=True)[:2]
            return first - second
        case "max-probability":
            return max(p)
    raise AssertionError(name)


@pytest.mark.parametrize("c", [1.0, 0.25])
def test_every_measure_against_a_loop(c: float) -> None:
    stub, image = LocalNetwork(curvature=c), picture(19, 23)
    found = segmenter(stub, measures=tuple(MEASURES)).predict([image])[0].confidence
    assert list(found) == list(MEASURES)
    probabilities = class_probabilities(stub, image)
    distance = whole(grids(stub, image).distance[:, None], image)[0].double().numpy()
    for name, plane in found.items():
        assert (plane.measure, plane.full_scale) == (name, stub.config.max_distance if name == "distance" else 1.0)
        assert plane.values.dtype == np.float32
        assert plane.values.shape == (19, 23)
        for y, x in itertools.product(range(19), range(23)):
            expected = by_hand(name, probabilities[:, y, x].tolist(), float(distance[y, x]), c)
            assert plane.values[y, x] == pytest.approx(expected, abs=2e-5), (name, y, x)


def test_time_in_the_engine_is_that_of_the_thread_that_spent_it(model: HyperbolicDeepLab) -> None:
    shared, image = segmenter(model), picture(33, 47)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(shared.predict, [image]).result()
        assert shared.forward_seconds == 0.0
        theirs = pool.submit(lambda: shared.forward_seconds).result()
        shared.predict([image])
        assert shared.forward_seconds > 0.0
        assert pool.submit(lambda: shared.forward_seconds).result() == theirs > 0.0


def test_a_batch_gives_what_single_images_give(model: HyperbolicDeepLab) -> None:
    images = [picture(33, 47, seed) for seed in range(3)]
    together = segmenter(model, measures=("distance", "entropy"), probabilities=True).predict(images)
    assert len(together) == 3
    for image, found in zip(images, together, strict=True):
        alone = segmenter(model, measures=("distance", "entropy"), probabilities=True).predict([image])[0]
        sure = clear(class_probabilities(model, image))
        np.testing.assert_array_equal(found.labels[sure], alone.labels[sure])
        for name in ("distance", "entropy"):
            np.testing.assert_allclose(
                found.confidence[name].values, alone.confidence[name].values, rtol=1e-4, atol=1e-4
            )
        assert found.probabilities is not None
        assert alone.probabilities is not None
        np.testing.assert_allclose(found.probabilities, alone.probabilities, atol=2e-3)


def test_bands_leave_no_trace(model: HyperbolicDeepLab) -> None:
    image = picture(40, 40)
    usual = segmenter(model, measures=tuple(MEASURES)).predict([image])[0]
    three_rows = 4 * 5 * 40 * 3
    assert len(list(bands(40, 40, channels=5, budget=three_rows))) == 14
    thin = segmenter(model, measures=tuple(MEASURES), band_bytes=three_rows).predict([image])[0]
    np.testing.assert_array_equal(thin.labels, usual.labels)
    for name in MEASURES:
        np.testing.assert_allclose(thin.confidence[name].values, usual.confidence[name].values, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("level", [1, 2, 3])
def test_a_level_answers_with_its_most_probable_node(model: HyperbolicDeepLab, level: int) -> None:
    image = picture(33, 47)
    found = segmenter(model, level=level).predict([image])[0].labels
    answers = np.unique(TREE.at_level(level))
    below = TREE.leaves_below()[answers].astype(float)
    nodes = np.einsum("ak,khw->ahw", below, class_probabilities(model, image))
    sure = clear(nodes)
    np.testing.assert_array_equal(found[sure], answers[nodes.argmax(0)][sure])


@pytest.mark.parametrize("threshold", [0.5, 0.8])
def test_auto_answers_as_deep_as_sure(model: HyperbolicDeepLab, threshold: float) -> None:
    image = picture(33, 47)
    found = segmenter(model, level="auto", threshold=threshold).predict([image])[0].labels
    nodes = np.einsum("mk,khw->mhw", TREE.leaves_below().astype(float), class_probabilities(model, image))
    for y, x in itertools.product(range(0, 33, 3), range(0, 47, 3)):
        p = nodes[:, y, x]
        if np.abs(p - threshold).min() < 1e-4:
            continue
        passing = [node for node in range(TREE.nodes) if p[node] > threshold]
        expected = max(passing, key=TREE.depth) if passing else TREE.nodes
        assert found[y, x] == expected
    assert TREE.nodes in found or threshold == 0.5, "nothing was undecided: too sure a network to test anything"


def test_answers_by_rules_stand_beside_the_labels(model: HyperbolicDeepLab) -> None:
    """Bit for bit what a request of each of them alone says, and the labels are what they were."""
    image, rules = picture(33, 47), (Rule("auto", 0.6), Rule(1), Rule("auto", 0.9))
    measures = ("distance", "max-probability", "margin")
    plain = segmenter(model, measures=measures, probabilities=True).predict([image])[0]
    found = segmenter(model, measures=measures, probabilities=True, rules=rules).predict([image])[0]
    assert plain.answers is None
    assert not plain.answer_confidence
    np.testing.assert_array_equal(found.labels, plain.labels)
    for name in measures:
        np.testing.assert_array_equal(found.confidence[name].values, plain.confidence[name].values)
    assert found.answers is not None
    assert found.answers.dtype == found.labels.dtype
    assert list(found.answer_confidence) == ["max-probability"]
    for rule, answers in zip(rules, found.answers, strict=True):
        alone = segmenter(model, measures=measures, level=rule.level, threshold=rule.threshold or 0.5).predict([image])
        np.testing.assert_array_equal(answers, alone[0].labels)
        if rule == rules[0]:
            for name, plane in {**found.confidence, **found.answer_confidence}.items():
                np.testing.assert_array_equal(plane.values, alone[0].confidence[name].values)
    assert len(np.unique(found.answers)) > 2, "too uniform a network to test anything"


def test_the_confidence_of_a_coarser_answer_is_its_own(model: HyperbolicDeepLab) -> None:
    image = picture(33, 47)
    nodes = np.einsum("mk,khw->mhw", TREE.leaves_below().astype(float), class_probabilities(model, image))
    found = segmenter(model, measures=("max-probability",), level=1).predict([image])[0]
    expected = np.take_along_axis(nodes, found.labels[None].astype(int), 0)[0]
    np.testing.assert_allclose(found.confidence["max-probability"].values, expected, atol=1e-5)
    assert (expected > class_probabilities(model, image).max(0) + 0.01).any(), "nothing is coarser than a class"


def test_probabilities_only_on_request(model: HyperbolicDeepLab) -> None:
    image = picture(33, 47)
    assert segmenter(model, measures=("entropy",)).predict([image])[0].probabilities is None
    found = segmenter(model, probabilities=True).predict([image])[0].probabilities
    assert found is not None
    assert found.dtype == np.float16
    assert found.shape == (TREE.classes, 33, 47)
    np.testing.assert_allclose(found, class_probabilities(model, image), atol=1e-3)
    np.testing.assert_allclose(found.astype(float).sum(0), 1.0, atol=3e-3)


def test_a_prediction_holds_planes_and_no_stack(model: HyperbolicDeepLab) -> None:
    found = segmenter(model).predict([picture(33, 47)])[0]
    assert isinstance(found, Prediction)
    assert list(found.confidence) == ["distance"]
    with pytest.raises(AttributeError):
        found.labels = found.labels  # type: ignore[misc]


def test_points_is_the_reference_procedure() -> None:
    """Resize the points of the ball, take the norm, and its distance to the origin."""
    stub, image = LocalNetwork(head="hyperbolic-reference", curvature=0.5, gain=2.0), picture(33, 47)
    found = segmenter(stub, interpolate="points").predict([image])[0].confidence["distance"].values
    embedding = grids(stub, image).embedding.double()
    ball = project(exp_map_zero(embedding, c=0.5, dim=1), c=0.5, dim=1)
    norm = whole(ball, image).norm(dim=0).numpy()
    expected = 2 / math.sqrt(0.5) * np.arctanh(math.sqrt(0.5) * norm)
    np.testing.assert_allclose(found, expected, rtol=2e-3, atol=1e-4)


@pytest.mark.parametrize("limit", ["hard", "smooth"])
def test_points_never_lie_above_scalar(limit: str) -> None:
    """The distance to the origin is convex in the ball, so that of a blend is at most the blend of distances."""
    stub, image = LocalNetwork(radial_limit=limit, gain=2.0), picture(33, 47)
    scalar, points = (
        segmenter(stub, interpolate=how).predict([image])[0].confidence["distance"].values
        for how in ("scalar", "points")
    )
    assert (points <= scalar + 1e-3 * stub.config.max_distance).all()
    assert (points < 0.7 * scalar).any()
    grid_rows = whole(grids(stub, image).distance[:, None], image)[0].numpy()
    np.testing.assert_allclose(points[0, 0], grid_rows[0, 0], rtol=1e-4)  # a corner is one grid point's own


def test_antipodal_points_meet_at_the_origin() -> None:
    config = ModelConfig(embedding_size=2, nodes=TREE.nodes)
    embedding = torch.zeros(1, 2, 4, 4)
    embedding[:, 0] = torch.tensor([1.0, 1.0, -1.0, -1.0])
    stub = FixedNetwork(embedding, torch.zeros(1, TREE.nodes, 4, 4), config)
    scalar, points = (
        segmenter(stub, interpolate=how).predict([picture(16, 16)])[0].confidence["distance"].values
        for how in ("scalar", "points")
    )
    assert scalar.min() == pytest.approx(scalar.max(), rel=1e-5)
    reach = math.tanh(float(scalar[0, 0]) / 2)
    across = [abs(reach * (1 - 2 * share)) for share in (1 / 8, 3 / 8, 5 / 8, 7 / 8)]
    np.testing.assert_allclose(points[5, 6:10], [2 * math.atanh(x) for x in across], rtol=1e-3)
    np.testing.assert_allclose(points[:, :6], scalar[:, :6], rtol=1e-3)


@pytest.mark.parametrize("head", ["hyperbolic", "euclidean"])
def test_points_stay_finite_far_out(head: str) -> None:
    """Where tanh(x) rounds to 1, points would lie on the edge; a Euclidean head has no edge."""
    stub, image = LocalNetwork(head=head, t_max=20.0, radial_limit="hard", gain=20.0), picture(33, 47)
    scalar, points = (
        segmenter(stub, interpolate=how).predict([image])[0].confidence["distance"].values
        for how in ("scalar", "points")
    )
    assert scalar.max() > 19
    assert np.isfinite(points).all()
    assert (points <= scalar + 1e-2).all()
    if head == "euclidean":  # vectors are held to the same length as tangent vectors, and blended as they are
        output = grids(stub, image)
        held = output.embedding * (output.distance / 2 / output.embedding.norm(dim=1))[:, None]
        vectors = whole(held, image)
        np.testing.assert_allclose(points, 2 * vectors.norm(dim=0).numpy(), rtol=1e-4, atol=1e-4)


def test_one_tile_that_covers_is_the_whole(model: HyperbolicDeepLab) -> None:
    image = picture(33, 47)
    everything: dict[str, Any] = {"measures": tuple(MEASURES), "probabilities": True}
    plain = segmenter(model, **everything).predict([image])[0]
    tiled = segmenter(model, **everything, tiling=Tiling(tile=64, overlap=16, above=0)).predict([image])[0]
    np.testing.assert_array_equal(tiled.labels, plain.labels)
    for name in MEASURES:
        np.testing.assert_array_equal(tiled.confidence[name].values, plain.confidence[name].values)
        assert tiled.confidence[name].values.dtype == np.float32
    assert tiled.probabilities is not None
    assert plain.probabilities is not None
    np.testing.assert_array_equal(tiled.probabilities, plain.probabilities)


@pytest.mark.parametrize(("height", "width"), [(100, 131), (40, 200), (65, 64), (1, 150)])
@pytest.mark.parametrize("interpolate", ["scalar", "points"])
def test_tiles_of_a_local_network_make_the_whole(height: int, width: int, interpolate: str) -> None:
    stub, image = LocalNetwork(), picture(height, width)
    options: dict[str, Any] = {"measures": tuple(MEASURES), "probabilities": True, "interpolate": interpolate}
    plain = segmenter(stub, **options).predict([image])[0]
    tiled = segmenter(stub, **options, tiling=Tiling(tile=64, overlap=16, above=64 * 64 // 100)).predict([image])[0]
    np.testing.assert_array_equal(tiled.labels, plain.labels)
    for name in MEASURES:
        np.testing.assert_allclose(tiled.confidence[name].values, plain.confidence[name].values, rtol=1e-5, atol=2e-6)
    assert tiled.probabilities is not None
    assert plain.probabilities is not None
    np.testing.assert_allclose(tiled.probabilities, plain.probabilities, atol=1e-3)


def test_tiles_only_above_their_size() -> None:
    engine = LimitedEngine(limit=10**6)
    work = Segmenter(engine, flat_tree(["red", "green", "blue"]), tiling=Tiling(tile=32, overlap=16, above=48 * 48))
    assert len(work.predict([picture(48, 48)] * 2)) == 2
    assert engine.sizes == [(2, 48, 48)]
    engine.sizes.clear()
    assert len(work.predict([picture(48, 49)] * 2)) == 2
    assert len(engine.sizes) > 2
    assert all(count == 1 and max(size) <= 32 for count, *size in engine.sizes)


@pytest.mark.parametrize("way", [{}, {"longest_side": 24}, {"among": (0, 2)}, {"tiling": Tiling(32, 16, 1)}])
def test_labels_of_a_flat_softmax_are_decided_without_it(way: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    stub, tree, image = LocalNetwork(nodes=5, softmax="flat"), flat_tree(list("abcde")), picture(40, 56)
    usual = segmenter(stub, tree, probabilities=True, **way).predict([image])[0]
    monkeypatch.setattr(reduce, "class_log_probabilities", None)
    found = segmenter(stub, tree, **way).predict([image])[0]
    assert len(np.unique(found.labels)) > 1
    assert (found.labels == usual.labels).mean() > 0.999
    with pytest.raises(TypeError):
        segmenter(stub, tree, measures=("entropy",), **way).predict([image])


@pytest.mark.parametrize(("nodes", "dtype"), [(255, np.uint8), (256, np.uint16), (300, np.uint16)])
def test_label_type_holds_every_node_and_undecided(nodes: int, dtype: type) -> None:
    tree = flat_tree([str(index) for index in range(nodes)])
    logits = torch.zeros(1, nodes, 4, 4)
    logits[:, -1] = 20.0
    stub = FixedNetwork(torch.ones(1, 2, 4, 4), logits, ModelConfig(embedding_size=2, nodes=nodes, softmax="flat"))
    found = segmenter(stub, tree).predict([picture(16, 16)])[0].labels
    assert found.dtype == dtype
    assert (found == nodes - 1).all()
    stub.output = stub.output._replace(logits=torch.zeros_like(logits))
    assert (segmenter(stub, tree, level="auto").predict([picture(16, 16)])[0].labels == nodes).all()
    for tiling in (None, Tiling(16, 0, 0)):
        assert segmenter(stub, tree, tiling=tiling).predict([picture(16, 32)[:, :16]])[0].labels.dtype == dtype


class _Largest(TorchDispatchMode):
    """Remembers the most bytes that one tensor had."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # as above
        self.bytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for item in result if isinstance(result, tuple | list) else (result,):
            if isinstance(item, Tensor):
                self.bytes = max(self.bytes, item.numel() * item.element_size())
        return result


@pytest.mark.parametrize("options", [{}, {"measures": ("entropy", "margin")}, {"level": "auto"}])
def test_many_classes_never_fill_a_stack_of_the_image(options: dict[str, Any]) -> None:
    K, side = 300, 96
    budget = 2**18
    stub = LocalNetwork(nodes=K, softmax="flat")
    work = segmenter(stub, flat_tree([str(index) for index in range(K)]), band_bytes=budget, **options)
    with _Largest() as largest:
        work.predict([picture(side, side)])
    grid, stack = 4 * K * (side // 4) ** 2, 4 * K * side * side
    assert 0 < largest.bytes <= max(grid, 4 * budget)
    assert largest.bytes < stack / 4


def test_bf16_keeps_the_ball_in_float32(model: HyperbolicDeepLab) -> None:
    seen: list[torch.dtype] = []
    hook = model.register_forward_hook(lambda _m, _i, output: seen.extend(part.dtype for part in output))
    backbone = model.backbone.register_forward_hook(lambda _m, _i, output: seen.append(output[0].dtype))
    image = picture(33, 47)
    try:
        found = (
            segmenter(model, device=replace(CPU, precision="bf16")).predict([image])[0].confidence["distance"].values
        )
    finally:
        hook.remove()
        backbone.remove()
    assert seen[0] == torch.bfloat16, "the backbone did not run in bfloat16: nothing was tested"
    assert seen[1:] == [torch.float32] * 3
    assert found.dtype == np.float32
    assert not np.array_equal(found, torch.from_numpy(found).bfloat16().float().numpy())
    plain = segmenter(model).predict([image])[0].confidence["distance"].values
    assert np.abs(found - plain).mean() < 0.1 * model.config.max_distance


def test_a_model_in_training_is_put_to_evaluation(model: HyperbolicDeepLab) -> None:
    image = picture(33, 47)
    before = segmenter(model).predict([image])[0].confidence["distance"].values
    after = segmenter(model.train()).predict([image])[0].confidence["distance"].values
    assert not model.training
    np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("pixel_range", [1, 255])
def test_normalise(pixel_range: Any) -> None:
    spec = InputSpec(mean=(1.0, 2.0, 3.0), std=(0.5, 2.0, 4.0), pixel_range=pixel_range, height=1, width=1)
    images = torch.tensor([0, 51, 255], dtype=torch.uint8).reshape(1, 3, 1, 1).expand(1, 3, 2, 2)
    found = normalise(images, spec)
    assert found.dtype == torch.float32
    expected = [(share * pixel_range - mean) / std for share, mean, std in ((0, 1, 0.5), (0.2, 2, 2), (1, 3, 4))]
    assert found[0, :, 1, 0].tolist() == pytest.approx(expected, rel=1e-6)


def test_round_to_alignment() -> None:
    assert [round_to_alignment(x) for x in (0, 0.5, 15, 16, 16.5, 33)] == [0, 16, 16, 16, 32, 48]


def test_longest_side_shrinks_for_the_network_and_answers_at_full_size() -> None:
    model = network()
    image = picture(96, 128)
    found = segmenter(model, longest_side=64).predict([image])[0]
    small = cv2.resize(image, (64, 48), interpolation=cv2.INTER_AREA)
    with torch.inference_mode():
        output = model(normalise(torch.from_numpy(small).permute(2, 0, 1)[None], SPEC))
    wanted = F.interpolate(output.distance[:, None], size=(96, 128), mode="bilinear", align_corners=False)[0, 0]
    np.testing.assert_allclose(found.confidence["distance"].values, wanted.numpy(), rtol=1e-4, atol=1e-5)
    scores = class_log_probabilities(output.logits, TREE)
    labels = F.interpolate(scores, size=(96, 128), mode="bilinear", align_corners=False).argmax(1)[0]
    assert (found.labels == labels.numpy()).mean() > 0.999
    whole = segmenter(model).predict([image])[0]
    assert not np.allclose(found.confidence["distance"].values, whole.confidence["distance"].values, rtol=1e-2)


def test_longest_side_leaves_smaller_images_alone() -> None:
    model = network()
    plain = segmenter(model).predict([picture(48, 64)])[0]
    limited = segmenter(model, longest_side=64).predict([picture(48, 64)])[0]
    assert np.array_equal(plain.labels, limited.labels)
    assert np.array_equal(plain.confidence["distance"].values, limited.confidence["distance"].values)


@pytest.mark.parametrize("size", [(1, 4000), (3000, 2), (777, 1001)])
def test_longest_side_takes_any_shape(size: tuple[int, int]) -> None:
    found = segmenter(network(), longest_side=100).predict([picture(*size)])[0]
    assert found.labels.shape == size
    assert np.isfinite(found.confidence["distance"].values).all()


def test_an_answer_that_is_not_finite_is_an_error_and_no_map() -> None:
    model = network()
    with torch.no_grad():
        model.get_parameter("decoder.embed.bias")[0] = math.inf
    with pytest.raises(FloatingPointError, match="NaN or infinity"):
        segmenter(model).predict([picture(48, 64)])


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("plane", ["embedding", "logits", "distance"])
def test_one_number_that_is_not_finite_is_found(
    model: HyperbolicDeepLab, monkeypatch: pytest.MonkeyPatch, plane: str, value: float
) -> None:
    found, run = segmenter(model), TorchEngine.__call__

    def broken(self: TorchEngine, *inputs: Any) -> NetworkOutput:
        output = run(self, *inputs)
        numbers = getattr(output, plane).clone()
        numbers[0, ..., 3, 4] = value
        return output._replace(**{plane: numbers})

    monkeypatch.setattr(TorchEngine, "__call__", broken)
    with pytest.raises(FloatingPointError, match="NaN or infinity"):
        found.predict([picture(48, 64)])


WAYS = [{}, {"tiling": Tiling(tile=64, overlap=16, above=0)}]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("among", [(1, 3, 4), (4, 3, 1), (2,)])
def test_among_answers_the_best_of_some_classes(way: dict[str, Any], among: tuple[int, ...]) -> None:
    stub, image = LocalNetwork(gain=4.0), picture(70, 100)
    plain = segmenter(stub, measures=tuple(MEASURES), probabilities=True, **way).predict([image])[0]
    found = segmenter(stub, measures=tuple(MEASURES), probabilities=True, among=among, **way).predict([image])[0]
    some = class_probabilities(stub, image)[list(among)]
    sure = clear(some) if len(among) > 1 else np.ones((70, 100), bool)
    assert sure.mean() > 0.9
    np.testing.assert_array_equal(found.labels[sure], np.array(among)[some.argmax(0)][sure])
    assert set(np.unique(found.labels)) <= set(among)
    assert len(np.unique(found.labels)) > 1 or len(among) == 1, "too uniform a network to test anything"
    assert (plain.labels != found.labels).any()
    assert found.labels.dtype == plain.labels.dtype
    for name in MEASURES:
        np.testing.assert_array_equal(found.confidence[name].values, plain.confidence[name].values)
    np.testing.assert_array_equal(found.probabilities, plain.probabilities)


def truth_of(height: int, width: int, seed: int, dtype: Any = np.uint8) -> NDArray[Any]:
    """Classes in no order, with ids that are none."""
    ids = np.array([*range(TREE.classes), TREE.classes, TREE.nodes, np.iinfo(dtype).max], dtype)
    return np.random.default_rng(seed).choice(ids, (height, width))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_proper_planes_are_those_of_the_probabilities(way: dict[str, Any], dtype: Any) -> None:
    """The tiles' owners and the whole of a local network say the same."""
    stub, images = LocalNetwork(gain=4.0), [picture(70, 100, seed) for seed in range(2)]
    truths = [truth_of(70, 100, seed, dtype) for seed in range(2)]
    for image, truth, found in zip(images, truths, segmenter(stub, **way).predict(images, truths), strict=True):
        p = class_probabilities(stub, image)
        assert found.proper is not None
        assert found.proper.shape == (2, 70, 100)
        assert found.proper.dtype == np.float32
        labelled = truth < TREE.classes
        true = np.take_along_axis(p, np.minimum(truth, TREE.classes - 1)[None].astype(int), 0)[0]
        np.testing.assert_allclose(found.proper[0][labelled], true[labelled], atol=3e-5)
        np.testing.assert_allclose(found.proper[1], (p * p).sum(0), atol=1e-5)
        assert np.isfinite(found.proper).all()
        assert found.probabilities is None


@pytest.mark.parametrize("way", [*WAYS, {"longest_side": 64}])
def test_truths_change_nothing_else(model: HyperbolicDeepLab, way: dict[str, Any]) -> None:
    image = picture(70, 100)
    options: dict[str, Any] = {"measures": tuple(MEASURES), "probabilities": True} | way
    plain = segmenter(model, **options).predict([image])[0]
    scored = segmenter(model, **options).predict([image], [truth_of(70, 100, 0)])[0]
    np.testing.assert_array_equal(scored.labels, plain.labels)
    for name in MEASURES:
        np.testing.assert_array_equal(scored.confidence[name].values, plain.confidence[name].values)
    np.testing.assert_array_equal(scored.probabilities, plain.probabilities)
    assert plain.proper is None
    assert scored.proper is not None
    assert scored.probabilities is not None
    if "tiling" not in way:  # where tiles overlap, probabilities are blended and scores are one tile's
        squares = np.square(scored.probabilities.astype(float)).sum(0)
        np.testing.assert_allclose(scored.proper[1], squares, atol=5e-3)


def test_bands_leave_no_trace_in_proper_planes() -> None:
    stub, images = LocalNetwork(gain=4.0), [picture(40, 40, seed) for seed in range(2)]
    truths = [truth_of(40, 40, seed) for seed in range(2)]
    usual = segmenter(stub).predict(images, truths)
    thin = segmenter(stub, band_bytes=4 * 2 * 6 * 40 * 3).predict(images, truths)  # three rows
    for one, two in zip(usual, thin, strict=True):
        assert one.proper is not None
        assert two.proper is not None
        np.testing.assert_allclose(one.proper, two.proper, rtol=1e-5, atol=1e-6)
