"""COCO's JSON for objects and their pixels: polygons, or run lengths as numbers or as text.

What is written has one annotation for each label of an image, and its pixels as run lengths.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from hypsegcli.annotation.export import Export
from hypsegcli.annotation.json_file import key_of, refuse_namesakes, write_list
from hypsegcli.annotation.labels import UNLABELLED, Annotated, LabelMap, Labels
from hypsegcli.annotation.polygon import draw_polygons
from hypsegcli.annotation.rle import encode_regions, from_text, to_mask, to_text
from hypsegcli.budget import MAX_PIXELS
from hypsegcli.errors import DataError, ImageError
from hypsegcli.files.words import first_of
from hypsegcli.images.picture_file import check_size

_NAMED = 5
_PARTS = ("images", "annotations", "categories")


def write_coco(file: BinaryIO, images: Iterable[Annotated], labels: Labels) -> None:
    """Write the JSON, image by image; what is short comes last."""
    listed: list[dict[str, Any]] = []
    used = set[int]()

    def annotations() -> Iterator[dict[str, Any]]:
        count = 0
        for number, image in enumerate(images, start=1):
            height, width = image.labels.shape
            listed.append({"id": number, "file_name": image.file_name, "height": height, "width": width})
            for region in encode_regions(image.labels):
                count += 1
                used.add(region.label)
                yield {
                    "id": count,
                    "image_id": number,
                    "category_id": region.label,
                    "segmentation": {"size": [height, width], "counts": to_text(region.counts)},
                    "area": region.area,
                    "bbox": region.box,
                    "iscrowd": 0,
                }

    write_list(file, annotations(), before='{"annotations": [', after="],")
    write_list(file, listed, before='\n"images": [', after="],")
    categories = [
        {"id": number, "name": name, "supercategory": ""}
        for number, name, _ in labels.listed(holds_void=labels.void in used)
    ]
    write_list(file, categories, before='\n"categories": [', after="]}\n")


def is_coco(found: object) -> bool:
    """Whether JSON is that of COCO."""
    return isinstance(found, dict) and all(isinstance(found.get(part), list) for part in _PARTS)


class CocoExport(Export):
    """What is in such a JSON; of annotations that overlap the later one counts."""

    tool = "COCO JSON"

    def __init__(self, origin: Path, found: Mapping[str, Any]) -> None:
        """Raises DataError where it contradicts itself."""
        self.origin = origin
        try:
            self._read(found)
        except (KeyError, TypeError, AttributeError) as error:
            raise DataError(
                f"{origin}: is no COCO JSON that can be read ({type(error).__name__}: {error}); images have id and "
                "file_name, annotations image_id, category_id and segmentation, categories id and name"
            ) from error

    def _read(self, found: Mapping[str, Any]) -> None:
        names = self._by_id("category", ((each["id"], str(each["name"])) for each in found["categories"]))
        self.labels = tuple(dict.fromkeys(names.values()))
        numbers = {name: number for number, name in enumerate(self.labels, start=1)}
        self._numbers = {identity: numbers[name] for identity, name in names.items()}
        self._by_id("image", ((image["id"], str(image["file_name"])) for image in found["images"]))
        images = {image["id"]: image for image in found["images"]}
        of_image = defaultdict[Any, list[Mapping[str, Any]]](list)
        boxes = 0
        for annotation in found["annotations"]:
            if annotation["image_id"] not in images or annotation["category_id"] not in names:
                raise DataError(
                    f"{self.origin}: annotation {annotation.get('id')} is of image {annotation['image_id']} and "
                    f"category {annotation['category_id']}, of which one is not listed; export it again"
                )
            if "segments_info" in annotation:
                raise DataError(f"{self.origin}: is COCO's panoptic JSON; export the one for objects (instances)")
            if annotation.get("segmentation"):
                of_image[annotation["image_id"]].append(annotation)
            else:
                boxes += 1
        by_key = defaultdict[str, list[str]](list)
        for image in images.values():
            by_key[key_of(image["file_name"])].append(str(image["file_name"]))
        refuse_namesakes(by_key, self.origin)
        keyed = {key_of(image["file_name"]): (image, of_image[identity]) for identity, image in images.items()}
        self._images = keyed
        self.keys = tuple(key for key, (_, annotations) in keyed.items() if annotations)
        self.empty = tuple(key for key, (_, annotations) in keyed.items() if not annotations)
        if boxes:
            self.notes = (f"{boxes} of its annotations have no pixels, such as boxes, and are left out",)

    def _by_id(self, kind: str, listed: Iterable[tuple[Any, str]]) -> dict[Any, str]:
        """The names by id; DataError where one id has several, so that nothing tells which an annotation means."""
        names: dict[Any, str] = {}
        twice = [
            f"{identity} ({names[identity]} and {name})"
            for identity, name in listed
            if names.setdefault(identity, name) != name
        ]
        if twice:
            raise DataError(
                f"{self.origin}: one {kind} id stands for several of them: {first_of(twice, _NAMED)}; nothing tells "
                "which of them annotations mean: several exports, each numbered for itself, must get ids of their own "
                "before they are joined; give hypseg each as it was exported, or join them in the tool"
            )
        return names

    def decode(self, key: str) -> LabelMap:
        """See Export."""
        image, annotations = self._images[key]
        try:
            height, width = _size_of(image, annotations)
            check_size(self.whose(key), height, width, max_pixels=MAX_PIXELS)
            labels = np.full((height, width), UNLABELLED, np.uint16)
            for annotation in annotations:
                inside = _draw(annotation["segmentation"], height, width)
                labels[inside] = self._numbers[annotation["category_id"]]
        except (ValueError, TypeError, KeyError, OverflowError) as error:
            raise ImageError(
                f"{self.whose(key)}: its labels cannot be drawn: {error}; export it again", "damaged"
            ) from error
        return labels


def _size_of(image: Mapping[str, Any], annotations: Iterable[Mapping[str, Any]]) -> tuple[int, int]:
    """Height and width, as the image says, else as run lengths do."""
    said = (image.get("height"), image.get("width"))
    found = [_pair(one["segmentation"]["size"]) for one in annotations if isinstance(one["segmentation"], dict)]
    height, width = said if None not in said else found[0] if found else (0, 0)
    if type(height) is not int or type(width) is not int or height < 1 or width < 1:
        raise ValueError("it says no height and width of the image")
    if other := [size for size in found if size != (height, width)]:
        raise ValueError(f"an annotation is of {other[0][1]} x {other[0][0]} pixels, the image of {width} x {height}")
    return height, width


def _pair(size: Any) -> tuple[Any, Any]:
    height, width = size  # ValueError where it has more or fewer
    return height, width


def _draw(segmentation: Any, height: int, width: int) -> NDArray[np.bool_]:
    if isinstance(segmentation, list):
        return draw_polygons(segmentation, height, width)
    counts = segmentation["counts"]
    return to_mask(from_text(counts) if isinstance(counts, str) else counts, height, width)
