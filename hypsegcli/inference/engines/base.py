"""What an engine is: uint8 images in, the network's answer on its own grid out."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor, nn

from hypsegcli.inference.device import Device
from hypsegcli.inference.prediction import RGB
from hypsegcli.network.config import ModelConfig
from hypsegcli.network.model import NetworkOutput


class Engine(Protocol):
    """Holds one network, ready to run; normalising is its affair. It may be called from any thread."""

    @property
    def label(self) -> str:
        """For run.json and the terminal, such as `openvino 2026.4.1`."""

    @property
    def config(self) -> ModelConfig:
        """What the network is."""

    @property
    def head(self) -> nn.Module:
        """The classifier, in torch, as the checkpoint has it."""

    @property
    def device(self) -> Device:
        """Where the answer lies, and where its reduction to planes is worked out."""

    @property
    def lanes(self) -> int:
        """How many threads may share it so, see `lanes`, that its answer is the same to the last digit."""

    def __call__(self, images: RGB, mean: Tensor | None = None) -> NetworkOutput:
        """Run a batch (B, H, W, 3), H and W multiples of 16; the output is float32, on the device.

        `mean` (C,) float32 on the CPU, given where the batch is windows of one larger image: the mean of `features`
        over all of that image, for ASPP to take instead of each window's own; only where `config.takes_mean`.
        """

    def features(self, images: RGB) -> Tensor:
        """The backbone's answer, of which ASPP takes the mean: (B, C, H / s, W / s) float32, s the output stride.

        The batch is as for a run; any device will do. The means inside MobileNetV3's squeeze-and-excitation are part
        of the backbone: they remain those of each window.
        """
