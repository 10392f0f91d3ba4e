"""Neighbours of equal size through the network together; what does not fit into memory in smaller pieces."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch

from hypsegcli.images.decode import DecodedImage
from hypsegcli.inference.prediction import Prediction
from hypsegcli.inference.segmenter import Segmenter
from hypsegcli.inference.tiling import Tiling
from hypsegcli.run.plan import PlannedImage
from hypsegcli.run.results import Failed

_WINDOWS = (1024, 512)  # pixels, tried one after the other where an image does not fit into memory

# How allocators say it that raise a plain RuntimeError: torch's on the CPU, on Apple GPUs, and CUDA itself.
_OUT_OF_MEMORY = ("can't allocate memory", "DefaultCPUAllocator", "out of memory")


@dataclass(frozen=True, eq=False)
class Loaded:
    """An image that waits for the network."""

    planned: PlannedImage
    image: DecodedImage
    seconds: dict[str, float]  # of the stages so far

    @property
    def pixels(self) -> int:
        """How many it has."""
        return self.image.pixels.size // 3


@dataclass(frozen=True)
class Large:
    """A picture that is not decoded whole; it passes by."""

    planned: PlannedImage

    @property
    def pixels(self) -> int:
        """How many of it are held here."""
        return 0


@dataclass(frozen=True, eq=False)
class Segmented:
    """An image that waits to be encoded."""

    loaded: Loaded
    prediction: Prediction
    notes: tuple[str, ...] = ()


class _Trouble(NamedTuple):
    """Why the network gave no answer; not the error itself, which would keep its tensors alive for the next try."""

    memory: bool
    reason: str


class Batches:
    """Runs a segmenter; its batches stay small once one did not fit into memory."""

    def __init__(self, segmenter: Segmenter, *, size: int) -> None:
        self._segmenter = segmenter
        self._size = size

    def segment(self, images: Iterable[Loaded | Large | Failed]) -> Generator[Segmented | Large | Failed, None, None]:
        """One result an image, in order; large ones and failures pass through, those of the network among them."""
        waiting: list[Loaded] = []
        for image in images:
            if not isinstance(image, Loaded):
                yield from self._finish(waiting)
                yield image
                continue
            if waiting and waiting[0].image.pixels.shape != image.image.pixels.shape:
                yield from self._finish(waiting)
            waiting.append(image)
            del image  # what is done with must not be held here until the next one comes
            if len(waiting) >= self._size:
                yield from self._finish(waiting)
        yield from self._finish(waiting)

    def _finish(self, batch: list[Loaded]) -> Generator[Segmented | Failed, None, None]:
        """Segment a batch and leave nothing in it."""
        notes: tuple[str, ...] = ()
        if len(batch) > 1:
            found = self._attempt(batch)
            if not isinstance(found, _Trouble):
                batch.clear()
                while found:
                    yield found.pop(0)
                return
            if found.memory:
                self._size = 1
                notes = (f"did not fit into memory in a batch of {len(batch)}; segmented alone",)
        while batch:  # alone, all but one may well do
            yield self._alone(batch.pop(0), notes)

    def _alone(self, loaded: Loaded, notes: tuple[str, ...]) -> Segmented | Failed:
        height, width = loaded.image.pixels.shape[:2]
        windows = _smaller_windows(self._segmenter, height, width)
        found = self._attempt([loaded])
        for tiling in windows:
            if not isinstance(found, _Trouble) or not found.memory:
                break
            found = self._attempt([loaded], tiling)
            if not isinstance(found, _Trouble):
                notes += (f"did not fit into memory whole; segmented in windows of {tiling.tile} pixels",)
        if not isinstance(found, _Trouble):
            return replace(found[0], notes=notes)
        source, size = loaded.planned.source, f"{width} x {height}"
        if not found.memory:
            return Failed(loaded.planned, f"{source}: the network failed on this {size} image: {found.reason}")
        if windows:
            smallest = f"not even in windows of {windows[-1].tile} pixels; use --longest-side"
            return Failed(loaded.planned, f"{source}: {size} pixels do not fit into memory, {smallest}")
        return Failed(
            loaded.planned, f"{source}: {size} pixels do not fit into memory; use --tile 512 or --longest-side"
        )

    def _attempt(self, batch: list[Loaded], tiling: Tiling | None = None) -> list[Segmented] | _Trouble:
        started, forward = time.perf_counter(), self._segmenter.forward_seconds
        try:
            if tiling is None:
                found = self._segmenter.predict([loaded.image.pixels for loaded in batch])
            else:
                found = [self._segmenter.predict_tiled(loaded.image.pixels, tiling) for loaded in batch]
        except (RuntimeError, MemoryError, ArithmeticError) as error:
            return _Trouble(is_out_of_memory(error), (str(error).splitlines() or [type(error).__name__])[0])
        network = (self._segmenter.forward_seconds - forward) / len(batch)
        reduce = (time.perf_counter() - started) / len(batch) - network
        for loaded in batch:
            loaded.seconds.update(network=network, reduce=reduce)
        return [Segmented(loaded, prediction) for loaded, prediction in zip(batch, found, strict=True)]


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a smaller piece of work might have gone well."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _OUT_OF_MEMORY)


def _smaller_windows(segmenter: Segmenter, height: int, width: int) -> list[Tiling]:
    """Windows to fall back on, none larger than --tile has them, the largest first.

    None where --tile off forbids them, and none where the image is shrunk for the network: cut from the full image,
    they would show things at another size.
    """
    tiling, limit, side = segmenter.tiling, segmenter.request.longest_side, max(height, width)
    if tiling is None or (limit is not None and side > limit):
        return []
    if height * width > tiling.above:  # so it was cut already
        side = tiling.tile
    return [
        Tiling(tile=tile, overlap=min(tiling.overlap, tile // 4), above=tiling.above)
        for tile in _WINDOWS
        if tile <= tiling.tile and tile < side
    ]
