"""Pictures to a video."""

from __future__ import annotations

import errno
from pathlib import Path

import numpy as np
import pytest
from support import photograph
from support.clips import decoded

from hypsegcli.files.digest import digest_file
from hypsegcli.images.decode import decode_image
from hypsegcli.images.video import Video, count_frames
from hypsegcli.images.video_write import write_video


def test_pictures_come_in_their_order_at_their_rate(tmp_path: Path) -> None:
    pictures = [photograph(tmp_path / f"{seed}.png", seed=seed, size=(63, 47)) for seed in (3, 1, 2, 1)]
    digest = write_video(tmp_path / "maps" / "clip.mp4", iter(pictures), rate=12.5)
    path = tmp_path / "maps" / "clip.mp4"
    assert digest == digest_file(path)
    assert [each.name for each in path.parent.iterdir()] == ["clip.mp4"]
    frames = decoded(path)
    assert len(frames) == 4
    for frame, picture in zip(frames, pictures, strict=True):
        assert frame.shape == (48, 64, 3)
        assert (
            np.abs(frame[:47, :63].astype(int) - decode_image(picture).pixels).mean() < 9
        )  # that of two other ones is above 60
        assert np.abs(frame[47].astype(int) - frame[46]).mean() < 9  # a row more, to be even, is like that at the edge
    assert count_frames(path).rate == 12.5
    assert Video(path).frame(3).time == pytest.approx(3 / 12.5, abs=1e-3)


def test_the_same_pictures_give_the_same_bytes(tmp_path: Path) -> None:
    pictures = [photograph(tmp_path / f"{seed}.png", seed=seed) for seed in range(3)]
    assert write_video(tmp_path / "a.mp4", pictures, rate=25) == write_video(tmp_path / "b.mp4", pictures, rate=25)


@pytest.mark.parametrize("rate", [0.0001, 0.5, 1 / 3, 1000, 29.97, 23.976])
def test_any_rate_but_none_slower_than_one_a_second(tmp_path: Path, rate: float) -> None:
    write_video(tmp_path / "a.mp4", [photograph(tmp_path / "0.png")] * 3, rate=rate)
    counted = count_frames(tmp_path / "a.mp4")
    assert counted.frames == 3
    assert counted.rate == pytest.approx(max(rate, 1), rel=1e-3)


def test_pictures_of_other_sizes_get_that_of_the_first(tmp_path: Path) -> None:
    pictures = [photograph(tmp_path / "0.png"), photograph(tmp_path / "1.png", size=(33, 90))]
    write_video(tmp_path / "a.mp4", pictures, rate=25)
    assert [frame.shape for frame in decoded(tmp_path / "a.mp4")] == [(48, 64, 3)] * 2


def test_long_pictures_are_made_smaller(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", [photograph(tmp_path / "0.png", size=(9001, 30))], rate=25)
    assert max(decoded(tmp_path / "a.mp4")[0].shape) == 8190


def test_where_it_cannot_be_written_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = [photograph(tmp_path / f"{seed}.png", seed=seed) for seed in range(3)]
    folder = tmp_path / "maps"
    (tmp_path / "1.png").write_bytes(b"no picture")
    with pytest.raises(OSError, match="cannot be read as a picture"):
        write_video(folder / "clip.mp4", pictures, rate=25)
    photograph(tmp_path / "1.png")
    monkeypatch.setattr("cv2.VideoWriter.write", lambda writer, picture: None)  # as on a disk that is full
    with pytest.raises(OSError, match="No space left") as caught:
        write_video(folder / "clip.mp4", pictures, rate=25)
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(folder / "clip.mp4"))
    assert not list(folder.iterdir())
