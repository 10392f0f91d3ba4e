"""Texts in the encodings that people have, and what is none of them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hypsegcli.files.text import UnreadableTextError, read_text

LINES = "0:sky\n1:Stra\u00dfe\n2:\u9053"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_mark_and_end_of_line_gives_the_same_text(tmp_path: Path, encoding: str, end: str) -> None:
    (tmp_path / "a").write_bytes(LINES.replace("\n", end).encode(encoding))
    assert read_text(tmp_path / "a") == LINES


def test_a_carriage_return_among_other_ends_is_part_of_a_name(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"Icon\r\r\nb.png\n")
    assert read_text(tmp_path / "a") == "Icon\r\nb.png\n"


def test_big_endian_words_are_read_by_their_mark(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\xfe\xff" + LINES.encode("utf-16-be"))
    assert read_text(tmp_path / "a") == LINES


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"a\n\xff\n", "not UTF-8 text"),
        (b"\xff\xfea", "not UTF-8 text"),
        (b"a\nb\0c", "line 2 is not text"),
        ("a\n".encode("utf-16-le"), "line 1 is not text"),
    ],
)
def test_what_is_no_text_is_told(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(UnreadableTextError, match=reason):
        read_text(tmp_path / "a")


def test_a_pipe_without_a_writer_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UnreadableTextError, match="it is a pipe"):
        read_text(tmp_path / "pipe")


def test_a_pipe_of_the_shell_is_read() -> None:
    reader, writer = os.pipe()
    os.write(writer, LINES.encode())
    os.close(writer)
    try:
        assert read_text(Path(f"/dev/fd/{reader}")) == LINES
    finally:
        os.close(reader)


def test_a_text_without_end_is_refused_before_it_is_held(tmp_path: Path) -> None:
    with (tmp_path / "a").open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(UnreadableTextError, match="more than 268 MB"):
        read_text(tmp_path / "a")


@pytest.mark.parametrize("path", ["missing", "."])
def test_what_cannot_be_opened_gives_the_reason(tmp_path: Path, path: str) -> None:
    with pytest.raises(UnreadableTextError, match=r"No such file|Is a directory"):
        read_text(tmp_path / path)
