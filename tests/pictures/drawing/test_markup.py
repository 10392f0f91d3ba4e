"""Elements of SVG as text."""

from __future__ import annotations

from hypsegcli.pictures.drawing.markup import element


def test_elements_escape_everything_but_elements() -> None:
    made = element("g", "<b>", element("title", "&"), class_="a", stroke_width=1.23456, id='"')
    assert str(made) == '<g class="a" stroke-width="1.23" id="&#34;">&lt;b&gt;<title>&amp;</title></g>'
