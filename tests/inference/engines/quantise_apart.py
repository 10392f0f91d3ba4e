"""`hypseg quantise`: what it writes answers nearly as in fp32, whole or in windows, and is never taken for more."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from support import EXAMPLES, make_checkpoint

from hypsegcli.budget import BUDGET
from hypsegcli.checkpoint.store import Checkpoint, load_checkpoint, save_checkpoint
from hypsegcli.cli.app import main
from hypsegcli.errors import DeviceError
from hypsegcli.hierarchy.tree import flat_tree
from hypsegcli.images.decode import decode_image
from hypsegcli.inference.device import choose_device
from hypsegcli.inference.engines import choose
from hypsegcli.inference.engines.choose import make_engine
from hypsegcli.inference.engines.openvino_runtime import OpenVino, import_openvino
from hypsegcli.inference.engines.quantise import as_input, quantise
from hypsegcli.inference.request import Request
from hypsegcli.inference.segmenter import Segmenter
from hypsegcli.inference.windows import Tiling

if find_spec("nncf") is None or find_spec("openvino") is None:
    pytest.skip("nncf is not installed: nothing is quantised here", allow_module_level=True)

STREETS = EXAMPLES / "streets"


@pytest.fixture(scope="module", autouse=True)
def _one_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("networks")))
        yield


def write_pairs(folder: Path) -> None:
    """Photographs, and masks of blocks that have nothing to do with them, so that no network is better than another."""
    source = decode_image(sorted(STREETS.iterdir())[0]).pixels
    for number in range(4):
        for kind in ("images", "masks"):
            (folder / kind).mkdir(parents=True, exist_ok=True)
        part = np.ascontiguousarray(source[10 * number :][:240, 15 * number :][:, :320])
        Image.fromarray(part).save(folder / "images" / f"{number}.png")
        blocks = np.random.default_rng(number).integers(0, 4, (30, 40), np.uint8)
        Image.fromarray(blocks.repeat(8, 0).repeat(8, 1)[: part.shape[0], : part.shape[1]]).save(
            folder / "masks" / f"{number}.png"
        )


class Done:
    """The command, run once for all tests, on random weights whose distances spread over the scale."""

    def __init__(self, folder: Path) -> None:
        self.data, self.plain, self.path = folder, folder / "plain.safetensors", folder / "int8.safetensors"
        write_pairs(folder)
        make_checkpoint(self.plain, flat_tree(["a", "b", "c", "d"]), backbone="resnet18_c4")
        loaded = load_checkpoint(self.plain)
        loaded.model.get_parameter("decoder.embed.weight").data.normal_(std=3.0, generator=torch.Generator())
        save_checkpoint(self.plain, loaded.header, loaded.model.state_dict())
        self.out, self.err = io.StringIO(), io.StringIO()
        with redirect_stdout(self.out), redirect_stderr(self.err):
            self.code = main(self.command(self.path))
        self.checkpoint = load_checkpoint(self.path)

    def command(self, out: Path, masks: str = "masks", images: str = "images") -> list[str]:
        pairs = [str(self.data / images), str(self.data / masks)]
        return ["quantise", *pairs, "-c", str(self.plain), "-o", str(out), "--longest-side", "off"]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Done:
    return Done(tmp_path_factory.mktemp("int8"))


@pytest.fixture(scope="module")
def photograph() -> NDArray[np.uint8]:
    return decode_image(sorted(STREETS.iterdir())[0]).pixels[:300, :400]


def test_the_command_says_what_it_found_and_nothing_of_others_appears(done: Done) -> None:
    assert done.code == 0, done.err.getvalue()
    facts = done.checkpoint.header.int8
    assert facts is not None
    assert (facts.images, facts.compared) == (2, 2)
    assert f"{facts.labels:.1%} of the labels the same" in done.out.getvalue()
    assert len(done.out.getvalue().splitlines()) == 2  # the other is of the size
    told = done.err.getvalue().splitlines()
    steps = re.compile(r"converting|converted|quantising|[12]/2 images")  # how many of those, time decides
    others = [line for line in told if not steps.match(line)]
    assert others[0] == "ranges are taken of 2 of 4 images: 0, 2"
    assert others[1].startswith("hypseg: so few images (2)")
    assert len(others) == 2
    plain = load_checkpoint(done.plain)
    weights = plain.model.state_dict()
    assert all(torch.equal(tensor, weights[name]) for name, tensor in done.checkpoint.model.state_dict().items())
    header = done.checkpoint.header
    assert header.input.longest_side is None
    assert header.model_copy(update={"int8": None, "input": plain.header.input}) == plain.header


@pytest.mark.parametrize("tiling", [None, Tiling(tile=160, overlap=32, above=1)])
def test_int8_answers_nearly_as_fp32(done: Done, photograph: NDArray[np.uint8], tiling: Tiling | None) -> None:
    found = {}
    for precision in ("fp32", "auto", "int8"):
        engine = make_engine(done.checkpoint, choose_device("cpu", precision), "openvino")
        assert engine.device.label == f"cpu, {'fp32' if precision == 'fp32' else 'int8'}"
        segmenter = Segmenter(engine, done.checkpoint.header.tree, request=Request(), tiling=tiling)
        found[precision] = segmenter.predict([photograph])[0]
    exact, near = found["fp32"], found["int8"]
    assert np.array_equal(found["auto"].labels, near.labels)
    assert (exact.labels == near.labels).mean() > 0.9
    apart = np.abs(exact.confidence["distance"].values - near.confidence["distance"].values)
    assert 0.001 < apart.mean() < 0.3


def test_a_network_that_takes_no_mean_is_one_graph_whole_and_in_windows(
    photograph: NDArray[np.uint8], tmp_path: Path
) -> None:
    tree = flat_tree(["a", "b", "c", "d"])
    path = make_checkpoint(tmp_path / "mlp.safetensors", tree, backbone="timm:test_convnext", decoder="mlp")
    plain, told = load_checkpoint(path), list[str]()
    plain.model.get_parameter("decoder.embed.weight").data.normal_(std=3.0, generator=torch.Generator())
    picture = as_input(photograph, longest_side=None)
    graphs = quantise(replace(plain, sha256="1" * 64), [picture], tell=told.append)
    assert told[-1] == "quantising, graph 1 of 1"
    assert graphs.keys() == {"int8.embedding.xml", "int8.embedding.bin"}
    for tiling in (None, Tiling(tile=160, overlap=32, above=1)):
        found = []
        for known in (plain, replace(plain, sha256="2" * 64, int8=graphs)):
            engine = make_engine(known, choose_device("cpu"), "openvino" if known.int8 else "torch")
            assert (engine.device.precision == "int8") == bool(known.int8)
            found.append(Segmenter(engine, tree, tiling=tiling).predict([photograph])[0].labels)
        assert (found[0] == found[1]).mean() > 0.9


def ops(checkpoint: Checkpoint, graph: str) -> Any:
    xml, data = (checkpoint.int8[f"int8.{graph}.{kind}"].numpy().tobytes() for kind in ("xml", "bin"))
    return import_openvino().Core().read_model(xml, data)


def test_what_makes_the_embedding_stays_in_float(done: Done) -> None:
    for graph, kept in (("embedding", 1), ("embedding_of_windows", 1), ("features", 0)):
        nodes = ops(done.checkpoint, graph).get_ops()
        layers = [node for node in nodes if node.get_type_name() == "Convolution"]
        exact = [node for node in layers if node.input_value(1).get_node().get_type_name() == "Constant"]
        assert len(layers) > 10
        assert len(exact) == kept


def test_a_graph_with_a_loop_is_refused(done: Done, tmp_path: Path) -> None:
    openvino = import_openvino()
    ops13 = openvino.opset13
    body_in = ops13.parameter([1], np.float32)
    body = openvino.Model([ops13.add(body_in, np.float32(1)), ops13.constant(True)], [body_in])
    loop = ops13.loop(ops13.constant(np.int64(2**40)), ops13.constant(True))
    loop.set_function(body)
    loop.set_special_body_ports([-1, 1])
    start = ops13.parameter([1], np.float32)
    loop.set_merged_input(body_in, start.output(0), body.get_results()[0].output(0))
    model = openvino.Model([loop.get_iter_value(body.get_results()[0].output(0), -1)], [start])
    openvino.save_model(model, tmp_path / "loop.xml", compress_to_fp16=False)
    with pytest.raises(ValueError, match="its int8 graph holds Loop"):
        OpenVino().restore((tmp_path / "loop.xml").read_bytes(), (tmp_path / "loop.bin").read_bytes(), tmp_path)


@pytest.mark.parametrize("spoil", [lambda graph: graph[: len(graph) // 2], lambda graph: b"no xml"])
def test_a_damaged_graph_runs_in_fp32_where_nobody_chose(
    done: Done, spoil: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choose, "fastest", lambda device: "openvino")
    graphs = dict(done.checkpoint.int8)
    spoilt = spoil(graphs["int8.embedding.xml"].numpy().tobytes())
    graphs["int8.embedding.xml"] = torch.frombuffer(bytearray(spoilt), dtype=torch.uint8)
    bad = Checkpoint(**{**vars(done.checkpoint), "int8": graphs, "sha256": "0" * 64})
    told: list[str] = []
    assert make_engine(bad, choose_device("cpu"), "auto", tell=told.append).device.label == "cpu, fp32"
    assert "cannot run this network" in told[-1]
    with pytest.raises(DeviceError, match="cannot run this network"):
        make_engine(bad, choose_device("cpu", "int8"), "openvino")


def test_int8_is_refused_where_it_is_not_to_be_had(done: Done) -> None:
    int8 = choose_device("cpu", "int8")
    with pytest.raises(DeviceError, match="was not quantised; make another of it with `hypseg quantise`"):
        make_engine(load_checkpoint(done.plain), int8)
    for engine in ("torch", "onnxruntime"):
        with pytest.raises(DeviceError, match="runs in OpenVINO alone"):
            make_engine(done.checkpoint, int8, engine)


def test_a_run_says_int8_and_a_precision_is_another_recipe(done: Done, tmp_path: Path) -> None:
    command = ["predict", str(STREETS), "-o", str(tmp_path / "out"), "-c", str(done.path), "--longest-side", "256"]
    command += ["--save", "labels", "-q", "--engine", "openvino"]
    assert main(command) == 0
    run = json.loads((tmp_path / "out" / "run.json").read_text())
    assert run["device"] == "cpu, int8"
    assert run["options"]["precision"] == "int8"
    err = io.StringIO()
    with redirect_stderr(err):
        assert main([*command[:-3], "--engine", "openvino", "--resume", "--precision", "fp32"]) == 0
    assert "--precision int8 (now fp32)" in err.getvalue()


def test_a_picture_larger_than_a_window_gives_its_middle() -> None:
    side = BUDGET.window
    pixels = np.zeros((side + 400, 80, 3), np.uint8)
    pixels[200:-200] = 1
    assert as_input(pixels, longest_side=None).shape == (1, side, 80, 3)
    assert as_input(pixels, longest_side=None).all()
    assert as_input(pixels[:100], longest_side=50).shape == (1, 64, 48, 3)


def test_what_loses_too_much_is_not_written(done: Done, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The network's own labels in fp32 as masks, but for a corner: it is right nearly everywhere, and no other is."""
    options = ["-c", str(done.plain), "--precision", "fp32", "--engine", "openvino", "--longest-side", "off", "-q"]
    assert main(["predict", str(done.data / "images"), "-o", str(tmp_path / "maps"), "--save", "labels", *options]) == 0
    (done.data / "own").mkdir()
    for path in (tmp_path / "maps" / "labels").iterdir():
        mask = np.array(Image.open(path))
        mask[:4, :4] = (mask[:4, :4] + 1) % 4
        Image.fromarray(mask).save(done.data / "own" / path.name)
    out = tmp_path / "out.safetensors"
    assert main(done.command(out, "own")) == 1
    err = capsys.readouterr().err
    assert "loses too much in int8, on 2 images: mean IoU falls from 0." in err
    assert not out.exists()


def test_what_cannot_be_quantised_is_a_sentence(done: Done, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.safetensors"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hypsegcli.inference.engines.quantise.find_spec", lambda name: None)
        assert main(done.command(out)) == 2
    assert "pip install 'hypseg[quantise]'" in capsys.readouterr().err
    assert main(done.command(done.path)) == 2
    assert "there already" in capsys.readouterr().err
    assert not out.exists()
