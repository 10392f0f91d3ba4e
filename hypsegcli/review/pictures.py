"""What the page shows of a place: the photograph, the classes and the doubt in a window around it, as PNGs."""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Literal, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from hypsegcli.errors import ImageError
from hypsegcli.files.digest import digest_file
from hypsegcli.images.beside_pixels import open_palette
from hypsegcli.images.decode import DecodedImage, decode_image, decode_mask
from hypsegcli.images.grey_plane import decode_grey_plane
from hypsegcli.images.metadata import read_metadata
from hypsegcli.images.png import encode_grey8_png, encode_rgb_png
from hypsegcli.images.shrink import shrink_image, shrink_mask
from hypsegcli.images.stack import Stack
from hypsegcli.pictures.palette import RGB, spread_colors
from hypsegcli.review.outline import find_pixels
from hypsegcli.review.places import Mark
from hypsegcli.run.manifest import Line, input_of, outputs_of, part_of, source_of

Layer = Literal["photograph", "classes", "doubt", "place", "whole"]
LAYERS: tuple[Layer, ...] = ("photograph", "classes", "doubt", "place", "whole")

_SIDE, _FINE, _SMALL = 1280, 3200, 360  # pixels on the longer side of a window, finely, and of the whole image
_HELD = 2**26  # pixels of pictures that are kept for the next question, unless one alone has more
_MARGINS = (0.35, 1.0, 3.0)  # around a box, as shares of its longer side; behind them, the whole image
_LEAST = (48, 96, 192)  # pixels on the longer side of a window: a place of five pixels shows nothing by itself
_ASPECT = 4 / 3
_FAR, _LARGE = 3000, 500 * 10**6  # frames of a video, and bytes of one, beyond which none is fetched for a look
_GREY = (128, 128, 128)  # of an id that is no class

ZOOMS = len(_MARGINS) + 1

Made = TypeVar("Made")


class Window(NamedTuple):
    """A part of an image, in its pixels."""

    x: int
    y: int
    width: int
    height: int

    def of(self, plane: NDArray[Any]) -> NDArray[Any]:
        """The part of a plane (H, W, ...)."""
        return plane[self.y : self.y + self.height, self.x : self.x + self.width]


@dataclass(frozen=True, eq=False)
class LabelMap:
    """What a label map says."""

    ids: NDArray[np.integer[Any]]  # (H, W)
    palette: RGB  # (N, 3), a row for each id that occurs
    names: tuple[str, ...]

    def name(self, number: int) -> str:
        """What an id means."""
        return self.names[number] if number < len(self.names) else "no class"


def window_around(mark: Mark, height: int, width: int, zoom: int) -> Window:
    """The part of an image (height, width) to be shown around a place: from close by, 0, to the whole, `ZOOMS` - 1."""
    if zoom >= len(_MARGINS):
        return Window(0, 0, width, height)
    longer = max(mark.width, mark.height)
    margin = 2 * _MARGINS[zoom] * longer
    wide, high = mark.width + margin, mark.height + margin
    wide = max(wide, high * _ASPECT, _LEAST[zoom])
    high = max(high, wide / _ASPECT)
    x, columns = _along(mark.x + mark.width / 2, wide, width)
    y, rows = _along(mark.y + mark.height / 2, high, height)
    return Window(x, y, columns, rows)


def _along(middle: float, length: float, whole: int) -> tuple[int, int]:
    """Where a part of a side begins, and how long it is: moved inwards where it would reach out of the image."""
    length = max(1, min(round(length), whole))
    return min(max(0, round(middle - length / 2)), whole - length), length


