"""Image and mask stay together, whatever happens to them."""

import numpy as np
import pytest
import torch
from torch import Tensor
from torchvision import tv_tensors

from hypsegcli.training.augment import build_augmentation
from hypsegcli.training.config import TrainConfig

FILL, VOID = (240, 241, 242), 255


def ids(height: int, width: int, block: int = 16, seed: int = 0) -> Tensor:
    """Blocks of one id each; the image shows the id as a grey value, ten times as large."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 20, (-(-height // block), -(-width // block)))
    return torch.from_numpy(coarse.repeat(block, 0).repeat(block, 1)[:height, :width].copy())


def augmented(labels: Tensor, seed: int, **options: object) -> tuple[Tensor, Tensor]:
    config = TrainConfig.model_validate({"crop_height": 64, "crop_width": 96, "color_jitter": 0.0} | options)
    image = tv_tensors.Image((10 * labels).to(torch.uint8).expand(3, -1, -1).clone())
    torch.manual_seed(seed)
    out, mask = build_augmentation(config, fill=FILL, ignore_index=VOID)(image, tv_tensors.Mask(labels))
    assert out.shape == (3, 64, 96)
    assert mask.shape == (64, 96)
    return out, mask


@pytest.mark.parametrize("seed", range(6))
def test_unscaled_pixels_agree_exactly(seed: int) -> None:
    """Also where the image is lower than the crop, so that it is filled."""
    image, mask = augmented(ids(50, 120, block=3, seed=seed), seed, scale_min=1.0, scale_max=1.0)
    void = mask == VOID
    assert torch.equal(image[0][~void].long(), 10 * mask[~void])
    assert void.any()
    for channel, value in zip(image, FILL, strict=True):
        assert (channel[void] == value).all()
    assert (~void).sum() == 50 * 96


@pytest.mark.parametrize("turns", [False, True])
def test_quarter_turns_show_all_four_sides_of_an_image_and_its_mask(turns: bool) -> None:
    labels = ids(64, 96, block=7)
    whole = labels[:64, :64]
    found = set()
    for seed in range(24):
        options = {"scale_min": 1.0, "scale_max": 1.0, "flip": False, "crop_width": 64, "quarter_turns": turns}
        config = TrainConfig.model_validate({"crop_height": 64, "color_jitter": 0.0} | options)
        image = tv_tensors.Image((10 * whole).to(torch.uint8).expand(3, -1, -1).clone())
        torch.manual_seed(seed)
        out, mask = build_augmentation(config, fill=FILL, ignore_index=VOID)(image, tv_tensors.Mask(whole))
        assert torch.equal(out[0].long(), 10 * mask)
        found |= {side for side in range(4) if torch.equal(mask, torch.rot90(whole, side))}
    assert found == (set(range(4)) if turns else {0})


@pytest.mark.parametrize(("low", "high"), [(0.5, 2.0), (2.0, 2.0), (0.5, 0.5)])
def test_scaled_pixels_agree_inside_the_blocks(low: float, high: float) -> None:
    sizes = set()
    for seed in range(6):
        image, mask = augmented(ids(140, 200, seed=seed), seed, scale_min=low, scale_max=high)
        same = torch.ones_like(mask, dtype=torch.bool)  # as all neighbours up to 2 pixels away
        for dy in range(-2, 3):
            for dx in range(-2, 3):
                same &= mask == mask.roll((dy, dx), (0, 1))
        same[:2], same[-2:], same[:, :2], same[:, -2:] = False, False, False, False
        inside = same & (mask != VOID)
        assert inside.float().mean() > 0.1
        assert (image[0][inside].long() - 10 * mask[inside]).abs().max() <= 1
        sizes.add(int(inside.sum()))
    assert len(sizes) > 1


@pytest.mark.parametrize("factor", [0.5, 0.6, 0.75, 0.9, 1.3, 1.7])
def test_a_scaled_mask_lies_where_its_image_lies(factor: float) -> None:
    """Image and mask are the same ramp; half a pixel's shift between them would be half a step of it."""
    ramp = torch.arange(200).expand(140, -1).clone()
    for labels in (ramp, torch.arange(140)[:, None].expand(-1, 200).clone()):
        image = tv_tensors.Image(labels.to(torch.uint8).expand(3, -1, -1).clone())
        config = TrainConfig(
            crop_height=64, crop_width=96, scale_min=factor, scale_max=factor, color_jitter=0.0, flip=False
        )
        torch.manual_seed(0)
        out, mask = build_augmentation(config, fill=FILL, ignore_index=VOID)(image, tv_tensors.Mask(labels))
        inside = np.s_[4:-4, 4:-4]
        shift = (out[0].double() - mask.double())[inside][mask[inside] != VOID].mean()
        assert abs(shift) < 0.06, shift


def test_masks_are_never_blended() -> None:
    labels = ids(140, 200, block=2) * 12  # 0, 12, ..., so that a blend would be another id
    for seed in range(4):
        _, mask = augmented(labels, seed)
        assert set(mask.flatten().tolist()) <= {*range(0, 240, 12), VOID}


def test_flips_crops_and_scales_are_all_drawn() -> None:
    labels = (torch.arange(200) // 10).expand(140, -1).clone()  # rises to the right
    rising, starts, steps = set(), set(), set()
    for seed in range(24):
        _, mask = augmented(labels, seed)
        row = mask[32][mask[32] != VOID]
        rising.add(bool(row[-1] > row[0]))
        starts.add(int(row.min()))
        steps.add(int((row == row.median()).sum()))
    assert rising == {True, False}
    assert len(starts) > 3
    assert min(steps) < 8
    assert max(steps) > 14


def test_nothing_is_mirrored_where_left_and_right_mean_something() -> None:
    labels = (torch.arange(200) // 10).expand(140, -1).clone()
    for seed in range(16):
        row = augmented(labels, seed, flip=False)[1][32]
        row = row[row != VOID]
        assert row[-1] > row[0]


def test_scales_are_uniform_in_the_logarithm() -> None:
    labels = torch.arange(400)[None].expand(64, -1) // 40
    counts = []
    for seed in range(60):
        _, mask = augmented(labels, seed)
        row = mask[mask.shape[0] // 2]
        runs = torch.unique_consecutive(row[row != VOID], return_counts=True)[1]
        counts.append(int(runs[1:-1].max()) if len(runs) > 2 else 96)
    smaller = sum(count < 40 for count in counts)
    assert 18 <= smaller <= 42


def test_colours_change_in_the_image_alone() -> None:
    labels = ids(64, 96, block=8)
    image, mask = augmented(labels, 3, scale_min=1.0, scale_max=1.0, color_jitter=0.4)
    plain, same = augmented(labels, 3, scale_min=1.0, scale_max=1.0)
    assert torch.equal(mask, same)
    assert not torch.equal(image, plain)
    assert image.dtype == torch.uint8


def test_an_image_of_one_pixel() -> None:
    image, mask = augmented(torch.full((1, 1), 7), 0)
    assert (mask == VOID).sum() >= 64 * 96 - 4
    assert set(mask.flatten().tolist()) == {7, VOID}
    assert (image[0][mask == 7] == 70).all()
