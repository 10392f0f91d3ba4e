"""Marks of images: short, and not too many."""

from __future__ import annotations

from hypsegcli.files.mark import MOST_MARKS, image_mark, kept_marks


def test_a_mark_is_the_beginning_of_a_digest() -> None:
    assert image_mark("0123456789abcdef" * 4) == "0123456789abcdef"


def test_marks_are_kept_once_and_the_smallest_of_many() -> None:
    marks = [f"{number:016x}" for number in range(MOST_MARKS + 5)]
    assert kept_marks(reversed(marks)) == tuple(marks[:MOST_MARKS])
    assert kept_marks(["b", "a", "b"]) == ("a", "b")
