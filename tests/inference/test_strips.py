"""Windows joined to strips, and the mean that they share, against the whole image."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from support import SHARED
from torch import Tensor, nn

from hypsegcli.checkpoint.bundled import bundled_checkpoint
from hypsegcli.checkpoint.format import InputSpec
from hypsegcli.checkpoint.store import load_checkpoint
from hypsegcli.confidence.planes import Plane
from hypsegcli.hierarchy.tree import flat_tree
from hypsegcli.images.decode import decode_image
from hypsegcli.inference.device import Device
from hypsegcli.inference.engines.torch_engine import TorchEngine
from hypsegcli.inference.prediction import RGB, Prediction
from hypsegcli.inference.request import Request
from hypsegcli.inference.segmenter import Segmenter
from hypsegcli.inference.strips import feature_mean, join, pad_to_cells, strips
from hypsegcli.inference.windows import Tiling, axis_windows
from hypsegcli.network.config import ModelConfig
from hypsegcli.network.deeplab import ASPP, ASPP_RATES
from hypsegcli.network.model import HyperbolicDeepLab, NetworkOutput, build_deeplab, build_model, receptive_radius

CPU = Device(torch.device("cpu"))
SPEC = InputSpec(height=48, width=64)
TREE = flat_tree(["sky", "road", "tree", "car"])
OVERLAP = 384
Picture = NDArray[np.uint8]


def picture(height: int, width: int) -> Picture:
    """Noise that grows brighter to the right and to the bottom, so that no part has the mean of the whole."""
    ramp = np.add.outer(np.linspace(0, 110, height), np.linspace(0, 30, width))[..., None]
    noise = np.random.default_rng(0).integers(0, 110, (height, width, 3))
    return (ramp + noise).astype(np.uint8)


class Cells:
    """An engine whose features are the means of cells."""

    def __init__(self, stride: int) -> None:
        self.config = ModelConfig(nodes=2, output_stride=stride)

    def features(self, images: Picture) -> Tensor:
        return F.avg_pool2d(torch.from_numpy(images).permute(0, 3, 1, 2).float(), self.config.output_stride)


@pytest.mark.parametrize("stride", [8, 16])
@pytest.mark.parametrize(("tile", "overlap"), [(64, 32), (64, 16), (48, 16), (32, 0), (128, 64)])
@pytest.mark.parametrize("size", [(100, 131), (65, 64), (1, 150), (208, 129)])
def test_the_mean_counts_every_cell_once(size: tuple[int, int], tile: int, overlap: int, stride: int) -> None:
    image, engine = picture(*size), Cells(stride)
    down, across = (axis_windows(length, tile=tile, overlap=overlap) for length in size)
    whole = engine.features(pad_to_cells(image[None])).mean((0, 2, 3))
    found = feature_mean(engine, image, down, across)  # type: ignore[arg-type]
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, whole, rtol=1e-6, atol=0)


@pytest.mark.parametrize(("height", "width"), [(208, 90), (300, 131), (64, 64), (1, 200), (129, 128)])
def test_strips_cover_the_image_and_each_window_has_its_part(height: int, width: int) -> None:
    """With 208 pixels, three windows meet: 0 to 128, 32 to 160, 80 to 208."""
    image = picture(height, width)
    down, across = (axis_windows(length, tile=128, overlap=64) for length in (height, width))
    asked: list[int] = []

    class File:
        shape = image.shape

        def __getitem__(self, rows: slice) -> Picture:
            asked.append(rows.stop - rows.start)
            return image[rows]

    number = iter(range(len(down) * len(across)))

    def predict(part: Picture, truth: Any) -> Prediction:
        labels = np.full(part.shape[:2], next(number), np.uint16)
        planes = part.transpose(2, 0, 1).astype(np.float32)
        return Prediction(
            labels,
            {"a": Plane(planes[0], "a", 255.0)},
            planes.astype(np.float16),
            np.stack([truth, truth]).astype("f4"),
            answers=np.stack([labels, labels + 1]),
            answer_confidence={"b": Plane(planes[2], "b", 255.0)},
        )

    truth = image[..., 1]
    parts = list(strips(File(), truth, down, across, predict))
    assert [part.start for part in parts] == [y.start for y in down]
    assert [part.stop for part in parts] == [*(y.start for y in down[1:]), height]
    assert asked == [y.stop - y.start for y in down]
    found = join(parts, height)
    np.testing.assert_allclose(found.confidence["a"].values, image[..., 0], rtol=1e-6)
    np.testing.assert_allclose(found.answer_confidence["b"].values, image[..., 2], rtol=1e-6)
    assert found.answers is not None
    np.testing.assert_array_equal(found.answers, [found.labels, found.labels + 1])
    assert found.probabilities is not None
    np.testing.assert_allclose(found.probabilities, image.transpose(2, 0, 1), rtol=5e-3)
    np.testing.assert_array_equal(found.proper, [truth, truth])
    rows, columns = (np.array([w.start + np.flatnonzero(w.owned)[[0, -1]] for w in axis]) for axis in (down, across))
    for y in range(0, height, 3):
        for x in range(0, width, 3):
            (row,) = np.flatnonzero((rows[:, 0] <= y) & (y <= rows[:, 1]))
            (column,) = np.flatnonzero((columns[:, 0] <= x) & (x <= columns[:, 1]))
            assert found.labels[y, x] == row * len(across) + column


def short_sighted(backbone: str = "resnet18_c4") -> tuple[HyperbolicDeepLab, int]:
    """A random network whose ASPP spreads less than usual, so that small windows see all; and how far it sees."""
    torch.manual_seed(0)
    model = build_deeplab(ModelConfig(backbone=backbone, embedding_size=4, nodes=TREE.classes, softmax="flat"))
    narrower = 6
    model.aspp = ASPP(model.backbone.high_channels, output_stride=16 * narrower, separable=True)
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = 1.0
    with torch.no_grad():
        model.train()(torch.randn(2, 3, 64, 64))
        model.get_parameter("aspp.pool.1.weight").mul_(8)
        length = model.eval()(torch.randn(1, 3, 64, 64)).embedding.norm(dim=1).median()
        model.decoder.embed.weight /= length  # |v| around 1: far from the origin and from the edge
        model.decoder.embed.bias /= length
        for parameter in model.head.parameters():
            parameter.copy_(0.5 * torch.randn_like(parameter).clamp(-1, 1))
    reach = max(ASPP_RATES)
    radius = receptive_radius(model)
    return model, OVERLAP // 2 if radius is None else radius - 16 * (reach - reach // narrower)


class OwnMeans(TorchEngine):
    """Lets each window take the mean of its own features, whatever it is given."""

    def __call__(self, images: RGB, mean: Tensor | None = None) -> NetworkOutput:
        return super().__call__(images)


@pytest.mark.parametrize("backbone", ["resnet18_c4", "timm:resnet10t"])
def test_windows_that_see_far_enough_say_what_the_whole_image_says(backbone: str) -> None:
    model, radius = short_sighted(backbone)
    tile, overlap, image = 768, OVERLAP, picture(1152, 32)
    assert overlap // 2 >= radius, "windows are too small for this test"
    engine, request = TorchEngine(model, SPEC, CPU), Request(measures=("distance", "margin"))
    whole = Segmenter(engine, TREE, request=request).predict([image])[0]
    tiled = Segmenter(engine, TREE, request=request, tiling=Tiling(tile, overlap, above=0))

    def differences() -> tuple[float, Any]:
        found = tiled.predict([image])[0]
        same = (found.labels == whole.labels) | (whole.confidence["margin"].values < 1e-4)
        return same.mean(), np.abs(found.confidence["distance"].values - whole.confidence["distance"].values).max(
            axis=1
        )

    same, off = differences()
    assert same == 1.0
    exact = np.r_[0 : 1152 - tile, 1152 - tile + radius : tile - radius, tile:1152]
    assert off[exact].max() < 1e-5
    assert len(np.unique(whole.labels)) > 1, "too uniform a network to test anything"
    tiled.engine = OwnMeans(model, SPEC, CPU)
    _, alone = differences()
    assert np.median(alone) > 1e-3, "each window's own mean does as well: nothing was tested"


def test_strips_are_what_predict_says_of_the_whole() -> None:
    model, _ = short_sighted()
    image = picture(200, 70)
    work = Segmenter(TorchEngine(model, SPEC, CPU), TREE, tiling=Tiling(tile=64, overlap=16, above=0))
    found, whole = join(work.strips(image), 200), work.predict([image])[0]
    np.testing.assert_array_equal(found.labels, whole.labels)
    np.testing.assert_array_equal(found.confidence["distance"].values, whole.confidence["distance"].values)


def test_a_network_without_a_mean_reads_an_image_once() -> None:
    """Attention sees its window: each says what it says of its part alone."""
    torch.manual_seed(0)
    config = ModelConfig(backbone="timm:pvt_v2_b0", decoder="mlp", embedding_size=4, nodes=TREE.classes, softmax="flat")
    engine, rows = TorchEngine(build_model(config), SPEC, CPU), list[tuple[int, int]]()

    class File:
        shape = (200, 70, 3)

        def __getitem__(self, asked: slice) -> Picture:
            rows.append((asked.start, asked.stop))
            return picture(200, 70)[asked]

    work = Segmenter(engine, TREE, tiling=Tiling(tile=128, overlap=32, above=0))
    found = join(work.strips(File()), 200)
    assert rows == [(0, 128), (80, 200)]
    alone = Segmenter(engine, TREE).predict([picture(200, 70)[:128]])[0]
    np.testing.assert_array_equal(found.labels[:80], alone.labels[:80])
    np.testing.assert_allclose(
        found.confidence["distance"].values[:80], alone.confidence["distance"].values[:80], rtol=1e-5
    )


@pytest.mark.parametrize("options", [{}, {"tiling": Tiling(64, 16, 0), "request": Request(longest_side=100)}])
def test_strips_need_windows(options: dict[str, Any]) -> None:
    work = Segmenter(Cells(16), TREE, **options)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="a tiling, no longest side and nothing that is refined"):
        work.strips(picture(100, 100))


def test_windows_of_a_photograph_show_no_seams(camvid: object) -> None:
    """The bundled network where a label's window reaches 384 pixels farther, as `--tile auto` gives it at least 360."""
    paths = sorted((SHARED / "camvid" / "val" / "images").iterdir())[::40]
    photographs = [cv2.resize(decode_image(path).pixels, (768, 512), interpolation=cv2.INTER_CUBIC) for path in paths]
    image = np.vstack(photographs)[:, 256:512].astype(np.uint8)  # 1,536 x 256
    checkpoint = load_checkpoint(bundled_checkpoint())
    engine, tree = TorchEngine(checkpoint.model, checkpoint.header.input, CPU), checkpoint.header.tree
    whole = Segmenter(engine, tree).predict([image])[0].labels
    tiled = Segmenter(engine, tree, tiling=Tiling(tile=1152, overlap=576, above=0)).predict([image])[0].labels
    assert len(np.unique(whole)) > 5, "too uniform a picture to test anything"
    assert (tiled == whole).mean() > 0.999
