"""Which engine runs a checkpoint."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Literal

from hypsegcli.checkpoint.store import Checkpoint
from hypsegcli.errors import DeviceError
from hypsegcli.inference.device import Device
from hypsegcli.inference.engines.base import Engine
from hypsegcli.inference.engines.converted import ConvertedEngine, Runtime
from hypsegcli.inference.engines.onnx_runtime import OnnxRuntime
from hypsegcli.inference.engines.openvino_runtime import OpenVino
from hypsegcli.inference.engines.torch_engine import TorchEngine

EngineName = Literal["auto", "torch", "openvino", "onnxruntime"]

# Fastest first; each is called as the package that it needs.
RUNTIMES: dict[str, Callable[[], Runtime]] = {"openvino": OpenVino, "onnxruntime": OnnxRuntime}
EXTRAS = {"openvino": "hypseg[openvino]", "onnxruntime": "hypseg[onnx]"}


def make_engine(
    checkpoint: Checkpoint,
    device: Device,
    name: EngineName = "auto",
    *,
    tell: Callable[[str], None] = lambda sentence: None,
) -> Engine:
    """Get the network of a checkpoint ready to run on a device; `auto` takes the fastest that is installed there.

    `tell` hears of what takes long.

    Raises DeviceError where the engine that was named is not installed, or does not run there.
    """
    if name == "auto":
        name = fastest(device)
    if name == "torch":
        return TorchEngine(checkpoint.model, checkpoint.header.input, device)
    if device.torch.type != "cpu":
        raise DeviceError(f"--engine {name} runs on the CPU; use --device cpu with it, or --engine torch")
    if name == "onnxruntime" and device.bf16:
        raise DeviceError("--engine onnxruntime runs in fp32; use --precision fp32 with it, or another engine")
    if find_spec(name) is None:
        raise DeviceError(f"--engine {name}: not installed here; pip install '{EXTRAS[name]}', or use --engine torch")
    return ConvertedEngine(checkpoint, device, RUNTIMES[name](), tell=tell)


def fastest(device: Device) -> EngineName:
    """The fastest engine that is installed for a device and its precision."""
    if device.torch.type == "cpu" and find_spec("openvino") is not None:
        return "openvino"
    if device.torch.type == "cpu" and not device.bf16 and find_spec("onnxruntime") is not None:
        return "onnxruntime"
    return "torch"
