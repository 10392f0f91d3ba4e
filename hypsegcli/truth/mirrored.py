"""Masks in colour whose red and blue were exchanged, as OpenCV leaves them: told by what would agree if they were not.

Where every exchanged colour is another class's, no colour is unknown, and nothing but predictions can tell.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypsegcli.errors import setting
from hypsegcli.truth.mask_colors import VOID, MaskColors, exchanged

_RARE = 0.005  # share of the pixels from which a class has a say
_ALONE = 0.9  # of the pixels, where a single class says so


def mirror_mistake(confusion: NDArray[np.integer[Any]], colors: MaskColors) -> str | None:
    """What to say where predictions agree with masks read in the order blue, green, red, and not as they are.

    `confusion` is (K, K) or (K, K + 1) pixels, truth by prediction. Only classes count whose exchanged colours are
    another one's.
    """
    classes = len(confusion)
    partners = {k: partner for k, partner in _partners(colors).items() if k < classes}
    rows = np.array(sorted(partners), np.int64)
    total = float(confusion[rows].sum()) if len(rows) else 0.0
    if not total:
        return None
    columns = np.array([partners[k] for k in rows])
    counts = confusion[:, :classes]
    agree, would = float(counts[rows, rows].sum()) / total, float(counts[rows, columns].sum()) / total
    share = confusion[rows].sum(axis=1) / total
    voices = (share >= _RARE) & (counts[rows].argmax(axis=1) == columns)
    if share[voices].sum() <= 0.5 or would <= 2 * agree or (voices.sum() < 2 and would < _ALONE):
        return None
    return (
        f"of the pixels whose colour is another class's with red and blue exchanged, {100 * agree:.1f} % agree with "
        f"the predictions, and {100 * would:.1f} % would if the two were exchanged: the masks look written in the "
        f"order blue, green, red, as OpenCV has it; exchange red and blue in the lines of {setting('mask_colors')}"
    )


def _partners(colors: MaskColors) -> dict[int, int]:
    """Of each class the other one that all its colours are with red and blue exchanged; of others none."""
    ids = dict(zip(colors.colors, colors.ids, strict=True))
    found: dict[int, set[int]] = {}
    for color, index in ids.items():
        found.setdefault(index, set()).add(ids.get(exchanged(color), VOID))
    return {k: min(others) for k, others in found.items() if k != VOID and len(others) == 1 and not others & {k, VOID}}
