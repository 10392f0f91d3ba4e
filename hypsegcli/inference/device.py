"""Where the network runs and in which precision."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, get_args

import torch

from hypsegcli.errors import DeviceError, setting
from hypsegcli.inference.request import Precision


@dataclass(frozen=True)
class Device:
    """A torch device and the precision of the layers before the exponential map."""

    torch: torch.device
    precision: Literal["fp32", "bf16", "int8"] = "fp32"
    # Nobody chose: an engine may take int8, for which the checkpoint was quantised, or bf16, where answers stay alike.
    is_open: bool = False

    @property
    def bf16(self) -> bool:
        """Whether numbers are rounded to 16 bits on the way."""
        return self.precision == "bf16"

    @property
    def label(self) -> str:
        """For run.json and the terminal, such as `cuda:0 (NVIDIA H200), bf16`."""
        name = f" ({torch.cuda.get_device_name(self.torch)})" if self.torch.type == "cuda" else ""
        return f"{self.torch}{name}, {self.precision}"


def choose_device(name: str = "auto", precision: Precision = "auto") -> Device:
    """`auto`, `cpu`, `cuda`, `cuda:N` or `mps`.

    Precision `auto` is bf16 on CUDA devices that have it, else fp32, which on a CPU is open to others. Raises
    DeviceError where that device is not there: asked for by name, it is never silently replaced.
    """
    if precision not in get_args(Precision):
        raise DeviceError(f"{setting('precision', precision)}: expected {', '.join(get_args(Precision))}")
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    name = _present(name)
    kind = name.partition(":")[0]
    bf16_default = kind == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    if precision == "auto":
        return Device(torch.device(name), "bf16" if bf16_default else "fp32", is_open=kind == "cpu")
    return Device(torch.device(name), precision)


def list_devices(names: str) -> tuple[str, ...]:
    """The devices that a list such as `cuda:0,cuda:1`, or `cuda:all`, names; what names one is that.

    DeviceError where one of them is not there, and where they are not all of one kind: the same image would come out
    otherwise on another.
    """
    if names == "cuda:all":
        _present("cuda")
        return tuple(f"cuda:{index}" for index in range(torch.cuda.device_count()))
    if "," not in names:
        return (names,)
    if not all(name.strip() for name in names.split(",")):
        raise DeviceError(f"{setting('device', names)}: expected names with commas between them, such as cuda:0,cuda:1")
    devices = tuple(_present(name.strip()) for name in names.split(","))
    if len({device.partition(":")[0] for device in devices}) > 1:
        raise DeviceError(
            f"{setting('device', names)}: images come out otherwise on devices of another kind; name those of one, or "
            f"give each kind a folder of its own"
        )
    return devices


def _present(name: str) -> str:
    """A device by its full name; DeviceError unless it is there."""
    kind, _, index = name.partition(":")
    if not re.fullmatch(r"cpu|mps|cuda(:[0-9]+)?", name):
        raise DeviceError(f"{setting('device', name)}: expected auto, cpu, cuda, cuda:N or mps")
    if kind == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if count == 0:
            raise DeviceError(
                f"{setting('device', name)}: torch sees no CUDA device here; use {setting('device', 'cpu')}"
            )
        if int(index or 0) >= count:
            raise DeviceError(f"{setting('device', name)}: only cuda:0 to cuda:{count - 1} exist here")
        name = f"cuda:{int(index or 0)}"
    if kind == "mps" and not torch.backends.mps.is_available():
        raise DeviceError(f"{setting('device', name)}: torch sees no Apple GPU here; use {setting('device', 'cpu')}")
    return name
