"""The description that both pictures are drawn from: labels, the room of letters, colours."""

from __future__ import annotations

import numpy as np
import pytest
from support.figures import BLACK, parsed, pixels

from hypsegcli.files.words import as_label
from hypsegcli.pictures.drawing.figure import (
    Text,
    as_color,
    text_width,
)


@pytest.mark.parametrize("name", ["sky", "two\n words", "a\ud800\x00b", "x" * 99])
def test_labels_can_be_drawn(name: str) -> None:
    words = as_label(name, 12)
    parsed(Text(1, 2, words, 12, BLACK))
    pixels(Text(1, 2, words, 12, BLACK))


def test_letters_have_room() -> None:
    assert text_width("", 20) == 0
    assert text_width("sky", 20) == pytest.approx(2 * text_width("sky", 10))
    dark = pixels(Text(2, 20, "sky", 16, BLACK))
    assert (
        np.nonzero(dark.sum(0) > 0.3)[0].max()
        < 2 + text_width("sky", 16)
        < 2 + 1.5 * np.ptp(np.nonzero(dark.sum(0))[0])
    )


def test_a_palettes_row_is_a_colour() -> None:
    color = as_color(np.array([1, 2, 255], np.uint8))
    assert color == (1, 2, 255)
    assert {type(channel) for channel in color} == {int}
