"""What a process has to know in order to segment images for another one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path

import torch

from hypsegcli.checkpoint.store import load_checkpoint
from hypsegcli.errors import CheckpointError, UsageError
from hypsegcli.files.hold import LOCK, Witness
from hypsegcli.inference.build import make_segmenter
from hypsegcli.inference.request import EngineName, Precision, Request, Tile
from hypsegcli.run.source import Here, Work


@dataclass(frozen=True, kw_only=True)
class Order:
    """From the checkpoint's file to a network that is ready to run, and what to do with images; it can be pickled."""

    checkpoint: Path
    sha256: str  # of that file
    request: Request
    work: Work
    out: Path  # the folder into which all of it is written
    engine: EngineName = "auto"
    device: str = "auto"
    precision: Precision = "auto"
    tile: Tile = "auto"
    witness: Witness | None = None  # of that folder; None: nobody else writes there
    threads: int | None = None  # of torch, and of the engines that go by it; None: as many as it takes itself
    sharing: int = 1  # processes that have the device's memory together
    hypseg: str = field(default_factory=partial(version, "hypseg"))

    @property
    def swept(self) -> Path | None:
        """The folder, where nobody else writes into it: of a shard's, hidden files may be another machine's."""
        return self.out if self.witness is None or self.witness.name == LOCK else None

    def shared(self, device: str, processes: int, *, threads: int, sharing: int) -> Order:
        """For one of several processes of one machine, which share its `threads`, and what else it has."""
        workers, budget = self.work.threads, self.work.budget
        work = replace(
            self.work,
            workers=max(1, workers // processes) if workers else 0,
            budget=replace(budget, stage_pixels=max(1, budget.stage_pixels // processes)),
        )
        threads = max(1, threads // processes)
        return replace(self, device=device, work=work, threads=threads, sharing=sharing)

    def carry_out(self, tell: Callable[[str], None]) -> Here:
        """Get ready to segment in this process; `tell` hears of what takes long.

        Raises what `load_checkpoint` and `make_segmenter` do, CheckpointError where the file is another by now, and
        UsageError where this is another version of hypseg.
        """
        if (found := version("hypseg")) != self.hypseg:
            raise UsageError(
                f"hypseg {found} is installed here, and {self.hypseg} where the run began; install the same everywhere"
            )
        if self.threads is not None:
            torch.set_num_threads(self.threads)
        checkpoint = load_checkpoint(self.checkpoint)
        if checkpoint.sha256 != self.sha256:
            raise CheckpointError(
                f"{self.checkpoint}: is not the file that this run began with: its SHA-256 is {checkpoint.sha256[:8]}, "
                f"not {self.sha256[:8]}; run the command again, with a file that is the same for all its processes"
            )
        segmenter = make_segmenter(
            checkpoint,
            self.request,
            engine=self.engine,
            device=self.device,
            precision=self.precision,
            tile=self.tile,
            sharing=self.sharing,
            tell=tell,
        )
        return Here(segmenter, self.work)
