"""Every engine against torch, on the bundled checkpoints and on other heads and backbones."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from support import EXAMPLES, make_checkpoint

from hypsegcli.checkpoint.bundled import DEFAULT, DISK, bundled_checkpoint
from hypsegcli.checkpoint.store import Checkpoint, load_checkpoint
from hypsegcli.errors import DeviceError
from hypsegcli.hierarchy.tree import ClassTree
from hypsegcli.images.decode import decode_image
from hypsegcli.inference.device import Device
from hypsegcli.inference.engines import choose, converted
from hypsegcli.inference.engines.base import Engine
from hypsegcli.inference.engines.choose import RUNTIMES, make_engine
from hypsegcli.inference.engines.converted import Run
from hypsegcli.inference.engines.torch_engine import TorchEngine
from hypsegcli.inference.prediction import Prediction
from hypsegcli.inference.request import Request
from hypsegcli.inference.segmenter import Segmenter
from hypsegcli.inference.windows import Tiling

CPU = Device(torch.device("cpu"))
CPU_BF16 = Device(torch.device("cpu"), "bf16")
TREE = ClassTree(names=("sky", "road", "tree", "car", "ground"), parents=(-1, 4, 4, -1, -1), classes=4)


def needs(engine: str) -> str:
    if find_spec(engine) is None:
        pytest.skip(f"{engine} is not installed: nothing is tested of it here")
    return engine


@pytest.fixture(params=list(RUNTIMES))
def engine(request: pytest.FixtureRequest) -> str:
    return needs(str(request.param))


@pytest.fixture(scope="session")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("networks")


@pytest.fixture(autouse=True)
def _one_cache(networks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Converting takes seconds: what one test has converted serves the others."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(networks))


@pytest.fixture(scope="session")
def photographs() -> list[NDArray[np.uint8]]:
    """Examples in and out of the networks' world, at most 480 pixels long, of sides that are no multiples of 16."""
    found = []
    for path in sorted((*EXAMPLES.glob("streets/*"), EXAMPLES / "others" / "coffee.png")):
        pixels = decode_image(path).pixels
        found.append(pixels[:333:1, :477:1])
    assert len(found) > 2
    return found


def answers(engine: Engine, checkpoint: Checkpoint, images: list[NDArray[np.uint8]]) -> list[Prediction]:
    segmenter = Segmenter(engine, checkpoint.header.tree, request=Request(measures=("distance",)))
    return [segmenter.predict([image])[0] for image in images]


def agreement(ours: list[Prediction], torchs: list[Prediction]) -> tuple[float, float]:
    """Share of equal labels, and the largest relative difference in distance."""
    equal = np.concatenate([(a.labels == b.labels).ravel() for a, b in zip(ours, torchs, strict=True)])
    far = [
        np.abs(a.confidence["distance"].values / b.confidence["distance"].values - 1).max()
        for a, b in zip(ours, torchs, strict=True)
    ]
    return float(equal.mean()), float(max(far))


@pytest.mark.parametrize("name", [DEFAULT, DISK])
def test_the_bundled_checkpoints_answer_as_in_torch(
    engine: str, name: str, photographs: list[NDArray[np.uint8]]
) -> None:
    checkpoint = load_checkpoint(bundled_checkpoint(name))
    wanted = answers(make_engine(checkpoint, CPU, "torch"), checkpoint, photographs)
    assert len(np.unique(np.concatenate([answer.labels.ravel() for answer in wanted]))) > 3, "too uniform to tell"
    equal, far = agreement(answers(make_engine(checkpoint, CPU, engine), checkpoint, photographs), wanted)  # type: ignore[arg-type]
    assert equal >= 0.9999
    assert far <= 1e-3


