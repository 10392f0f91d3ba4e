"""Threads that come for frames in any order."""

from __future__ import annotations

import random
import time
from contextlib import closing
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
import tifffile
from support import photograph
from support.clips import cut, decoded, film

from hypsegcli.errors import ImageError
from hypsegcli.files.threads import ahead
from hypsegcli.images.decode import DecodedImage
from hypsegcli.images.video import count_frames
from hypsegcli.run.frames import Frames, InLine
from hypsegcli.run.plan import PlannedImage

LARGE = 10**9


def planned(path: Path, *numbers: int) -> list[PlannedImage]:
    return [PlannedImage(path, PurePosixPath(path.stem, f"{number:06d}"), {}, frame=number) for number in numbers]


@pytest.mark.parametrize("workers", [0, 1, 2, 7])
def test_frames_come_in_order_however_late_threads_ask_for_them(tmp_path: Path, workers: int) -> None:
    """Those that are asked for twice, or after later ones, are found again from the beginning."""
    one, two = film(tmp_path / "one.avi", frames=20), film(tmp_path / "two.mp4", frames=9, seed=1)
    picture = PlannedImage(photograph(tmp_path / "photo.png"), PurePosixPath("photo"), {})
    plan = [*planned(one, *range(20)), picture, *planned(two, 0, 3, 4, 8), *planned(one, 17, 3, 3)]
    wanted = {one: decoded(one), two: decoded(two)}
    late = random.Random(workers)
    with closing(Frames(max_pixels=LARGE)) as frames:

        def decode(image: InLine) -> DecodedImage | None:
            time.sleep(late.random() / 200)
            return None if image.planned.frame is None else frames.decode(image)

        found = list(ahead(decode, frames.line_up(plan), workers=workers, depth=2 * workers))
    assert len(found) == len(plan)
    for each, image in zip(plan, found, strict=True):
        if each.frame is not None:
            assert image is not None
            assert np.array_equal(image.pixels, wanted[each.source][each.frame]), each.name


@pytest.mark.parametrize("workers", [0, 3])
def test_frames_behind_the_end_fail_alone(tmp_path: Path, workers: int) -> None:
    path = cut(film(tmp_path / "clip.avi", frames=30))
    other = film(tmp_path / "other.avi", frames=2)
    whole = count_frames(path).frames
    with closing(Frames(max_pixels=LARGE)) as frames:

        def decode(image: InLine) -> str:
            try:
                return str(frames.decode(image).pixels.shape)
            except ImageError as error:
                return error.code

        plan = planned(path, 0, 1, whole, whole + 1, 2) + planned(tmp_path / "none.avi", 0) + planned(other, 0, 1)
        found = list(ahead(decode, frames.line_up(plan), workers=workers, depth=2 * workers))
    shape = "(48, 64, 3)"
    assert found == [shape, shape, "truncated", "truncated", shape, "missing", shape, shape]


@pytest.mark.parametrize("workers", [0, 3])
def test_pages_come_as_frames_do(tmp_path: Path, workers: int) -> None:
    arrays = np.random.default_rng(0).integers(0, 256, (6, 24, 32, 3), np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", arrays, photometric="rgb")
    clip = film(tmp_path / "one.avi", frames=3)
    pages = [
        PlannedImage(tmp_path / "a.tif", PurePosixPath("a", f"{page:04d}"), {}, page=page) for page in (1, 2, 4, 6, 5)
    ]
    plan = [*pages[:3], *planned(clip, 0, 2), *pages[3:], *pages[:1]]
    with closing(Frames(max_pixels=LARGE)) as frames:
        found = list(ahead(frames.decode, frames.line_up(plan), workers=workers, depth=2 * workers))
    shown = [image.pixels for each, image in zip(plan, found, strict=True) if each.page is not None]
    for each, wanted in zip(shown, arrays[[0, 1, 3, 5, 4, 0]], strict=True):
        np.testing.assert_array_equal(each, wanted)
