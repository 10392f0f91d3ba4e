"""Names that are drawn have no letters that come out as boxes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont

from hypsegcli.pictures.letters import legible


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("road", "road"),
        ("what?", "what?"),
        ("Straße", "Strasse"),
        ("Bäume", "Baume"),
        ("Ba\u0308ume", "Baume"),
        ("ciel étoilé", "ciel etoile"),
        ("建筑", "class 3"),
        ("небо", "class 3"),
        ("δένδρο", "class 3"),
        ("建筑 A", "3: ?? A"),
        ("łan?", "3: ?an?"),
        ("", ""),
    ],
)
def test_a_name_is_shown_in_letters_that_there_are(name: str, shown: str) -> None:
    assert legible(name, 3) == shown


def drawn(text: str) -> bytes:
    canvas = Image.new("L", (60, 40), 255)
    ImageDraw.Draw(canvas).text((4, 4), text, fill=0, font=ImageFont.load_default(20))
    return np.asarray(canvas).tobytes()


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=5))
def test_no_letter_is_a_box(name: str) -> None:
    box = drawn("\uffff")
    assert all(drawn(letter) != box for letter in legible(name, 7))
