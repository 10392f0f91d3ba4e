"""Names as they are shown: short enough, on one line, harmless."""

from __future__ import annotations

import json
from unicodedata import category

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hypsegcli.files.words import (
    as_label,
    as_text,
    count_alike,
    escaped,
    first_of,
    letter_count,
    name_key,
    printable,
    shorten,
)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=30), st.integers(1, 20))
def test_shortened_names_fit(name: str, letters: int) -> None:
    short = shorten(name, letters)
    assert letter_count(short) <= letters
    assert (short == name) == (letter_count(name) <= letters)
    assert name.startswith(short.removesuffix("…"))


def test_long_lists_say_how_much_they_leave_out() -> None:
    assert first_of([], 2) == ""
    assert first_of(["a", "b"], 2) == "a, b"
    assert first_of(["a", "b", "c", "d"], 2, separator="; ") == "a; b and 2 more"


def test_wide_letters_count_twice() -> None:
    assert letter_count("道路a") == 5
    assert letter_count("\uff21") == 2
    assert shorten("道路標識", 5) == "道路…"


@given(st.text(max_size=30))
def test_what_is_printable_is_left_and_the_length_stays(text: str) -> None:
    assert len(printable(text)) == len(text)
    assert all(new in (old, "\ufffd") for old, new in zip(text, printable(text), strict=True))
    if text.isprintable():
        assert printable(text) == escaped(text) == text


@given(st.text(max_size=30))
def test_escapes_are_those_of_json(text: str) -> None:
    shown = escaped(text)
    assert not any(category(letter) in {"Cc", "Cs", "Zl", "Zp"} for letter in shown)
    if "\\" not in text and '"' not in text:
        assert json.loads(f'"{shown}"').encode("utf-8", "surrogatepass") == text.encode("utf-8", "surrogatepass")


@pytest.mark.parametrize(
    "letter", ["\x1b", "\x9b", "\n", "\u202e", "\u2066", "\u200f", "\u2028", "\udcff", "\U000e0041"]
)
def test_what_steers_a_reader_goes(letter: str) -> None:
    assert printable(f"a{letter}b") == "a\ufffdb"
    assert escaped(f"a{letter}b").isascii()
    assert escaped(f"a{letter}b", keep=letter) == f"a{letter}b"


@pytest.mark.parametrize(
    "name",
    [
        "Screenshot 1.00.00\u202fPM.png",
        "two\u00a0words",
        "\u9053\u8def\u3000",
        "\u0645\u06cc\u200c\u062e",
        "\U0001f469\u200d\U0001f4bb",
    ],
)
def test_names_that_people_give_are_left(name: str) -> None:
    """With spaces of other widths, Persian with its joiners, emoji of several parts."""
    assert printable(name) == escaped(name) == name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sky", "sky"),
        (" two\n words\t", "two words"),
        ("x" * 12, "x" * 12),
        ("x" * 13, "x" * 11 + "…"),
        ("abcdefghij klm", "abcdefghij…"),
        ("a\ud800\x00b", "a\ufffd\ufffdb"),
        ("\x1b[31mred", "\ufffd[31mred"),
    ],
)
def test_labels_are_one_short_line(name: str, expected: str) -> None:
    assert as_label(name, 12) == expected


def test_notes_that_differ_in_numbers_alone_are_one_kind() -> None:
    notes = ["frame 1 of 40 used", "grey", "frame 1 of 3 used", "grey"]
    assert count_alike(notes, "image") == ["2 images, such as: frame 1 of 40 used", "2 images: grey"]
    assert count_alike(["1.5 and 2,000"], "file") == ["1 file: 1.5 and 2,000"]
    assert count_alike([], "image") == []


def test_bytes_that_are_no_text_become_question_marks() -> None:
    assert as_text("Straße ☃ \udcff") == "Straße ☃ ?"


def test_long_words_are_shortened_at_once_and_in_lists_too() -> None:
    assert shorten("x" * 10_000_000, 5) == "xxxx…"
    assert first_of(["x" * 100, "b", "c"], 2, letters=4) == "xxx…, b and 1 more"


def test_case_and_what_stands_between_words_are_no_difference() -> None:
    assert name_key("Traffic_Light") == name_key("traffic light") == name_key("trafficlight")
    assert name_key("_") == "_"
    assert name_key("car") != name_key("cars")
