"""What predictions say is wrong with the masks, where nothing else can tell."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypsegcli.truth.masks import NAMED, IdMap
from hypsegcli.truth.mirrored import mirror_mistake
from hypsegcli.truth.shift import find_shift, shift_mistake
from hypsegcli.truth.turned import Turns


def contradictions(
    confusion: NDArray[np.integer[Any]], turns: Turns, id_map: IdMap | None, *, stored: bool = False
) -> list[str]:
    """A sentence for each likely mistake, of ids first; none where predictions agree with the masks, or with nothing.

    `confusion` is (K, K) or (K, K + 1) pixels, truth by prediction, all in all, `turns` of the same images, `id_map`
    what their masks were read by; `stored` says that label maps are scored.
    """
    said = []
    if id_map != NAMED and (shift := find_shift(confusion)) is not None:  # names leave nothing to be shifted
        decides = None if id_map is None else "mask_colors" if id_map.colors else "map"
        said.append(shift_mistake(shift, classes=len(confusion), decides=decides, stored=stored))
    if id_map and id_map.colors and (mistake := mirror_mistake(confusion, id_map.colors)):
        said.append(mistake)
    if (mistake := turns.mistake()) is not None:
        said.append(mistake)
    return said
