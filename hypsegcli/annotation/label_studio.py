"""Label Studio's JSON: a list of tasks, of which each has an image and what people, or models, painted on it.

What is written has the labels as predictions, as brush masks, and beside each image's address its key, which comes back
with what people made of it. What is read are brush masks and polygons.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import parse_qs, quote, unquote, urlsplit
from xml.sax.saxutils import quoteattr

import numpy as np
from numpy.typing import NDArray

from hypsegcli.annotation.brush import decode_brush, encode_brush
from hypsegcli.annotation.export import Export
from hypsegcli.annotation.json_file import key_of, refuse_namesakes, write_list
from hypsegcli.annotation.labels import UNLABELLED, Annotated, LabelMap, Labels
from hypsegcli.annotation.polygon import draw_polygons
from hypsegcli.budget import MAX_PIXELS
from hypsegcli.errors import DataError, ImageError
from hypsegcli.images.picture_file import check_size

LOCAL_FILES = "/data/local-files/?d="  # where Label Studio shows files of a folder of its own machine

_LABEL, _IMAGE, _KEY = "label", "image", "key"
_UPLOADED = re.compile(r"[0-9a-f]{8}-")  # what Label Studio puts before the name of a file that somebody uploaded
_DRAWN = ("brushlabels", "polygonlabels")
_WHOLE = ("choices", "textarea", "taxonomy", "rating", "number", "datetime")  # of an image, which say nothing of pixels


def write_label_studio(file: BinaryIO, images: Iterable[Annotated], labels: Labels, *, prefix: str, model: str) -> bool:
    """Write the JSON, image by image; `prefix` stands before an image's name in its address.

    `model` is what the predictions are called. Whether some pixel is void comes back.
    """
    used = set[int]()

    def tasks() -> Iterator[dict[str, Any]]:
        for image in images:
            height, width = image.labels.shape
            present = [label for label in np.unique(image.labels).tolist() if label != UNLABELLED]
            used.update(present)
            result = [
                {
                    "id": f"label-{label}",
                    "from_name": _LABEL,
                    "to_name": _IMAGE,
                    "type": "brushlabels",
                    "original_width": width,
                    "original_height": height,
                    "image_rotation": 0,
                    "value": {
                        "format": "rle",
                        "rle": encode_brush(image.labels == label),
                        "brushlabels": [labels.names[label - 1]],
                    },
                }
                for label in present
            ]
            data = {_IMAGE: f"{prefix}{quote(image.file_name)}", _KEY: image.key}
            yield {"data": data, "predictions": [{"model_version": model, "result": result}]}

    write_list(file, tasks(), after="]\n")
    return labels.void in used


def labelling_config(labels: Labels, *, holds_void: bool) -> str:
    """The labelling interface that shows what was written, as Label Studio's settings take it."""
    rows = "".join(
        f"    <Label value={quoteattr(name)} background={quoteattr('#{:02x}{:02x}{:02x}'.format(*color))}/>\n"
        for _, name, color in labels.listed(holds_void=holds_void)
    )
    return (
        f'<View>\n  <Image name="{_IMAGE}" value="${_IMAGE}" zoom="true"/>\n'
        f'  <BrushLabels name="{_LABEL}" toName="{_IMAGE}">\n{rows}  </BrushLabels>\n</View>\n'
    )


def is_label_studio(found: object) -> bool:
    """Whether JSON is that of Label Studio, with all that it knows of a task."""
    return isinstance(found, list) and bool(found) and all(isinstance(task, dict) and "data" in task for task in found)


