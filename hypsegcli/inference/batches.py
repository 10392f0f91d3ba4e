"""From decoded images to predictions: neighbours of equal size together, what does not fit into memory in pieces.

A batch that runs out of memory goes one by one, an image that does goes in windows of 1024 pixels, then of 512. This is
the way of every command that segments, and of validation while training.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Generic, TypeVar

from hypsegcli.budget import BUDGET, Budget
from hypsegcli.errors import Code, first_line, is_out_of_memory, setting
from hypsegcli.images.decode import DecodedImage
from hypsegcli.inference.device import Device
from hypsegcli.inference.lanes import ONE, Lanes, lanes_here
from hypsegcli.inference.prediction import Labels, Prediction
from hypsegcli.inference.segmenter import Segmenter
from hypsegcli.inference.windows import Tiling

Item = TypeVar("Item")
Other = TypeVar("Other")
Result = TypeVar("Result")


@dataclass(frozen=True, eq=False)
class Loaded(Generic[Item]):
    """An image that waits for the network."""

    item: Item  # what its owner knows it by
    image: DecodedImage
    truth: Labels | None = None  # (H, W), for predictions with `proper`; all images of a batch have one, or none
    seconds: dict[str, float] = field(default_factory=dict)  # of the stages so far

    @property
    def pixels(self) -> int:
        """How many it has."""
        return self.image.pixels.size // 3


@dataclass(frozen=True, eq=False)
class Segmented(Generic[Item]):
    """An image and its prediction; its seconds have those of network and reduce."""

    loaded: Loaded[Item]
    prediction: Prediction
    notes: tuple[str, ...] = ()  # what was done to it: shrunk, or for want of memory
    tile: int | None = None  # side of the windows in which alone it fitted into memory


@dataclass(frozen=True)
class Unsegmented(Generic[Item]):
    """An image of which there is no prediction."""

    item: Item
    trouble: Trouble


@dataclass(frozen=True)
class Trouble:
    """Why something failed; not the error itself, which would keep its tensors alive for the next try."""

    code: Code
    reason: str


class Batches:
    """Runs a segmenter; batches stay small once one did not fit into memory."""

    def __init__(
        self, segmenter: Segmenter, *, batch_size: int = 1, lanes: Lanes = ONE, budget: Budget = BUDGET
    ) -> None:
        """`lanes` are for images that go one by one."""
        self._segmenter = segmenter
        self._lanes = lanes if batch_size == 1 else ONE
        self._batch_size = batch_size
        self._budget = budget

    def segment(
        self, images: Iterable[Loaded[Item] | Other]
    ) -> Generator[Segmented[Item] | Unsegmented[Item] | Other, None, None]:
        """One result an image, in order; whatever else comes passes through in its place."""
        if self._lanes.number > 1:
            return self._lanes.run(self._segment_one, images, _pixels)
        return self._in_batches(images)

    def _segment_one(self, image: Loaded[Item] | Other) -> Segmented[Item] | Unsegmented[Item] | Other:
        return self.segment_one(image) if isinstance(image, Loaded) else image

    def _in_batches(
        self, images: Iterable[Loaded[Item] | Other]
    ) -> Generator[Segmented[Item] | Unsegmented[Item] | Other, None, None]:
        waiting: list[Loaded[Item]] = []
        for image in images:
            if not isinstance(image, Loaded):
                yield from self._finish(waiting)
                yield image
                continue
            if waiting and waiting[0].image.pixels.shape != image.image.pixels.shape:
                yield from self._finish(waiting)
            waiting.append(image)
            del image  # what is done with must not be held here until the next one comes
            if len(waiting) >= self._batch_size:
                yield from self._finish(waiting)
        yield from self._finish(waiting)

    def segment_one(self, loaded: Loaded[Item], notes: tuple[str, ...] = ()) -> Segmented[Item] | Unsegmented[Item]:
        """One image alone; `notes` say what was tried before."""
        height, width = loaded.image.pixels.shape[:2]
        fitted = fit_into_memory(partial(self._predict, [loaded]), self._segmenter, height, width, budget=self._budget)
        if isinstance(fitted, Trouble):
            return Unsegmented(loaded.item, fitted)
        (segmented,), tile = fitted
        if tile is not None:
            notes += (f"did not fit into memory whole; segmented in windows of {tile} pixels",)
        return replace(segmented, notes=segmented.notes + notes, tile=tile)

    def _finish(self, batch: list[Loaded[Item]]) -> Generator[Segmented[Item] | Unsegmented[Item], None, None]:
        """Segment a batch and leave nothing in it."""
        notes: tuple[str, ...] = ()
        if len(batch) > 1:
            done = _attempt(partial(self._predict, batch))
            if not isinstance(done, Trouble):
                batch.clear()
                while done:
                    yield done.pop(0)
                return
            if done.code == "out_of_memory":
                self._batch_size = 1
                notes = (f"did not fit into memory in a batch of {len(batch)}; segmented alone",)
        while batch:  # alone, all but one may well do
            yield self.segment_one(batch.pop(0), notes)

    def _predict(self, batch: list[Loaded[Item]], tiling: Tiling | None = None) -> list[Segmented[Item]]:
        started, forward = time.perf_counter(), self._segmenter.forward_seconds
        if tiling is None:
            truths = [loaded.truth for loaded in batch if loaded.truth is not None] or None
            predictions = self._segmenter.predict([loaded.image.pixels for loaded in batch], truths)
        else:
            predictions = [self._segmenter.predict_tiled(loaded.image.pixels, tiling, loaded.truth) for loaded in batch]
        network = self._segmenter.forward_seconds - forward
        reduce = time.perf_counter() - started - network
        beside = len(batch) * lanes_here()  # an image in a lane counts its share of the time
        for loaded in batch:
            loaded.seconds.update(network=network / beside, reduce=reduce / beside)
        height, width = batch[0].image.pixels.shape[:2]
        notes: tuple[str, ...] = ()
        if self._segmenter.shrinks(height, width):
            request = self._segmenter.request
            how = "" if request.guide_side is None else f", more of them at boundaries seen at {request.guide_side}"
            notes = (f"shrunk to {request.longest_side} pixels for the network (longest side){how}",)
        return [
            Segmented(loaded, self._without_data(prediction, loaded.image), notes)
            for loaded, prediction in zip(batch, predictions, strict=True)
        ]

    def _without_data(self, prediction: Prediction, image: DecodedImage) -> Prediction:
        """The prediction, void where the image says that it has no data."""
        return prediction if image.valid is None else self._segmenter.leave_void(prediction, image.valid)


def _pixels(image: object) -> int:
    return image.pixels if isinstance(image, Loaded) else 0


def usual_batch_size(device: Device) -> int:
    """How many images go through the network together where nobody says so."""
    return 1 if device.torch.type == "cpu" else 8


def fit_into_memory(
    work: Callable[[Tiling | None], Result], segmenter: Segmenter, height: int, width: int, *, budget: Budget = BUDGET
) -> tuple[Result, int | None] | Trouble:
    """What `work` returns for an image, and the side of the windows it took; None where none were needed.

    `work` is called with None, for an image as the segmenter takes it, and then, as long as memory runs out, with
    smaller and smaller windows. The reason of a trouble is a sentence without the image's name.
    """
    windows = _smaller_windows(segmenter, height, width, budget.smaller_windows)
    result, tile = _attempt(partial(work, None)), None
    for tiling in windows:
        if not isinstance(result, Trouble) or result.code != "out_of_memory":
            break
        result, tile = _attempt(partial(work, tiling)), tiling.tile
    if not isinstance(result, Trouble):
        return result, tile
    if result.code != "out_of_memory":
        return replace(result, reason=f"the network failed on this {width} x {height} image: {result.reason}")
    if segmenter.request.refine is not None and segmenter.cuts(height, width):
        reason = f"{width} x {height} pixels are more than is known to fit into memory whole"
        needs = f"{setting('refine', segmenter.request.refine)} needs them so"
        return replace(
            result, reason=f"{reason}, and {needs}; use {setting('longest_side')}, or {setting('tile', 'off')}"
        )
    request = segmenter.request
    whole = segmenter.engine.config.is_imported or request.refine is not None or request.sampling == "adaptive"
    advice = (
        f"; use {setting('longest_side')}" if whole else f"; use {setting('tile', 512)} or {setting('longest_side')}"
    )
    if windows:
        advice = f", not even in windows of {windows[-1].tile} pixels; use {setting('longest_side')}"
    return replace(result, reason=f"{width} x {height} pixels do not fit into memory{advice}")


def _attempt(work: Callable[[], Result]) -> Result | Trouble:
    try:
        return work()
    except (RuntimeError, MemoryError, ArithmeticError) as error:
        return Trouble(code_of_failure(error), first_line(error))


def code_of_failure(error: BaseException) -> Code:
    """The kind of what a network raised: `out_of_memory`, `not_finite`, or else `network`."""
    if is_out_of_memory(error):
        return "out_of_memory"
    return "not_finite" if isinstance(error, FloatingPointError) else "network"


def _smaller_windows(segmenter: Segmenter, height: int, width: int, sides: tuple[int, ...]) -> list[Tiling]:
    """Windows to fall back on, none larger than the segmenter's own, the largest first.

    None where the segmenter takes no windows, or is to refine what it finds, and none where the image is shrunk for
    the network: cut from the full image, they would show things at another size.
    """
    tiling, side = segmenter.tiling, max(height, width)
    if tiling is None or segmenter.request.refine is not None or segmenter.shrinks(height, width):
        return []
    if height * width > tiling.above:  # so it was cut already
        side = tiling.tile
    return [
        Tiling(tile=tile, overlap=min(tiling.overlap, tile // 4), above=tiling.above)
        for tile in sides
        if tile <= tiling.tile and tile < side
    ]
