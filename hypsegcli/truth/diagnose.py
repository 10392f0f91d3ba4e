"""The likely mistake behind ids or sizes that do not fit: pure functions from counts and sizes to a sentence.

Masks that can be scored are not refused, with one exception: two classes, and nothing but the ids 0 and 255 in
all masks, where 255 would be void. That is nearly always a foreground that was saved as white.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from hypsegcli.errors import setting
from hypsegcli.files.words import first_of

SHOWN = 8  # ids, of a longer list
_BEYOND_CHANCE = 500  # to one
_SPELT_OUT = 3  # lines of a translation, and the last

# labelIds of the 19 classes that Cityscapes scores, in the order of their trainIds (cityscapesscripts.helpers.labels).
CITYSCAPES = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)


class Wording(NamedTuple):
    """What sentences call the files, and the way to other ids."""

    files: str = "masks"
    translation: str | None = "map"  # the setting whose file translates ids; None: nothing but changing the files does
    colors: str | None = "mask_colors"  # the setting whose file says what colours mean; None: there is none

    def translate(self, lines: str, *, before: str = ", one line for each, such as ") -> str:
        """What to do, up to lines such as `0:void, 1:0`."""
        if self.translation is None:
            return f"give the {self.files} other ids, old:new, such as {lines}"
        return f"translate ids with a file for {setting(self.translation)}{before}{lines}"


MASKS = Wording()
LABEL_MAPS = Wording("label maps", "prediction_map", "prediction_colors")


def diagnose(
    histogram: Mapping[int, int],
    *,
    classes: int,
    ignore_index: int,
    scattered: Collection[int] = (),
    interpolated: bool = False,
    mapped: bool = False,
    wording: Wording = MASKS,
) -> str | None:
    """Name the likely mistake behind the ids of all masks; None if they can be scored, or for no known mistake.

    `histogram` holds the pixels of each id, `scattered` the ids most of whose pixels lie in no area of their own
    (such as on a ramp between two areas). `interpolated` says that some masks look so (see `is_interpolated`), `mapped`
    that ids have been translated, so that their meaning is known.
    """
    ids = {value for value, pixels in histogram.items() if pixels}
    labelled = ids - {ignore_index}
    unknown = unknown_ids(ids, classes, ignore_index)
    if not labelled:
        return (
            f"no pixel is labelled: all have the void id {ignore_index}; check that these are {wording.files} with "
            f"labels (those of a benchmark's test set are often empty), and {setting('ignore_index')}"
        )
    if interpolated or (len(unknown) >= 3 and 2 * len(unknown & set(scattered)) > len(unknown)):
        lying = "at their edges lie pixels of ids between those of their neighbours"
        return (
            f"{'most of these ids lie between areas of other ids' if unknown else lying}, as after a resize with "
            f"interpolation or a lossy format; go back to the original {wording.files}, and resize {wording.files} "
            "with nearest neighbour only"
        )
    if mapped:
        return None
    if ids == {0, 255} and (255 in unknown or classes == 2):
        void = setting("ignore_index", 255)
        if ignore_index == 255:
            void = f"another id, and {setting('ignore_index')}"
            if wording.translation is not None:
                void = f"{setting(wording.translation)} with the line 255:void"
        translation = wording.translate("255:1", before=" that holds the line ")
        return (
            f"these look like {wording.files} of one class saved as black and white; {translation}; "
            f"if 255 means void: {void}"
        )
    if not unknown:
        return None
    return _shifted_or_void(labelled, unknown, classes, ignore_index, wording) or _other_list(
        ids, unknown, classes, ignore_index, wording
    )


def lonely_class(
    histogram: Mapping[int, int],
    names: Sequence[str] = (),
    *,
    classes: int,
    ignore_index: int,
    mapped: bool = False,
    wording: Wording = MASKS,
) -> str | None:
    """What to say of masks in which a single class occurs, of which any answer scores well; None of others.

    `histogram`, `ignore_index` and `mapped` as for `diagnose`; `names` are those of the classes, where they have any.
    """
    labelled = {value for value, pixels in histogram.items() if pixels} - {ignore_index}
    if mapped or len(labelled) != 1 or classes == 1:
        return None
    (only,) = labelled
    name = f" ({names[only]})" if names else ""
    void = f" and the void id {ignore_index}" if histogram.get(ignore_index) else ""
    sentence = f"no class but {only}{name}{void} occurs in the {wording.files}, so that scores say little"
    if only == 0 and ignore_index == 255 and void:
        translation = wording.translate("255:1", before=" that holds the line ")
        return f"{sentence}; if 255 is a class saved as white, {translation}"
    return f"{sentence}; check that these are the {wording.files} that are meant"


def classes_without_data(
    pixels: Mapping[int, int], names: Sequence[str] = (), *, classes: int, ignore_index: int
) -> str | None:
    """What to say of masks in which pixels without data have ids of classes; None where they have none.

    `pixels` of each id are those that the files call without data; a tool may have copied that from the photograph.
    """
    found = sorted(value for value in pixels if value != ignore_index and 0 <= value < classes)
    if not found:
        return None
    called = first_of([f"{value} ({names[value]})" if names else str(value) for value in found], SHOWN)
    return (
        f"{sum(pixels[value] for value in found):,} pixels of the masks have the ids {called} and are void, since "
        "their files say that they have no data; if they are labelled, take the nodata value or the mask out of the "
        "files"
    )


def size_mistake(image_shape: tuple[int, ...], mask_shape: tuple[int, ...], *, kind: str = "image") -> str:
    """Say what probably happened to a mask whose size, (H, W, ...), is not that of its image or label map."""
    (height, width), (mask_height, mask_width) = image_shape[:2], mask_shape[:2]
    sizes = f"the {kind} is {width} x {height} pixels, the mask {mask_width} x {mask_height}"
    if (mask_width, mask_height) == (height, width):
        return f"{sizes}: one of them lies on its side, as when its EXIF orientation was lost; save both upright"
    nearest = "masks must have the size of their images: resize them with nearest neighbour only"
    if _same_shape(height, width, mask_height, mask_width):
        return f"{sizes}: the mask was resized to {mask_width / width:.4g} times; {nearest}"
    if _same_shape(height, width, mask_width, mask_height):
        return f"{sizes}: the mask was resized to {mask_width / height:.4g} times and lies on its side; {nearest}"
    return (
        f"{sizes}: one of them was cropped, padded or stretched, or they do not belong together; "
        "make both from the same original"
    )


def _same_shape(height: int, width: int, mask_height: int, mask_width: int) -> bool:
    """Whether one scale, far enough from 1, leads from the one size to the other, give or take a pixel."""
    low = max((mask_height - 1) / height, (mask_width - 1) / width)
    high = min((mask_height + 1) / height, (mask_width + 1) / width)
    return low < high and abs(math.log(mask_width / width)) > 0.01


def lines_one_lower(classes: int) -> str:
    """The lines of a translation of ids that run from 1 to so many classes, where 0 means void."""
    return _lines(["0:void", *(f"{value}:{value - 1}" for value in range(1, classes + 1))])


def lines_one_higher(classes: int) -> str:
    """The lines of a translation of ids whose list lacks the first of so many classes."""
    return _lines([f"{value}:{value + 1}" for value in range(classes - 1)])


def _lines(every: list[str]) -> str:
    first, last = ", ".join(every[:_SPELT_OUT]), every[-1]
    return first if len(every) <= _SPELT_OUT else f"{first} and so on to {last}"


def _shifted_or_void(
    labelled: set[int], unknown: set[int], classes: int, ignore_index: int, wording: Wording
) -> str | None:
    """Ids that start at 1, or a void id that was not named; the histogram alone may not tell which."""
    more = ", 255:void" if unknown == {classes, 255} else ""
    lines = f"{lines_one_lower(classes)}{more}"
    shifted = f"ids run from 1 and 0 means void: {wording.translate(lines, before=' that holds the lines ')}"
    if unknown == {classes}:
        void = f"{classes} means void: {setting('ignore_index', classes)}"
        if ignore_index == 0 or labelled - {255} == set(range(1, classes + 1)):
            return f"it looks as if {shifted}; or {void}"
        return f"it looks as if {void}; or {shifted}"
    if unknown == {255}:
        return f"it looks as if 255 means void: {setting('ignore_index', 255)}"
    if unknown == {classes, 255} and 0 not in labelled:
        return f"it looks as if {shifted}"
    return None


def _other_list(ids: set[int], unknown: set[int], classes: int, ignore_index: int, wording: Wording) -> str | None:
    """Ids of another list of classes: Cityscapes' labelIds, labels stretched over all greys, one more void id."""
    if classes == len(CITYSCAPES) and unknown & set(CITYSCAPES) and ids - {ignore_index} <= set(range(-1, 34)):
        pairs = ", ".join(f"{label}:{train}" for train, label in enumerate(CITYSCAPES))
        void = id_ranges(set(range(34)) - set(CITYSCAPES))
        translation = wording.translate(f"{pairs}, and N:void for the ids {void}", before=", one line for each: ")
        return f"these look like the labelIds of Cityscapes where its 19 trainIds are expected; {translation}"
    for present in (ids, ids - {ignore_index}):
        levels = _levels(present, classes)
        if levels is not None:
            lines = [f"{value}:{level}" for value, level in sorted(levels.items())]
            return (
                "these look like labels stretched over the greys so that they can be seen; "
                f"{wording.translate(', '.join(lines[:SHOWN]))}"
            )
    if len(unknown) == 1:
        value = min(unknown)
        lacking = f"if not, the {wording.files} have classes that the model lacks"
        return f"if {value} means void: {setting('ignore_index', value)}; {lacking}"
    return None


