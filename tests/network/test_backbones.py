"""Every backbone behind the same interface, and strides traded for dilation without moving a response."""

import pytest
import torch
from support.norms import lively
from torch import Tensor, nn
from torchvision import models
from torchvision.ops.misc import SqueezeExcitation

from hypsegcli.network.backbones import REGISTRY, Features
from hypsegcli.network.config import BACKBONES

NAMES = tuple(REGISTRY)
STRIDES = (8, 16)
SIZES = ((16, 16), (32, 48), (80, 16), (64, 112))  # height and width, multiples of 16
every = pytest.mark.parametrize("name", NAMES)
strides = pytest.mark.parametrize("stride", STRIDES)


@torch.no_grad()
def answers(features: Features, image: Tensor) -> tuple[Tensor, Tensor]:
    low, high = features(image)
    return low, high


def test_the_registry_is_what_is_offered() -> None:
    assert NAMES == BACKBONES


@every
@strides
def test_shapes_are_what_the_features_promise(name: str, stride: int) -> None:
    features = REGISTRY[name](name, stride).eval()
    for height, width in SIZES[:2] if name == "resnet101" else SIZES:
        low, high = answers(features, torch.randn(1, 3, height, width))
        assert low.shape == (1, features.low_channels, height // 4, width // 4)
        assert high.shape == (1, features.high_channels, height // stride, width // stride)
        assert low.isfinite().all()
        assert high.isfinite().all()


def resnet_at_stride_32(name: str) -> Features:
    """As torchvision has it, without any dilation."""
    net = models.get_model(name, weights=None)
    low, high = nn.Sequential(), nn.Sequential()
    for part in ("conv1", "bn1", "relu", "maxpool", "layer1"):
        low.add_module(part, getattr(net, part))
    for part in ("layer2", "layer3", "layer4"):
        high.add_module(part, getattr(net, part))
    return Features(low, high, 0, 0)


class MobileAt32(Features):
    """torchvision's MobileNetV3 in the parts that the room cuts it into."""

    def __init__(self, name: str) -> None:
        at_8, at_16, at_32 = {"mobilenet_v3_small": (2, 4, 9), "mobilenet_v3_large": (4, 7, 13)}[name]
        blocks = list(models.get_model(name, weights=None).features)
        high = nn.Sequential(*blocks[at_8:at_16], nn.Sequential(*blocks[at_16:at_32]), nn.Sequential(*blocks[at_32:]))
        super().__init__(nn.Sequential(*blocks[:at_8]), high, 0, 0)


def without_image_wide_means(module: Features) -> Features:
    for part in list(module.modules()):
        for name, child in part.named_children():
            if isinstance(child, SqueezeExcitation):
                setattr(part, name, nn.Identity())
    return module


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "mobilenet_v3_small", "mobilenet_v3_large"])
@pytest.mark.parametrize("size", [(64, 96), (48, 80)], ids=["whole cells", "odd cells"])
def test_a_dilated_network_answers_as_the_strided_one_did(name: str, size: tuple[int, int]) -> None:
    """With the same weights, the dilated map at every 2nd or 4th point is the strided map.

    It holds everywhere, borders too: a tap that lies outside in one lies outside in the other, and both see zeros
    there. Only image-wide means differ (squeeze-and-excitation sees more points), so they are taken out.
    """
    strided = MobileAt32(name) if name.startswith("mobilenet") else resnet_at_stride_32(name)
    strided = lively(without_image_wide_means(strided))
    image = torch.randn(1, 3, *size)
    low, coarse = answers(strided, image)
    for stride in STRIDES:
        dilated = without_image_wide_means(REGISTRY[name](name, stride)).eval()
        dilated.load_state_dict(strided.state_dict())
        same_low, fine = answers(dilated, image)
        torch.testing.assert_close(same_low, low, rtol=1e-5, atol=1e-6)
        step = 32 // stride
        # Sums are taken in another order, through up to 53 layers.
        bound = 1e-4 * coarse.abs().max().item()
        torch.testing.assert_close(fine[:, :, ::step, ::step], coarse, rtol=0.0, atol=bound)


@strides
def test_without_its_last_stage_a_network_is_the_beginning_of_the_whole(stride: int) -> None:
    whole, cut = (lively(REGISTRY[name](name, stride)) for name in ("resnet18", "resnet18_c4"))
    state = {key: value for key, value in whole.state_dict().items() if not key.startswith("high.layer4")}
    cut.load_state_dict(state)
    image = torch.randn(1, 3, 48, 80)
    low, high = answers(cut, image)
    with torch.no_grad():
        expected = whole.low(image)
        assert torch.equal(low, expected)
        for part in ("layer2", "layer3"):
            expected = whole.high.get_submodule(part)(expected)
    assert torch.equal(high, expected)
    assert high.shape[1] == cut.high_channels == 256


@every
def test_output_strides_share_their_weights(name: str) -> None:
    """A checkpoint of one stride can be loaded at the other: names and shapes are the same."""
    with torch.device("meta"):
        one, other = (REGISTRY[name](name, stride).state_dict() for stride in STRIDES)
    assert {key: value.shape for key, value in one.items()} == {key: value.shape for key, value in other.items()}


@pytest.mark.parametrize("stride", STRIDES)
def test_nothing_is_downsampled_behind_the_output_stride(stride: int) -> None:
    for name in NAMES:
        with torch.device("meta"):
            features = REGISTRY[name](name, stride)
        product = 1
        for layer in features.modules():
            if isinstance(layer, nn.Conv2d | nn.MaxPool2d):
                step = layer.stride if isinstance(layer.stride, int) else layer.stride[0]
                kernel = layer.kernel_size if isinstance(layer.kernel_size, int) else layer.kernel_size[0]
                product *= step if kernel > 1 else 1  # 1x1 shortcuts lie beside a counted convolution
        assert product == stride, name


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v3_small"])
@pytest.mark.parametrize("classes", [1000, 7, None])
def test_torchvision_s_own_weights_are_taken_whatever_their_classes(name: str, classes: int | None) -> None:
    torch.manual_seed(1)
    weights = models.get_model(name, weights=None, num_classes=classes or 10).state_dict()
    if classes is None:  # a file of features alone
        weights = {key: value for key, value in weights.items() if not key.startswith(("fc.", "classifier."))}
    strided = MobileAt32(name) if name.startswith("mobilenet") else resnet_at_stride_32(name)
    filled = REGISTRY[name](name, 16, weights).state_dict()
    assert filled.keys() == strided.state_dict().keys()
    trunk = [value for key, value in weights.items() if not key.startswith(("fc.", "classifier."))]
    for one, two in zip(filled.values(), trunk, strict=True):
        assert torch.equal(one, two)


def test_weights_of_another_network_are_refused() -> None:
    weights = models.get_model("resnet18", weights=None).state_dict()
    with pytest.raises((RuntimeError, ValueError)):
        REGISTRY["resnet50"]("resnet50", 16, weights)
    with pytest.raises(ValueError, match="1 tensors are missing, 0 unexpected"):
        REGISTRY["resnet18"]("resnet18", 16, {key: value for key, value in weights.items() if key != "conv1.weight"})
    with pytest.raises(ValueError, match="0 tensors are missing, 1 unexpected"):
        REGISTRY["resnet18"]("resnet18", 16, weights | {"more": torch.zeros(1)})
