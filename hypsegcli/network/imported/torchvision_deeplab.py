"""torchvision's DeepLabV3 (Chen et al., 2017), up to its last 1x1 convolution; torchvision itself builds it."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from hypsegcli.network.config import ModelConfig
from hypsegcli.network.imported.trunk import Trunk


class TorchvisionDeepLab(Trunk):
    """`deeplabv3_resnet50` and its siblings: features at the backbone's output stride, 8, or 16 of a MobileNet."""

    channels = 256

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        from torchvision.models import get_model  # imports PyTorch's compiler, for a second; others need neither

        net: Any = get_model(f"deeplabv3_{config.backbone}", weights=None, weights_backbone=None, num_classes=2)
        self.backbone = net.backbone
        self.classifier = nn.Sequential(*list(net.classifier)[:-1])

    def forward(self, image: Tensor) -> Tensor:
        """As in `Trunk`."""
        features: Tensor = self.classifier(self.backbone(image)["out"])
        return features
