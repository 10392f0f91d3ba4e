"""Files of every format, run by what runs them; `test_export.py` runs this in a process of its own."""

from __future__ import annotations

import contextlib
import copy
import io
import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from support import EXAMPLES, REPOSITORY, make_checkpoint
from support.quantised import FACTS
from torch import Tensor, nn

from hypsegcli.checkpoint.bundled import bundled_checkpoint
from hypsegcli.checkpoint.format import header_from_json
from hypsegcli.checkpoint.int8 import INT8_GRAPHS
from hypsegcli.checkpoint.store import Checkpoint, load_checkpoint
from hypsegcli.cli.app import main
from hypsegcli.confidence.calibration import Calibration
from hypsegcli.errors import UsageError
from hypsegcli.export.export import EXPORT_KEY, export, metadata_of
from hypsegcli.export.formats import FORMATS
from hypsegcli.export.graph import planes_of, trace
from hypsegcli.export.request import FormatName, Size
from hypsegcli.export.verify import compare
from hypsegcli.hierarchy.tree import ClassTree, flat_tree
from hypsegcli.inference.build import make_segmenter
from hypsegcli.inference.engines.export import export as embedding_of
from hypsegcli.inference.normalise import normalise
from hypsegcli.inference.request import Request
from hypsegcli.network.backbones import Backbone
from hypsegcli.network.deeplab import ASPP, Decoder
from hypsegcli.network.model import HyperbolicDeepLab

TREE = ClassTree(names=("sky", "road", "ç \N{SNOWMAN} <&'\"", "car", "ground"), parents=(-1, 4, 4, -1, -1), classes=4)
FLAT = flat_tree(["a", "b", "c"])
CURVE = Calibration(distances=(0.0, 0.5, 1.0, 4.0), probabilities=(0.0, 0.25, 0.75, 1.0), fitted_on="nothing")
PAGE = (REPOSITORY / "docs" / "export.md").read_text(encoding="utf-8")

# Odd sizes, the smallest among them, batches, and exact multiples of the network's grid.
SHAPES = ((1, 33, 50), (3, 47, 34), (2, 48, 64), (1, 100, 37))


def needs(name: FormatName) -> FormatName:
    for module in {"onnx": ("onnxruntime", "onnxscript"), "openvino": ("openvino",), "pt2": ()}[name]:
        if find_spec(module) is None:
            pytest.skip(f"{module} is not installed: nothing is written as {name} here")
    return name


@pytest.fixture(params=list(FORMATS))
def name(request: pytest.FixtureRequest) -> FormatName:
    return needs(request.param)


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(shape[1]).integers(0, 256, (*shape, 3), dtype=np.uint8)


class Tiny(Backbone):
    """Two layers, so that tracing the network takes little time."""

    def __init__(self) -> None:
        super().__init__(8, 16)
        self.low, self.high = nn.Conv2d(3, 8, 4, stride=4), nn.Conv2d(8, 16, 4, stride=4)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        low = self.low(image).relu()
        return low, self.high(low).relu()


def tiny(folder: Path, tree: ClassTree, curve: Calibration | None = CURVE, **architecture: Any) -> Checkpoint:
    """A checkpoint whose network has two layers before ASPP, and answers anywhere in the ball."""
    known = load_checkpoint(make_checkpoint(folder / "tiny.safetensors", tree, **architecture))
    config = known.header.model
    torch.manual_seed(0)
    aspp = ASPP(16, output_stride=config.output_stride, separable=True)
    decoder = Decoder(8, config)
    model = HyperbolicDeepLab(config, Tiny(), aspp, decoder, known.model.head).eval()
    with torch.no_grad():
        spread = model.embed(normalise(torch.from_numpy(noise(1, 64, 64)).permute(0, 3, 1, 2), known.header.input))
        for parameter in decoder.embed.parameters():
            parameter.div_(spread.std((0, 2, 3)).mean())
        decoder.embed.bias -= spread.mean((0, 2, 3)) / spread.std((0, 2, 3)).mean()  # type: ignore[operator]
    return replace(known, model=model, header=known.header.model_copy(update={"calibration": curve}))


def write_all(known: Checkpoint, size: Size | None) -> dict[FormatName, dict[str, bytes]]:
    """The files of all formats that can be had here."""
    program, metadata = trace(known, size), metadata_of(known, size)
    found: dict[FormatName, dict[str, bytes]] = {}
    for name in FORMATS:
        with contextlib.suppress(pytest.skip.Exception):
            found[needs(name)] = FORMATS[name]().write(program, planes_of(known.header), metadata)
    return found


def assert_close(
    files: dict[FormatName, dict[str, bytes]], known: Checkpoint, shapes: Sequence[tuple[int, int, int]]
) -> None:
    for name, parts in files.items():
        found = compare(FORMATS[name]().load(parts), known, [noise(*shape) for shape in shapes])
        assert found.labels < 1e-3, (name, found)
        assert found.radius < 1e-3, (name, found)
        assert found.calibrated is None or found.calibrated < 1e-4, (name, found)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    return tiny(tmp_path_factory.mktemp("small"), TREE, curvature=2.0)


