"""EfficientNet-Lite against the implementation that its published weights come with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from efficientnet_lite_pytorch import EfficientNet
from PIL import Image
from torch import Tensor, nn

from hypsegcli.network.backbones import REGISTRY
from hypsegcli.training.imagenet import imagenet_weights

COFFEE = Path(__file__).parents[3] / "examples" / "others" / "coffee.png"
ESPRESSO, CUP = 967, 968  # of ImageNet's classes
SIDE = 256
both = pytest.mark.parametrize("size", ["lite0", "lite2"])


def photograph(size: str, side: int = SIDE) -> Tensor:
    """(1, 3, side, side), normalised as the backbone wants it."""
    mean, std = REGISTRY[f"efficientnet_{size}"](f"efficientnet_{size}", 16).normalisation
    pixels = np.asarray(Image.open(COFFEE).convert("RGB").resize((side, side)), np.float32) / 255
    return ((torch.from_numpy(pixels) - torch.tensor(mean)) / torch.tensor(std)).permute(2, 0, 1)[None]


@both
@torch.no_grad()
def test_it_sees_what_the_original_sees(size: str) -> None:
    """Through the original's own classifier, which is not a part of the backbone: the same logits."""
    weights = imagenet_weights(f"efficientnet_{size}").tensors
    original = EfficientNet.from_name(f"efficientnet-{size}", image_size=SIDE).eval()
    original.load_state_dict(weights)
    features = REGISTRY[f"efficientnet_{size}"](f"efficientnet_{size}", 32, weights).eval()
    image = photograph(size)
    convolve, norm, classify = (original.get_submodule(name) for name in ("_conv_head", "_bn1", "_fc"))
    logits = classify(nn.functional.relu6(norm(convolve(features(image)[1]))).mean((2, 3)))
    torch.testing.assert_close(logits, original(image), rtol=1e-5, atol=1e-5)
    assert logits[0].topk(2).indices.tolist() == [ESPRESSO, CUP]


@both
@pytest.mark.parametrize("stride", [8, 16])
@torch.no_grad()
def test_dilated_it_answers_as_it_did_strided(size: str, stride: int) -> None:
    """TensorFlow's padding puts the centre of a strided kernel at the last of the pixels that it stands for."""
    weights = imagenet_weights(f"efficientnet_{size}").tensors
    strided, dilated = (
        REGISTRY[f"efficientnet_{size}"](f"efficientnet_{size}", s, weights).eval() for s in (32, stride)
    )
    image = photograph(size, side=128)
    (low, coarse), (same, fine) = strided(image), dilated(image)
    assert torch.equal(low, same)
    step = 32 // stride
    bound = 1e-4 * coarse.abs().max().item()
    torch.testing.assert_close(fine[:, :, step - 1 :: step, step - 1 :: step], coarse, rtol=0.0, atol=bound)


def test_weights_of_another_size_are_refused() -> None:
    with pytest.raises((RuntimeError, ValueError)):
        REGISTRY["efficientnet_lite2"]("efficientnet_lite2", 16, imagenet_weights("efficientnet_lite0").tensors)
    with pytest.raises(ValueError, match="tensors are missing, 1 unexpected"):
        REGISTRY["efficientnet_lite0"]("efficientnet_lite0", 16, {"fc.weight": torch.zeros(1)})
