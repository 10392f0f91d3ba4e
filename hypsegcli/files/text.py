"""Texts that people hand over: lists, names of classes, maps of ids, colours, trees, settings."""

from __future__ import annotations

import codecs
import unicodedata
from pathlib import Path

from hypsegcli.budget import LARGEST_TEXT
from hypsegcli.files.regular import open_regular

_HANDED_OVER = ("/dev/stdin", "/dev/fd/", "/proc/self/fd/")  # pipes that somebody writes, as the shell's <(...)


class UnreadableTextError(ValueError):
    """Why a text cannot be read, in a few words that fit into brackets."""


def composed(name: str) -> str:
    """A name with its accents as Unicode composes them (NFC): two spellings that look alike are one."""
    return unicodedata.normalize("NFC", name)


def read_text(path: Path) -> str:
    """The text of a file in UTF-8, or in UTF-16 with its mark, as Windows writes it; the mark is left out.

    Raises UnreadableTextError for what is not there, is no regular file or pipe of the shell's, is larger than
    `LARGEST_TEXT` or is no text.
    """
    try:
        with path.open("rb") if str(path).startswith(_HANDED_OVER) else open_regular(path) as file:
            content = file.read(LARGEST_TEXT + 1)
    except (OSError, ValueError) as error:
        raise UnreadableTextError(getattr(error, "strerror", None) or str(error)) from error
    if len(content) > LARGEST_TEXT:
        raise UnreadableTextError(f"it has more than {LARGEST_TEXT // 10**6} MB")
    wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = content.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableTextError("it is not UTF-8 text; save it as UTF-8") from error
    if "\0" in text:
        raise UnreadableTextError(f"line {text.count(chr(10), 0, text.index(chr(0))) + 1} is not text")
    # An end alone where there is no other, as spreadsheets still write it; beside others it belongs to a name.
    return text.replace("\r\n", "\n") if "\n" in text else text.replace("\r", "\n")