@pytest.mark.parametrize(
    "architecture",
    [
        {"backbone": "mobilenet_v3_small", "head": "hyperbolic-reference", "curvature": 2.0},
        {"backbone": "mobilenet_v3_large", "output_stride": 8, "head": "euclidean", "softmax": "flat"},
        {"backbone": "resnet18_c4", "convolutions": "standard", "radial_limit": "hard", "curvature": 0.3},
    ],
)
def test_every_head_and_batch_and_shape(engine: str, architecture: dict[str, Any], tmp_path: Path) -> None:
    checkpoint = load_checkpoint(make_checkpoint(tmp_path / "x.safetensors", TREE, **architecture))
    wanted, found = make_engine(checkpoint, CPU, "torch"), make_engine(checkpoint, CPU, engine)  # type: ignore[arg-type]
    rng = np.random.default_rng(0)
    for batch, height, width in ((1, 48, 64), (3, 16, 16), (2, 80, 32)):
        images = rng.integers(0, 256, (batch, height, width, 3), dtype=np.uint8)
        for one, other in zip(found(images), wanted(images), strict=True):
            torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    ("engine", "backbone", "decoder"),
    [
        ("openvino", "timm:test_convnext", "deeplab"),
        ("openvino", "timm:pvt_v2_b0", "deeplab"),
        ("openvino", "timm:pvt_v2_b0", "mlp"),
        ("onnxruntime", "timm:test_efficientnet", "deeplab"),
        ("onnxruntime", "timm:pvt_v2_b0", "mlp"),
    ],
)
def test_networks_of_timm_s(engine: str, backbone: str, decoder: str, tmp_path: Path) -> None:
    path = make_checkpoint(tmp_path / "x.safetensors", TREE, backbone=backbone, decoder=decoder)
    checkpoint = load_checkpoint(path)
    wanted, found = make_engine(checkpoint, CPU, "torch"), make_engine(checkpoint, CPU, needs(engine))  # type: ignore[arg-type]
    rng = np.random.default_rng(0)
    for batch, height, width in ((1, 48, 64), (3, 16, 16), (2, 80, 32)):
        images = rng.integers(0, 256, (batch, height, width, 3), dtype=np.uint8)
        for one, other in zip(found(images), wanted(images), strict=True):
            torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5)


def test_what_cannot_be_traced_runs_in_torch_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    swin = "timm:swin_tiny_patch4_window7_224"
    checkpoint = load_checkpoint(make_checkpoint(tmp_path / "x.safetensors", TREE, backbone=swin))
    with pytest.raises(DeviceError, match=rf"cannot run this network \({swin} cannot be traced .*; use engine=torch"):
        make_engine(checkpoint, CPU, needs("openvino"))  # type: ignore[arg-type]
    monkeypatch.setattr(choose, "fastest", lambda device: "openvino")
    told: list[str] = []
    assert make_engine(checkpoint, CPU, tell=told.append).label.startswith("torch")
    assert told[-1].endswith("it runs in torch")


def test_windows_take_the_images_mean(engine: str) -> None:
    checkpoint = load_checkpoint(bundled_checkpoint(DISK))
    wanted, found = make_engine(checkpoint, CPU, "torch"), make_engine(checkpoint, CPU, engine)  # type: ignore[arg-type]
    images = np.random.default_rng(0).integers(0, 256, (1, 48, 64, 3), dtype=np.uint8)
    features = wanted.features(images)
    torch.testing.assert_close(found.features(images), features, rtol=1e-3, atol=1e-4)
    mean = 2.0 * features.mean((0, 2, 3))
    torch.testing.assert_close(found(images, mean).embedding, wanted(images, mean).embedding, rtol=1e-3, atol=1e-4)
    assert not torch.allclose(wanted(images, mean).embedding, wanted(images).embedding, rtol=1e-2)


@pytest.mark.parametrize("name", ["torch", *RUNTIMES])
def test_any_thread_gets_its_own_answers(name: str, photographs: list[NDArray[np.uint8]]) -> None:
    """Four threads with one segmenter, whole images and windows by turns: each as if it were alone."""
    checkpoint = load_checkpoint(bundled_checkpoint(DISK))
    engine = make_engine(checkpoint, CPU, needs(name))  # type: ignore[arg-type]
    tiling = Tiling(tile=128, overlap=32, above=150 * 200)  # the largest of the images
    segmenter = Segmenter(engine, checkpoint.header.tree, request=Request(measures=("distance",)), tiling=tiling)
    images = [photographs[index % 3][: 96 + 24 * index, 10 * index :][:, :200].copy() for index in range(4)]
    alone = [segmenter.predict([image])[0] for image in images]
    together = threading.Barrier(4)

    def segment(thread: int) -> list[tuple[int, Prediction]]:
        together.wait()
        order = np.random.default_rng(thread).permutation(2 * len(images)) % len(images)
        return [(index, segmenter.predict([images[index]])[0]) for index in order]

    with ThreadPoolExecutor(4) as pool:
        answered = [one for several in pool.map(segment, range(4)) for one in several]
    assert len(answered) == 4 * 2 * len(images)
    for index, prediction in answered:
        np.testing.assert_array_equal(prediction.labels, alone[index].labels)
        np.testing.assert_array_equal(prediction.main.values, alone[index].main.values)


