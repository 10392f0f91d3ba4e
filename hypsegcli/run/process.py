"""From paths to files, image by image. Start reading here.

Three stages overlap: threads decode ahead, the network runs in the calling thread or in lanes, threads encode and write
behind.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from functools import partial

from hypsegcli.budget import BUDGET, Budget
from hypsegcli.errors import ImageError, setting
from hypsegcli.files.atomic import writing
from hypsegcli.files.digest import digest_of
from hypsegcli.files.regular import is_there
from hypsegcli.files.threads import ahead
from hypsegcli.images.decode import decode_image
from hypsegcli.inference.batches import Batches, Loaded, Segmented, Unsegmented
from hypsegcli.inference.lanes import ONE
from hypsegcli.inference.segmenter import Segmenter
from hypsegcli.products.outputs import Outputs
from hypsegcli.run.frames import Frames, InLine
from hypsegcli.run.large import Large, is_streamed, stream
from hypsegcli.run.plan import PlannedImage
from hypsegcli.run.results import Failed, FileResult, Written


def process(
    plan: Iterable[PlannedImage],
    segmenter: Segmenter,
    outputs: Outputs,
    *,
    batch_size: int,
    max_pixels: int,
    workers: int,
    check: Callable[[], None] | None = None,
    budget: Budget = BUDGET,
    late: Callable[[FileResult], None] | None = None,
) -> Generator[FileResult, None, None]:
    """Segment every image of the plan and write its files; one result an image, in the plan's order.

    Neighbours of equal size go through the network together, at most `batch_size` of them. `workers` threads decode
    and as many encode; with 0, one image is finished before the next is begun. Nothing that is wrong with an image, or
    with writing its files, stops the run. Closed early, it finishes the images whose files it has begun to write, and
    hands them to `late`. What `check` raises before an image's files are written, does.
    """
    frames = Frames(max_pixels=max_pixels)
    load = partial(_load, segmenter=segmenter, outputs=outputs, max_pixels=max_pixels, budget=budget, frames=frames)
    large = partial(_stream, segmenter=segmenter, outputs=outputs, max_pixels=max_pixels)
    store = partial(_store, outputs=outputs, check=check)
    held = budget.stage_pixels
    batches = Batches(segmenter, batch_size=batch_size, lanes=segmenter.lanes if workers else ONE, budget=budget)
    depth = workers + batch_size
    with (
        closing(frames),
        closing(ahead(load, frames.line_up(plan), workers=workers, depth=depth, pixels=_pixels, budget=held)) as loaded,
        closing(batches.segment(loaded)) as segmented,
        closing(
            ahead(store, map(large, segmented), workers=workers, prompt=True, pixels=_pixels, budget=held, late=late)
        ) as results,
    ):
        yield from results


def _load(
    image: InLine, *, segmenter: Segmenter, outputs: Outputs, max_pixels: int, budget: Budget, frames: Frames
) -> Loaded[PlannedImage] | Large | Failed:
    planned, is_frame = image.planned, image.planned.frame is not None
    if not is_frame and is_streamed(planned, segmenter, outputs, whole_pixels=budget.whole_pixels):
        return Large(planned)
    started = time.perf_counter()
    try:
        decoded = frames.decode(image) if is_frame else decode_image(planned.source, max_pixels=max_pixels)
    except ImageError as error:
        return Failed(planned, error.message, error.code)
    return Loaded(planned, decoded, seconds={"decode": time.perf_counter() - started})


def _stream(
    segmented: Segmented[PlannedImage] | Unsegmented[PlannedImage] | Large | Failed,
    *,
    segmenter: Segmenter,
    outputs: Outputs,
    max_pixels: int,
) -> Segmented[PlannedImage] | FileResult:
    """A large picture from beginning to end, in the thread of the network; others are not touched."""
    if isinstance(segmented, Unsegmented):
        trouble = segmented.trouble
        return Failed(segmented.item, f"{segmented.item.name}: {trouble.reason}", trouble.code)
    if not isinstance(segmented, Large):
        return segmented
    try:
        return stream(segmented.planned, segmenter, outputs, max_pixels=max_pixels)
    except ImageError as error:
        return Failed(segmented.planned, error.message, error.code)


def _store(
    segmented: Segmented[PlannedImage] | FileResult, *, outputs: Outputs, check: Callable[[], None] | None
) -> FileResult:
    if check is not None:
        check()
    if isinstance(segmented, Failed):
        return clear(segmented)
    if isinstance(segmented, Written):
        return segmented
    started = time.perf_counter()
    loaded, prediction = segmented.loaded, segmented.prediction
    planned, pixels = loaded.item, loaded.image.pixels
    try:
        place = loaded.image.georeference
        encode = outputs.encode
        files = {planned.outputs[kind]: encode(kind, pixels, prediction, place) for kind in outputs.encoders}
        summary = outputs.summarise(prediction)
        worth = {} if outputs.weigh is None else outputs.weigh(pixels, prediction)
    except MemoryError:
        reason = f"{planned.name}: its maps do not fit into memory; ask for fewer with {setting('save')}"
        return clear(Failed(planned, reason, "out_of_memory"))
    encoded = time.perf_counter()
    is_replacing = False
    try:
        with writing(files):
            is_replacing = True  # at the end of the block
    except OSError as error:
        advice = f"free space or choose another {setting('out')}"
        reason = f"{error.filename}: cannot be written ({error.strerror}); {advice}"
        return clear(Failed(planned, reason, "unwritable", leaves_earlier=not is_replacing))
    seconds = loaded.seconds | {"encode": encoded - started, "write": time.perf_counter() - encoded}
    digests = {kind: digest_of(files[planned.outputs[kind]]) for kind in outputs.encoders}
    height, width = pixels.shape[:2]
    assert loaded.image.digest is not None, "it was decoded from a file"
    notes = loaded.image.notes + segmented.notes
    return Written(
        planned,
        loaded.image.digest,
        digests,
        height,
        width,
        seconds,
        summary,
        notes,
        time=loaded.image.time,
        worth=worth,
    )


def clear(failed: Failed) -> Failed:
    """A failure leaves no outputs behind, not even those of an earlier run: they would pass for this one's.

    Unless they are whole still, and the new ones could not all be written; or the input is out of reach, an unmounted
    disk perhaps, and they are all that is left of it. What somebody else has put there stays, unless it is replaced by
    now.
    """
    if not failed.leaves_earlier and is_there(failed.planned.source):
        for path in failed.planned.outputs.values():
            theirs = failed.planned.theirs.get(path)
            with contextlib.suppress(OSError):
                if theirs is None or not os.path.samestat(theirs, path.lstat()):
                    path.unlink()
    return failed


def _pixels(image: Loaded[PlannedImage] | Large | FileResult) -> int:
    """Of an image at the end of a stage; 0 where none of them are held."""
    if isinstance(image, Failed | Large):
        return 0
    return image.pixels if isinstance(image, Loaded) else image.height * image.width