def _levels(ids: set[int], classes: int) -> dict[int, int] | None:
    """The class of each id, if the ids are multiples of a step, or shares of 255 rounded down, up or nearest."""
    many = len(ids - {0})
    step = math.gcd(*ids)
    # Few of all ids are multiples of a large step: that several are by chance is as rare as step to their number.
    if step**many >= _BEYOND_CHANCE and min(ids) >= 0 and max(ids) // step <= classes:
        return {value: value // step for value in ids}
    for parts in range(max(1, classes - 1), classes + 1):
        for rounded in (math.floor, math.ceil, round):
            table = {rounded(255 * level / parts): level for level in range(parts + 1)}
            if ids <= table.keys() and (256 / len(table)) ** many >= _BEYOND_CHANCE:
                return {value: table[value] for value in ids}
    return None


def unknown_ids(ids: Iterable[int], classes: int, ignore_index: int) -> set[int]:
    """The ids that are neither a class nor void."""
    return {value for value in ids if value != ignore_index and not 0 <= value < classes}


def id_ranges(ids: Iterable[int]) -> str:
    """`0 to 3, 7, 9 to 11`, at most a line of it."""
    runs: list[list[int]] = []
    for value in sorted(ids):
        if runs and value == runs[-1][-1] + 1:
            runs[-1][1:] = [value]
        else:
            runs.append([value])
    texts = [" to ".join(map(str, run)) for run in runs]
    return ", ".join(texts[: 2 * SHOWN]) + (" and more" if len(texts) > 2 * SHOWN else "")
