"""Videos to frames, held against what OpenCV decodes in one go."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from support.clips import claiming, cut, decoded, film, lying_on_its_side, with_a_slow_end, with_its_index_first

from hypsegcli.errors import ImageError
from hypsegcli.files.digest import digest_file
from hypsegcli.images.video import Video, count_frames

KINDS = ("clip.avi", "clip.mp4", "clip.mov", "clip.mkv", "clip.webm")


@pytest.mark.parametrize("name", KINDS)
def test_frames_are_those_that_opencv_decodes(tmp_path: Path, name: str) -> None:
    path = film(tmp_path / name)
    wanted = decoded(path)
    video = Video(path)
    for number in (0, 1, 5, 6, 11):
        frame = video.frame(number)
        assert np.array_equal(frame.pixels, wanted[number])
        assert frame.pixels.flags.c_contiguous
        assert frame.pixels.flags.writeable
        assert frame.time == pytest.approx(number / 25, abs=1e-3)
        assert (frame.digest, frame.notes) == (digest_file(path), ())
    assert video.next == 12
    with pytest.raises(ValueError, match="frame 3 has been passed"):
        video.frame(3)
    video.close()


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("share", [0.6, 0.605, 0.62, 0.7])
def test_a_file_that_was_cut_off_gives_what_is_whole(tmp_path: Path, name: str, share: float) -> None:
    path = film(tmp_path / name, frames=30)
    if path.suffix in {".mp4", ".mov"}:
        with_its_index_first(path)
    wanted = decoded(path)
    assert len(wanted) == 30
    counted = count_frames(cut(path, share))
    assert 12 <= counted.frames < 28
    assert (counted.claimed, counted.is_whole) == (30, False)
    video = Video(path)
    for number in range(counted.frames):
        assert np.array_equal(video.frame(number).pixels, wanted[number]), number
    sentence = f"was cut off and ends after {counted.frames} frames of the 30 that it claims; those are whole"
    with pytest.raises(ImageError, match=sentence) as caught:
        video.frame(counted.frames)
    assert caught.value.code == "truncated"


def test_an_mp4_without_its_index_has_no_frames(tmp_path: Path) -> None:
    path = cut(film(tmp_path / "clip.mp4"))
    assert (count_frames(path).frames, count_frames(path).is_whole) == (0, False)
    with pytest.raises(ImageError, match=r"clip\.mp4: none of the frames can be decoded; the video was cut off"):
        Video(path)


@pytest.mark.parametrize("claim", [0, -1, 2**31 + 5, 3, 10**6])
def test_a_number_of_frames_that_cannot_be_or_is_too_small_is_not_believed(tmp_path: Path, claim: int) -> None:
    counted = count_frames(claiming(film(tmp_path / "clip.avi"), claim))
    assert (counted.frames, counted.is_whole) == (12, True)


def test_more_frames_claimed_than_there_are_is_damage(tmp_path: Path) -> None:
    path = claiming(film(tmp_path / "clip.avi"), 100)
    counted = count_frames(path)
    assert (counted.frames, counted.claimed, counted.is_whole) == (12, 100, False)
    with pytest.raises(ImageError, match="is damaged and ends after 12 frames of the 100") as caught:
        Video(path).frame(12)
    assert caught.value.code == "damaged"


def test_times_are_those_of_the_container_where_its_rate_varies(tmp_path: Path) -> None:
    path = with_a_slow_end(film(tmp_path / "clip.mp4"), quick=5)
    video = Video(path)
    times = [video.frame(number).time for number in range(12)]
    assert times == pytest.approx([0.04 * number for number in range(6)] + [0.2 + 0.12 * k for k in range(1, 7)])


def test_what_an_edit_list_leaves_out_is_no_damage(tmp_path: Path) -> None:
    counted = count_frames(with_a_slow_end(film(tmp_path / "clip.mp4"), quick=5, edited=True))
    assert (counted.claimed, counted.is_whole) == (12, True)
    assert 5 < counted.frames < 12


def test_a_video_that_lies_on_its_side_is_turned(tmp_path: Path) -> None:
    plain = film(tmp_path / "plain.mp4")
    turned = lying_on_its_side(film(tmp_path / "clip.mp4"))
    frame = Video(turned).frame(3)
    assert np.array_equal(frame.pixels, np.rot90(Video(plain).frame(3).pixels, -1))
    assert frame.notes == ("turned by 90 degrees, as the video says",)


def test_sixteen_bits_become_eight(tmp_path: Path) -> None:
    path = tmp_path / "deep.avi"
    settings = [cv2.VIDEOWRITER_PROP_DEPTH, cv2.CV_16U, cv2.VIDEOWRITER_PROP_IS_COLOR, 0]
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"FFV1"), 25.0, (64, 48), settings)
    ramp = np.linspace(0, 65535, 64 * 48).reshape(48, 64).astype(np.uint16)
    writer.write(ramp)
    writer.release()
    pixels = Video(path).frame(0).pixels
    assert pixels.dtype == np.uint8
    assert np.abs(pixels[:, :, 0].astype(float) - ramp / 257).max() < 1.5


@pytest.mark.parametrize("name", ["a%03d.mp4", "x:y.mp4", os.fsdecode(b"na\xffme.mp4"), "-clip.mp4", "a?b=1.mp4"])
def test_any_name_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    os.rename(film(tmp_path / "clip.mp4"), name)  # noqa: PTH104
    assert count_frames(Path(name)).frames == 12


def test_frames_that_are_too_large_are_refused_before_one_is_decoded(tmp_path: Path) -> None:
    path = film(tmp_path / "clip.avi")
    with pytest.raises(ImageError, match="64 x 48 = 3,072 pixels; at most 3,071 are allowed") as caught:
        Video(path, max_pixels=3071)
    assert caught.value.code == "too_large"
    assert count_frames(path, max_pixels=3071).frames == 0
    assert count_frames(path, max_pixels=3072).frames == 12


def test_a_file_that_changes_while_it_is_read_fails(tmp_path: Path) -> None:
    path = film(tmp_path / "clip.avi")
    video = Video(path)
    video.frame(0)
    film(path, frames=20, seed=1)
    with pytest.raises(ImageError, match="changed while it was read") as caught:
        video.frame(1)
    assert caught.value.code == "changed"


def test_the_same_frames_whatever_the_threads_and_not_a_word(tmp_path: Path) -> None:
    """FFmpeg and OpenCV would speak of what is wrong with these."""
    paths = [str(cut(film(tmp_path / name, frames=30))) for name in KINDS]
    program = (
        "import sys, hashlib; from pathlib import Path; from hypsegcli.images.video import Video, count_frames\n"
        "for path in map(Path, sys.argv[1:]):\n"
        "    frames = count_frames(path).frames\n"
        "    video = Video(path) if frames else None\n"
        "    print([hashlib.sha256(video.frame(number).pixels).hexdigest() for number in range(frames)])\n"
    )
    said = set()
    for threads in ("1", "3"):
        environment = os.environ | {"OPENCV_FFMPEG_THREADS": threads}
        done = subprocess.run(
            [sys.executable, "-c", program, *paths], capture_output=True, text=True, check=True, env=environment
        )
        assert done.stderr == ""
        said.add(done.stdout)
    assert len(said) == 1