@pytest.mark.parametrize("name", RUNTIMES)
def test_lanes_answer_as_all_of_the_processor_does(name: str, photographs: list[NDArray[np.uint8]]) -> None:
    """To the last digit; also where an engine has fewer threads for a lane than for an image alone."""
    checkpoint = load_checkpoint(bundled_checkpoint(DISK))
    threads = torch.get_num_threads()
    torch.set_num_threads(4)
    request = Request(measures=("distance", "entropy", "margin", "max-probability"), probabilities=True)
    try:
        engine = make_engine(checkpoint, CPU, needs(name))  # type: ignore[arg-type]
        segmenter = Segmenter(engine, checkpoint.header.tree, request=request)
        images = [photographs[index % 3][: 320 + 16 * index, 10 * index :][:, :360].copy() for index in range(6)]
        alone = [segmenter.predict([image])[0] for image in images]
        assert segmenter.lanes.number == 4
        beside = list(segmenter.lanes.run(lambda image: segmenter.predict([image])[0], images, np.size))
    finally:
        torch.set_num_threads(threads)
    for one, other in zip(alone, beside, strict=True):
        np.testing.assert_array_equal(one.labels, other.labels)
        np.testing.assert_array_equal(one.probabilities, other.probabilities)
        for measure, plane in one.confidence.items():
            np.testing.assert_array_equal(plane.values, other.confidence[measure].values)


def test_networks_are_made_in_two_threads_while_a_third_runs(tmp_path: Path) -> None:
    """Tracing changes what all threads share: two at once failed, and left torch compiling for ever."""
    engine = needs("openvino")
    small, large = (
        load_checkpoint(make_checkpoint(tmp_path / f"{t_max}.safetensors", TREE, backbone="resnet18_c4", t_max=t_max))
        for t_max in (4.0, 5.0)
    )
    images = np.random.default_rng(0).integers(0, 256, (1, 48, 64, 3), dtype=np.uint8)
    running = make_engine(small, CPU, "torch")
    wanted = running(images)
    with ThreadPoolExecutor(2) as pool:
        made = [pool.submit(make_engine, checkpoint, CPU, engine) for checkpoint in (small, large)]  # type: ignore[arg-type]
        runs = 0
        while not all(one.done() for one in made):
            for plane, same in zip(running(images), wanted, strict=True):
                assert torch.equal(plane, same)
            runs += 1
    assert runs
    torch.testing.assert_close(made[0].result()(images).embedding, wanted.embedding, rtol=1e-3, atol=1e-5)
    assert made[1].result().label.startswith(engine)
    assert not torch.compiler.is_compiling()


def test_half_precision_keeps_the_head_exact(photographs: list[NDArray[np.uint8]]) -> None:
    """Logits and distance in bf16 are those of the embedding in bf16, worked out in float32."""
    needs("openvino")
    checkpoint = load_checkpoint(bundled_checkpoint(DISK))
    output = make_engine(checkpoint, CPU_BF16, "openvino")(photographs[0][None, :320, :320].copy())
    logits, distance = checkpoint.model.double().head(output.embedding.double())  # with gradient: by its formula
    torch.testing.assert_close(output.logits.double(), logits, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(output.distance.double(), distance, rtol=1e-6, atol=1e-6)
    checkpoint.model.float()
    exact = make_engine(checkpoint, CPU, "torch")(photographs[0][None, :320, :320].copy())
    assert not torch.equal(output.embedding, exact.embedding)
    assert (output.logits.argmax(1) == exact.logits.argmax(1)).float().mean() > 0.97


def test_a_network_is_converted_once(
    engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, networks: Path
) -> None:
    checkpoint = load_checkpoint(make_checkpoint(tmp_path / "x.safetensors", TREE, backbone="mobilenet_v3_small"))
    images = np.zeros((1, 16, 16, 3), np.uint8)
    before = set((networks / "hypseg/networks").glob("*")) if networks.exists() else set()
    told: list[str] = []
    first = make_engine(checkpoint, CPU, engine, tell=told.append)(images)  # type: ignore[arg-type]
    assert engine in told[0]
    assert re.fullmatch(r"converted in \d+ s", told[1])
    assert len(told) == 2
    (made,) = set((networks / "hypseg/networks").glob("*")) - before
    assert made.name.startswith(checkpoint.sha256[:16])

    def fail(*_: object, **__: object) -> None:
        raise AssertionError("converted again")

    monkeypatch.setattr(converted, "export", fail)
    assert torch.equal(make_engine(checkpoint, CPU, engine)(images).logits, first.logits)  # type: ignore[arg-type]
    other = load_checkpoint(make_checkpoint(tmp_path / "y.safetensors", TREE, backbone="mobilenet_v3_small", t_max=3.0))
    with pytest.raises(DeviceError, match="converted again"):
        make_engine(other, CPU, engine)(images)  # type: ignore[arg-type]


def test_auto_takes_the_fastest_that_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    installed: set[str] = set()
    monkeypatch.setattr(choose, "usable", lambda name: name in installed)
    cuda = Device(torch.device("cuda"))
    assert choose.fastest(CPU) == "torch"
    installed.add("onnxruntime")
    assert choose.fastest(CPU) == "onnxruntime"
    assert choose.fastest(CPU_BF16) == "torch"
    installed.add("openvino")
    assert choose.fastest(CPU) == choose.fastest(CPU_BF16) == "openvino"
    assert choose.fastest(cuda) == "torch"


def test_an_engine_that_cannot_run_here_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    checkpoint = load_checkpoint(make_checkpoint(tmp_path / "x.safetensors", TREE))
    with pytest.raises(DeviceError, match="device=cpu"):
        make_engine(checkpoint, Device(torch.device("cuda")), engine)  # type: ignore[arg-type]
    with pytest.raises(DeviceError, match="precision=fp32"):
        make_engine(checkpoint, CPU_BF16, "onnxruntime")
    monkeypatch.setattr(choose, "find_spec", lambda name: None)
    with pytest.raises(DeviceError, match=r"pip install 'hypseg\[(openvino|onnx)\]'"):
        make_engine(checkpoint, CPU, engine)  # type: ignore[arg-type]


def test_openvino_reports_to_nobody(tmp_path: Path) -> None:
    """Its telemetry leaves an identity in the home folder before it sends anything."""
    needs("openvino")
    code = "from hypsegcli.inference.engines.openvino_runtime import OpenVino; OpenVino()"
    code += "; import openvino; assert openvino.Core()"
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "HOME": str(tmp_path)})
    assert list(tmp_path.iterdir()) == []


