"""Masks with a palette of nothing but greys, in which ids may be the indices or the greys.

Optimisers of PNG, and GIF, store a grey picture of few values as indices into a palette of these greys: ids are the
greys then, as every viewer shows them. Other tools write ids as indices and greys that are spread to be seen.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hypsegcli.errors import setting
from hypsegcli.truth.diagnose import Wording, diagnose, lonely_class, unknown_ids
from hypsegcli.truth.masks import IdMap, count_ids


class ByGrey(NamedTuple):
    """What a mask holds if a palette of greys is read by these, and as it is if it has none."""

    counts: Counter[int]  # the pixels of each id
    other: tuple[int, int] | None  # an index and its grey which are not the same number
    colored: bool  # it has a palette whose greys are no ids: not all are greys, or two that are used are the same


def read_by_grey(
    palette: NDArray[np.uint8] | None, values: NDArray[Any], counts: Counter[int], id_map: IdMap | None, void: int
) -> ByGrey:
    """A mask by its greys: `palette` (N, 3) RGB, None for no palette, indices `values` (H, W), of ids `counts`.

    Ids go through `id_map`, by whichever number they are read.
    """
    if palette is None:
        return ByGrey(counts, None, colored=False)
    used = np.unique(values)
    if (palette != palette[:, :1]).any() or used[-1] >= len(palette):
        return ByGrey(counts, None, colored=True)
    greys = palette[used, 0]
    if len(np.unique(greys)) < len(used):
        return ByGrey(counts, None, colored=True)
    others = [(int(index), int(grey)) for index, grey in zip(used, greys, strict=True) if index != grey]
    if not others:
        return ByGrey(counts, None, colored=False)
    return ByGrey(count_ids(palette[values, 0], id_map, void), others[0], colored=False)


class GreyPalettes:
    """What all masks hold, file after file, if palettes of greys are read by their greys."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()
        self._open: list[tuple[Path, int, int]] = []  # files of two readings, and an index that is another grey
        self._colored = False

    def add(self, path: Path, found: ByGrey) -> None:
        """One more mask."""
        self._counts += found.counts
        self._colored |= found.colored
        if found.other is not None:
            self._open.append((path, *found.other))

    def trouble(
        self,
        by_index: Counter[int],
        *,
        masks: int,
        classes: int,
        ignore_index: int,
        mapped: bool,
        wording: Wording,
    ) -> str | None:
        """Why ids cannot be told from greys, in a sentence; None where they can, since only the indices are ids.

        `by_index` are the pixels of each id of all `masks` as they are read; the rest as for `diagnose`.
        """
        if not self._open or self._colored or unknown_ids(self._counts, classes, ignore_index):
            return None
        if diagnose(self._counts, classes=classes, ignore_index=ignore_index, mapped=mapped, wording=wording):
            return None  # such as black and white, where white would be void
        alone, alone_by_index = (
            lonely_class(counts, classes=classes, ignore_index=ignore_index, mapped=mapped, wording=wording)
            for counts in (self._counts, by_index)
        )
        if alone and not alone_by_index:
            return None
        path, index, grey = self._open[0]
        colors = ""
        if wording.colors is not None:
            colors = f"; or name the greys in a file for {setting(wording.colors)}, one line each, such as road:#020202"
        return (
            f"{len(self._open)} of {masks} {wording.files} have a palette of greys, the first is {path}, in which the "
            f"index {index} is the grey {grey}: the ids may be the greys, as where a tool made grey files smaller, or "
            "the indices, and both would be classes or void; save them as 8-bit grey without a palette, which Pillow "
            f"does of greys by image.convert('L') and of indices by Image.fromarray(numpy.array(image)){colors}"
        )
