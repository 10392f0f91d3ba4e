"""A network that another runtime has taken over: converted once, kept in the cache, its head left to torch."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.export import ExportedProgram

from hypsegcli.checkpoint.store import Checkpoint
from hypsegcli.errors import tells_of_memory
from hypsegcli.inference.device import Device
from hypsegcli.inference.engines.cache import converted, discard, seal
from hypsegcli.inference.engines.export import REVISION, Part, export
from hypsegcli.inference.engines.tracing_lock import TORCH
from hypsegcli.inference.prediction import RGB
from hypsegcli.network.config import ModelConfig
from hypsegcli.network.model import NetworkOutput

# A graph's inputs to its output, an array of the caller's own; from any thread.
Run = Callable[[list[NDArray[Any]]], NDArray[np.float32]]


class Runtime(Protocol):
    """Something that runs graphs on the CPU."""

    label: str  # name and version

    def convert(self, program: ExportedProgram, folder: Path) -> None:
        """Write an exported network into an empty folder."""

    def load(self, folder: Path, *, threads: int, bf16: bool) -> Run:
        """Make it ready to run."""


class ConvertedEngine:
    """Runs a checkpoint on the CPU in a runtime other than PyTorch."""

    def __init__(
        self, checkpoint: Checkpoint, device: Device, runtime: Runtime, *, tell: Callable[[str], None]
    ) -> None:
        """`tell` hears of conversions, which take seconds."""
        self._checkpoint = checkpoint
        self._runtime = runtime
        self._tell = lru_cache(maxsize=None)(tell)  # once each, however many parts of the network are converted
        self._runs: dict[tuple[Part, bool], Run] = {}
        self._preparing = threading.Lock()
        self.device = device
        self._ready("embedding", windows=False)  # now, so that no image waits for it and counts it as its own time

    @property
    def label(self) -> str:
        """As in `Engine`."""
        return self._runtime.label

    @property
    def config(self) -> ModelConfig:
        """As in `Engine`."""
        return self._checkpoint.header.model

    def __call__(self, images: RGB, mean: Tensor | None = None) -> NetworkOutput:
        """As in `Engine`."""
        inputs: list[NDArray[Any]] = [images] if mean is None else [images, mean.numpy()]
        embedding = self._run("embedding", inputs).permute(0, 3, 1, 2)
        with TORCH.together(), torch.inference_mode():
            return NetworkOutput(embedding, *self._checkpoint.model.head(embedding))

    def features(self, images: RGB) -> Tensor:
        """As in `Engine`."""
        return self._run("features", [images])

    def _run(self, part: Part, inputs: list[NDArray[Any]]) -> Tensor:
        run = self._ready(part, windows=len(inputs) == 2)
        try:
            return torch.from_numpy(run(inputs))
        except Exception as error:  # runtimes have exceptions of their own, torch's kinds are what others expect
            if tells_of_memory(str(error)):
                raise MemoryError(str(error)) from error
            raise RuntimeError(str(error)) from error

    def _ready(self, part: Part, *, windows: bool) -> Run:
        key = (part, windows)
        with self._preparing:
            if key not in self._runs:
                self._runs[key] = self._prepare(*key)
            return self._runs[key]

    def _prepare(self, part: Part, windows: bool) -> Run:
        def convert(folder: Path) -> None:
            found = self._checkpoint
            self._tell(f"converting the network for {self.label}, once for this checkpoint and this kind of run")
            with TORCH.alone():
                self._runtime.convert(export(found.model, found.header.input, part=part, windows=windows), folder)

        def load() -> Run:
            folder = converted(self._checkpoint.sha256, parts=parts, room=room, convert=convert, tell=self._tell)
            folders.append(folder)
            run = self._runtime.load(folder, threads=torch.get_num_threads(), bf16=self.device.bf16)
            seal(folder)
            return run

        parts = (self._runtime.label, f"{part}{' of windows' if windows else ''}", f"revision {REVISION}")
        room = 4 * sum(tensor.numel() for tensor in self._checkpoint.model.state_dict().values())  # as float32
        folders: list[Path] = []
        try:
            return load()
        except Exception:  # something about this network that its digests do not tell, such as another processor
            if not folders:
                raise
            discard(folders[0])
            return load()
