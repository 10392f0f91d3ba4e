"""The reference's network and head, held against numbers that its own code computed.

`reference_resnet50.npz`: MinaGhadimiAtigh/HyperbolicImageSegmentation at 622a173 under TensorFlow 2.15, with the
weights and the picture below: embedding (10, 13, 8), logits (10, 13, 35), labels (38, 49), and the norm of its points,
which it interpolates (38, 49). The checkpoint that it was run from was converted to the same values.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from hypsegcli.checkpoint.converters.assemble import Facts, assemble
from hypsegcli.checkpoint.converters.converted import Told
from hypsegcli.checkpoint.converters.presets import load_preset
from hypsegcli.checkpoint.converters.reference import ReferenceConverter
from hypsegcli.checkpoint.converters.source import Source
from hypsegcli.errors import CheckpointError, UsageError
from hypsegcli.inference.device import choose_device
from hypsegcli.inference.engines.torch_engine import TorchEngine
from hypsegcli.inference.request import Request
from hypsegcli.inference.segmenter import Segmenter
from hypsegcli.network.model import build_model

COMPUTED = np.load(Path(__file__).parent / "reference_resnet50.npz")
PICTURE = np.random.default_rng(0).integers(0, 256, (38, 49, 3)).astype(np.uint8)
PASCAL = load_preset("pascal")
TOLD = Told(tree=PASCAL.tree, output_stride=16, mean_of_set=PASCAL.mean)
FACTS = Facts(255, (513, 513), "unknown", "unknown")


def variables(*, outputs: int = 35, D: int = 8) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Names and shapes of what the reference saves of a resnet_v2_50."""

    def conv(place: str, kernel: int, cin: int, cout: int, *, norm: bool) -> Iterator[tuple[str, tuple[int, ...]]]:
        yield f"{place}/weights", (kernel, kernel, cin, cout)
        yield from batch_norm(f"{place}/BatchNorm", cout) if norm else [(f"{place}/biases", (cout,))]

    def batch_norm(place: str, channels: int) -> Iterator[tuple[str, tuple[int, ...]]]:
        yield from ((f"{place}/{name}", (channels,)) for name in ("beta", "gamma", "moving_mean", "moving_variance"))

    root, cin = "resnet_v2_50", 64
    yield from conv(f"{root}/conv1", 7, 3, 64, norm=False)
    for block, (units, width) in enumerate(((3, 64), (4, 128), (6, 256), (3, 512)), start=1):
        for unit in range(1, units + 1):
            place = f"{root}/block{block}/unit_{unit}/bottleneck_v2"
            yield from batch_norm(f"{place}/preact", cin)
            if unit == 1:
                yield from conv(f"{place}/shortcut", 1, cin, 4 * width, norm=False)
            yield from conv(f"{place}/conv1", 1, cin, width, norm=True)
            yield from conv(f"{place}/conv2", 3, width, width, norm=True)
            yield from conv(f"{place}/conv3", 1, width, 4 * width, norm=False)
            cin = 4 * width
    yield from batch_norm(f"{root}/postnorm", cin)
    yield from conv("aspp/conv_1x1", 1, cin, 256, norm=True)
    for branch in (1, 2, 3):
        yield from conv(f"aspp/conv_3x3_{branch}", 3, cin, 256, norm=True)
    yield from conv("aspp/image_level_features/conv_1x1", 1, cin, 256, norm=True)
    yield from conv("aspp/conv_1x1_concat", 1, 5 * 256, 256, norm=True)
    yield from conv("decoder/low_level_features/conv_1x1", 1, 256, 48, norm=True)
    yield from conv("decoder/upsampling_logits/conv_3x3_1", 3, 304, 256, norm=True)
    yield from conv("decoder/upsampling_logits/conv_3x3_2", 3, 256, D, norm=False)
    yield from (("normals", (outputs, D)), ("offsets", (outputs, D)), ("curvature", ()), ("global_step", ()))