class Broken:
    """A runtime of which every part can fail, with exceptions of its own."""

    label, gains_by_bf16, runs_int8 = "broken 1", False, False

    def __init__(self, *, load: int = 0, run: str | None = None) -> None:
        self.bad_loads, self.run = load, run

    def convert(self, program: object, folder: Path) -> None:
        (folder / "network").write_text("x")

    def restore(self, graph: bytes, weights: bytes, folder: Path) -> None:
        raise NotImplementedError

    def load(self, folder: Path, *, threads: int, lanes: int, bf16: bool) -> Run:
        if self.bad_loads:
            self.bad_loads -= 1
            raise OwnError("cut short")

        def run(inputs: object) -> NDArray[np.float32]:
            raise OwnError(self.run)

        return run


class OwnError(Exception):
    """No RuntimeError, as those of ONNX Runtime are none."""


@pytest.fixture
def random_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkpoint:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(converted, "export", lambda *_, **__: None)
    return load_checkpoint(make_checkpoint(tmp_path / "x.safetensors", TREE, backbone="mobilenet_v3_small"))


def test_a_damaged_file_in_the_cache_is_made_again(random_checkpoint: Checkpoint) -> None:
    told: list[str] = []
    converted.ConvertedEngine(random_checkpoint, CPU, Broken(), tell=told.append)
    converted.ConvertedEngine(random_checkpoint, CPU, Broken(load=1), tell=told.append)
    assert [sentence.partition(" ")[0] for sentence in told] == 2 * ["converting", "converted"]
    with pytest.raises(OwnError):
        converted.ConvertedEngine(random_checkpoint, CPU, Broken(load=2), tell=told.append)


@pytest.mark.parametrize(
    ("said", "kind"),
    [("Failed to allocate memory for requested buffer", MemoryError), ("odd node", RuntimeError)],
)
def test_exceptions_become_those_that_the_pipeline_knows(
    random_checkpoint: Checkpoint, said: str, kind: type[Exception]
) -> None:
    engine = converted.ConvertedEngine(random_checkpoint, CPU, Broken(run=said), tell=lambda sentence: None)
    with pytest.raises(kind, match=said):
        engine(np.zeros((1, 16, 16, 3), np.uint8))


def test_auto_runs_in_torch_where_a_faster_engine_fails(
    random_checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choose, "fastest", lambda device: "openvino")
    monkeypatch.setattr(choose, "usable", lambda name: True)
    monkeypatch.setitem(choose.RUNTIMES, "openvino", lambda: Broken(load=2))
    told: list[str] = []
    assert isinstance(make_engine(random_checkpoint, CPU, "auto", tell=told.append), TorchEngine)
    assert "cut short" in told[-1]
    with pytest.raises(DeviceError, match="engine=torch"):
        make_engine(random_checkpoint, CPU, "openvino")


def test_an_engine_is_usable_with_all_that_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    missing: set[str] = set()
    monkeypatch.setattr(choose, "find_spec", lambda name: None if name in missing else name)
    assert choose.usable("onnxruntime")
    missing.add("onnxscript")
    assert not choose.usable("onnxruntime")
    assert choose.usable("openvino")
