"""Which engine runs a checkpoint."""

from __future__ import annotations

from hypsegcli.checkpoint.store import Checkpoint
from hypsegcli.inference.device import Device
from hypsegcli.inference.engines.base import Engine
from hypsegcli.inference.engines.torch_engine import TorchEngine


def make_engine(checkpoint: Checkpoint, device: Device) -> Engine:
    """Get the network of a checkpoint ready to run on a device."""
    return TorchEngine(checkpoint.model, checkpoint.header.input, device)
