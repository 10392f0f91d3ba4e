"""PyTorch itself: every device, every precision, and the answer that other engines are held against."""

from __future__ import annotations

import torch

from hypsegcli.checkpoint.format import InputSpec
from hypsegcli.inference.device import Device
from hypsegcli.inference.engines.fold import fold_batch_norms
from hypsegcli.inference.normalise import normalise
from hypsegcli.inference.prediction import RGB
from hypsegcli.network.config import ModelConfig
from hypsegcli.network.model import HyperbolicDeepLab, NetworkOutput


class TorchEngine:
    """Eager PyTorch in channels-last memory, batch norms folded."""

    def __init__(self, model: HyperbolicDeepLab, spec: InputSpec, device: Device) -> None:
        self.model = fold_batch_norms(model).to(device.torch).to(memory_format=torch.channels_last)
        self.spec = spec
        self.device = device

    @property
    def label(self) -> str:
        """As in `Engine`."""
        return f"torch {torch.__version__}"

    @property
    def config(self) -> ModelConfig:
        """As in `Engine`."""
        return self.model.config

    @torch.inference_mode()
    def __call__(self, images: RGB) -> NetworkOutput:
        """As in `Engine`."""
        batch = torch.from_numpy(images).to(self.device.torch).permute(0, 3, 1, 2)
        with torch.autocast(self.device.torch.type, torch.bfloat16, enabled=self.device.bf16):
            output: NetworkOutput = self.model(normalise(batch, self.spec))
        return output
