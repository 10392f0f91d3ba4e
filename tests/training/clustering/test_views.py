"""The views of an image show the same places, and follow from a draw's seed alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image
from support import photograph
from torch import Tensor

from hypsegcli.errors import DataError
from hypsegcli.files.digest import short_digest
from hypsegcli.images.decode import decode_image
from hypsegcli.training.clustering.config import ClusterConfig
from hypsegcli.training.clustering.views import Sizes, Views, ViewsDataset, sizes_of
from hypsegcli.training.dataset import Draw

FILL = (9, 8, 7)


def dataset(path: Path, crop: tuple[int, int], view: tuple[int, int] | None = None, **settings: Any) -> ViewsDataset:
    looked_at = [(path, short_digest(decode_image(path).digest))]
    return ViewsDataset(looked_at, ClusterConfig.model_validate(settings), sizes=Sizes(crop, view or crop), fill=FILL)


def second_of(view: Views) -> Tensor:
    """The second view as it would be without a mirror."""
    return view.second.flip(-1) if view.mirrored else view.second


def test_without_other_colours_views_at_one_place_differ_by_a_mirror_alone(tmp_path: Path) -> None:
    path = photograph(tmp_path / "a.png", size=(80, 64))
    views = [dataset(path, (64, 80), color_jitter=0.0)[Draw(0, seed)] for seed in range(12)]
    assert {view.mirrored for view in views} == {True, False}
    for view in views:
        assert torch.equal(second_of(view), view.first)
        assert view.seen.all()
        assert view.shift.tolist() == [0, 0]


def test_the_shift_says_where_the_second_view_lies(tmp_path: Path) -> None:
    """In cells of four pixels, behind the first: there both show the same."""
    path = photograph(tmp_path / "a.png", size=(96, 80))
    views = [dataset(path, (80, 96), (48, 64), color_jitter=0.0)[Draw(0, seed)] for seed in range(30)]
    shifts = {tuple(view.shift.tolist()) for view in views}
    assert len(shifts) > 15
    assert {row for row, _ in shifts} >= {-2, 0, 3}
    for view in views:
        down, across = (4 * cells for cells in view.shift.tolist())
        assert view.first.shape == view.second.shape == (3, 48, 64)
        rows, columns = slice(max(0, down), 48 + min(0, down)), slice(max(0, across), 64 + min(0, across))
        there = slice(max(0, -down), 48 - max(0, down)), slice(max(0, -across), 64 - max(0, across))
        assert torch.equal(view.first[:, rows, columns], second_of(view)[:, *there])


def test_colours_differ_and_edges_do_not(tmp_path: Path) -> None:
    grey = (np.indices((64, 64)).sum(0) // 16 % 2 * 255).astype(np.uint8)
    Image.fromarray(np.repeat(grey[..., None], 3, 2)).save(tmp_path / "a.png")
    view = dataset(tmp_path / "a.png", (64, 64))[Draw(0, 5)]
    assert not torch.equal(second_of(view), view.first)
    light, dark = (second_of(view)[:, view.first[0] == value].float().mean() for value in (255, 0))
    assert float(light) > float(dark) + 50


def test_where_an_image_does_not_reach_nothing_is_seen(tmp_path: Path) -> None:
    path = photograph(tmp_path / "a.png", size=(40, 30))
    view = dataset(path, (64, 48), flip=False, color_jitter=0.0)[Draw(0, 1)]
    assert not view.mirrored
    assert view.seen.sum((1, 2)).tolist() == [40 * 30, 40 * 30]
    assert (view.first.permute(1, 2, 0)[~view.seen[0]] == torch.tensor(FILL, dtype=torch.uint8)).all()


@pytest.mark.parametrize("longest_side", [0, 32])
def test_where_an_image_has_no_data_nothing_is_seen(tmp_path: Path, longest_side: int) -> None:
    pixels = np.full((64, 64, 3), 90, np.uint8)
    pixels[:, :24] = 0
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, pixels, photometric="rgb", extratags=[(42113, "s", 0, "0", True)])
    side = longest_side or 64
    settings: dict[str, Any] = {"longest_side": longest_side, "color_jitter": 0.0, "scale_min": 1, "scale_max": 1}
    view = dataset(path, (side, side), **settings)[Draw(0, 1)]
    assert view.seen.float().mean((1, 2)).tolist() == [1 - 24 / 64] * 2
    assert torch.equal(view.seen[0], view.first[0] == 90)
    assert torch.equal(view.seen[1], second_of(view)[0] == 90)


def test_larger_images_are_shrunk_and_a_draw_decides_all(tmp_path: Path) -> None:
    path = photograph(tmp_path / "a.png", size=(400, 300))
    views = [dataset(path, (96, 128), (64, 96))[Draw(0, seed)] for seed in (3, 3, 4)]
    assert all(view.first.shape == (3, 64, 96) and view.seen.all() for view in views)
    assert torch.equal(views[0].second, views[1].second)
    assert not torch.equal(views[0].second, views[2].second)


@pytest.mark.parametrize(
    ("images", "settings", "crop", "view"),
    [
        ([(96, 128)] * 3, {}, (96, 128), (64, 96)),
        ([(90, 116), (96, 128), (300, 7)], {}, (96, 112), (64, 80)),
        ([(96, 128)], {"view_share": 1}, (96, 128), (96, 128)),
        ([(96, 128)], {"crop_height": 64, "crop_width": 48}, (64, 48), (48, 32)),
        ([(5, 7), (9, 3)], {}, (32, 32), (32, 32)),
    ],
)
def test_views_are_a_share_of_the_usual_image(
    images: list[tuple[int, int]], settings: dict[str, Any], crop: tuple[int, int], view: tuple[int, int]
) -> None:
    assert sizes_of(ClusterConfig.model_validate(settings), images) == (crop, view)


def test_an_image_that_changed_is_noticed(tmp_path: Path) -> None:
    path = photograph(tmp_path / "a.png")
    views = dataset(path, (32, 32))
    photograph(path, seed=1)
    with pytest.raises(DataError, match=r"a\.png: has changed"):
        views[Draw(0, 0)]