@pytest.fixture(scope="module")
def of_any_size(small: Checkpoint) -> dict[FormatName, dict[str, bytes]]:
    return write_all(small, None)


def test_any_size_and_batch(small: Checkpoint, of_any_size: dict[FormatName, dict[str, bytes]]) -> None:
    images = noise(*SHAPES[0])
    answer = make_segmenter(small, Request(), engine="torch", device="cpu").predict(list(images))[0]
    assert len(np.unique(answer.labels)) > 2, "too alike to tell"
    assert np.ptp(answer.confidence["distance"].values) > 1, "too alike to tell"
    assert_close(of_any_size, small, SHAPES)


@pytest.mark.parametrize(
    ("tree", "architecture", "curve"),
    [
        (TREE, {"head": "hyperbolic-reference", "softmax": "flat"}, None),
        (flat_tree([f"class {index}" for index in range(300)]), {"head": "euclidean", "radial_limit": "hard"}, CURVE),
        (TREE, {"head": "prototypes", "softmax": "flat", "prototypes": 3}, CURVE),
    ],
)
def test_every_head_and_softmax(
    tree: ClassTree, architecture: dict[str, Any], curve: Calibration | None, tmp_path: Path
) -> None:
    known = tiny(tmp_path, tree, curve, **architecture)
    assert_close(write_all(known, Size(33, 50)), known, [(1, 33, 50)])


@pytest.mark.parametrize("decoder", ["deeplab", "mlp"])
def test_a_transformer_for_any_size(decoder: str, tmp_path: Path) -> None:
    """Its coarsest map has cells of 32 pixels, of which an image need not be whole ones."""
    path = make_checkpoint(tmp_path / "pvt.safetensors", TREE, backbone="timm:pvt_v2_b0", decoder=decoder)
    known = load_checkpoint(path)
    program, metadata = trace(known, None), metadata_of(known, None)
    for name in ("pt2", "openvino") if decoder == "mlp" else ("pt2",):
        files = FORMATS[needs(name)]().write(program, planes_of(known.header), metadata)
        assert_close({name: files}, known, [(2, 35, 67), (1, 97, 48)])


def read_metadata(name: FormatName, files: Mapping[str, bytes]) -> dict[str, str]:
    """As their own libraries read them."""
    if name == "onnx":
        import onnxruntime

        meta = onnxruntime.InferenceSession(files[".onnx"]).get_modelmeta().custom_metadata_map
        return {key: meta[key] for key in ("hypseg", EXPORT_KEY)}
    if name == "openvino":
        import openvino

        known = openvino.Core().read_model(*files.values()).get_rt_info()
        return {key: known[key].astype(str) for key in ("hypseg", EXPORT_KEY)}
    read = {"hypseg": "", EXPORT_KEY: ""}
    torch.export.load(io.BytesIO(files[".pt2"]), extra_files=read)
    return read


def test_where_it_was_traced_is_nobody_s_affair(of_any_size: dict[FormatName, dict[str, bytes]]) -> None:
    for files in of_any_size.values():
        for data in files.values():
            assert str(REPOSITORY).encode() not in data
            assert b"hypsegcli/" not in data


def test_planes_of_pt2_are_arrays_without_further_ado(
    small: Checkpoint, of_any_size: dict[FormatName, dict[str, bytes]]
) -> None:
    """As a program of somebody else's asks for them, which has switched no gradients off."""
    network = torch.export.load(io.BytesIO(of_any_size["pt2"][".pt2"])).module()
    labels, distance, calibrated = (plane.numpy() for plane in network(torch.from_numpy(noise(1, 33, 50))))
    assert labels.shape == distance.shape == calibrated.shape == (1, 33, 50)
    assert all(parameter.requires_grad for parameter in small.model.parameters()), "the checkpoint is not to change"


def test_names_and_axes_of_onnx(of_any_size: dict[FormatName, dict[str, bytes]]) -> None:
    needs("onnx")
    import onnxruntime

    session = onnxruntime.InferenceSession(of_any_size["onnx"][".onnx"])
    (images,) = session.get_inputs()
    assert (images.name, images.type) == ("images", "tensor(uint8)")
    assert images.shape == ["batch", "height", "width", 3]
    planes = [(plane.name, plane.type, plane.shape) for plane in session.get_outputs()]
    axes = ["batch", "height", "width"]
    assert planes == [
        ("labels", "tensor(uint8)", axes),
        ("distance", "tensor(float)", axes),
        ("calibrated", "tensor(float)", axes),
    ]


def test_names_and_shape_of_openvino(of_any_size: dict[FormatName, dict[str, bytes]]) -> None:
    needs("openvino")
    import openvino

    model = openvino.Core().read_model(*of_any_size["openvino"].values())
    names = [port.get_any_name() for port in (*model.inputs, *model.outputs)]
    assert names == ["images", "labels", "distance", "calibrated"]
    assert model.inputs[0].get_partial_shape().is_dynamic


