"""timm's networks behind the interface of every backbone, against timm and against torchvision."""

from __future__ import annotations

import sys
from typing import Any

import pytest
import timm
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision import models

from hypsegcli.errors import UsageError
from hypsegcli.network.backbones import REGISTRY, Backbone, build_backbone, timm_stages

SWIN = "swin_tiny_patch4_window7_224"
# Dilated: ResNet, ConvNeXt, MobileNet, TensorFlow's padding. Joined: transformers, and a network that timm runs whole.
DILATED = ("resnet10t", "test_convnext", "mobilenetv4_conv_small", "tf_mobilenetv3_small_minimal_100")
JOINED = ("pvt_v2_b0", "ghostnet_050")
strides = pytest.mark.parametrize("stride", [8, 16])


def backbone(name: str, stride: int = 16, **options: Any) -> Backbone:
    torch.manual_seed(0)
    return build_backbone(f"timm:{name}", stride, **options).eval()


def lively(net: nn.Module) -> nn.Module:
    """Evaluation mode, with batch norms whose statistics are those of some training and not 0 and 1."""
    torch.manual_seed(1)
    for part in net.modules():
        if isinstance(part, nn.BatchNorm2d):
            for tensor in (part.weight, part.running_var):
                assert tensor is not None
                nn.init.uniform_(tensor, 0.8, 1.2)
            nn.init.normal_(part.bias, std=0.1)
    return net.eval()


