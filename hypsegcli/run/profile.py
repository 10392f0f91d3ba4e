"""Where the time of a run went: how long each stage was busy, and which one the others waited for."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

_THREADED = ("decode", "encode", "write")  # shared by --workers threads; the others have one thread for all images

# Batches that share a thread, or threads.
_TOGETHER = (("decode",), ("network", "stream", "reduce", "dropout"), ("count",), ("encode", "write"))


class Profile:
    """Adds up how long each stage was busy; the clock runs from here to `stop`."""

    def __init__(self, workers: int, *, processes: int = 1) -> None:
        """`workers` are the threads of all processes."""
        self.workers, self.processes = workers, processes
        self.images = 0
        self.forwarded = 0  # those whose time in the network is known; a picture by strips tells only its whole time
        self.wall = 0.0  # seconds
        self.seconds: dict[str, float] = {}  # by stage, over all threads
        self._started = time.perf_counter()

    def add(self, seconds: Mapping[str, float], *, images: int = 1) -> None:
        """Take in what the stages took for one image, or for some."""
        self.images += images
        self.forwarded += images if "network" in seconds else 0
        for stage, took in seconds.items():
            self.seconds[stage] = self.seconds.get(stage, 0.0) + took

    def stop(self) -> None:
        """Stop the clock."""
        self.wall = time.perf_counter() - self._started

    def numbers(self) -> dict[str, Any]:
        """For run.json; None for a rate of nothing."""
        forward = self.seconds.get("network", 0.0)
        rate = self.images / self.wall if self.wall else None
        alone = self.processes * self.forwarded / forward if forward else None
        return {
            "images": self.images,
            "workers": self.workers,
            "wall_seconds": round(self.wall, 4),
            "busy_seconds": {stage: round(seconds, 4) for stage, seconds in self.seconds.items()},
            "images_per_second": rate and round(rate, 3),
            "network_images_per_second": alone and round(alone, 3),
            "share_of_network_rate": round(forward / self.processes / self.wall, 3) if forward and self.wall else None,
        }

    def bottleneck(self) -> str:
        """The stage that the others wait for: the longest of the threads that have most to do."""
        busy = {stage: seconds / self._threads(stage) for stage, seconds in self.seconds.items()}
        together = _TOGETHER if self.workers else tuple((stage,) for stage in busy)
        slowest = max(together, key=lambda stages: sum(busy.get(stage, 0.0) for stage in stages))
        return max(slowest, key=lambda stage: busy.get(stage, 0.0))

    def _threads(self, stage: str) -> int:
        return max(self.processes, self.workers) if stage in _THREADED else self.processes
