"""A network that another runtime has taken over: converted once, kept in the cache, its head left to torch."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.export import ExportedProgram

from hypsegcli.checkpoint.store import Checkpoint
from hypsegcli.errors import tells_of_memory
from hypsegcli.inference.device import Device
from hypsegcli.inference.engines import memory
from hypsegcli.inference.engines.cache import converted, discard, keep_note, read_note
from hypsegcli.inference.engines.export import REVISION, Part, export, graph_name
from hypsegcli.inference.engines.rounding import Agreement, agreement, made_up_picture
from hypsegcli.inference.engines.tracing_lock import TORCH
from hypsegcli.inference.lanes import lanes_here, most_lanes
from hypsegcli.inference.prediction import RGB
from hypsegcli.network.config import ModelConfig
from hypsegcli.network.model import Network, NetworkOutput

# What is kept with a converted network: whether bf16 suits it, and what it takes for a pixel, by precision.
_BF16, _MEMORY = "bf16.json", "memory-{}.json"

# A graph's inputs to its output, an array of the caller's own; from any thread.
Run = Callable[[list[NDArray[Any]]], NDArray[np.float32]]


class Runtime(Protocol):
    """Something that runs graphs on the CPU."""

    label: str  # name and version

    @property
    def gains_by_bf16(self) -> bool:
        """Whether this processor computes in it."""

    @property
    def runs_int8(self) -> bool:
        """Whether it reads the graphs of a quantised checkpoint."""

    def convert(self, program: ExportedProgram, folder: Path) -> None:
        """Write an exported network into an empty folder."""

    def restore(self, graph: bytes, weights: bytes, folder: Path) -> None:
        """The same with a graph of a quantised checkpoint; ValueError where it is none."""

    def load(self, folder: Path, *, threads: int, lanes: int, bf16: bool) -> Run:
        """Make it ready to run in `threads`, which `lanes` share that may call it at once."""


def classify(model: Network, embedding: Tensor) -> NetworkOutput:
    """What the head says of an embedding (B, h, w, D)."""
    v = embedding.permute(0, 3, 1, 2)
    with TORCH.together(), torch.inference_mode():
        return NetworkOutput(v, *model.head(v))


class ConvertedEngine:
    """Runs a checkpoint on the CPU in a runtime other than PyTorch."""

    def __init__(
        self, checkpoint: Checkpoint, device: Device, runtime: Runtime, *, tell: Callable[[str], None]
    ) -> None:
        """`tell` hears of conversions, which take seconds."""
        self._checkpoint = checkpoint
        self._runtime = runtime
        self._tell = lru_cache(maxsize=None)(tell)  # once each, however many parts of the network are converted
        self._runs: dict[tuple[Part, bool, int], Run] = {}  # of a part, of windows or not, in so many lanes
        self._folders: dict[tuple[Part, bool], Path] = {}  # where they are kept
        self._preparing = threading.Lock()
        self._threads = torch.get_num_threads()
        if device.is_open and checkpoint.int8 and runtime.runs_int8:
            device = replace(device, precision="int8")
        self.device = device
        self._ready("embedding", windows=False)  # now, so that no image waits for it and counts it as its own time
        if self.device.precision == "fp32" and device.is_open and runtime.gains_by_bf16:
            self._try_bf16()

    @property
    def label(self) -> str:
        """As in `Engine`."""
        return self._runtime.label

    @property
    def config(self) -> ModelConfig:
        """As in `Engine`."""
        return self._checkpoint.header.model

    @property
    def head(self) -> nn.Module:
        """As in `Engine`."""
        return self._checkpoint.model.head

    @property
    def lanes(self) -> int:
        """As in `Engine`."""
        return most_lanes(self._threads)

    def __call__(self, images: RGB, mean: Tensor | None = None) -> NetworkOutput:
        """As in `Engine`."""
        inputs: list[NDArray[Any]] = [images] if mean is None else [images, mean.numpy()]
        return classify(self._checkpoint.model, self._run("embedding", inputs))

    def features(self, images: RGB) -> Tensor:
        """As in `Engine`."""
        return self._run("features", [images])

    def _try_bf16(self) -> None:
        """Take bf16 where this checkpoint answers in it nearly as in fp32, which is looked at once."""
        exact, fp32 = self._runs, self.device
        self._runs, self.device = {}, replace(fp32, precision="bf16")
        self._ready("embedding", windows=False)
        folder = self._folders["embedding", False]
        found = Agreement.of(read_note(folder, _BF16))
        if found is None:
            picture = [made_up_picture()]
            in_fp32, in_bf16 = (
                classify(self._checkpoint.model, torch.from_numpy(runs["embedding", False, 1](picture)))
                for runs in (exact, self._runs)
            )
            found = agreement(in_fp32, in_bf16, self._checkpoint.header.tree)
            keep_note(folder, _BF16, found._asdict())
        if not found.is_close:
            self._tell(
                f"in bf16 {found.labels:.1%} of a test picture's labels are those of fp32, and distances differ by "
                f"{found.distance:.3g}; it runs in fp32"
            )
            self._runs, self.device = exact, fp32

    def bytes_a_pixel(self) -> float | None:
        """What the network takes for a pixel, as in `memory.bytes_a_pixel`; looked at once, before the first image."""
        folder, name = self._folders["embedding", False], _MEMORY.format(self.device.precision)
        found = read_note(folder, name)
        if not found:
            found = {"bytes_a_pixel": memory.bytes_a_pixel(self._runs["embedding", False, 1], memory.ProcessMeter())}
            keep_note(folder, name, found)
        return found["bytes_a_pixel"]

    def _run(self, part: Part, inputs: list[NDArray[Any]]) -> Tensor:
        run = self._ready(part, windows=len(inputs) == 2)
        try:
            return torch.from_numpy(run(inputs))
        except Exception as error:  # runtimes have exceptions of their own, torch's kinds are what others expect
            if tells_of_memory(str(error)):
                raise MemoryError(str(error)) from error
            raise RuntimeError(str(error)) from error

    def _ready(self, part: Part, *, windows: bool) -> Run:
        key = (part, windows, lanes_here())
        with self._preparing:
            if key not in self._runs:
                self._runs[key] = self._prepare(*key)
            return self._runs[key]

    def _prepare(self, part: Part, windows: bool, lanes: int) -> Run:
        int8 = self.device.precision == "int8"

        def convert(folder: Path) -> None:
            found = self._checkpoint
            if int8:
                name = f"int8.{graph_name(part, windows=windows)}"
                graph, weights = (found.int8[f"{name}.{kind}"].numpy().tobytes() for kind in ("xml", "bin"))
                self._runtime.restore(graph, weights, folder)
                return
            self._tell(f"converting the network for {self.label}, once for this checkpoint and this kind of run")
            started = time.perf_counter()
            with TORCH.alone():
                self._runtime.convert(export(found.model, found.header.input, part=part, windows=windows), folder)
            self._tell(f"converted in {time.perf_counter() - started:.0f} s")

        def load() -> Run:
            # One of lanes is that of an image alone; it may lie in a folder that goes with this process.
            folder = self._folders.get((part, windows)) or converted(
                self._checkpoint.sha256, parts=parts, room=room, convert=convert, tell=self._tell
            )
            folders.append(folder)
            self._folders[part, windows] = folder
            return self._runtime.load(folder, threads=self._threads, lanes=lanes, bf16=self.device.bf16)

        kind = "int8" if int8 else f"revision {REVISION}"
        parts = (self._runtime.label, f"{part}{' of windows' if windows else ''}", kind)
        room = 4 * sum(tensor.numel() for tensor in self._checkpoint.model.state_dict().values())  # as float32
        folders: list[Path] = []
        try:
            return load()
        except Exception:  # what its digests do not tell, such as that its files went since they were looked at
            if not folders:
                raise
            self._folders.pop((part, windows), None)
            discard(folders[0])
            return load()
