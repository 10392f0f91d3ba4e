"""CVAT's "Segmentation mask 1.1": pictures in colour, and a text that says which colour is which label.

labelmap.txt                            name:r,g,b::    a line a label; background is black, which nobody labelled
ImageSets/Segmentation/default.txt      a key a line, also of images without labels, which have no PNG
SegmentationClass/KEY.png               the label of each pixel
SegmentationObject/KEY.png              whose part it is; without this CVAT takes what is black for a label
JPEGImages/KEY.jpg                      the photographs, where they go along
"""

from __future__ import annotations

import json
import os
import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO
from zipfile import ZIP_STORED, BadZipFile, ZipFile, ZipInfo

import numpy as np
from numpy.typing import NDArray

from hypsegcli.annotation.export import Export
from hypsegcli.annotation.json_file import refuse_namesakes
from hypsegcli.annotation.labels import BACKGROUND, BLACK, UNLABELLED, Annotated, LabelMap, Labels, is_background
from hypsegcli.budget import LARGEST_TEXT
from hypsegcli.errors import DataError, ImageError, UsageError, setting
from hypsegcli.files.text import UnreadableTextError, composed, read_text
from hypsegcli.files.words import first_of
from hypsegcli.images.color_lines import Color, parse_color_lines
from hypsegcli.images.color_mask import decode_mask_colors, decode_png_colors
from hypsegcli.images.png import encode_indexed_png, encode_rgb_png

LABEL_MAP, MASKS = "labelmap.txt", "SegmentationClass"

_LISTS, _OBJECTS, _IMAGES = "ImageSets/Segmentation", "SegmentationObject", "JPEGImages"
_LIST = f"{_LISTS}/default.txt"  # others are of a project's subsets
_SUFFIX, _LIST_SUFFIX = ".png", ".txt"
_HEAD = "# label:color_rgb:parts:actions\n"
_TIME = (1980, 1, 1, 0, 0, 0)  # of every file, so that the same labels are the same bytes
_PALETTE = 256
_NAMED = 5


def write_cvat(file: BinaryIO, images: Iterable[Annotated], labels: Labels) -> bool:
    """Write the zip, image by image; UsageError for names that its texts cannot hold.

    Whether some pixel is void comes back.
    """
    colors = np.array([BLACK, *labels.colors], np.uint8)
    keys, holds_void = [], False
    if wrong := [name for name in labels.names if ":" in name or name.strip() != name or name[:1] in ("", "#")]:
        raise UsageError(
            f"CVAT's {LABEL_MAP} cannot hold labels with a colon, spaces around, or # in front: "
            f"{first_of(wrong, _NAMED)}; rename these classes, or choose another format with {setting('to')}"
        )
    with ZipFile(file, "w", ZIP_STORED) as archive:  # PNG and JPEG are packed already
        for image in images:
            if image.key.strip() != image.key or image.key.startswith("#") or "\n" in image.key:
                raise UsageError(
                    f"{image.key!r}: CVAT's list of images cannot hold a name with # in front, or with spaces or lines "
                    f"around; rename the photograph, or choose another format with {setting('to')}"
                )
            _add(archive, f"{MASKS}/{image.key}{_SUFFIX}", _encode(image.labels, colors))
            present, objects = np.unique(np.append(image.labels, UNLABELLED), return_inverse=True)
            if len(present) <= _PALETTE:  # CVAT knows the colours of no more
                objects = objects[:-1].reshape(image.labels.shape)
                _add(archive, f"{_OBJECTS}/{image.key}{_SUFFIX}", encode_indexed_png(objects, _object_colors()))
            if image.photograph is not None:
                _add(archive, f"{_IMAGES}/{image.file_name}", image.photograph)
            holds_void = holds_void or labels.void in present
            keys.append(image.key)
        lines = [f"{BACKGROUND}:0,0,0::\n"]
        lines += [f"{name}:{','.join(map(str, color))}::\n" for _, name, color in labels.listed(holds_void=holds_void)]
        _add(archive, LABEL_MAP, (_HEAD + "".join(lines)).encode())
        _add(archive, _LIST, "".join(f"{key}\n" for key in keys).encode())
    return holds_void


