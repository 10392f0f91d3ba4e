"""What is written into pictures."""

from __future__ import annotations

from typing import Any

import pytest
from PIL import ImageDraw


@pytest.fixture
def texts(monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, float, str]]:
    """Position and content of everything that is written."""
    written: list[tuple[float, float, str]] = []
    original = ImageDraw.ImageDraw.text

    def spy(self: ImageDraw.ImageDraw, xy: tuple[float, float], text: str, *args: Any, **kwargs: Any) -> None:
        written.append((*xy, text))
        left, top, right, bottom = self.textbbox(xy, text, font=kwargs["font"], anchor=kwargs.get("anchor"))
        assert left >= 0
        assert top >= 0
        assert right <= self.im.size[0]
        assert bottom <= self.im.size[1]
        original(self, xy, text, *args, **kwargs)

    monkeypatch.setattr(ImageDraw.ImageDraw, "text", spy)
    return written
