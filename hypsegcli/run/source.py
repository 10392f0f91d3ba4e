"""Where the results of a run come from: this process, or others that share its images."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

from hypsegcli.budget import BUDGET, Budget
from hypsegcli.files.threads import default_workers
from hypsegcli.inference.batches import usual_batch_size
from hypsegcli.inference.request import Request
from hypsegcli.inference.segmenter import Segmenter
from hypsegcli.inference.windows import Tiling, goes_in_windows
from hypsegcli.products.outputs import Outputs
from hypsegcli.run.plan import PlannedImage
from hypsegcli.run.process import process
from hypsegcli.run.results import FileResult


@dataclass(frozen=True, kw_only=True)
class Work:
    """What is made of every image, and how much is held at once; it can be pickled."""

    outputs: Outputs
    max_pixels: int
    budget: Budget = BUDGET
    batch_size: int | None = None  # None: 1 on a CPU, 8 elsewhere
    workers: int | None = None  # threads; None: one a CPU, at most 16

    @property
    def threads(self) -> int:
        """The number of workers that was named, or what is usual."""
        return default_workers() if self.workers is None else self.workers


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a run's books say of how its images are segmented."""

    request: Request
    kinds: tuple[str, ...]  # of outputs
    tiling: Tiling | None
    engine: str  # its name and version
    device: str  # for people
    device_kind: str  # as torch calls it, such as cuda
    precision: str
    batch_size: int
    workers: int  # threads that decode, and as many that encode, in all processes
    max_pixels: int
    processes: int = 1

    @property
    def recipe(self) -> dict[str, Any]:
        """Those that decide the pixels, whatever process an image comes to, and however many there are."""
        return {
            "request": asdict(self.request),
            "outputs": list(self.kinds),
            # Not from how many pixels on: memory decides that, and is noted image by image.
            "tiling": {"tile": self.tiling.tile, "overlap": self.tiling.overlap} if self.tiling else None,
            "engine": self.engine.split()[0],
            "device": self.device_kind,
            "precision": self.precision,
        }

    def cuts(self, height: int, width: int) -> bool:
        """Whether an image of that size goes in windows."""
        return goes_in_windows(height, width, self.tiling, self.request)


class Source(Protocol):
    """Segments images and writes their files."""

    @property
    def facts(self) -> Facts:
        """How it does."""

    def results(
        self,
        images: Sequence[PlannedImage],
        *,
        check: Callable[[], None],
        late: Callable[[FileResult], None],
    ) -> Generator[FileResult, None, None]:
        """One result an image, in any order, when its files are written or it has failed.

        Closed early, it finishes the images whose files it has begun to write, and hands them to `late`, the last one
        perhaps a second time. What `check` raises before files are written, does.
        """


class Here:
    """Segments in this process."""

    def __init__(self, segmenter: Segmenter, work: Work) -> None:
        engine = segmenter.engine
        self._segmenter, self._work = segmenter, work
        self.facts = Facts(
            request=segmenter.request,
            kinds=tuple(work.outputs.encoders),
            tiling=segmenter.tiling,
            engine=engine.label,
            device=engine.device.label,
            device_kind=engine.device.torch.type,
            precision=engine.device.precision,
            batch_size=work.batch_size or usual_batch_size(engine.device),
            workers=work.threads,
            max_pixels=work.max_pixels,
        )

    def agree(self, tiling: Tiling | None) -> None:
        """Take large images in other windows from now on, as others do that share the images."""
        self._segmenter.tiling = tiling
        self.facts = replace(self.facts, tiling=tiling)

    def results(
        self,
        images: Iterable[PlannedImage],
        *,
        check: Callable[[], None],
        late: Callable[[FileResult], None],
    ) -> Generator[FileResult, None, None]:
        """As in `Source`, in the order of the images."""
        return process(
            images,
            self._segmenter,
            self._work.outputs,
            batch_size=self.facts.batch_size,
            max_pixels=self._work.max_pixels,
            workers=self.facts.workers,
            check=check,
            budget=self._work.budget,
            late=late,
        )