def weight(name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """As they were when the numbers were computed."""
    random = np.random.default_rng(zlib.crc32(name.encode()))
    if name == "curvature":
        return np.array(0.7, np.float32)
    if name == "offsets":
        found = random.normal(size=shape)
        found /= np.linalg.norm(found, axis=1, keepdims=True)
        found *= random.uniform(0, 0.9, [shape[0], 1])
    elif name == "normals":
        found = random.normal(0, 0.5, shape)
    elif name.endswith("moving_variance"):
        found = random.uniform(0.5, 1.5, shape)
    elif name.endswith("gamma"):
        found = random.uniform(0.8, 1.2, shape)
    elif name.endswith(("moving_mean", "beta", "biases")):
        found = random.normal(0, 0.05, shape)
    else:
        found = random.normal(0, 1 / np.sqrt(np.prod(shape[:-1])), shape)
        if name.endswith("conv_3x3_2/weights") and name.startswith("decoder"):
            found *= 0.03
        elif name.startswith("resnet") and name.endswith("conv3/weights"):
            found *= 0.3
    return found.astype(np.float32)


@pytest.fixture(scope="module")
def tensors() -> dict[str, Tensor]:
    return {
        name: torch.tensor(7) if name == "global_step" else torch.from_numpy(weight(name, shape))
        for name, shape in variables()
    }


def test_its_answers_are_the_reference_s(tensors: dict[str, Tensor]) -> None:
    found = assemble(Source(Path("a/model.ckpt-7.index"), tensors), TOLD, FACTS, format_name="reference")
    model = build_model(found.header.model).eval()
    model.load_state_dict(found.state)
    engine = TorchEngine(model, found.header.input, choose_device("cpu", "fp32"))
    output = engine(PICTURE[None])
    for part, name in ((output.embedding, "embedding"), (output.logits, "logits")):
        wanted = COMPUTED[name].transpose(2, 0, 1)
        assert np.abs(part[0].numpy() - wanted).max() < 1e-5 * np.abs(wanted).max()
    request = Request(measures=("norm",), interpolate="points")
    (prediction,) = Segmenter(engine, found.header.tree, request=request).predict([PICTURE])
    assert (prediction.labels == COMPUTED["labels"]).all()
    # The reference takes the length in the ball, whose radius is 1 / sqrt(c).
    np.testing.assert_allclose(prediction.confidence["norm"].values, np.sqrt(0.7) * COMPUTED["norm"], atol=2e-5)


def test_what_the_file_does_not_hold_is_asked_for(tensors: dict[str, Tensor]) -> None:
    convert = ReferenceConverter().convert
    with pytest.raises(UsageError, match="mean colour"):
        convert(Source(Path("a/m.index"), tensors), Told(tree=PASCAL.tree))
    unsaid = replace(TOLD, output_stride=None)
    with pytest.raises(UsageError, match="does not say its output stride"):
        convert(Source(Path("a/m.index"), tensors), unsaid)
    source = Source(Path("hierarchical_PASCAL_d8_hyperbolic_c1.0_os8_resnet_v2_50/m.index"), tensors)
    assert (convert(source, unsaid).config["output_stride"], convert(source, unsaid).notes) == (8, ())
    with pytest.raises(UsageError, match="output_stride=16 does not count: by the file, its folder or its project"):
        assemble(source, TOLD, FACTS, format_name="reference")


def test_outputs_of_label_values_without_a_class_are_left_out() -> None:
    coco = load_preset("coco")
    tensors = {
        name: torch.zeros(shape) for name, shape in variables(outputs=244) if name not in {"curvature", "normals"}
    }
    tensors |= {"curvature": torch.tensor(1.0), "normals": torch.arange(244.0)[:, None].expand(244, 8).contiguous()}
    told = Told(tree=coco.tree, output_stride=16, ids=coco.ids, mean_of_set=coco.mean)
    found = ReferenceConverter().convert(Source(Path("a/m.index"), tensors), told)
    kept = found.state["head.normals"][:, 0].tolist()
    assert (found.outputs, coco.ids) == (233, tuple(map(int, kept[:171])))
    assert kept[171:] == list(range(182, 244))


@pytest.mark.parametrize("c", [0.0, -1.0, float("nan")])
def test_a_curvature_that_is_none_is_refused(tensors: dict[str, Tensor], c: float) -> None:
    with pytest.raises(CheckpointError, match="hyperbolic space needs one above 0"):
        ReferenceConverter().convert(Source(Path("a/m.index"), tensors | {"curvature": torch.tensor(c)}), TOLD)
