"""Masks whose red and blue were exchanged: unknown colours say so, and where there are none, predictions do."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from hypsegcli.errors import ColorError
from hypsegcli.metrics.classes import confusion_matrix
from hypsegcli.truth.mask_colors import MaskColors, decode_by_color, read_mask_colors
from hypsegcli.truth.mirrored import mirror_mistake

NAMES = ("void", "road", "sky", "car", "sign", "tree")
SYMMETRIC = np.array([(0, 0, 0), (128, 64, 128), (0, 0, 128), (128, 0, 0), (255, 9, 0), (0, 9, 255)], np.uint8)
K = len(NAMES)


def put(path: Path, table: np.ndarray) -> MaskColors:
    lines = (f"{name}:{' '.join(map(str, color))}\n" for name, color in zip(NAMES, table.tolist(), strict=True))
    path.write_text("".join(lines))
    return read_mask_colors(path, NAMES)


def ids(seed: int = 0) -> np.ndarray:
    return np.kron(np.random.default_rng(seed).integers(0, K, (8, 9)), np.ones((6, 6), int))


@pytest.mark.parametrize("right", [0.5, 1.0])
def test_predictions_tell_it_where_every_colour_is_known(tmp_path: Path, right: float) -> None:
    colors, truth = put(tmp_path / "c.txt", SYMMETRIC), ids()
    rng = np.random.default_rng(1)
    answers = np.where(rng.random(truth.shape) < right, truth, rng.integers(0, K, truth.shape))
    cv2.imwrite(str(tmp_path / "bgr.png"), SYMMETRIC[truth])
    Image.fromarray(SYMMETRIC[truth]).save(tmp_path / "rgb.png")
    exchanged, well = (decode_by_color(tmp_path / f"{name}.png", colors)[0] for name in ("bgr", "rgb"))
    said = mirror_mistake(confusion_matrix(exchanged, answers, K), colors)
    assert said is not None
    assert "order blue, green, red" in said
    assert mirror_mistake(confusion_matrix(well, answers, K), colors) is None
    for answer in range(K):
        assert mirror_mistake(confusion_matrix(exchanged, np.full_like(truth, answer), K), colors) is None


def test_classes_that_stay_themselves_say_nothing(tmp_path: Path) -> None:
    grey = np.array([(value, 7, value) for value in range(K)], np.uint8)
    colors, truth = put(tmp_path / "c.txt", grey), ids()
    assert mirror_mistake(confusion_matrix(truth, np.roll(truth, 6), K), colors) is None


def test_predictions_that_cannot_decide_say_nothing(tmp_path: Path) -> None:
    """Of sky and car most pixels are taken for the other one, and nearly as many for what they are."""
    confusion = np.zeros((K, K), np.int64)
    confusion[[2, 3], [3, 2]], confusion[[2, 3], [2, 3]] = 50, 40
    assert mirror_mistake(confusion, put(tmp_path / "c.txt", SYMMETRIC)) is None
    confusion[[2, 3], [2, 3]] = 20
    assert mirror_mistake(confusion, put(tmp_path / "c.txt", SYMMETRIC)) is not None


def test_unknown_colours_that_are_known_when_exchanged(tmp_path: Path) -> None:
    table = np.array([(0, 0, 0), (128, 64, 128), (1, 2, 3), (70, 130, 180), (250, 170, 30), (9, 8, 7)], np.uint8)
    colors = put(tmp_path / "c.txt", table)
    cv2.imwrite(str(tmp_path / "bgr.png"), table[ids()])
    with pytest.raises(ColorError, match="it has them all with red and blue exchanged"):
        decode_by_color(tmp_path / "bgr.png", colors)
    table[5] = (90, 91, 92)
    Image.fromarray(table[ids()]).save(tmp_path / "odd.png")
    with pytest.raises(ColorError, match="add them"):
        decode_by_color(tmp_path / "odd.png", colors)
