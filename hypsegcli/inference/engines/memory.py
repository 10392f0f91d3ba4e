"""What a network takes of the machine's memory, which decides how large an image may go through it whole."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from hypsegcli.budget import BUDGET, Budget
from hypsegcli.errors import is_out_of_memory
from hypsegcli.network.config import ModelConfig
from hypsegcli.network.model import GRID

_SIDES = 512, 1024  # pixels of the two pictures whose peaks are compared, multiples of 16
_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")  # a container's, if it has one
_LEAST = 256.0  # bytes a pixel, half of what the bundled models take: less was not measured right, most likely
_PLANES = 32  # bytes a pixel of an image and of maps of it


class Meter(Protocol):
    """Knows the most bytes that were held at once."""

    def forget(self) -> None:
        """Begin anew."""

    def peak(self) -> int:
        """The most since then; OSError, LookupError or ValueError where nobody tells."""


class ProcessMeter:
    """Of this process; Linux only."""

    def forget(self) -> None:
        """As in `Meter`."""
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")

    def peak(self) -> int:
        """As in `Meter`."""
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
        found = dict(line.split(":", 1) for line in lines if ":" in line)
        return 1024 * int(found["VmHWM"].split()[0])


class CardMeter:
    """Of PyTorch's memory on a CUDA device."""

    def __init__(self, device: torch.device) -> None:
        self._device = device

    def forget(self) -> None:
        """As in `Meter`."""
        torch.cuda.reset_peak_memory_stats(self._device)

    def peak(self) -> int:
        """As in `Meter`."""
        return torch.cuda.max_memory_allocated(self._device)


def bytes_a_pixel(run: Callable[[list[NDArray[Any]]], object], meter: Meter) -> float | None:
    """By how much the peak grows with a picture's pixels, measured at two sizes; None where nobody tells.

    It is rounded up to a power of the root of 2, so that measuring it in another process gives the same, and with it
    the same windows. `run` must be new: runtimes keep what they took for an earlier picture. Nothing else may run
    meanwhile.
    """
    peaks = []
    for side in _SIDES:
        picture = np.zeros((1, side, side, 3), np.uint8)
        try:
            meter.forget()
            run([picture])
            peaks.append(meter.peak())
        except (OSError, LookupError, ValueError):
            return None
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            return None
    small, large = (side**2 for side in _SIDES)
    slope = (peaks[1] - peaks[0]) / (large - small)
    return math.pow(2.0, math.ceil(2.0 * math.log2(max(slope, _LEAST))) / 2.0)


def may_matter(config: ModelConfig, memory: int | None) -> bool:
    """Whether images larger than a window would go whole if a network took as little as any does.

    Where not, measuring would be work for nothing, and perhaps more than there is memory for.
    """
    return whole_pixels(_LEAST, config, memory) > BUDGET.window**2


def whole_pixels(a_pixel: float | None, config: ModelConfig, memory: int | None, *, budget: Budget = BUDGET) -> int:
    """The most pixels of an image that goes through a network whole, of which a pixel takes `a_pixel` bytes.

    At least those of a window, for which there must be memory anyway; at most those of a picture that is read whole.
    """
    window = budget.window**2
    if a_pixel is None or memory is None:
        return window
    # On the network's grid, float32: the embedding, the logits, and their log-probabilities.
    beside = 4 * (config.embedding_size + 2 * config.nodes) / GRID**2
    fits = int(budget.network_share * memory / (a_pixel + beside + _PLANES))
    return min(max(window, fits), max(window, budget.whole_pixels))


def memory_of(device: torch.device) -> int | None:
    """Bytes that this process may come to hold: the card's, or the machine's or container's; None where none tells."""
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    try:
        found = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    except (AttributeError, ValueError, OSError):
        return None
    for file in map(Path, _LIMITS) if sys.platform == "linux" else ():
        try:
            found.append(int(file.read_bytes()))
        except (OSError, ValueError):  # no container, or one without a limit: `max`
            continue
    return min(found)
