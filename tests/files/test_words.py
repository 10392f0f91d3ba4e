"""Names as they are shown: short enough, on one line, harmless."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hypsegcli.files.words import as_label, as_text, count_alike, first_of, letter_count, printable, shorten


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
    assert printable(text).isprintable()
    assert len(printable(text, "?")) == len(text)
    assert all(new in (old, "?") for old, new in zip(text, printable(text, "?"), strict=True))
    assert (printable(text) == text) == text.isprintable()


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
