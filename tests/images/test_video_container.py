"""What containers say of themselves, of files that are none and of ones that lack their ends."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import photograph
from support.clips import film

from hypsegcli.images.video_container import holds_video, read_container

NAMES = ("clip.avi", "clip.mp4", "clip.mov", "clip.mkv", "clip.webm")


@pytest.mark.parametrize("name", NAMES)
def test_a_video_is_told_by_what_it_holds_and_whether_it_was_cut_by_a_byte(tmp_path: Path, name: str) -> None:
    path = film(tmp_path / name).rename(tmp_path / "anything.xyz")
    assert holds_video(path)
    whole = read_container(path)
    assert not whole.is_cut
    assert whole.bytes == path.stat().st_size
    data = path.read_bytes()
    path.write_bytes(data[:-1])
    assert read_container(path).is_cut
    path.write_bytes(data + bytes(5))  # filling behind the end
    assert not read_container(path).is_cut


def test_pictures_texts_and_what_is_not_there_hold_none(tmp_path: Path) -> None:
    photograph(tmp_path / "photo.png").rename(tmp_path / "photo.mp4")
    photograph(tmp_path / "photo.webp").rename(tmp_path / "photo.avi")  # RIFF too
    photograph(tmp_path / "photo.avif").rename(tmp_path / "photo.mov")  # of boxes too
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "list.mkv").write_bytes(b"#EXTM3U\nhttp://example.org/a.ts\n")
    (tmp_path / "old.mpg").write_bytes(b"\0\0\1\xba" + bytes(100))  # is one, of a kind that is not read
    (tmp_path / "folder.mp4").mkdir()
    assert not [path for path in (*tmp_path.iterdir(), tmp_path / "none.mp4") if holds_video(path)]


@pytest.mark.parametrize(
    ("data", "is_cut", "counts"),
    [
        (b"\0\0\0\x10ftypisom\0\0\0\0", True, True),  # without an index
        (b"\0\0\0\x10ftypisom\0\0\0\0" + b"\0\0\0\x08moov", False, True),
        (b"\0\0\0\x10ftypisom\0\0\0\0" + b"\0\0\0\x10moov\0\0\0\x08mvex", False, False),
        (b"\0\0\0\x10ftypisom\0\0\0\0" + b"\0\0\0\x10moov\0\0\0\x08elst", False, False),
        (b"\0\0\0\x10ftypisom\0\0\0\0" + b"\0\0\0\x08moov\0\0\0\0mdat" + bytes(9), False, True),  # to the end
        (b"\0\0\0\x10ftypisom\0\0\0\0" + b"\0\0\0\x08moov\0\0\0\1mdat\0\0\0\0\0\0\0\x19" + bytes(8), True, True),
        (b"\0\0\0\x10ftypisom\0\0\0\0" + b"\0\0\0\x08moov\0\0\0\3mdat", False, True),  # no length
        (b"RIFF\x04\0\0\0AVI " + b"RIFF\x04\0\0\0AVIX", False, True),
        (b"RIFF\x04\0\0\0AVI " + b"RIFF\x05\0\0\0AVIX", True, True),
        (b"\x1aE\xdf\xa3\x80\x18S\x80g\xff" + bytes(6), False, False),  # a recorder that did not know how long
        (b"\x1aE\xdf\xa3\x80\x18S\x80g\x84" + bytes(6), False, False),
        (b"\x1aE\xdf\xa3\x80\x18S\x80g\x88" + bytes(6), True, False),
        (b"\x1aE\xdf\xa3" + bytes(12), False, False),  # no number begins so
        (b"\x1aE\xdf\xa3\x90" + bytes(11), True, False),
    ],
)
def test_parts_that_end_behind_the_file_are_cut(tmp_path: Path, data: bytes, is_cut: bool, counts: bool) -> None:
    (tmp_path / "clip").write_bytes(data)
    container = read_container(tmp_path / "clip")
    assert (container.is_cut, container.counts) == (is_cut, counts)
