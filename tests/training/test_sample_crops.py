"""Crops of samples: what they are of, and that chance has no part in it."""

from __future__ import annotations

import cv2
import numpy as np
import torch

from hypsegcli.sampling.edges import label_edges
from hypsegcli.training.sample_crops import CropSampler

VOID = 255


def pair(height: int = 120, width: int = 160) -> tuple[np.ndarray, np.ndarray]:
    """A photograph whose red says its class."""
    disk = np.zeros((height, width), np.uint8)
    cv2.circle(disk, (60, 60), 30, 1, -1)
    mask = disk.astype(np.int64)
    mask[-20:] = VOID
    return np.stack([np.where(mask == 1, 250, 5)] * 3, -1).astype(np.uint8), mask


def test_images_are_twice_as_fine_as_their_samples() -> None:
    """Larger or smaller than they are; ids stay ids."""
    pixels, mask = pair()
    for side, size in ((120, (180, 240)), (50, (76, 100)), (999, (240, 320))):
        sampler = CropSampler(longest_side=side, void=VOID)
        finer, ids = sampler.enlarge(pixels, mask)
        assert finer.shape == (*size, 3)
        assert ids.shape == size
        assert set(np.unique(ids)) == {0, 1, VOID}
        assert ((finer[..., 0] > 128) == (ids == 1)).mean() > 0.97
    assert CropSampler(longest_side=120, void=VOID).finer_side == 240


def test_a_crop_has_more_samples_at_the_edges_of_its_mask() -> None:
    sampler = CropSampler(longest_side=80, void=VOID)
    pixels, mask = pair()
    image, ids = torch.from_numpy(pixels).permute(2, 0, 1), torch.from_numpy(mask)
    samples, labels = sampler.sample(image, ids)
    assert samples.shape == (3, 60, 80)
    assert (samples.dtype, labels.dtype, labels.shape) == (torch.uint8, torch.int64, (60, 80))
    assert bool(((samples[0] > 128) == (labels == 1)).float().mean() > 0.97)
    even = label_edges(mask[1::2, 1::2], void=VOID).mean()
    assert label_edges(labels.numpy(), void=VOID).mean() > 1.15 * even
    again, _ = sampler.sample(image, ids)
    assert torch.equal(samples, again)


def test_a_crop_without_edges_is_shrunk() -> None:
    pixels, mask = pair()
    image, ids = torch.from_numpy(pixels).permute(2, 0, 1), torch.from_numpy(np.where(mask == VOID, VOID, 0))
    samples, labels = CropSampler(longest_side=80, void=VOID).sample(image, ids)
    expected = cv2.resize(pixels, (80, 60), interpolation=cv2.INTER_AREA)
    assert np.array_equal(samples.permute(1, 2, 0).numpy(), expected)
    assert torch.equal(labels, ids[1::2, 1::2])
