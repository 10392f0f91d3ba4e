"""Random scale, quarter turn, crop, flip and colour, the same for an image and its mask."""

from __future__ import annotations

import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2

from hypsegcli.images.shrink import nearest
from hypsegcli.sampling.warp import FINER
from hypsegcli.training.config import TrainConfig


def build_augmentation(config: TrainConfig, *, fill: tuple[int, int, int], ignore_index: int) -> v2.Compose:
    """A transform of (Image, Mask) pairs to crops of the configured size.

    Where a small image does not fill its crop, the image is filled with the mean colour, the mask with void. Crops that
    are to be sampled are larger, by `FINER`.
    """
    finer = FINER if config.sampling == "adaptive" else 1
    size = (finer * config.crop_height, finer * config.crop_width)
    fills = {tv_tensors.Image: fill, tv_tensors.Mask: ignore_index}
    turned = [_QuarterTurn()] if config.quarter_turns else []
    return v2.Compose(
        [
            _RandomScale(config.scale_min, config.scale_max),
            *turned,
            v2.RandomCrop(size, pad_if_needed=True, fill=fills),
            v2.RandomHorizontalFlip(0.5 if config.flip else 0.0),
            color_jitter(config),
        ]
    )


def color_jitter(config: TrainConfig) -> v2.Transform:
    """A transform of images to other brightness, contrast, saturation and hue."""
    jitter = config.color_jitter
    return v2.ColorJitter(brightness=jitter, contrast=jitter, saturation=jitter, hue=jitter / 4)


class _RandomScale(v2.Transform):  # type: ignore[misc]  # torchvision has no type hints
    """Resize by a factor whose logarithm is uniform, so that halving is as likely as doubling."""

    def __init__(self, low: float, high: float) -> None:
        super().__init__()
        self.log_range = torch.tensor([low, high]).log()

    def make_params(self, flat_inputs: list[Tensor]) -> dict[str, list[int]]:
        low, high = self.log_range
        factor = float(torch.empty(()).uniform_(float(low), float(high)).exp())
        height, width = flat_inputs[0].shape[-2:]
        return {"size": [max(1, round(height * factor)), max(1, round(width * factor))]}

    def transform(self, inpt: Tensor, params: dict[str, list[int]]) -> Tensor:
        if isinstance(inpt, tv_tensors.Mask):  # torchvision's own way would move it against the image
            rows, columns = (
                torch.from_numpy(nearest(old, new)) for old, new in zip(inpt.shape, params["size"], strict=True)
            )
            mask: Tensor = tv_tensors.Mask(inpt[rows[:, None], columns[None, :]])
            return mask
        resized: Tensor = self._call_kernel(v2.functional.resize, inpt, params["size"], antialias=True)
        return resized


class _QuarterTurn(v2.Transform):  # type: ignore[misc]  # torchvision has no type hints
    """Turn by 0, 90, 180 or 270 degrees, without interpolation."""

    def make_params(self, flat_inputs: list[Tensor]) -> dict[str, int]:
        return {"turns": int(torch.randint(4, ()))}

    def transform(self, inpt: Tensor, params: dict[str, int]) -> Tensor:
        turned: Tensor = tv_tensors.wrap(torch.rot90(inpt, params["turns"], dims=(-2, -1)), like=inpt)
        return turned