def label_constructor(labels: Labels, *, holds_void: bool) -> str:
    """The labels as CVAT's project, or task, takes them in its raw editor."""
    listed = labels.listed(holds_void=holds_void)
    rows = [
        {"name": name, "color": "#{:02x}{:02x}{:02x}".format(*color), "attributes": []} for _, name, color in listed
    ]
    return json.dumps(rows, indent=1) + "\n"


def _encode(labels: LabelMap, colors: NDArray[np.uint8]) -> bytes:
    return encode_indexed_png(labels, colors) if len(colors) <= _PALETTE else encode_rgb_png(np.take(colors, labels, 0))


def _add(archive: ZipFile, name: str, data: bytes) -> None:
    info = ZipInfo(name, _TIME)
    info.create_system, info.external_attr = 3, 0o644 << 16  # as on Linux, wherever it is written
    archive.writestr(info, data)


def _object_colors() -> NDArray[np.uint8]:
    """(256, 3) the colours that VOC numbers objects by: the bits of a number, spread over the channels."""
    numbers = np.arange(_PALETTE)
    bits = (numbers[:, None] >> np.arange(8)) & 1
    colors = np.zeros((_PALETTE, 3), np.int64)
    for at in range(8):
        colors[:, at % 3] |= bits[:, at] << (7 - at // 3)
    return colors.astype(np.uint8)


class CvatExport(Export):
    """The zip, or the folder that it unpacks to."""

    tool = "CVAT segmentation mask"
    may_overlap = False

    def __init__(self, origin: Path) -> None:
        """Raises DataError where it is not what it should be, TreeError for lines of labelmap.txt that are none."""
        self.origin = origin
        self._archive = None if origin.is_dir() else _Archive(origin)
        masks, lists = self._find()
        lines = parse_color_lines(self._text(LABEL_MAP), f"{origin}, {LABEL_MAP}")
        self.labels = tuple(dict.fromkeys(name for _, name, _ in lines if not is_background(name)))
        numbers = {name: number for number, name in enumerate(self.labels, start=1)}
        self._numbers = _number_colors(lines, numbers, origin)
        self._masks = masks
        self.keys = tuple(masks)
        if not masks:
            raise DataError(f"{origin}: holds no mask in {MASKS}; export it again with its annotations")
        known = {*map(composed, masks)}
        listed = {line.strip(): name for name in lists for line in self._text(name).splitlines()}
        self._listed = {key: name for key, name in listed.items() if key and composed(key) not in known}
        self.blank = self._listed.keys()

    def _find(self) -> tuple[Mapping[str, str], list[str]]:
        """The masks by key, and the lists of images: names of members, or paths below the folder."""
        if self._archive is None:
            paths = [path for part in (MASKS, _LISTS) for path in (self.origin / part).rglob("*.*")]
            names = [path.relative_to(self.origin).as_posix() for path in paths]
            below = [path.parent for path in self.origin.glob(f"*/{LABEL_MAP}") if (path.parent / MASKS).is_dir()]
            self._root = self._only(["", *sorted(f"{folder.name}/" for folder in below)])
        else:
            names = self._archive.names
            self._root = self._only(_roots(names))
        start, listing = f"{self._root}{MASKS}/", f"{self._root}{_LISTS}/"
        masks = [name for name in names if name.startswith(start) and name.lower().endswith(_SUFFIX)]
        lists = [name for name in names if name.startswith(listing) and name.endswith(_LIST_SUFFIX)]
        by_key = defaultdict[str, list[str]](list)
        for name in sorted(masks):
            by_key[name[len(start) : -len(_SUFFIX)]].append(name)
        refuse_namesakes(by_key, self.origin)
        found = {key: name for key, (name,) in by_key.items()}
        return found, [name.removeprefix(self._root) for name in sorted(lists)]

    def _only(self, roots: Sequence[str]) -> str:
        """Where the export begins; DataError where several do, of which one would stand for all."""
        if len(roots) > 1:
            places = first_of([root.removesuffix("/") or "itself" for root in roots], _NAMED)
            unpacked = "" if self._archive is None else "unpack it, and "
            raise DataError(
                f"{self.origin}: holds {len(roots)} exports of CVAT's, of which only one is read at a time: {places}; "
                f"{unpacked}name one of them, alone in its folder"
            )
        return roots[0]

    def _text(self, name: str) -> str:
        """What is in a file of the export; DataError where it is no text."""
        try:
            if self._archive is None:
                return read_text(self.origin / name)
            return self._archive.read(f"{self._root}{name}").decode("utf-8-sig")
        except (UnreadableTextError, ImageError, UnicodeDecodeError) as error:
            raise DataError(f"{self.origin}, {name}: cannot be read ({error}); export it again") from error

    def file_of(self, key: str) -> Path:
        """See Export."""
        if self._archive is not None:
            return self.origin
        return self.origin / (self._masks[key] if key in self._masks else self._listed[key])

    @property
    def legend(self) -> Path | None:
        """See Export."""
        return self.origin / LABEL_MAP if self._archive is None else None

    def decode(self, key: str) -> LabelMap:
        """See Export."""
        name = self._masks[key]
        if self._archive is None:
            packed = decode_mask_colors(self.origin / name)
        else:
            packed = decode_png_colors(self._archive.read(name), self.whose(key))
        known = np.array(sorted(self._numbers), np.uint32)
        numbers = np.array([self._numbers[color] for color in known.tolist()], np.uint16)
        places = np.minimum(np.searchsorted(known, packed), len(known) - 1)
        strange = packed[known[places] != packed]
        if strange.size:
            found = [f"#{color:06x}" for color in np.unique(strange).tolist()]
            raise ImageError(
                f"{self.whose(key)}: has colours that its {LABEL_MAP} has not: {first_of(found, _NAMED)}; export it "
                "again, or give both in the same colours",
                "unsupported",
            )
        return np.take(numbers, places)


def is_cvat(names: Iterable[str]) -> bool:
    """Whether paths, from a folder or a zip, are those of CVAT's masks."""
    return bool(_roots(names))


def _roots(names: Iterable[str]) -> list[str]:
    """The folders, with / behind each, that hold a list of colours and masks: each that of an export."""
    listed = list(names)
    roots = sorted({name.removesuffix(LABEL_MAP) for name in listed if name.rpartition("/")[2] == LABEL_MAP})
    return [root for root in roots if any(name.startswith(f"{root}{MASKS}/") for name in listed)]


def _number_colors(lines: Iterable[tuple[int, str, Color]], numbers: Mapping[str, int], origin: Path) -> dict[int, int]:
    """The label of each colour; black is nobody's, unless a label has it."""
    found: dict[int, int] = {}
    names: dict[int, str] = {}
    for _, name, (red, green, blue) in lines:
        packed = red << 16 | green << 8 | blue
        if names.setdefault(packed, name) != name:
            raise DataError(
                f"{origin}, {LABEL_MAP}: {names[packed]} and {name} have one colour, #{packed:06x}, so that nothing "
                "tells them apart; give them different colours in CVAT, and export again"
            )
        found[packed] = numbers.get(name, UNLABELLED)
    return {0: UNLABELLED} | found


class _Archive:
    """A zip that processes may share which were forked: each opens it for itself."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._open()
        self.names = self._zip.namelist()

    def _open(self) -> None:
        self._process = os.getpid()
        try:
            self._zip = ZipFile(self._path)
        except (OSError, BadZipFile) as error:
            raise DataError(f"{self._path}: is no zip that can be read ({error}); export it again") from error

    def read(self, name: str) -> bytes:
        """A member; ImageError where it is damaged."""
        if self._process != os.getpid():
            self._open()
        try:
            if self._zip.getinfo(name).file_size > LARGEST_TEXT:
                raise ImageError(f"{self._path}, {name}: unpacks to more than {LARGEST_TEXT:,} bytes", "too_large")
            return self._zip.read(name)
        except (OSError, BadZipFile, KeyError, NotImplementedError, RuntimeError, EOFError, zlib.error) as error:
            raise ImageError(f"{self._path}, {name}: is damaged ({error}); export it again", "damaged") from error