def test_a_backbone_that_cannot_be_traced_for_any_size_is_exported_at_one(tmp_path: Path) -> None:
    known = tiny(tmp_path, FLAT)
    assert isinstance(known.model, HyperbolicDeepLab)
    known.model.backbone.exportable = False
    with pytest.raises(UsageError, match=r"cannot be traced for images of any size\); try sizes=HxW"):
        export(known, "pt2")
    assert export(known, "pt2", size=Size(48, 64)).planes == ("labels", "distance", "calibrated")


def test_the_command_writes_whole_files_for_one_size_with_their_metadata(
    name: FormatName,
    small: Checkpoint,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    suffix = {"onnx": ".onnx", "openvino": ".xml", "pt2": ".pt2"}[name]
    monkeypatch.setattr("hypsegcli.checkpoint.store.load_checkpoint", lambda *_, **__: small)
    command = ["export", str(small.path), "--to", name, "-o", str(tmp_path / "to" / f"net{suffix}")]
    assert main([*command, "--sizes", "45x70"]) == 0
    assert "ppm of 6,300 labels differ" in capsys.readouterr().out
    written = {path.suffix: path.read_bytes() for path in sorted((tmp_path / "to").iterdir(), reverse=True)}
    assert list(written) == ([".xml", ".bin"] if name == "openvino" else [suffix])
    assert main(command) == 2
    assert "is there already" in capsys.readouterr().err
    read = read_metadata(name, written)
    assert header_from_json(read["hypseg"], origin="it") == small.header
    facts = json.loads(read[EXPORT_KEY])
    assert (facts["size"], facts["precision"]) == ([45, 70], "fp32")
    assert facts["checkpoint_sha256"] == small.sha256


def test_int8_is_the_graph_that_the_checkpoint_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here one that was not quantised, of another network, so that its answers are told from the checkpoint's own."""
    needs("openvino")
    import openvino

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    known = tiny(tmp_path, FLAT)
    other = copy.deepcopy(known.model)
    assert isinstance(other, HyperbolicDeepLab)
    other.decoder.embed.bias.data.neg_()  # type: ignore[operator]
    model = openvino.convert_model(embedding_of(other, known.header.input, part="embedding", windows=False))
    openvino.save_model(model, tmp_path / "graph.xml", compress_to_fp16=False)
    data = {kind: (tmp_path / f"graph.{kind}").read_bytes() for kind in ("xml", "bin")}
    int8 = {
        f"int8.{graph}.{kind}": torch.frombuffer(bytearray(data[kind]), dtype=torch.uint8)
        for graph in INT8_GRAPHS
        for kind in data
    }
    quantised = replace(known, int8=int8, header=known.header.model_copy(update={"int8": FACTS}))
    made = export(quantised, "openvino", precision="int8")
    assert json.loads(read_metadata("openvino", made.files)[EXPORT_KEY])["precision"] == "int8"
    run = FORMATS["openvino"]().load(made.files)
    assert_close({"openvino": dict(made.files)}, replace(known, model=other), SHAPES)
    assert not compare(run, known, [noise(1, 45, 70)]).is_close


# In which torch, and hypseg, are not to be had.
WITHOUT = """
import sys
for name in ("torch", "hypsegcli", "safetensors", "pydantic", "cv2"):
    sys.modules[name] = None
try:
    import torch
except ImportError:
    pass
else:
    raise SystemExit("torch can be imported")
"""


def test_the_page_s_program_runs_where_torch_cannot_be_imported(tmp_path: Path) -> None:
    """With a graph of the one size that it needs, which takes less time to trace, and answers as `predict` does."""
    needs("onnx")
    (tmp_path / "examples").symlink_to(EXAMPLES)
    out = tmp_path / "streets.onnx"
    assert main(["export", "streets", "--to", "onnx", "--out", str(out), "--sizes", "264x512", "--quiet"]) == 0
    (program,) = re.findall(r"^```py\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-I", "-c", WITHOUT + program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    with Image.open(EXAMPLES / "streets" / "taxis.jpg") as image:
        image.convert("RGB").resize((512, 264), Image.Resampling.BOX).save(tmp_path / "small.png")
    command = ["predict", str(tmp_path / "small.png"), "-o", str(tmp_path / "out"), "--save", "labels"]
    assert main([*command, "--engine", "torch"]) == 0
    with Image.open(tmp_path / "labels.png") as found, Image.open(tmp_path / "out/labels/small.png") as wanted:
        mine, theirs = np.asarray(found), np.asarray(wanted)
    assert mine.shape == theirs.shape
    assert (mine != theirs).mean() < 1e-4
    names = load_checkpoint(bundled_checkpoint("streets")).header.tree.names
    told = [line.partition(":")[0] for line in done.stdout.splitlines()]
    assert told == [names[index] for index in np.unique(theirs)]
    assert len(told) > 3
