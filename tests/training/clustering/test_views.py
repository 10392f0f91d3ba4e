"""The views of an image show the same places, and follow from a draw's seed alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from support import photograph

from hypsegcli.errors import DataError
from hypsegcli.files.digest import short_digest
from hypsegcli.images.decode import decode_image
from hypsegcli.training.clustering.config import ClusterConfig
from hypsegcli.training.clustering.views import ViewsDataset
from hypsegcli.training.dataset import Draw

FILL = (9, 8, 7)


def dataset(path: Path, crop: tuple[int, int], **settings: Any) -> ViewsDataset:
    looked_at = {path: short_digest(decode_image(path).digest)}
    return ViewsDataset(looked_at, ClusterConfig.model_validate(settings), crop=crop, fill=FILL)


def test_without_other_colours_the_second_view_is_the_first_or_its_mirror(tmp_path: Path) -> None:
    path = photograph(tmp_path / "a.png", size=(80, 64))
    views = [dataset(path, (64, 80), color_jitter=0.0)[Draw(0, seed)] for seed in range(12)]
    assert {view.mirrored for view in views} == {True, False}
    for view in views:
        back = view.second.flip(-1) if view.mirrored else view.second
        assert torch.equal(back, view.first)
        assert view.seen.all()


def test_colours_differ_and_places_do_not(tmp_path: Path) -> None:
    """A black and white picture stays one: an edge in one view is an edge in the other."""
    grey = (np.indices((64, 64)).sum(0) // 16 % 2 * 255).astype(np.uint8)
    Image.fromarray(np.repeat(grey[..., None], 3, 2)).save(tmp_path / "a.png")
    view = dataset(tmp_path / "a.png", (64, 64))[Draw(0, 5)]
    back = view.second.flip(-1) if view.mirrored else view.second
    assert not torch.equal(back, view.first)
    light, dark = (back[:, view.first[0] == value].float().mean() for value in (255, 0))
    assert float(light) > float(dark) + 50


def test_where_an_image_does_not_reach_nothing_is_seen(tmp_path: Path) -> None:
    path = photograph(tmp_path / "a.png", size=(40, 30))
    view = dataset(path, (64, 48), flip=False, color_jitter=0.0)[Draw(0, 1)]
    assert not view.mirrored
    assert int(view.seen.sum()) == 40 * 30
    assert (view.first.permute(1, 2, 0)[~view.seen] == torch.tensor(FILL, dtype=torch.uint8)).all()


def test_larger_images_are_shrunk_and_a_draw_decides_all(tmp_path: Path) -> None:
    path = photograph(tmp_path / "a.png", size=(400, 300))
    views = [dataset(path, (96, 128))[Draw(0, seed)] for seed in (3, 3, 4)]
    assert all(view.first.shape == (3, 96, 128) and view.seen.all() for view in views)
    assert torch.equal(views[0].second, views[1].second)
    assert not torch.equal(views[0].second, views[2].second)


def test_an_image_that_changed_is_noticed(tmp_path: Path) -> None:
    path = photograph(tmp_path / "a.png")
    views = dataset(path, (32, 32))
    photograph(path, seed=1)
    with pytest.raises(DataError, match=r"a\.png: has changed"):
        views[Draw(0, 0)]
