"""Videos among the inputs to images."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import photograph
from support.clips import cut, film

from hypsegcli.errors import PlanError, UsageError
from hypsegcli.images.discover import find_inputs
from hypsegcli.images.frames import take_frames


def keys(*arguments: object, every: int | None = None) -> list[str]:
    found, _ = take_frames(find_inputs([str(each) for each in arguments], videos=True), every=every)
    return [str(image.key) for image in found.images]


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """A folder with two videos and two pictures."""
    folder = tmp_path / "mixed"
    photograph(folder / "b.png")
    photograph(folder / "sub" / "0.jpg")
    film(folder / "a.avi", frames=3)
    film(folder / "sub" / "c.MP4".lower(), frames=2)
    return folder


def test_videos_are_found_wherever_pictures_are(mixed: Path, tmp_path: Path) -> None:
    frames = [f"a/00000{number}" for number in range(3)]
    assert keys(mixed / "a.avi") == frames
    assert keys(mixed) == [*frames, "b", "sub/0", "sub/c/000000", "sub/c/000001"]
    assert keys(mixed / "*.avi") == frames
    assert keys(mixed / "**") == keys(mixed)
    (tmp_path / "list.txt").write_text("mixed/a.avi\nmixed/b.png\n")
    assert keys(f"@{tmp_path / 'list.txt'}") == [*(f"mixed/{frame}" for frame in frames), "mixed/b"]
    (mixed / "a.avi").rename(mixed / "clip.bin")  # in folders the suffix tells, of one that is named, what it holds
    assert keys(mixed / "clip.bin") == [f"clip/00000{number}" for number in range(3)]
    assert keys(mixed) == ["b", "sub/0", "sub/c/000000", "sub/c/000001"]


def test_elsewhere_folders_leave_them_out(mixed: Path) -> None:
    found = find_inputs([str(mixed)])
    assert [str(image.key) for image in found.images] == ["b", "sub/0"]
    assert "ffmpeg -i CLIP" in str(found.skipped)
    (mixed / "b.png").unlink()
    (mixed / "sub/0.jpg").unlink()
    with pytest.raises(PlanError, match=r"holds no pictures; .*hypseg predict and hypseg uncertainty take the frames"):
        find_inputs([str(mixed)])


def test_every_so_manieth_from_the_first_on(mixed: Path) -> None:
    path = film(mixed / "d.avi", frames=11)
    assert keys(path, every=5) == ["d/000000", "d/000005", "d/000010"]
    assert keys(path, every=99) == ["d/000000"]
    with pytest.raises(UsageError, match="every=2 is about videos, and no input is one"):
        keys(mixed / "b.png", every=2)


def test_one_more_image_stands_for_frames_that_are_missing(mixed: Path) -> None:
    cut(film(mixed / "d.avi", frames=30))
    found, (clip,) = take_frames(find_inputs([str(mixed / "d.avi")], videos=True), every=5)
    assert (clip.claimed, clip.is_whole, clip.rate) == (30, False, 25.0)
    assert [image.frame for image in found.images] == [*range(0, clip.frames, 5), clip.frames]
    (mixed / "e.mp4").write_bytes(b"\0\0\0\x10ftypisom\0\0\0\0")
    assert keys(mixed / "e.mp4") == ["e/000000"]
    assert keys(mixed / "e.mp4", every=7) == ["e/000000"]


def test_pictures_that_are_called_as_videos_are_pictures(tmp_path: Path) -> None:
    photograph(tmp_path / "photo.png").rename(tmp_path / "photo.mp4")
    assert keys(tmp_path / "photo.mp4") == ["photo"]
