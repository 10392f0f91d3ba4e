"""Words for people: counts in sentences, and names from files, made fit to be shown."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Sequence
from unicodedata import category, east_asian_width

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_JOINERS = "\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}"
_NUMBER = re.compile(r"[0-9]+(?:[.,][0-9]+)*")
_BETWEEN_WORDS = re.compile(r"[\s_-]+")


def count_of(number: int, noun: str) -> str:
    """`1 image`, `2 images`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def first_of(names: Sequence[str], most: int, *, separator: str = ", ", letters: int | None = None) -> str:
    """`a, b and 3 more`: at most so many names, of at most so many letters, and how many there are beside them."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    shown = [name if letters is None else shorten(name, letters) for name in names[:most]]
    return separator.join(shown) + more


def one_of(names: Sequence[str]) -> str:
    """`a, b or c`."""
    return " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def number_within(
    kind: str,
    *,
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    lt: float | None = None,
    multiple_of: float | None = None,
) -> str:
    """`a whole number from 1 on`, `a number above 0, below 1`; bounds are called as in pydantic."""
    span = [f"from {ge:.12g} to {le:.12g}"] if ge is not None and le is not None else []
    if not span:
        span = [f"from {ge:.12g} on"] if ge is not None else []
        span += [f"up to {le:.12g}"] if le is not None else []
    span += [f"above {gt:.12g}"] if gt is not None else []
    span += [f"below {lt:.12g}"] if lt is not None else []
    what = f"a {kind}" if multiple_of is None else f"a multiple of {multiple_of:g}"
    return f"{what} {', '.join(span)}".rstrip()


def count_alike(notes: Iterable[str], noun: str) -> list[str]:
    """A line for each kind of note, in the order in which they came first: `3 images: transparent pixels ignored`.

    Notes that differ in their numbers alone are of one kind, of which the first is shown: `2 images, such as: ...`.
    """
    kinds: dict[str, list[str]] = {}
    for note in notes:
        kinds.setdefault(_NUMBER.sub("0", note), []).append(note)
    return [
        f"{count_of(len(alike), noun)}{'' if len(set(alike)) == 1 else ', such as'}: {alike[0]}"
        for alike in kinds.values()
    ]


def as_text(name: object) -> str:
    """A name of a file as text that any encoding of Unicode has; bytes of it that are no text become question marks."""
    return str(name).encode("utf-8", "replace").decode()


def printable(text: str) -> str:
    """The text for pages and pictures: what would steer its reader or has no place in XML is replaced."""
    return _without_steering(text, lambda _: REPLACEMENT)


def escaped(text: str, *, keep: Container[str] = ()) -> str:
    r"""The text for terminals and tables: what would steer them is written as JSON writes it, such as `\u001b`.

    Of JSON it stays the same JSON. `keep` are characters that are left.
    """
    return _without_steering(text, lambda letter: letter if letter in keep else _as_json(letter))


def _without_steering(text: str, write: Callable[[str], str]) -> str:
    """Each control character, bidi override, lone surrogate and line separator as `write` has it."""
    if text.isprintable():
        return text
    return "".join(write(letter) if _steers(letter) else letter for letter in text)


def _steers(letter: str) -> bool:
    # Spaces of other widths, and what joins the letters of Persian and of emoji, are in names that people give.
    return not letter.isprintable() and letter not in _JOINERS and category(letter) != "Zs"


def _as_json(letter: str) -> str:
    units = letter.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def letter_count(words: str) -> int:
    """Number of letters, the wide ones of East Asian scripts counted twice."""
    return sum(1 + (east_asian_width(letter) in "WF") for letter in words)


def shorten(words: str, letters: int) -> str:
    """At most so many letters, as `letter_count` counts them, with an ellipsis where some are missing."""
    if len(words) <= letters and letter_count(words) <= letters:
        return words
    words = words[: letters - 1]
    while letter_count(words) > letters - 1:
        words = words[:-1]
    return words.rstrip() + "…"


def as_label(name: str, letters: int) -> str:
    """A name as a label in a picture: on one line, printable, and of at most so many letters."""
    return shorten(printable(" ".join(name.split())), letters)


def name_key(name: str) -> str:
    """What of a name tells it from others: upper and lower case and what stands between words are no difference."""
    return _BETWEEN_WORDS.sub("", name).casefold() or name
