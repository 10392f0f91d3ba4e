"""What predictions say of masks, all of it, with the setting that decides their ids."""

from __future__ import annotations

import numpy as np

from hypsegcli.errors import setting
from hypsegcli.metrics.classes import confusion_matrix
from hypsegcli.truth.contradicted import contradictions
from hypsegcli.truth.mask_colors import MaskColors
from hypsegcli.truth.masks import IdMap
from hypsegcli.truth.turned import Turns

K = 4
TRUTH = np.kron(np.random.default_rng(0).integers(0, K, (8, 9)), np.ones((6, 6))).astype(np.uint8)
SWAPPED = MaskColors("c.txt", (0x0000FF, 0x00FF00, 0x808080, 0xFF0000), (0, 1, 2, 3), ())


def test_nothing_is_said_where_they_agree() -> None:
    turns = Turns(K)
    turns.add(3, TRUTH, TRUTH)
    for id_map in (None, IdMap(((0, 0),)), IdMap((), SWAPPED)):
        assert contradictions(confusion_matrix(TRUTH, TRUTH, K), turns, id_map) == []


def test_ids_off_by_one_by_what_decides_them() -> None:
    confusion = confusion_matrix(TRUTH + 1, TRUTH, K)
    for id_map, cure in (
        (None, f"a file for {setting('map')} that holds the lines"),
        (IdMap(((0, 0),)), f"change the lines of {setting('map')}"),
        (IdMap((), SWAPPED), f"change the lines of {setting('mask_colors')}"),
    ):
        (said,) = contradictions(confusion, Turns(K), id_map)
        assert cure in said


def test_exchanged_colours_and_turned_masks() -> None:
    exchanged = np.array([3, 1, 2, 0], np.uint8)[TRUTH]
    (said,) = contradictions(confusion_matrix(exchanged, TRUTH, K), Turns(K), IdMap((), SWAPPED))
    assert "blue, green, red" in said
    assert contradictions(confusion_matrix(exchanged, TRUTH, K), Turns(K), None) == []
    turns, stored = Turns(K), np.rot90(TRUTH, 2)
    turns.add(3, stored, TRUTH)
    (said,) = contradictions(confusion_matrix(stored, TRUTH, K), turns, None)
    assert "EXIF" in said
