"""A checkpoint's network in int8, for OpenVINO, by NNCF's post-training quantisation.

Kernels, and what lies between the layers, become integers of 8 bits, whose range is taken from pictures that go
through; biases are corrected for what that changes. What makes the embedding, the last convolution, stays in float32,
and so does the head, which no graph holds.
"""

from __future__ import annotations

import contextlib
import io
import logging
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import torch
from numpy.typing import NDArray
from torch import Tensor

from hypsegcli.budget import BUDGET
from hypsegcli.checkpoint.store import Checkpoint
from hypsegcli.errors import DeviceError
from hypsegcli.images.shrink import shrink_image
from hypsegcli.inference.device import Device
from hypsegcli.inference.engines.converted import ConvertedEngine, classify
from hypsegcli.inference.engines.export import GRAPHS, export, graph_name
from hypsegcli.inference.engines.openvino_runtime import OpenVino, import_openvino
from hypsegcli.inference.engines.rounding import agreement
from hypsegcli.inference.engines.tracing_lock import TORCH
from hypsegcli.inference.prediction import RGB
from hypsegcli.inference.strips import pad_to_cells

MOST = 30  # pictures of which ranges are taken
_ROUNDS = 3  # of a picture whose time is taken


class Compared(NamedTuple):
    """fp32 and int8 on the same pictures."""

    labels: float  # share of the cells of the network's grid that get the same class
    distance: float  # by which the distance to the origin differs on average
    speed: float  # how many times as fast int8 is


def require_nncf() -> None:
    """Raise DeviceError where NNCF or OpenVINO is not installed."""
    for name in ("openvino", "nncf"):
        if find_spec(name) is None:
            raise DeviceError(f"{name}: not installed here; pip install 'hypseg[quantise]'")


def require_traceable(checkpoint: Checkpoint, *, tell: Callable[[str], None]) -> None:
    """Raise ValueError for a network that cannot be traced for images of any size; `tell` hears of what takes long."""
    _in_fp32(checkpoint, tell)


def made_with() -> str:
    """The versions that decide what comes out."""
    return ", ".join(f"{name} {version(name)}" for name in ("nncf", "openvino", "torch"))


def as_input(pixels: RGB, *, longest_side: int | None) -> RGB:
    """A picture (H, W, 3) as the network sees it, (1, h, w, 3); of one larger than a window, the middle."""
    small = shrink_image(pixels, longest_side)
    top, left = (max(0, side - BUDGET.window) // 2 for side in small.shape[:2])
    return pad_to_cells(small[None, top : top + BUDGET.window, left : left + BUDGET.window])


def quantise(checkpoint: Checkpoint, pictures: Sequence[RGB], *, tell: Callable[[str], None]) -> dict[str, Tensor]:
    """The int8 graphs of `Checkpoint.int8`, with ranges taken of pictures (1, H, W, 3), H and W multiples of 16.

    `tell` hears of what takes long. ValueError for a network that cannot be traced for images of any size.
    """
    engine = _in_fp32(checkpoint, tell)
    graphs, means = GRAPHS[:1], list[NDArray[Any]]()
    if engine.config.takes_mean:
        graphs, means = GRAPHS, [engine.features(picture).mean((0, 2, 3)).numpy() for picture in pictures]
    found = {}
    for number, (part, windows) in enumerate(graphs, start=1):
        tell(f"quantising, graph {number} of {len(graphs)}")
        with TORCH.alone():
            program = export(checkpoint.model, checkpoint.header.input, part=part, windows=windows)
        inputs = list(zip(pictures, means, strict=True)) if windows else [(picture,) for picture in pictures]
        files = _quantise(import_openvino().convert_model(program), inputs, keep_last=part == "embedding")
        for kind, data in zip(("xml", "bin"), files, strict=True):
            found[f"int8.{graph_name(part, windows=windows)}.{kind}"] = torch.frombuffer(data, dtype=torch.uint8)
    return found


def compare_with_fp32(checkpoint: Checkpoint, int8: Mapping[str, Tensor], pictures: Sequence[RGB]) -> Compared:
    """How near int8 comes to fp32, and how much faster it is, on pictures as in `quantise`."""
    engine, runtime, tree = _in_fp32(checkpoint, lambda sentence: None), OpenVino(), checkpoint.header.tree
    with tempfile.TemporaryDirectory(prefix="hypseg-int8-") as name:
        folder = Path(name)
        graph, weights = (int8[f"int8.embedding.{kind}"].numpy().tobytes() for kind in ("xml", "bin"))
        runtime.restore(graph, weights, folder)
        run = runtime.load(folder, threads=torch.get_num_threads(), lanes=1, bf16=False)
        agreements, gains = [], []
        for picture in pictures:
            quantised = classify(checkpoint.model, torch.from_numpy(run([picture])))
            agreements.append(agreement(engine(picture), quantised, tree))
            gains.append(_seconds(partial(engine, picture)) / _seconds(partial(run, [picture])))
    labels, distance = (statistics.fmean(found) for found in zip(*agreements, strict=True))
    return Compared(labels, distance, statistics.median(gains))


def _in_fp32(checkpoint: Checkpoint, tell: Callable[[str], None]) -> ConvertedEngine:
    return ConvertedEngine(checkpoint, Device(torch.device("cpu")), OpenVino(), tell=tell)


def _seconds(run: Callable[[], object]) -> float:
    taken = []
    for _ in range(_ROUNDS):
        started = time.perf_counter()
        run()
        taken.append(time.perf_counter() - started)
    return min(taken)


def _quantise(
    model: Any, inputs: Sequence[tuple[NDArray[Any], ...]], *, keep_last: bool
) -> tuple[bytearray, bytearray]:
    """A graph of OpenVINO's in int8, as its two files."""
    openvino = import_openvino()  # first: NNCF would tell of every use, as OpenVINO would
    logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)  # it misses a GPU that nobody asked for
    with contextlib.redirect_stdout(io.StringIO()):  # it draws bars there
        nncf = import_module("nncf")
        nncf.set_log_level(logging.ERROR)
        kept = nncf.IgnoredScope(names=[_last_convolution(model)]) if keep_last else None
        dataset = nncf.Dataset(list(inputs), list)
        quantised = nncf.quantize(
            model,
            dataset,
            preset=nncf.QuantizationPreset.MIXED,
            subset_size=len(inputs),
            ignored_scope=kept,
        )
    with tempfile.TemporaryDirectory(prefix="hypseg-int8-") as name:
        files = (Path(name) / "network.xml", Path(name) / "network.bin")
        openvino.save_model(quantised, files[0], compress_to_fp16=False)
        return bytearray(files[0].read_bytes()), bytearray(files[1].read_bytes())


def _last_convolution(model: Any) -> str:
    """The name of the convolution from which the embedding comes."""
    node = model.get_results()[0]
    while node.get_type_name() != "Convolution":
        node = node.input_value(0).get_node()
    name: str = node.get_friendly_name()
    return name
