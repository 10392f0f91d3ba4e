"""Charts read back: what stands where in an SVG, and laws that every one of them keeps."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from hypsegcli.files.words import letter_count
from hypsegcli.metrics import records as r
from support.reports import fake_report

HOSTILE_NAMES = (
    "<script>alert(1)</script>",
    'a" onload="alert(1)',
    "tom & 'jerry'",
    "bell\a and \x1b[31m",
    "]]> &lt; 道路標識",
    "x" * 300,
    "",
    " ",
)


def parse(svg: str) -> ET.Element:
    return ET.fromstring(svg)


def of_class(root: ET.Element, tag: str, class_: str) -> list[ET.Element]:
    """Elements by their tag and one of their classes, in the order of drawing."""
    return [each for each in root.iter(tag) if class_ in each.get("class", "").split()]


def at(each: ET.Element, *names: str) -> tuple[float, ...]:
    """Attributes that are numbers."""
    return tuple(float(each.get(name, "nan")) for name in names)


def words(root: ET.Element) -> list[str]:
    """All texts without their tooltips, in the order of drawing."""
    return ["".join([each.text or "", *(child.tail or "" for child in each)]) for each in root.iter("text")]


def tooltip(each: ET.Element) -> str:
    return each.findtext("title", "")


def place_of(root: ET.Element, word: str) -> tuple[float, float]:
    """Where the first text that says `word` stands."""
    x, y = next(at(each, "x", "y") for each in root.iter("text") if each.text == word)
    return x, y


def points(each: ET.Element) -> list[tuple[float, float]]:
    """The corners of a path."""
    pairs = re.findall(r"[ML]([-\d.]+),([-\d.]+)", each.get("d", ""))
    return [(float(x), float(y)) for x, y in pairs]


def measure(**changes: object) -> r.MeasureReport:
    """The distance of the made-up report, with changes."""
    return fake_report().measures[0].model_copy(update=changes)


def printable(name: str) -> str:
    """A name as a drawing shows it."""
    return "".join(c if c.isprintable() else "\ufffd" for c in name)


def check_name(svg: str, name: str) -> None:
    """Whatever a name is, its drawing is well-formed, runs nothing, and says it where it is short."""
    root = parse(svg)
    assert not list(root.iter("script"))
    assert not [key for each in root.iter() for key in each.attrib if key.startswith("on")]
    if len(printable(name)) < 12:
        assert printable(name) in " ".join(words(root))


def check_room(svg: str) -> None:
    """No text leaves the drawing, by a letter's usual width."""
    root = parse(svg)
    width, height = map(float, root.get("viewBox", "").split()[2:])
    for each, shown in zip(root.iter("text"), words(root), strict=True):
        x, y = at(each, "x", "y")
        assert 8 <= y <= height - 2
        if each.get("transform") is None:
            long = 6.4 * letter_count(shown)
            start = x - long * {"start": 0, "middle": 0.5, "end": 1}[each.get("text-anchor", "")]
            assert start >= -2
            assert start + long <= width + 2