def noise(*size: int) -> Tensor:
    return torch.randn(1, 3, *size, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", [*DILATED, *JOINED, SWIN])
@strides
def test_shapes_are_what_the_features_promise(name: str, stride: int) -> None:
    features = backbone(name, stride)
    for height, width in ((16, 16), (48, 80)):
        image = noise(height, width).requires_grad_()
        low, high = features(image)
        assert low.shape == (1, features.low_channels, height // 4, width // 4)
        assert high.shape == (1, features.high_channels, height // stride, width // stride)
        assert low.isfinite().all()
        assert high.isfinite().all()
    (low.mean() + high.square().mean()).backward()
    for key, parameter in features.named_parameters():
        assert parameter.grad is not None, f"{key} takes no part in the answer"


@pytest.mark.parametrize("name", DILATED)
@strides
@torch.no_grad()
def test_a_dilated_network_answers_as_timm_s_own(name: str, stride: int) -> None:
    """From a file's tensors, of another number of classes, without a part of them, and with padding that is fixed."""
    whole = lively(timm.create_model(name, num_classes=7)).state_dict()
    theirs = timm.create_model(
        name, features_only=True, output_stride=stride, pretrained=True,
        pretrained_cfg_overlay={"state_dict": whole},
    ).eval()  # fmt: skip
    low, high = backbone(name, stride, weights=whole)(noise(48, 80))
    maps = dict(zip(theirs.feature_info.reduction(), theirs(noise(48, 80)), strict=True))
    torch.testing.assert_close(low, maps[4], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(high, maps[stride], rtol=1e-4, atol=1e-4 * float(high.abs().max()))


@pytest.mark.parametrize("name", [*JOINED, SWIN])
@torch.no_grad()
def test_of_other_networks_the_maps_are_joined_at_the_output_stride(name: str) -> None:
    whole = lively(timm.create_model(name, num_classes=7)).state_dict()
    options = {"strict_img_size": False, "always_partition": True} if name == SWIN else {}
    theirs = timm.create_model(
        name, features_only=True, pretrained=True, pretrained_cfg_overlay={"state_dict": whole}, **options
    ).eval()
    features, image = backbone(name, weights=whole), noise(64, 96)
    maps = dict(zip(theirs.feature_info.reduction(), theirs(image), strict=True))
    if name == SWIN:
        maps = {stride: found.permute(0, 3, 1, 2) for stride, found in maps.items()}
    low, high = features(image)
    larger = F.interpolate(maps[32], scale_factor=2, mode="bilinear", align_corners=False)
    torch.testing.assert_close(low, maps[4])
    torch.testing.assert_close(high, torch.cat([maps[16], larger], dim=1))
    low, high = features(image[:, :, :48, :80])
    continued = F.pad(image[:, :, :48, :80], (0, 16, 0, 16))
    torch.testing.assert_close(low, features(continued)[0][:, :, :12, :20])
    torch.testing.assert_close(high, features(continued)[1][:, :, :3, :5])


@pytest.mark.parametrize("name", ["resnet10t", *JOINED, SWIN])
@torch.no_grad()
def test_stages_are_timm_s_own_maps(name: str) -> None:
    """From a file's tensors, not dilated, and continued in the mean colour to whole cells of the coarsest map."""
    whole = lively(timm.create_model(name, num_classes=7)).state_dict()
    options = {"strict_img_size": False, "always_partition": True} if name == SWIN else {}
    theirs = timm.create_model(
        name, features_only=True, pretrained=True, pretrained_cfg_overlay={"state_dict": whole}, **options
    ).eval()
    stages = timm_stages(f"timm:{name}", whole).eval()
    for height, width in ((64, 96), (48, 80)):
        maps = stages.maps(noise(height, width))
        continued = F.pad(noise(height, width), (0, -width % 32, 0, -height % 32))
        wanted = dict(zip(theirs.feature_info.reduction(), theirs(continued), strict=True))
        assert tuple(found.shape[1] for found in maps) == stages.channels
        for stride, found in zip((4, 8, 16, 32), maps, strict=True):
            own = wanted[stride].permute(0, 3, 1, 2) if name == SWIN else wanted[stride]
            torch.testing.assert_close(found, own, rtol=1e-4, atol=1e-4 * float(own.abs().max()))


def test_a_network_without_stages_is_refused_for_them() -> None:
    with pytest.raises(
        UsageError, match=r"timm:test_vit: its maps have the strides 16, 16, 16; decoder=mlp takes one of each of 4, 8"
    ):
        timm_stages("timm:test_vit")


@strides
@torch.no_grad()
def test_resnet_is_that_of_torchvision(stride: int) -> None:
    """Two implementations, two ways to dilate, one file."""
    weights = lively(models.get_model("resnet18", weights=None)).state_dict()
    ours = REGISTRY["resnet18"]("resnet18", stride, weights).eval()
    for found, wanted in zip(
        backbone("resnet18", stride, weights=weights)(noise(48, 80)), ours(noise(48, 80)), strict=True
    ):
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["resnet10t", "mobilenetv4_conv_small"])
def test_weights_of_another_network_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        backbone(name, weights=models.get_model("resnet18", weights=None).state_dict())
    whole = timm.create_model(name).state_dict()
    first = next(iter(whole))
    with pytest.raises(ValueError, match=r"1 tensors are missing|loading state_dict"):
        backbone(name, weights={key: value for key, value in whole.items() if key != first})


@pytest.mark.parametrize("name", ["resnet10t", "test_convnext"])
def test_the_input_is_what_timm_says(name: str) -> None:
    said = timm.get_pretrained_cfg(name)
    assert backbone(name).normalisation == (said.mean, said.std)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (
            "test_vit",
            r"timm:test_vit: its maps have the strides 16, 16, 16; it takes one of 4 and one of 16 or a multiple",
        ),
        ("test_maxvit", "does not take images of every size .*; choose a network that does, such as timm:pvt_v2_b0"),
        ("resnet18b", r"timm \S+ has no network of this name; did you mean timm:resnet\S+ or timm:"),
        ("zzzzzzzzzzzzzzzzzzzz", r"no network of this name; see timm.list_models\(\)"),
        ("resnet18.none", r"no weights 'none' for resnet18; there are timm:resnet18\.\w+, .* and \d more"),
    ],
)
def test_what_can_be_no_backbone_gets_a_sentence(name: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        backbone(name)


def test_without_timm_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(UsageError, match=r"timm:resnet18: timm cannot be imported .*; pip install 'hypseg\[timm\]'"):
        backbone("resnet18")
