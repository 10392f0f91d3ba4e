"""Photographs of other worlds: whole, and pasted into the training's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from hypsegcli.errors import DataError
from hypsegcli.files.digest import digest_file, short_digest
from hypsegcli.training.augment import build_augmentation
from hypsegcli.training.config import TrainConfig
from hypsegcli.training.other_worlds import OtherWorlds
from hypsegcli.training.targets import OTHER

VOID, SIDE = 255, 64


@pytest.fixture
def others(tmp_path: Path) -> OtherWorlds:
    """One white photograph, as large as a crop, and one half as high."""
    paths = [tmp_path / "a.png", tmp_path / "b.png"]
    for path, height in zip(paths, (SIDE, SIDE // 2), strict=True):
        Image.fromarray(np.full((height, SIDE, 3), 255, np.uint8)).save(path)
    config = TrainConfig(crop_height=SIDE, crop_width=SIDE, scale_min=1, scale_max=1, color_jitter=0)
    looked_at = {path: short_digest(digest_file(path)) for path in paths}
    augmentation = build_augmentation(config, fill=(0, 0, 0), ignore_index=VOID)
    return OtherWorlds(looked_at, augmentation, longest_side=None, void=VOID)


def test_a_crop_is_of_another_world_where_it_is_not_filled_up(others: OtherWorlds) -> None:
    image, mask = others.crop(0)
    assert (type(image), image.dtype, tuple(image.shape)) == (torch.Tensor, torch.uint8, (3, SIDE, SIDE))
    assert (type(mask), mask.dtype, tuple(mask.shape)) == (torch.Tensor, torch.int64, (SIDE, SIDE))
    assert (mask == OTHER).all()
    image, mask = others.crop(1)
    assert set(mask.unique().tolist()) == {OTHER, VOID}
    assert torch.equal(mask == OTHER, image[0] == 255)


@pytest.mark.parametrize("longest_side", [None, SIDE // 2])
def test_nothing_is_of_another_world_where_a_photograph_has_no_data(
    others: OtherWorlds, tmp_path: Path, longest_side: int | None
) -> None:
    pixels = np.full((SIDE, SIDE, 3), 255, np.uint8)
    pixels[:, : SIDE // 2] = 0
    path = tmp_path / "c.tif"
    tifffile.imwrite(path, pixels, photometric="rgb", extratags=[(42113, "s", 0, "0", True)])
    looked_at = {path: short_digest(digest_file(path))}
    image, mask = OtherWorlds(looked_at, others.augmentation, longest_side=longest_side, void=VOID).crop(0)
    assert set(mask.unique().tolist()) == {OTHER, VOID}
    assert torch.equal(mask == OTHER, image[0] == 255)


def test_a_piece_is_pasted_and_the_rest_stays(others: OtherWorlds) -> None:
    torch.manual_seed(0)
    others.paths = others.paths[:1]
    own, labels = torch.zeros(3, SIDE, SIDE, dtype=torch.uint8), torch.full((SIDE, SIDE), 2)
    shares = []
    for _ in range(50):
        image, mask = others.paste(own, labels)
        assert torch.equal(mask == OTHER, image[0] == 255)
        assert torch.equal(mask != OTHER, mask == 2)
        shares.append(float((mask == OTHER).double().mean()))
    assert not own.any()
    assert min(shares) > 0.0
    assert max(shares) < 0.2  # an ellipse of half the sides: pi / 16


def test_a_photograph_that_changed_since_is_named(others: OtherWorlds) -> None:
    Image.fromarray(np.full((SIDE, SIDE, 3), 254, np.uint8)).save(others.paths[0])
    with pytest.raises(DataError, match=r"a\.png: has changed since this training looked at it"):
        others.crop(0)
    others.crop(1)