class Pictures:
    """Pictures of the images of a run, those that were looked at last kept in memory."""

    def __init__(self, out: Path, *, below: float | None = None) -> None:
        """`below` is the bound of `find_regions`, where planes of doubt are of the measure that it was held against."""
        self._out, self._below = out, below
        self._photographs = _Held[DecodedImage](lambda image: image.pixels.size // 3)
        self._labels = _Held[LabelMap](lambda labels: labels.ids.size)
        self._doubts = _Held["NDArray[np.uint16]"](lambda plane: plane.size)

    def encode(
        self, line: Line, mark: Mark, layer: Layer, zoom: int, *, area: int = 0, fine: bool = False
    ) -> tuple[bytes, str]:
        """A PNG of a window of a layer, and a sentence on what is doubtful about it, which is mostly empty.

        The photograph and the classes are RGB, doubt is grey, white where nothing is known, and the place, of `area`
        pixels, is white: all of its box where its own pixels are not known. `fine` is for a close look. Raises
        HypsegError with a sentence for people where it cannot be shown.
        """
        height, width = line["height"], line["width"]
        side = _FINE if fine else _SIDE
        if layer == "whole":
            photograph, note = self._photograph(line)
            return encode_rgb_png(shrink_image(photograph, _SMALL)), note
        window = window_around(mark, height, width, zoom)
        if layer == "photograph":
            photograph, note = self._photograph(line)
            return encode_rgb_png(shrink_image(window.of(photograph), side)), note
        if layer == "classes":
            labels = self.labels(line)
            return encode_rgb_png(labels.palette[shrink_mask(window.of(labels.ids), side)]), ""
        if layer == "place":
            share = shrink_image(window.of(self._place(line, mark, area)) * np.uint8(255), side)
            return encode_grey8_png((share > 0) * np.uint8(255)), ""  # what is thin does not vanish
        plane = (window.of(self._doubt(line)) >> 8).astype(np.uint8)
        return encode_grey8_png(shrink_image(plane, side)), ""

    def _place(self, line: Line, mark: Mark, area: int) -> NDArray[np.bool_]:
        """(H, W) which pixels of an image are a place's, as far as that is known."""
        found = np.zeros((line["height"], line["width"]), bool)
        box = Window(*mark[1:])
        box.of(found)[:] = True
        if self._below is None:
            return found
        with contextlib.suppress(ImageError):  # which the layer of doubt tells
            levels = box.of(self._doubt(line))
            own = find_pixels(levels, area, self._below) if levels.shape == (mark.height, mark.width) else None
            if own is not None:
                box.of(found)[:] = own
        return found

    def labels(self, line: Line) -> LabelMap:
        """The label map of an image; ImageError where it cannot be read."""
        path = self._map(line, "labels")
        return self._labels.get(path, lambda: self._checked(path, _read_labels(path), line))

    def check(self, line: Line) -> None:
        """ImageError where the label map of an image, if the run has made one, is not what the run has written."""
        if (found := outputs_of(line).get("labels")) is not None and digest_file(path := self._out / found[0]) != found[
            1
        ]:
            raise ImageError(
                f"{path}: is not the label map that this list of places is of; where a run has made it anew, start "
                "hypseg review again, and where somebody has changed it by hand, its places cannot be judged",
                "changed",
            )

    def _checked(self, path: Path, labels: LabelMap, line: Line) -> LabelMap:
        """Once they are read: what has come in their place before is found, too."""
        _of_size(path, labels.ids, line)
        self.check(line)
        return labels

    def _doubt(self, line: Line) -> NDArray[np.uint16]:
        path = self._map(line, "uncertainty")
        return self._doubts.get(path, lambda: _of_size(path, decode_grey_plane(path), line))

    def _map(self, line: Line, kind: str) -> Path:
        found = outputs_of(line).get(kind)
        if found is None:
            raise ImageError(f"the run has made no {kind} of this image; make them with hypseg uncertainty", "missing")
        return self._out / found[0]

    def _photograph(self, line: Line) -> tuple[RGB, str]:
        source = input_of(line)
        try:
            image = self._photographs.get((source, part_of(line)), lambda: _read_photograph(source, line))
        except ImageError as error:
            if error.code == "missing":
                raise ImageError(
                    f"{source}: the photograph is not where it was; put it back there to see it", "missing"
                ) from error
            raise
        height, width = image.pixels.shape[:2]
        if (height, width) != (line["height"], line["width"]):
            raise ImageError(
                f"{source}: is {width} x {height} pixels, and was {line['width']} x {line['height']} when it was "
                "segmented: it is another photograph by now",
                "changed",
            )
        changed = image.digest is not None and image.digest != source_of(line)
        return image.pixels, f"{source}: has changed since it was segmented" if changed else ""


def _read_photograph(source: Path, line: Line) -> DecodedImage:
    number = part_of(line)
    if number is None:
        return decode_image(source)
    if "page" in line:
        with closing(Stack(source)) as stack:
            return stack.frame(number)
    from hypsegcli.images.video import Video

    if number > _FAR or _size_of(source) > _LARGE:
        raise ImageError(
            f"frame {number} of {source} is not fetched for a look, for all frames before it would be decoded; "
            "cut the video into pictures, and segment these",
            "unsupported",
        )
    with closing(Video(source)) as video:
        return video.frame(number)


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _read_labels(path: Path) -> LabelMap:
    ids = decode_mask(path)
    metadata = read_metadata(path)
    names = (metadata and metadata.names) or ()
    stored = open_palette(path)
    colors = np.frombuffer(stored, np.uint8) if stored else np.array(spread_colors(len(names)), np.uint8)
    palette = colors.reshape(-1, 3)
    lacking = int(ids.max()) + 1 - len(palette)
    if lacking > 0:
        palette = np.concatenate([palette, np.full((lacking, 3), _GREY, np.uint8)])
    return LabelMap(ids, palette, names)


def _of_size(path: Path, plane: NDArray[Any], line: Line) -> NDArray[Any]:
    if plane.shape != (line["height"], line["width"]):
        raise ImageError(
            f"{path}: is {plane.shape[1]} x {plane.shape[0]} pixels, where the run has written "
            f"{line['width']} x {line['height']}; hypseg verify says what else has changed",
            "changed",
        )
    return plane


class _Held(Generic[Made]):
    """What was made last, by what it is of; each is made by one thread, and others that want it wait."""

    def __init__(self, pixels: Callable[[Made], int]) -> None:
        self._pixels = pixels
        self._made: OrderedDict[object, Made] = OrderedDict()
        self._lock = threading.Lock()
        self._making = threading.Lock()  # one at a time: a photograph may fill memory

    def get(self, key: object, make: Callable[[], Made]) -> Made:
        """What there is of a key, or is made now; what `make` raises is not remembered."""
        if (found := self._find(key)) is not None:
            return found
        with self._making:
            if (found := self._find(key)) is not None:
                return found
            made = make()
            with self._lock:
                self._made[key] = made
                while len(self._made) > 1 and sum(map(self._pixels, self._made.values())) > _HELD:
                    self._made.popitem(last=False)
            return made

    def _find(self, key: object) -> Made | None:
        with self._lock:
            if key in self._made:
                self._made.move_to_end(key)
            return self._made.get(key)
