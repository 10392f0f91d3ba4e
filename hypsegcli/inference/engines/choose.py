"""Which engine runs a checkpoint."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

from hypsegcli.checkpoint.store import Checkpoint
from hypsegcli.errors import DeviceError, first_line, setting
from hypsegcli.inference.device import Device
from hypsegcli.inference.engines.converted import ConvertedEngine, Runtime
from hypsegcli.inference.engines.onnx_runtime import OnnxRuntime
from hypsegcli.inference.engines.openvino_runtime import OpenVino
from hypsegcli.inference.engines.torch_engine import TorchEngine
from hypsegcli.inference.request import EngineName

# Fastest first; what each needs, which other packages may have brought along in part, and what brings all of it.
RUNTIMES: dict[str, Callable[[], Runtime]] = {"openvino": OpenVino, "onnxruntime": OnnxRuntime}
NEEDS = {"openvino": ("openvino", "packaging"), "onnxruntime": ("onnxruntime", "onnxscript")}
EXTRAS = {"openvino": "hypseg[openvino]", "onnxruntime": "hypseg[onnx]"}


def make_engine(
    checkpoint: Checkpoint,
    device: Device,
    name: EngineName = "auto",
    *,
    tell: Callable[[str], None] = lambda sentence: None,
) -> ConvertedEngine | TorchEngine:
    """Get the network of a checkpoint ready to run on a device; `auto` takes the fastest that is installed there.

    `tell` hears of what takes long, and why `auto` runs in torch where a faster engine will not take the network.

    Raises DeviceError where the engine that was named is not installed, or does not run there.
    """
    auto, in_torch = name == "auto", setting("engine", "torch")
    model = checkpoint.header.model
    if auto:
        name = "torch" if model.is_imported else fastest(device)
    if device.precision == "int8":
        _refuse_int8(checkpoint, name)
    if name != "torch" and model.is_imported:
        raise DeviceError(f"{setting('engine', name)}: {model.kind.title} runs in torch alone; use {in_torch}")
    if name == "torch":
        return TorchEngine(checkpoint.model, checkpoint.header.input, device)
    if device.torch.type != "cpu":
        raise DeviceError(
            f"{setting('engine', name)} runs on the CPU; use {setting('device', 'cpu')} with it, or {in_torch}"
        )
    if name == "onnxruntime" and device.precision != "fp32":
        raise DeviceError(
            f"{setting('engine', name)} runs in fp32; use {setting('precision', 'fp32')} with it, or another engine"
        )
    if not usable(name):
        raise DeviceError(
            f"{setting('engine', name)}: not installed here; pip install '{EXTRAS[name]}', or use {in_torch}"
        )
    try:
        return ConvertedEngine(checkpoint, device, RUNTIMES[name](), tell=tell)
    except Exception as error:  # anything may come out of somebody else's compiler
        reason = first_line(error)
        if not auto:
            raise DeviceError(
                f"{setting('engine', name)} cannot run this network ({reason}); use {in_torch}"
            ) from error
        tell(f"{name} cannot run this network ({reason}); it runs in torch")
        return TorchEngine(checkpoint.model, checkpoint.header.input, device)


def _refuse_int8(checkpoint: Checkpoint, engine: EngineName) -> None:
    """Raise DeviceError where a checkpoint cannot be run in int8."""
    if not checkpoint.int8:
        raise DeviceError(
            f"{checkpoint.path}: was not quantised; make another of it with `hypseg quantise`, or use "
            f"{setting('precision', 'fp32')}"
        )
    if engine != "openvino":
        raise DeviceError(
            f"{setting('precision', 'int8')}: runs in OpenVINO alone, on a CPU; use {setting('engine', 'openvino')}"
        )


def fastest(device: Device) -> EngineName:
    """The fastest engine that is installed for a device and its precision."""
    if device.torch.type == "cpu" and usable("openvino"):
        return "openvino"
    if device.torch.type == "cpu" and device.precision == "fp32" and usable("onnxruntime"):
        return "onnxruntime"
    return "torch"


def usable(name: str) -> bool:
    """Whether all that an engine needs is installed."""
    return all(find_spec(module) is not None for module in NEEDS[name])
