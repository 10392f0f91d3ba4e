"""One picture too large for memory, from a TIFF to TIFFs, a row of windows at a time."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass

import numpy as np

from hypsegcli.errors import ImageError, first_line, setting
from hypsegcli.files.atomic import replacing
from hypsegcli.files.digest import digest_stream
from hypsegcli.images.tiff_read import TiffRows, tiff_size
from hypsegcli.images.tiff_write import TiffWriter
from hypsegcli.inference.batches import code_of_failure
from hypsegcli.inference.segmenter import Segmenter
from hypsegcli.products.outputs import Outputs
from hypsegcli.run.plan import PlannedImage
from hypsegcli.run.results import Failed, FileResult, Written


@dataclass(frozen=True)
class Large:
    """A picture that is not decoded whole; it passes the stages by."""

    planned: PlannedImage


def is_streamed(planned: PlannedImage, segmenter: Segmenter, outputs: Outputs, *, whole_pixels: int) -> bool:
    """Whether a picture goes by strips: a TIFF of more than `whole_pixels`, of which TIFFs are wanted, in windows."""
    if not outputs.tiffs or segmenter.tiling is None or segmenter.request.needs_whole:
        return False
    size = tiff_size(planned.source)
    return size is not None and size[0] * size[1] > whole_pixels


def stream(planned: PlannedImage, segmenter: Segmenter, outputs: Outputs, *, max_pixels: int) -> FileResult:
    """Segment a picture and write its files, all of them or none; failed where one of them cannot be written.

    Raises ImageError for a picture that cannot be read by rows or is too large, for outputs that need it whole, and
    where the network fails.
    """
    if whole := [kind for kind in planned.outputs if kind not in {*outputs.tiffs, *outputs.same}]:
        raise ImageError(
            f"{planned.source}: so large a picture is written strip by strip, which {', '.join(whole)} cannot be; "
            f"take {setting('save', 'labels,confidence')}",
            "too_large",
        )
    started = time.perf_counter()
    is_replacing = False
    try:
        with TiffRows(planned.source, max_pixels=max_pixels) as picture, contextlib.ExitStack() as files:
            height, width = picture.shape[:2]
            source = picture.digest()
            opened = {kind: files.enter_context(replacing(target)) for kind, target in planned.outputs.items()}
            for kind, data in outputs.same.items():
                opened[kind].write(data)
            writers: dict[str, TiffWriter] = {}
            sums: dict[str, float] = {}
            rows = 0.0  # of which the sums are, those without data counted in part
            for start, stop, answer in segmenter.strips(picture):
                valid = picture.valid(start, stop)
                prediction = segmenter.leave_void(answer, valid)
                for kind, make_plane in outputs.tiffs.items():
                    plane = make_plane(prediction)
                    if kind not in writers:
                        writers[kind] = plane.writer(opened[kind], height, width, picture.georeference)
                    writers[kind].write(plane.values)
                part = stop - start if valid is None else np.count_nonzero(valid) / width
                for name, mean in outputs.summarise(prediction).items():
                    sums[name] = sums.get(name, 0.0) + mean * part
                rows += part
            for writer in writers.values():
                writer.close()
            if picture.digest() != source:
                raise ImageError(f"{planned.source}: it changed while it was read; segment it again", "changed")
            digests = {kind: digest_stream(file) for kind, file in opened.items()}
            notes = picture.notes
            is_replacing = True  # at the end of the block
    except OSError as error:
        reason = (
            f"{planned.source}: its maps cannot be written ({error.strerror}); free space or choose another "
            f"{setting('out')}"
        )
        return Failed(planned, reason, "unwritable", leaves_earlier=not is_replacing)
    except (MemoryError, RuntimeError, ArithmeticError) as error:
        if code_of_failure(error) == "out_of_memory":
            raise ImageError(
                f"{planned.source}: a row of windows does not fit into memory; use {setting('tile', 512)}",
                "out_of_memory",
            ) from error
        raise ImageError(
            f"{planned.source}: the network failed on this image: {first_line(error)}", code_of_failure(error)
        ) from error
    seconds = {"stream": time.perf_counter() - started}
    summary = {name: round(total / rows, 6) for name, total in sums.items()}
    return Written(planned, source, digests, height, width, seconds, summary, notes)
