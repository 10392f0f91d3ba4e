"""From paths to files, image by image. Start reading here."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import torch

from hypsegcli.errors import ImageError
from hypsegcli.images.decode import DecodedImage, decode_image
from hypsegcli.images.plan import PlannedImage
from hypsegcli.images.write import write_atomically
from hypsegcli.inference.prediction import Prediction
from hypsegcli.inference.segmenter import Segmenter
from hypsegcli.pipeline.outputs import Outputs
from hypsegcli.pipeline.stream import is_streamed, stream


@dataclass(frozen=True)
class Written:
    """An image whose outputs are all on disk."""

    planned: PlannedImage
    height: int
    width: int
    seconds: Mapping[str, float]  # of the stages decode, network, encode, write; or of stream, all of them by turns
    summary: Mapping[str, float]
    notes: tuple[str, ...]  # what decoding changed


@dataclass(frozen=True)
class Failed:
    """An image that was not done, and the sentence that says why."""

    planned: PlannedImage
    reason: str


FileResult = Written | Failed


@dataclass
class _Loaded:
    planned: PlannedImage
    image: DecodedImage
    seconds: dict[str, float] = field(default_factory=dict)


def process(
    plan: Iterable[PlannedImage], segmenter: Segmenter, outputs: Outputs, *, batch_size: int, max_pixels: int
) -> Iterator[FileResult]:
    """Segment every image of the plan and write its files; one result an image, in the plan's order.

    Neighbours of equal size go through the network together, at most `batch_size` of them. Nothing that is
    wrong with an image, or with writing its files, stops the run.
    """
    waiting: list[_Loaded] = []
    for planned in plan:
        if is_streamed(planned, segmenter, outputs):
            yield from _finish(waiting, segmenter, outputs)
            waiting = []
            yield _stream(planned, segmenter, outputs, max_pixels=max_pixels)
            continue
        started = time.perf_counter()
        try:
            image = decode_image(planned.source, max_pixels=max_pixels)
        except ImageError as error:
            yield from _finish(waiting, segmenter, outputs)
            waiting = []
            yield _fail(planned, str(error))
            continue
        loaded = _Loaded(planned, image, {"decode": time.perf_counter() - started})
        if waiting and waiting[0].image.pixels.shape != image.pixels.shape:
            yield from _finish(waiting, segmenter, outputs)
            waiting = []
        waiting.append(loaded)
        if len(waiting) >= batch_size:
            yield from _finish(waiting, segmenter, outputs)
            waiting = []
    yield from _finish(waiting, segmenter, outputs)


def _stream(planned: PlannedImage, segmenter: Segmenter, outputs: Outputs, *, max_pixels: int) -> FileResult:
    try:
        done = stream(planned, segmenter, outputs, max_pixels=max_pixels)
    except ImageError as error:
        return _fail(planned, str(error))
    return Written(planned, done.height, done.width, done.seconds, done.summary, done.notes)


def _finish(batch: Sequence[_Loaded], segmenter: Segmenter, outputs: Outputs) -> Iterator[FileResult]:
    if not batch:
        return
    started = time.perf_counter()
    try:
        found = segmenter.predict([loaded.image.pixels for loaded in batch])
    except (RuntimeError, MemoryError, ArithmeticError) as error:
        if len(batch) > 1:  # alone, the others may well fit
            for loaded in batch:
                yield from _finish([loaded], segmenter, outputs)
            return
        yield _fail(batch[0].planned, _network_failure(batch[0], error))
        return
    share = (time.perf_counter() - started) / len(batch)
    for loaded, prediction in zip(batch, found, strict=True):
        loaded.seconds["network"] = share
        yield _store(loaded, prediction, outputs)


def _store(loaded: _Loaded, prediction: Prediction, outputs: Outputs) -> FileResult:
    started = time.perf_counter()
    planned, pixels = loaded.planned, loaded.image.pixels
    try:
        files = [(planned.outputs[kind], encode(pixels, prediction)) for kind, encode in outputs.encoders.items()]
        summary = outputs.summarise(prediction)
    except MemoryError:
        return _fail(planned, f"{planned.source}: its maps do not fit into memory; ask for fewer with --save")
    encoded = time.perf_counter()
    for number, (path, data) in enumerate(files):
        try:
            write_atomically(path, data)
        except OSError as error:
            reason = f"{path}: cannot be written ({error.strerror}); free space or choose another --out"
            # Before the first file went down, an earlier run's are still whole and still belong together.
            return _fail(planned, reason) if number else Failed(planned, reason)
    loaded.seconds["encode"] = encoded - started
    loaded.seconds["write"] = time.perf_counter() - encoded
    height, width = pixels.shape[:2]
    return Written(planned, height, width, loaded.seconds, summary, loaded.image.notes)


def _fail(planned: PlannedImage, reason: str) -> Failed:
    """A failure leaves no outputs behind, not even those of an earlier run: they would pass for this one's.

    Unless the input is out of reach, an unmounted disk perhaps, and they are all that is left of it.
    """
    if not planned.source.exists():
        return Failed(planned, reason)
    for path in planned.outputs.values():
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
    return Failed(planned, reason)


def _network_failure(loaded: _Loaded, error: BaseException) -> str:
    height, width = loaded.image.pixels.shape[:2]
    if isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error):
        size = f"{width} x {height} pixels"
        return f"{loaded.planned.source}: {size} do not fit into memory; use --tile 512 or --longest-side"
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    return f"{loaded.planned.source}: the network failed on this {width} x {height} image: {reason}"
