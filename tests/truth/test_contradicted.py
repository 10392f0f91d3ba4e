"""What predictions say of masks, all of it, with the setting that decides their ids."""

from __future__ import annotations

import numpy as np

from hypsegcli.errors import setting
from hypsegcli.metrics.classes import confusion_matrix
from hypsegcli.truth.contradicted import Witness, contradictions, oddities
from hypsegcli.truth.mask_colors import MaskColors
from hypsegcli.truth.masks import NAMED, IdMap

K = 4
TRUTH = np.kron(np.random.default_rng(0).integers(0, K, (8, 9)), np.ones((6, 6))).astype(np.uint8)
SWAPPED = MaskColors("c.txt", (0x0000FF, 0x00FF00, 0x808080, 0xFF0000), (0, 1, 2, 3), ())


def test_nothing_is_said_where_they_agree() -> None:
    witness = Witness(K)
    witness.add(3, TRUTH, TRUTH)
    for id_map in (None, IdMap(((0, 0),)), IdMap((), SWAPPED)):
        assert contradictions(confusion_matrix(TRUTH, TRUTH, K), witness, id_map) == []


def test_ids_off_by_one_by_what_decides_them() -> None:
    confusion = confusion_matrix(TRUTH + 1, TRUTH, K)
    for id_map, cure in (
        (None, f"a file for {setting('map')} that holds the lines"),
        (IdMap(((0, 0),)), f"change the lines of {setting('map')}"),
        (IdMap((), SWAPPED), f"change the lines of {setting('mask_colors')}"),
    ):
        (said,) = contradictions(confusion, Witness(K), id_map)
        assert cure in said


def test_exchanged_colours_and_turned_masks() -> None:
    exchanged = np.array([3, 1, 2, 0], np.uint8)[TRUTH]
    (said,) = contradictions(confusion_matrix(exchanged, TRUTH, K), Witness(K), IdMap((), SWAPPED))
    assert "blue, green, red" in said
    assert contradictions(confusion_matrix(exchanged, TRUTH, K), Witness(K), None) == []
    witness, stored = Witness(K), np.rot90(TRUTH, 2)
    witness.add(3, stored, TRUTH)
    (said,) = contradictions(confusion_matrix(stored, TRUTH, K), witness, None)
    assert "EXIF" in said


def test_what_is_said_of_masks_that_predictions_contradict_everywhere() -> None:
    """Of ids, once; then of how masks lie; where nothing explains it, that they agree no more than by chance."""
    rolled = np.array([2, 3, 0, 1], np.uint8)[TRUTH]
    (said,) = contradictions(confusion_matrix(rolled, TRUTH, K), Witness(K), None)
    assert "numbered by another list of classes" in said
    assert contradictions(confusion_matrix(rolled, TRUTH, K), Witness(K), NAMED) == []
    assert contradictions(confusion_matrix(rolled, TRUTH, K), Witness(K), None, learned=False) == []
    witness, upside_down = Witness(K), np.flipud(TRUTH)
    witness.add(1, upside_down, TRUTH)
    (said,) = contradictions(confusion_matrix(upside_down, TRUTH, K), witness, None)
    assert "would if the masks were turned upside down" in said
    half, moved = Witness(K), np.where(TRUTH < K - 1, TRUTH + 1, K).astype(np.uint8)
    for truth in (moved, TRUTH, moved, TRUTH):
        half.add(1, truth, TRUTH)
    both = confusion_matrix(moved, TRUTH, K) + confusion_matrix(TRUTH, TRUTH, K)
    (said,) = contradictions(both, half, None)
    assert said.startswith("2 of 4 masks would agree")
    unrelated = np.random.default_rng(1).integers(0, K, TRUTH.shape).astype(np.uint8)
    other = Witness(K)
    other.add(None, unrelated, TRUTH)
    for images in range(1, 6):
        other.add(1, unrelated, TRUTH)
        found = oddities(confusion_matrix(unrelated, TRUTH, K), other)
        assert len(found) == (images >= 5)  # a few images may all be odd
    assert contradictions(confusion_matrix(unrelated, TRUTH, K), other, None) == []
    assert "hardly more than by chance" in found[0]
