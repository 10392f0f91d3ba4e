"""Which image each mask is of that lies in what a labelling tool exported."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from hypsegcli.annotation.export import Export
from hypsegcli.annotation.masks import AnnotatedMask, is_export, open_export
from hypsegcli.errors import PlanError, setting
from hypsegcli.files.place import StorePath, locate
from hypsegcli.files.text import composed
from hypsegcli.files.words import count_of, first_of

_SHOWN = 5


def export_at(argument: str | Path) -> Export | None:
    """What a tool exported, where an argument names that; None where masks are files of their own."""
    place = locate(argument)
    return open_export(place) if not isinstance(place, StorePath) and is_export(place) else None


def masks_of(
    export: Export,
    images: Mapping[str, Path],
    *,
    single: bool,
    listed: bool,
    with_empty: bool,
    tell: Callable[[str], None],
) -> dict[str, Path]:
    """The masks of an export by the keys of images, whose names agree, or end alike; what it leaves out is told.

    A single image is that of a single mask. Those in which nobody labelled anything count only `with_empty`. Raises
    PlanError for masks whose image is not among them, unless these are `listed` and others of them have masks, or could
    be one of several, and where there is none; of an image that the export has without a mask nothing is lost, so that
    it may be elsewhere.
    """
    keys = (*export.keys, *(export.empty if with_empty else ()), *export.blank)
    if export.empty and not with_empty:
        tell(
            f"{export.origin}: left out: {count_of(len(export.empty), 'image')} in which nobody labelled anything, "
            f"such as {export.empty[0]}; where that is right, say what they are: {setting('unlabelled', 'CLASS')}"
        )
    if not keys:
        raise PlanError(
            f"{export.origin}: nobody has labelled anything in it yet; label and submit images, and export them again"
        )
    names = list(images)
    found = dict(zip(names, keys, strict=True)) if single and len(keys) == 1 else _match(export, keys, names, listed)
    if left := len(names) - len(found):
        tell(f"left out: {left} of {count_of(len(names), 'image')}, of which {export.origin} has no labels")
    ordered = {key: image for image, key in found.items()}
    absent = [key for key in keys if key not in ordered]
    if without := [key for key in absent if key in export.blank]:
        tell(
            f"{export.origin}: left out: {count_of(len(without), 'image')} that it lists without a mask, and not "
            f"among those that were named, such as {without[0]}"
        )
    if others := [key for key in absent if key not in export.blank]:
        are = "is" if len(others) == 1 else "are"
        tell(f"{export.origin}: left out: {count_of(len(others), 'image')} that {are} not listed, such as {others[0]}")
    return {ordered[key]: AnnotatedMask.of(export, key, picture=images[ordered[key]]) for key in keys if key in ordered}


def _match(export: Export, keys: Sequence[str], images: Sequence[str], listed: bool) -> dict[str, str]:
    """The key in the export of each image that it has, as the export spells it; see masks_of."""
    meant = _Meant(images, (*export.keys, *export.empty, *export.blank))
    found: dict[str, str] = {}
    lonely, doubtful = [], []
    for key in keys:
        likely = meant.by(key)
        if not likely and key in export.blank:
            continue
        if not likely:
            lonely.append(key)
        elif len(likely) > 1 or likely[0] in found:
            doubtful.append(f"{key} ({first_of(likely, 2)})")
        else:
            found[likely[0]] = key
    if doubtful:
        raise PlanError(
            f"{export.origin}: several images may be meant by {first_of(doubtful, _SHOWN)}; give the tool the images "
            "with their folders, give them names of their own, or leave out those that the tool was not given"
        )
    if lonely and not (listed and found):
        raise PlanError(
            f"{len(lonely)} of {len(keys)} images in {export.origin} are not among the images that were named: "
            f"{first_of(lonely, _SHOWN)}; there are such as {first_of(images, 2)}; name the folder that they lie in, "
            "or bring back those that have moved or were renamed"
        )
    return found


class _Meant:
    """Which images the keys of an export may mean: those whose paths end as theirs do."""

    def __init__(self, images: Sequence[str], keys: Sequence[str]) -> None:
        """`keys` are all that the export has, those without a mask too."""
        self._images = {composed(image): image for image in images}  # a Mac decomposes accents
        self._of_name = _by_name(self._images)
        self._keys_of_name = _by_name(dict.fromkeys(map(composed, keys)))

    def by(self, key: str) -> list[str]:
        """The image that a key means; several where that is doubtful, and none where there is none.

        A tool may be given images without some of their folders, or with more of them. So of images whose paths are
        ends of the key, the longest is meant; and an image of just that name is not the one meant for sure where there
        are others that the key is the end of, unless another key of the export agrees with these for longer.
        """
        name = composed(key)
        alike = [image for image in self._of_name.get(_last(name), []) if _shared(image, name)]
        length = name.count("/") + 1
        longer = [image for image in alike if image.count("/") >= length]
        if name in self._images and all(self._is_named(image, length) for image in longer):
            longer = []
        rest = [image for image in alike if image.count("/") < length]
        return [self._images[image] for image in (*sorted(rest, key=len)[-1:], *longer)]

    def _is_named(self, image: str, length: int) -> bool:
        """Whether a key of the export agrees with an image in more than so many parts of their paths."""
        return any(_shared(key, image) > length for key in self._keys_of_name.get(_last(image), []))


def _by_name(paths: Iterable[str]) -> dict[str, list[str]]:
    found = defaultdict[str, list[str]](list)
    for path in paths:
        found[_last(path)].append(path)
    return found


def _last(path: str) -> str:
    return path.rpartition("/")[2]


def _shared(one: str, other: str) -> int:
    """How many parts two paths have of which one is the end of the other; 0 where neither is."""
    short, long = sorted((one.split("/"), other.split("/")), key=len)
    return len(short) if long[-len(short) :] == short else 0


def keep(files: Mapping[str, Path], masks: Mapping[str, Path]) -> dict[str, Path]:
    """Those of files, by key, that have masks."""
    return {key: path for key, path in files.items() if key in masks}
