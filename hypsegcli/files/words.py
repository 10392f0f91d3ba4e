"""Words and numbers in sentences for people."""

from __future__ import annotations


def count_of(number: int, noun: str) -> str:
    """`1 image`, `2 images`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
