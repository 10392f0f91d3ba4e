"""The labels doctor: a look at every mask before the first is scored, so that no wrong number is ever made."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hypsegcli.budget import MAX_PIXELS
from hypsegcli.errors import ColorError, DataError, setting
from hypsegcli.files.threads import ahead
from hypsegcli.files.words import first_of
from hypsegcli.images.color_mask import read_palette
from hypsegcli.images.decode import DecodedImage, decode_image
from hypsegcli.truth.diagnose import (
    MASKS,
    SHOWN,
    Wording,
    classes_without_data,
    diagnose,
    id_ranges,
    lonely_class,
    size_mistake,
    unknown_ids,
)
from hypsegcli.truth.grey_palettes import ByGrey, GreyPalettes, read_by_grey
from hypsegcli.truth.interpolated import Interpolated, is_interpolated
from hypsegcli.truth.masks import IdMap, count_ids, decode_labelled
from hypsegcli.truth.matlab import SUFFIX as MATLAB
from hypsegcli.truth.own_answers import is_answer
from hypsegcli.truth.pairs import Pair
from hypsegcli.truth.palettes import Color, Palettes, colors_of, is_light_first
from hypsegcli.truth.unlisted import ids_before, unlisted_ids
from hypsegcli.truth.whites import WHITE, Whites

_RARE = 5e-5  # shares below would be shown as 0.00 %


class MaskSurvey(NamedTuple):
    """What a look at every mask counted."""

    sizes: tuple[tuple[int, ...], ...]  # (H, W) of each
    pixels: Mapping[int, int]  # of each id, over all masks
    void: tuple[Path, ...]  # masks without a labelled pixel
    doubts: tuple[str, ...]  # sentences on what is odd about them, and no reason to refuse them
    unlisted: str | None  # that of them which is about the map of ids
    interpolated: str | None  # that which is about few masks that look so
    unlike: tuple[str, ...]  # those on ids that may mean other classes from file to file


def examine_masks(
    paths: Sequence[Path],
    *,
    classes: int,
    ignore_index: int,
    id_map: IdMap | None,
    names: Sequence[str] = (),
    wording: Wording = MASKS,
    workers: int = 0,
    by_data: bool = False,
) -> MaskSurvey:
    """Look at every mask once and raise DataError, with the likely mistake, where their ids cannot be right.

    They cannot with an id that is neither a class nor void, with no labelled pixel in any mask, with ids that were
    interpolated, or with white saved for class 1 (see `diagnose`), nor where indices of palettes and their greys may
    both be meant (see `GreyPalettes`), or two of them be exchanged (see `Palettes`). `names` are the classes' names,
    `wording` is of messages; `workers` threads decode. A file that holds no ids raises ImageError, see decode_ids.
    `by_data`: what a file says that it has no data of is void, whatever id it has.
    """
    kind = wording.files
    histogram: Counter[int] = Counter()
    alone: Counter[int] = Counter()
    refused, void, interpolated = list[Path](), list[Path](), Interpolated()
    sizes: list[tuple[int, ...]] = []
    palettes, greys, whites, held = Palettes(), GreyPalettes(), Whites(), set[int]()
    hidden: Counter[int] = Counter()
    look = partial(
        _look_at, classes=classes, ignore_index=ignore_index, id_map=id_map, wording=wording, by_data=by_data
    )
    looks = ahead(look, paths, workers=workers, pixels=lambda found: math.prod(found.shape))
    for path, (shape, ids, counts, single, between, colors, light_first, by_grey, without) in zip(
        paths, looks, strict=True
    ):
        hidden += without
        palettes.add(path, colors, light_first=light_first)
        greys.add(path, by_grey)
        whites.add(path, counts)
        held.update(ids)
        histogram += counts
        sizes.append(shape)
        if counts.keys() == {ignore_index}:
            void.append(path)
        if single is not None:
            refused.append(path)
            alone += single
        interpolated.add(path, between)
    trouble = palettes.trouble(
        histogram, names, masks=len(paths), ignore_index=ignore_index, id_map=id_map, wording=wording
    ) or greys.trouble(
        histogram,
        masks=len(paths),
        classes=classes,
        ignore_index=ignore_index,
        mapped=id_map is not None,
        wording=wording,
    )
    if trouble:
        raise DataError(trouble)
    scattered = {value for value in alone if 2 * alone[value] > histogram[value]}
    mistake = diagnose(
        histogram,
        classes=classes,
        ignore_index=ignore_index,
        scattered=scattered,
        interpolated=interpolated.is_mistake(refused),
        mapped=id_map is not None,
        wording=wording,
    )
    if not refused and mistake is None:
        few = interpolated.doubt(kind)
        unlike = (
            palettes.doubt(kind, colors=wording.colors),
            whites.doubt(kind) if ignore_index == WHITE and id_map is None else None,
        )
        unlisted = unlisted_ids(held, id_map, names, classes=classes, ignore_index=ignore_index, wording=wording)
        doubts = (
            unlisted,
            *unlike,
            lonely_class(
                histogram, names, classes=classes, ignore_index=ignore_index, mapped=id_map is not None, wording=wording
            ),
            classes_without_data(hidden, names, classes=classes, ignore_index=ignore_index),
            few,
        )
        of_all, of_some = tuple(filter(None, doubts)), tuple(filter(None, unlike))
        return MaskSurvey(tuple(sizes), histogram, tuple(void), of_all, unlisted, few, of_some)
    if refused:
        unknown = unknown_ids(histogram, classes, ignore_index)
        problem = (
            f"{len(refused)} of {len(paths)} {kind} hold ids that are no class, the first is {refused[0]}: "
            f"{_shares(histogram, unknown)}; the ids in all {kind} are {id_ranges(histogram)}"
        )
    elif interpolated.is_mistake(refused):
        some = interpolated.paths
        problem = f"{len(some)} of {len(paths)} {kind} look interpolated, the first is {some[0]}"
    else:
        problem = f"the {len(paths)} {kind}, such as {paths[0]}, hold {_shares(histogram, histogram)}"
    called = f" ({names[0]} to {names[-1]})" if names else ""
    advice = mistake or wording.translate("34:void")
    raise DataError(f"{problem}; allowed are 0 to {classes - 1}{called} and {ignore_index} for void; {advice}")


class _Look(NamedTuple):
    """At one mask."""

    shape: tuple[int, ...]
    ids: frozenset[int]  # before a map of ids, where there is one
    counts: Counter[int]
    single: Counter[int] | None  # the ids of pixels that stand alone, where some ids are unknown
    interpolated: bool | None  # None: hardly an edge could tell
    colors: Mapping[Color, int]
    light_first: bool
    by_grey: ByGrey
    without: Counter[int]  # the ids of pixels without data


def _look_at(
    path: Path, *, classes: int, ignore_index: int, id_map: IdMap | None, wording: Wording, by_data: bool
) -> _Look:
    try:
        values, valid = decode_labelled(path, id_map.colors if id_map else None)
    except ColorError as error:
        raise _with_advice(error, wording if id_map is None or id_map.colors is None else None) from error
    valid = np.ones(values.shape, np.bool_) if valid is None or not by_data else valid
    without = Counter[int]()
    measured = values
    if not valid.all():
        without, measured = count_ids(values[~valid], id_map, ignore_index), values[valid]
    counts = count_ids(measured, id_map, ignore_index)
    counts += Counter({ignore_index: without.total()})
    unknown = unknown_ids(counts, classes, ignore_index)
    single = count_ids(values[_stands_alone(values) & valid], id_map, ignore_index) if unknown else None
    by_id = values.dtype == np.uint8 and not (id_map and id_map.colors) and path.suffix.lower() != MATLAB
    palette = read_palette(path) if by_id and measured.size else None
    by_grey = read_by_grey(palette, measured, counts, id_map, ignore_index)
    interpolated, colors = is_interpolated(values), colors_of(palette, measured)
    light_first = is_light_first(colors)
    is_own = (interpolated or light_first) and is_answer(path)
    return _Look(
        values.shape,
        ids_before(measured, id_map),
        counts,
        single,
        None if is_own else interpolated,
        colors,
        light_first and not is_own,
        by_grey,
        without,
    )


def read_image(pair: Pair, mask_shape: tuple[int, ...], *, max_pixels: int = MAX_PIXELS) -> DecodedImage:
    """Decode the image of a pair, whose mask is `mask_shape`, (H, W).

    Raises DataError, with the likely mistake, where the sizes disagree; ImageError as decode_image does; ValueError for
    a pair without an image.
    """
    if pair.image is None:
        raise ValueError(f"{pair.key} has no image")
    image = decode_image(pair.image, max_pixels=max_pixels)
    if image.pixels.shape[:2] != mask_shape:
        raise DataError(f"{pair.image} and {pair.mask}: {size_mistake(image.pixels.shape, mask_shape)}")
    return image


def _with_advice(error: ColorError, wording: Wording | None) -> ColorError:
    """A mask in colour, and how colours are read; None where it was read by them."""
    if wording is None or wording.colors is None:
        return error
    lines = f"in a file for {setting(wording.colors)}, one line for each, such as road:#804080"
    return ColorError(f"{error.message}; or say which colour is which class {lines}", error.code)


def _stands_alone(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Where a pixel differs from both neighbours in its row, or from both in its column."""
    alone = np.zeros(values.shape, dtype=bool)
    down, across = values[1:] != values[:-1], values[:, 1:] != values[:, :-1]
    alone[1:-1] |= down[1:] & down[:-1]
    alone[:, 1:-1] |= across[:, 1:] & across[:, :-1]
    return alone


def _shares(histogram: Mapping[int, int], ids: Collection[int]) -> str:
    """`11 (2.34 %), 12 (0.10 %) and 3 more`: share of all pixels, the most frequent first."""
    total = sum(histogram.values())
    ordered = sorted(ids, key=lambda value: (-histogram[value], value))
    shares = [
        f"{value} ({'under 0.01' if histogram[value] < _RARE * total else f'{100 * histogram[value] / total:.2f}'} %)"
        for value in ordered
    ]
    return first_of(shares, SHOWN)
