"""What predictions say of masks, all of it, with the setting that decides their ids."""

from __future__ import annotations

import numpy as np
import pytest

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


def test_a_class_that_a_shift_has_no_place_for_is_not_lost() -> None:
    """As where the background stands first in the masks and last in the list."""
    rolled = np.roll(np.arange(K), -1).astype(np.uint8)
    (said,) = contradictions(confusion_matrix(TRUTH, rolled[TRUTH], K), Witness(K), None, stored=True)
    assert "100.0 % would if ids were exchanged" in said
    assert "holds the lines 0:1, 1:2, 2:3, 3:0; or" in said
    assert "void" not in said


def test_where_a_file_tells_the_ids_of_label_maps_its_lines_are_to_be_changed() -> None:
    """For those that are told are of classes, and not of what the files hold."""
    for label_map, name in ((IdMap(((9, 0),)), "prediction_map"), (IdMap((), SWAPPED), "prediction_colors")):
        for confusion in (np.roll(np.eye(6, 7, dtype=int), 3, axis=0), np.eye(6, 7, 1, dtype=int)):
            witness = Witness(6)
            for _ in range(5):
                witness.add(1, np.arange(6)[None], np.arange(6)[None])
            (said,) = contradictions(confusion * 1000, witness, None, stored=True, label_map=label_map)
            assert "or, if it is the label maps that are" in said
            assert f"change the lines of {setting(name)}, which decide their ids now" in said


def test_one_class_alone_says_nothing_of_a_network_that_learns() -> None:
    """It may answer one class wherever it is."""
    zeros = np.zeros_like(TRUTH)
    counts = confusion_matrix(zeros, zeros + 1, K)
    assert len(contradictions(counts, Witness(K), None)) == 1
    assert contradictions(counts, Witness(K, learned=False), None) == []


def test_exchanged_colours_and_turned_masks() -> None:
    exchanged = np.array([3, 1, 2, 0], np.uint8)[TRUTH]
    (said,) = contradictions(confusion_matrix(exchanged, TRUTH, K), Witness(K), IdMap((), SWAPPED))
    assert "blue, green, red" in said
    assert contradictions(confusion_matrix(exchanged, TRUTH, K), Witness(K), None) == []
    witness, stored = Witness(K), np.rot90(TRUTH, 2)
    witness.add(3, stored, TRUTH)
    (said,) = contradictions(confusion_matrix(stored, TRUTH, K), witness, None)
    assert "EXIF" in said


def witness_of(*truths: np.ndarray, learned: bool = True, orientation: int = 1) -> Witness:
    witness = Witness(K, learned=learned)
    for truth in truths:
        witness.add(orientation, truth, TRUTH)
    return witness


def test_what_is_said_of_masks_that_predictions_contradict_everywhere() -> None:
    """Of ids, once; else of how masks lie; and of a few images nothing, which may all be odd."""
    rolled = np.array([1, 2, 0, 3], np.uint8)[TRUTH]
    confusion = confusion_matrix(rolled, TRUTH, K)
    (said,) = contradictions(confusion, witness_of(*[rolled] * 5), None)
    assert "numbered by another list of classes" in said
    assert contradictions(confusion, witness_of(*[rolled] * 4), None) == []
    assert contradictions(confusion, witness_of(*[rolled] * 5), NAMED) == []
    assert contradictions(confusion, witness_of(*[rolled] * 5, learned=False), None) == []
    assert contradictions(confusion, witness_of(*[np.full_like(TRUTH, K)] * 5), None) == []  # of void alone
    assert setting("prediction_map") in contradictions(confusion, witness_of(*[rolled] * 5), None, stored=True)[0]
    upside_down = np.flipud(TRUTH)
    (said,) = contradictions(confusion_matrix(upside_down, TRUTH, K), witness_of(*[upside_down] * 5), None)
    assert "would if the masks were turned upside down" in said


def test_what_is_odd_is_said_and_no_contradiction() -> None:
    moved = np.where(TRUTH < K - 1, TRUTH + 1, K).astype(np.uint8)
    half = witness_of(*[moved, TRUTH] * 3)
    both = confusion_matrix(moved, TRUTH, K) + confusion_matrix(TRUTH, TRUTH, K)
    assert contradictions(both, half, None) == []
    (said,) = oddities(both, half, None)
    assert said.startswith("3 of 6 masks would agree")
    assert oddities(both, half, NAMED) == []
    unrelated = np.random.default_rng(1).integers(0, K, TRUTH.shape).astype(np.uint8)
    confusion, other = confusion_matrix(unrelated, TRUTH, K), witness_of()
    other.add(None, unrelated, TRUTH)
    for images in range(1, 6):
        other.add(1, unrelated, TRUTH)
        assert len(oddities(confusion, other, None)) == (images >= 5)
    assert contradictions(confusion, other, None) == []
    assert "hardly more than by chance" in oddities(confusion, other, None)[0]


@pytest.mark.parametrize("orientation", [3, 6])
def test_photographs_that_were_turned_upright_witness_as_others_do(orientation: int) -> None:
    """Of masks that were drawn upright, and are wrong in another way."""
    rolled, mirrored = np.array([1, 2, 0, 3], np.uint8)[TRUTH], np.fliplr(TRUTH)
    unrelated = np.random.default_rng(1).integers(0, K, TRUTH.shape).astype(np.uint8)
    for truth, said in ((rolled, "another list of classes"), (mirrored, "mirrored left to right"), (TRUTH, "")):
        witness = witness_of(*[truth] * 5, orientation=orientation)
        found = contradictions(confusion_matrix(truth, TRUTH, K), witness, None)
        assert [said in each for each in found] == [True] * bool(said)
    confusion = confusion_matrix(unrelated, TRUTH, K)
    (chance,) = oddities(confusion, witness_of(*[unrelated] * 5, orientation=orientation), None)
    assert "by chance" in chance


def test_more_classes_than_are_looked_at_image_by_image() -> None:
    many = 1001
    rolled = np.array([1, 2, 0, 3], np.uint16)[TRUTH]
    witness = Witness(many)
    for _ in range(5):
        witness.add(1, rolled, TRUTH)
    (said,) = contradictions(confusion_matrix(rolled, TRUTH.astype(np.uint16), many), witness, None)
    assert "another list of classes" in said


def test_some_masks_that_are_mirrored_are_odd() -> None:
    mirrored = np.fliplr(TRUTH)
    both = confusion_matrix(mirrored, TRUTH, K) + confusion_matrix(TRUTH, TRUTH, K)
    half = witness_of(*[mirrored, TRUTH] * 3)
    assert contradictions(both, half, None) == []
    (said,) = oddities(both, half, None)
    assert said.startswith("3 of 6 masks would agree with the predictions if they were mirrored left to right (3), and")


def test_small_things_are_seen_wherever_they_lie() -> None:
    """No mask in which there is one is called empty, however coarsely others look."""
    empty = np.zeros((8, 64, 64), np.uint8)
    witness = Witness(2)
    for number, truth in enumerate(empty):
        truth[4 * number + 1 : 4 * number + 4, 9:12] = 1
        witness.add(1, truth, truth)
    assert witness.hollow.mistake() is None
    confusion = np.array([[empty.size - 72, 0], [0, 72]])
    assert oddities(confusion, witness, None) == []
    begun = empty.copy()
    begun[:4] = 0
    witness = Witness(2)
    for truth, labels in zip(begun, empty, strict=True):
        witness.add(1, truth, labels)
    assert "4 of 8 masks hold class 0 alone" in (witness.hollow.mistake() or "")