class LabelStudioExport(Export):
    """What people made of the tasks in such a JSON; what models predicted is none of it."""

    tool = "Label Studio JSON"

    def __init__(self, origin: Path, found: Sequence[Mapping[str, Any]]) -> None:
        """Raises DataError where it contradicts itself, or holds what is no mask."""
        self.origin = origin
        try:
            self._read(found)
        except (KeyError, TypeError, AttributeError, IndexError) as error:
            raise DataError(
                f"{origin}: is no Label Studio JSON that can be read ({type(error).__name__}: {error}); export it as "
                "JSON, not as JSON-MIN"
            ) from error

    def _read(self, found: Sequence[Mapping[str, Any]]) -> None:
        by_key, several, used = defaultdict[str, list[str]](list), 0, dict[str, None]()
        self._images: dict[str, list[Mapping[str, Any]]] = {}
        empty = []
        for task in found:
            address = _address_of(task["data"], self.origin)
            key = str(task["data"].get(_KEY) or _key_of(address))
            by_key[key].append(address)
            made = [each for each in task.get("annotations") or [] if not each.get("was_cancelled")]
            several += len(made) > 1
            drawn = [] if not made else self._drawn(made[-1]["result"], key)
            used.update(dict.fromkeys(_label_of(each, self.whose(key)) for each in drawn))
            if drawn:
                self._images[key] = drawn
            else:
                empty.append(key)
        refuse_namesakes(by_key, self.origin)
        self.labels = tuple(used)
        self._numbers = {name: number for number, name in enumerate(used, start=1)}
        self.keys = tuple(self._images)
        if empty:  # whose size nothing tells
            self.notes += (f"{len(empty)} of its tasks have no masks, such as {empty[0]}, and are left out",)
        if several:
            self.notes += (f"{several} of its tasks have several annotations, of which the last counts",)

    def _drawn(self, result: Sequence[Mapping[str, Any]], key: str) -> list[Mapping[str, Any]]:
        drawn = [each for each in result if each.get("type") in _DRAWN]
        other = [each for each in result if each.get("type") not in _DRAWN and "original_width" in each]
        if strange := [str(each.get("type")) for each in other if each.get("type") not in _WHOLE]:
            raise DataError(
                f"{self.whose(key)}: holds {strange[0]}, which is no mask; hypseg reads {' and '.join(_DRAWN)}: paint "
                "that with a brush, or remove it"
            )
        return drawn

    def decode(self, key: str) -> LabelMap:
        """See Export."""
        drawn = self._images.get(key, [])
        try:
            sizes = {(int(each["original_height"]), int(each["original_width"])) for each in drawn}
            if len(sizes) != 1:
                raise ValueError(f"its masks are of {len(sizes)} sizes")
            ((height, width),) = sizes
            check_size(self.whose(key), height, width, max_pixels=MAX_PIXELS)
            labels = np.full((height, width), UNLABELLED, np.uint16)
            for each in drawn:
                labels[_draw(each, height, width)] = self._numbers[_label_of(each, self.whose(key))]
        except (ValueError, TypeError, KeyError, OverflowError) as error:
            raise ImageError(
                f"{self.whose(key)}: its labels cannot be drawn: {error}; export it again", "damaged"
            ) from error
        return labels


def _draw(region: Mapping[str, Any], height: int, width: int) -> NDArray[np.bool_]:
    value = region["value"]
    if region.get("image_rotation"):
        raise ValueError("the image was turned in Label Studio, and its mask need not be")
    if region["type"] == "brushlabels":
        return decode_brush(value["rle"], height, width)
    points = np.asarray(value["points"], np.float64) * (width / 100, height / 100)  # they are in percent
    return draw_polygons([points.ravel().tolist()], height, width)


def _label_of(region: Mapping[str, Any], whose: str) -> str:
    names = region["value"].get(region["type"]) or []
    if len(names) != 1:
        raise DataError(f"{whose}: a mask has {len(names)} labels; give each mask one, and export again")
    return str(names[0])


def _address_of(data: Mapping[str, Any], origin: Path) -> str:
    """What a task says of where its image lies: `image`, or the only text that looks like a picture."""
    if isinstance(data.get(_IMAGE), str):
        return str(data[_IMAGE])
    likely = [value for name, value in data.items() if isinstance(value, str) and name != _KEY]
    if len(likely) != 1:
        raise DataError(f"{origin}: a task names {len(likely)} images; hypseg looks for one, which is called {_IMAGE}")
    return likely[0]


def _key_of(address: str) -> str:
    """The image's path without suffix: of a file of Label Studio's own machine that below its folder."""
    parts = urlsplit(address)
    if named := parse_qs(parts.query).get("d"):
        return key_of(named[0].lstrip("/"))
    path = unquote(parts.path).lstrip("/")
    if "/upload/" in f"/{path}":
        return key_of(_UPLOADED.sub("", path.rpartition("/")[2], count=1))
    return key_of(path)
