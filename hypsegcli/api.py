"""hypseg in Python: a model, and the segmentations it makes. Nothing here prints or exits."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from functools import partial
from numbers import Integral, Real
from operator import call
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args, overload

from PIL import Image

from hypsegcli.budget import MAX_PIXELS
from hypsegcli.checkpoint.bundled import find_checkpoint
from hypsegcli.checkpoint.format import Header
from hypsegcli.checkpoint.store import Checkpoint, load_checkpoint
from hypsegcli.confidence.measures import Interpolation, choose_measures, of_another_precision, of_another_way
from hypsegcli.errors import ImageError, UsageError, as_keyword, setting, spell
from hypsegcli.files.threads import ahead, default_workers
from hypsegcli.images.image_like import ImageLike, decode_image_like, image_path
from hypsegcli.inference.batches import Batches, Loaded, Segmented, Unsegmented, usual_batch_size
from hypsegcli.inference.build import make_segmenter
from hypsegcli.inference.guide import decide_guide_side, of_another_sampling
from hypsegcli.inference.lanes import ONE
from hypsegcli.inference.request import (
    EngineName,
    LongestSide,
    Precision,
    Refinement,
    Request,
    Tile,
    check_tile,
    decide_longest_side,
)
from hypsegcli.inference.segmenter import Segmenter
from hypsegcli.products.product import Context
from hypsegcli.sampling.choice import Sampling
from hypsegcli.segmentation import Segmentation


class Origin(NamedTuple):
    """Where an image comes from."""

    name: str  # what it is called in errors
    path: Path | None  # its file, where that is known


def load_model(
    checkpoint: str | os.PathLike[str] | None = None,
    *,
    engine: EngineName = "auto",
    device: str = "auto",
    precision: Precision = "auto",
    tile: Tile = "auto",
    measures: Sequence[str] | Literal["all"] | None = None,
    level: int | str | None = None,
    threshold: float | None = None,
    probabilities: bool = False,
    embeddings: bool = False,
    prototypes: bool = False,
    longest_side: LongestSide = "auto",
    sampling: Sampling = "uniform",
    guide_side: int | None = None,
    interpolate: Interpolation = "scalar",
    refine: Refinement | None = None,
    max_pixels: int = MAX_PIXELS,
    tell: Callable[[str], None] = lambda sentence: None,
) -> Model:
    """Load a checkpoint, by its path, the name of a bundled one or an address, ready to segment.

    checkpoint    a .safetensors file, the name of a bundled model: `streets` (where none is named), `disk`; or an
                  address, `hf://owner/name[@revision][/file]` or `https://...#sha256=...`, which is fetched once
    engine        what runs the network on a CPU: openvino, onnxruntime, torch; auto takes the first that is installed
    device        auto, cpu, cuda, cuda:N or mps
    precision     of the layers before the ball: auto, fp32, bf16, or int8 where the checkpoint was quantised
    tile          side of the overlapping windows in which larger images go through the network, in pixels, a multiple
                  of 16 from 128 on; auto (2048) or off
    measures      of confidence, or all; the first one is `Segmentation.confidence`. Where none is named, the
                  probability of being right where the checkpoint is calibrated, for this way to interpolate, else the
                  distance
    level         of the labels: a depth of the class tree, 1 the coarsest, the name of a node, which stands for its
                  depth, or auto: as deep as the probability stays above the threshold; None for the classes
    threshold     of level auto, in [0.5, 1); 0.5 where it is not given
    probabilities whether segmentations carry those of all classes
    embeddings    whether they carry the embeddings, D vectors on the network's grid
    prototypes    whether they say which prototype answered, of a head that has some
    longest_side  pixels, to which longer images are shrunk on their way into the network; maps keep the image's size.
                  auto: what the checkpoint was trained at, where no window is named; off: they are not shrunk
    sampling      of images that are shrunk: uniform, or adaptive, with more samples at boundaries between classes, for
                  checkpoints that were trained so
    guide_side    of sampling adaptive, pixels of the longer side in the pass that finds boundaries; None: half
    interpolate   how distances reach the image's pixels: scalar, or points of the ball, as the reference does
    refine        edges: class probabilities follow the edges of the photograph before classes are decided
    max_pixels    above which an image is refused before it is decoded
    tell          hears, in sentences, of what takes long: fetching a checkpoint, converting a network for an engine;
                  and of a calibration that is not one for this way to interpolate, or this precision

    Raises CheckpointError for a file that is none, UsageError and TreeError for settings that cannot be, DeviceError
    where engine, device or precision are not to be had here.
    """
    for name, value, allowed in (
        ("engine", engine, EngineName),
        ("interpolate", interpolate, Interpolation),
        ("sampling", sampling, Sampling),
        ("refine", "edges" if refine is None else refine, Refinement),
    ):
        if value not in get_args(allowed):
            raise UsageError(f"{setting(name, value)}: expected {', '.join(get_args(allowed))}")
    for name, given, fits, expected in (
        ("checkpoint", checkpoint, isinstance(checkpoint, str | os.PathLike | None), "a path or a name"),
        ("device", device, isinstance(device, str), "auto, cpu, cuda, cuda:N or mps"),
        ("measures", measures, measures is None or measures == "all" or _is_names(measures), "a list of names, or all"),
        ("level", level, isinstance(level, str | None) or _is_whole(level), "a depth, the name of a node, or auto"),
        ("guide_side", guide_side, guide_side is None or _is_whole(guide_side), "a whole number"),
        ("max_pixels", max_pixels, _is_whole(max_pixels) and max_pixels > 0, "a whole number, 1 or more"),
    ):
        if not fits:
            raise UsageError(f"{setting(name, repr(given))}: expected {expected}")
    if threshold is not None and (level != "auto" or not isinstance(threshold, Real) or not 0.5 <= threshold < 1.0):
        raise UsageError(
            f"{setting('threshold', threshold)}: expected a number in [0.5, 1), for {setting('level')} auto"
        )
    named = find_checkpoint(checkpoint, tell=tell)
    loaded = load_checkpoint(named.path, source=named.source)
    tree = loaded.header.tree
    fitted, of_another = loaded.header.calibrated_when(sampling), of_another_sampling(loaded.header, sampling)
    if of_another and measures not in (None, "all") and "calibrated" in measures:
        raise UsageError(f"{of_another}, or name another measure")
    chosen = choose_measures(
        measures,
        fitted=fitted,
        interpolate=interpolate,
        uncalibrated=loaded.header.model.says_how_sure,
    )
    if measures in (None, "all") and (another := of_another or of_another_way(fitted, interpolate)):
        tell(spell(another, as_keyword))
    depth: int | Literal["auto"] | None = "auto" if level == "auto" else None
    if level is not None and level != "auto":
        depth = tree.level_of(level) if isinstance(level, str) else level
        tree.at_level(depth)
    side = decide_longest_side(longest_side, loaded.header.input.longest_side, tile=check_tile(tile))
    guide = decide_guide_side(sampling, guide_side, longest_side=side, trained=loaded.header.input, tile=tile)
    request = Request(
        measures=tuple(dict.fromkeys((*chosen, "distance"))),
        main=chosen[0],
        level=depth,
        threshold=0.5 if threshold is None else threshold,
        probabilities=probabilities,
        embeddings=embeddings,
        prototypes=prototypes,
        longest_side=side,
        sampling=sampling,
        guide_side=guide,
        interpolate=interpolate,
        refine=refine,
    )
    segmenter = make_segmenter(loaded, request, engine=engine, device=device, precision=precision, tile=tile, tell=tell)
    ran_in = of_another_precision(loaded.header.calibrated_in_int8, segmenter.engine.device.precision)
    if ran_in and "calibrated" in chosen:
        tell(spell(ran_in, as_keyword))
    return Model(loaded, segmenter, measures=chosen, max_pixels=max_pixels)


class _Broken(NamedTuple):
    error: Exception  # of the caller's iterator, in the place of an image


_Read = Loaded[Origin] | ImageError | _Broken
_Loading = Callable[[], _Read]


class Model:
    """A network ready to segment; `load_model` makes it. It may be used from any thread, by many at once."""

    def __init__(
        self, checkpoint: Checkpoint, segmenter: Segmenter, *, measures: tuple[str, ...], max_pixels: int = MAX_PIXELS
    ) -> None:
        """`measures` are those of a segmentation's files, the main one first."""
        self._segmenter = segmenter
        self._max_pixels = max_pixels
        request = segmenter.request
        self._context = Context.of(
            checkpoint.header,
            checkpoint.sha256,
            level=request.level,
            threshold=request.threshold,
            refine=request.refine,
            sampling=request.sampling,
        )
        self._context.palette.flags.writeable = False
        self.header: Header = checkpoint.header
        self.measures = measures

    def __repr__(self) -> str:
        model = self.header.model
        return f"<Model {model.backbone}, {self.header.tree.classes} classes, {self.engine} on {self.device}>"

    @property
    def names(self) -> tuple[str, ...]:
        """What labels mean: the name of each id."""
        return self._context.names

    @property
    def engine(self) -> str:
        """What runs the network, such as `openvino 2026.4.1`."""
        return self._segmenter.engine.label

    @property
    def device(self) -> str:
        """Where it runs, and in which precision, such as `cpu, fp32`."""
        return self._segmenter.engine.device.label

    def segment(self, image: ImageLike) -> Segmentation:
        """Segment a file, a Pillow image, or an array (H, W, 3) of uint8 RGB, not BGR.

        Files and Pillow images are turned upright as their EXIF or XMP says, transparency is shown on white, 16 bits
        are scaled to 8. Raises ImageError where that is not possible, or the network fails on the image.
        """
        loaded = self._load(("the image", image))
        if isinstance(loaded, ImageError):
            raise loaded
        result = self._finish(Batches(self._segmenter).segment_one(loaded))
        if isinstance(result, ImageError):
            raise result
        return result

    @overload
    def segment_many(
        self,
        images: Iterable[ImageLike],
        *,
        workers: int | None = None,
        batch_size: int | None = None,
        on_error: Literal["raise"] = "raise",
    ) -> Generator[Segmentation, None, None]: ...

    @overload
    def segment_many(
        self,
        images: Iterable[ImageLike],
        *,
        workers: int | None = None,
        batch_size: int | None = None,
        on_error: Literal["yield"],
    ) -> Generator[Segmentation | ImageError, None, None]: ...

    def segment_many(
        self,
        images: Iterable[ImageLike],
        *,
        workers: int | None = None,
        batch_size: int | None = None,
        on_error: Literal["raise", "yield"] = "raise",
    ) -> Generator[Any, None, None]:
        """Segment images, taken as `segment` takes them, one result an image, in their order.

        `workers` threads decode files ahead of the network (None: one a CPU, at most 16; 0: none), and no more than
        `batch_size` neighbours of equal size go through it together (None: 1 on a CPU, else 8); memory does not grow
        with the number of images. Arrays are copied and Pillow images decoded as they are taken, so that an iterator
        may use one for all its frames. An ImageError is raised at its image's turn, which ends the iteration, or with
        `on_error="yield"` given out in the segmentation's place: none is skipped in silence. What the iterator itself
        raises, is raised after the results of all that it gave.
        """
        if on_error not in ("raise", "yield"):
            raise UsageError(f"{setting('on_error', on_error)}: expected raise or yield")
        if isinstance(images, str | os.PathLike | Image.Image):
            raise UsageError("expected several images, a list of them say; segment takes one")
        for name, number, least in (("workers", workers, 0), ("batch_size", batch_size, 1)):
            if number is not None and (not _is_whole(number) or number < least):
                raise UsageError(f"{setting(name, repr(number))}: expected a whole number, {least} or more")
        threads = default_workers() if workers is None else workers
        return self._each(images, threads, batch_size or usual_batch_size(self._segmenter.engine.device), on_error)

    def _each(
        self, images: Iterable[ImageLike], workers: int, batch_size: int, on_error: str
    ) -> Generator[Segmentation | ImageError, None, None]:
        loading = ahead(call, self._taken(images), workers=workers, depth=workers + batch_size, pixels=_pixels)
        lanes = self._segmenter.lanes if workers else ONE
        segmenting: Generator[Segmented[Origin] | Unsegmented[Origin] | ImageError | _Broken, None, None]
        segmenting = Batches(self._segmenter, batch_size=batch_size, lanes=lanes).segment(loading)
        with closing(loading), closing(segmenting):
            for one in segmenting:
                if isinstance(one, _Broken):
                    raise one.error
                result = one if isinstance(one, ImageError) else self._finish(one)
                del one  # what is done with must not be held here until the next one comes
                if isinstance(result, ImageError) and on_error == "raise":
                    raise result
                yield result
                del result

    def _taken(self, images: Iterable[ImageLike]) -> Iterator[_Loading]:
        """What loads each image, as it is taken; an error of the iterator keeps its place behind those before it."""
        try:
            for number, image in enumerate(images, start=1):
                yield self._take((f"image {number}", image))
        except Exception as error:
            yield partial(_Broken, error)

    def _take(self, named: tuple[str, ImageLike]) -> _Loading:
        """What loads an image, later where that is a file.

        Any other is loaded here and now: a caller's iterator may fill its array anew, or go on in a stack of frames.
        """
        if isinstance(named[1], str | os.PathLike):
            return partial(self._load, named)
        loaded = self._load(named)
        return lambda: loaded

    def _load(self, named: tuple[str, ImageLike]) -> Loaded[Origin] | ImageError:
        name, image = named
        path = image_path(image)
        try:
            decoded = decode_image_like(image, name, max_pixels=self._max_pixels)
        except ImageError as error:
            return error
        return Loaded(Origin(name if path is None else str(path), path), decoded)

    def _finish(self, segmented: Segmented[Origin] | Unsegmented[Origin]) -> Segmentation | ImageError:
        if isinstance(segmented, Unsegmented):
            return ImageError(f"{segmented.item.name}: {segmented.trouble.reason}", segmented.trouble.code)
        image = segmented.loaded.image
        return Segmentation(
            photograph=image.pixels,
            prediction=segmented.prediction,
            context=self._context,
            measures=self.measures,
            source=segmented.loaded.item.path,
            notes=image.notes + segmented.notes,
            georeference=image.georeference,
        )


def _pixels(read: _Read) -> int:
    return read.pixels if isinstance(read, Loaded) else 0


def _is_whole(value: object) -> bool:
    """Whether it is a whole number, numpy's too; True and False, which Python counts among them, are none."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def _is_names(value: object) -> bool:
    return isinstance(value, Collection) and not isinstance(value, str) and all(isinstance(name, str) for name in value)
