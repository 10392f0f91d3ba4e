"""PyTorch itself: every device, every precision, and the answer that other engines are held against."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch
from torch import Tensor, nn

from hypsegcli.checkpoint.format import InputSpec
from hypsegcli.errors import DeviceError, setting
from hypsegcli.inference.device import Device
from hypsegcli.inference.engines.fold import fold_batch_norms
from hypsegcli.inference.engines.memory import CardMeter, bytes_a_pixel
from hypsegcli.inference.engines.tracing_lock import TORCH
from hypsegcli.inference.normalise import normalise
from hypsegcli.inference.prediction import RGB
from hypsegcli.network.config import ModelConfig
from hypsegcli.network.model import Network, NetworkOutput


class TorchEngine:
    """Eager PyTorch in channels-last memory, batch norms folded."""

    def __init__(self, model: Network, spec: InputSpec, device: Device) -> None:
        """DeviceError for int8, in which PyTorch does not run networks."""
        if device.precision == "int8":
            raise DeviceError(
                f"{setting('precision', 'int8')}: runs in OpenVINO alone, on a CPU; use {setting('precision', 'fp32')}"
            )
        self.model = fold_batch_norms(model).to(device.torch).to(memory_format=torch.channels_last)
        self.spec = spec
        self.device = device
        self._on_card = device.torch.type == "cuda"

    @property
    def label(self) -> str:
        """As in `Engine`."""
        return f"torch {torch.__version__}"

    @property
    def config(self) -> ModelConfig:
        """As in `Engine`."""
        return self.model.config

    @property
    def head(self) -> nn.Module:
        """As in `Engine`."""
        return self.model.head

    @property
    def lanes(self) -> int:
        """As in `Engine`: one, since the order of PyTorch's sums is another with every number of threads."""
        return 1

    @torch.inference_mode()
    def __call__(self, images: RGB, mean: Tensor | None = None) -> NetworkOutput:
        """As in `Engine`."""
        batch = self._batch(images)
        with self._running():
            output: NetworkOutput = self.model(batch, None if mean is None else mean.to(self.device.torch))
        return output

    @torch.inference_mode()
    def features(self, images: RGB) -> Tensor:
        """As in `Engine`."""
        batch = self._batch(images)
        with self._running():
            return self.model.features(batch).float()

    def bytes_a_pixel(self) -> float | None:
        """What the network takes for a pixel, as in `memory.bytes_a_pixel`; None but on CUDA devices."""
        if not self._on_card:
            return None
        return bytes_a_pixel(lambda inputs: self(inputs[0]), CardMeter(self.device.torch))

    @contextmanager
    def _running(self) -> Iterator[None]:
        # In fp32 as fp32 is: cards would round factors to ten bits.
        exact = torch.backends.cudnn.flags(enabled=True, allow_tf32=False)
        with (
            TORCH.together(),
            torch.autocast(self.device.torch.type, torch.bfloat16, enabled=self.device.bf16),
            exact if self._on_card else nullcontext(),
        ):
            yield

    def _batch(self, images: RGB) -> Tensor:
        pixels = torch.from_numpy(images)
        if self._on_card:
            pixels = pixels.pin_memory()  # which the card reads by itself, while it still works on the last batch
        pixels = pixels.to(self.device.torch, non_blocking=True)
        return normalise(pixels.permute(0, 3, 1, 2), self.spec)
