"""The networks, ours and those of other projects, and the only place that assembles one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from hypsegcli.network.backbones import Backbone, Features, TimmFeatures, build_backbone, timm_stages
from hypsegcli.network.backbones.features import IMAGENET, Normalisation, first_cells
from hypsegcli.network.config import ModelConfig
from hypsegcli.network.deeplab import ASPP, ASPP_RATES, Decoder, make_embedding
from hypsegcli.network.head import HEADS
from hypsegcli.network.imported import TRUNKS, Trunk
from hypsegcli.network.segformer import MlpDecoder

GRID = 4  # our network answers on a grid of every 4th pixel


EMBEDDING = ("decoder.embed.", "embedding.")  # how the names of the tensors begin that make the embedding


class NetworkOutput(NamedTuple):
    """What the network says on its own grid; always float32."""

    embedding: Tensor  # (B, D, h, w) tangent vectors at the origin of the ball
    logits: Tensor  # (B, M, h, w), or (B, K, h, w) of a flat softmax
    distance: Tensor  # (B, h, w) geodesic distance to the origin, in [0, config.max_distance]

    def is_finite(self) -> bool:
        """Whether it holds neither NaN nor infinity."""
        # In the order of memory, without which a copy is made. NaN is the smallest and the largest of where it is.
        parts = (self.embedding.permute(0, 2, 3, 1), self.logits.permute(0, 2, 3, 1), self.distance)
        return bool(torch.stack([extreme for part in parts for extreme in part.aminmax()]).isfinite().all())


class Network(nn.Module):
    """From an image to its embedding, and from there, by the head, to logits and the distance to the origin."""

    head: nn.Module

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config

    @property
    def below_embedding(self) -> tuple[nn.Module, ...]:
        """All parts before the layers that make the embedding."""
        raise NotImplementedError

    @property
    def normalisation(self) -> Normalisation:
        """What its input is, where no weights say otherwise."""
        return IMAGENET

    @property
    def is_exportable(self) -> bool:
        """Whether torch can trace it for images of any size."""
        return False

    def forward(self, image: Tensor, mean: Tensor | None = None) -> NetworkOutput:
        """Segment normalised images (B, 3, H, W), H and W multiples of the kind's alignment.

        The grid (h, w) of ours is (H / 4, W / 4). Where they are windows of one larger image, `mean` (C,) is that of
        its `features`, which ASPP then takes instead of the windows' own; without ASPP it is None.
        """
        embedding = self.embed(image, mean)
        # cosh(7.6) is about 1,000: three digits are lost here, which float32 has and bfloat16 has not.
        with torch.autocast(image.device.type, enabled=False):
            logits, distance = self.head(embedding)
        return NetworkOutput(embedding, logits, distance)

    def embed(self, image: Tensor, mean: Tensor | None = None) -> Tensor:
        """Everything before the head: (B, D, h, w) tangent vectors at the origin of the ball, float32."""
        raise NotImplementedError

    def features(self, image: Tensor) -> Tensor:
        """What ASPP takes the mean of: (B, C, H / s, W / s) of images as in `forward`, s the output stride."""
        raise NotImplementedError


class OwnNetwork(Network):
    """One of ours: a backbone, and a decoder that makes embeddings of its maps."""

    backbone: Backbone

    @property
    def normalisation(self) -> Normalisation:
        """As in `Network`."""
        return self.backbone.normalisation

    @property
    def is_exportable(self) -> bool:
        """As in `Network`."""
        return self.backbone.exportable

    @property
    def before_dropout(self) -> tuple[nn.Module, ...]:
        """The parts behind each of which features may be dropped, to see how far answers hang on them."""
        raise NotImplementedError


class HyperbolicDeepLab(OwnNetwork):
    """DeepLabV3+ whose pixel embeddings lie in the Poincaré ball."""

    def __init__(self, config: ModelConfig, backbone: Backbone, aspp: ASPP, decoder: Decoder, head: nn.Module) -> None:
        super().__init__(config)
        self.backbone = backbone
        self.aspp = aspp
        self.decoder = decoder
        self.head = head

    @property
    def below_embedding(self) -> tuple[nn.Module, ...]:
        """As in `Network`."""
        return (self.backbone, self.aspp, self.decoder.low_level, self.decoder.refine)

    @property
    def before_dropout(self) -> tuple[nn.Module, ...]:
        """ASPP, and each of the decoder's convolutions."""
        return (self.aspp, *self.decoder.refine)

    def embed(self, image: Tensor, mean: Tensor | None = None) -> Tensor:
        """As in `Network`."""
        low, high = self.backbone(image)
        embedding: Tensor = self.decoder(low, self.aspp(high, mean)).float()
        return embedding

    def features(self, image: Tensor) -> Tensor:
        """As in `Network`."""
        high: Tensor = self.backbone(image)[1]
        return high


class HyperbolicSegFormer(OwnNetwork):
    """SegFormer's decoder on a network in stages, with pixel embeddings in the Poincaré ball.

    Its attention reaches all of an image, or of a window, so that nothing else need tell a window of the rest.
    """

    backbone: TimmFeatures

    def __init__(self, config: ModelConfig, backbone: TimmFeatures, decoder: MlpDecoder, head: nn.Module) -> None:
        super().__init__(config)
        self.backbone = backbone
        self.decoder = decoder
        self.head = head

    @property
    def below_embedding(self) -> tuple[nn.Module, ...]:
        """As in `Network`."""
        return (self.backbone, self.decoder.linear, self.decoder.join, self.decoder.norm)

    @property
    def before_dropout(self) -> tuple[nn.Module, ...]:
        """What comes before the last layer, where the paper has dropout in training."""
        return (self.decoder.relu,)

    def embed(self, image: Tensor, mean: Tensor | None = None) -> Tensor:
        """As in `Network`; ValueError for a mean, which nothing here would take."""
        if mean is not None:
            raise ValueError(f"{self.config.kind.title} takes no mean of an image")
        rows, columns = image.shape[2:]
        embedding: Tensor = self.decoder(self.backbone.maps(image)).float()
        return first_cells(embedding, rows // GRID, columns // GRID)  # the maps are of whole cells of the coarsest one


class ImportedNetwork(Network):
    """Another project's network with a head of ours; `convert` brings its weights. Images go in whole."""

    def __init__(self, config: ModelConfig, trunk: Trunk, embedding: nn.Module, head: nn.Module) -> None:
        super().__init__(config)
        self.trunk = trunk
        self.embedding = embedding
        self.head = head

    @property
    def below_embedding(self) -> tuple[nn.Module, ...]:
        """As in `Network`."""
        return (self.trunk,)

    def embed(self, image: Tensor, mean: Tensor | None = None) -> Tensor:
        """As in `Network`; ValueError for windows of a larger image."""
        if mean is not None:
            raise ValueError(f"{self.config.kind.title} takes images whole")
        embedding: Tensor = self.embedding(self.trunk(image)).float()
        return embedding


def build_model(config: ModelConfig) -> Network:
    """A network with random weights."""
    if config.network == "hypseg":
        return build_deeplab(config) if config.decoder == "deeplab" else build_segformer(config)
    trunk = TRUNKS[config.network](config)
    if not config.embedding_layers and trunk.channels != config.embedding_size:
        raise ValueError(f"{config.kind.title} has {trunk.channels} features, not {config.embedding_size}")
    embedding = make_embedding(config, channels=trunk.channels) if config.embedding_layers else nn.Identity()
    return ImportedNetwork(config, trunk, embedding, HEADS[config.head](config))


def build_deeplab(config: ModelConfig) -> HyperbolicDeepLab:
    """One of ours, with random weights."""
    backbone = build_backbone(config.backbone, config.output_stride)
    separable = config.convolutions == "separable"
    aspp = ASPP(backbone.high_channels, output_stride=config.output_stride, separable=separable)
    decoder = Decoder(backbone.low_channels, config)
    return HyperbolicDeepLab(config, backbone, aspp, decoder, HEADS[config.head](config))


def build_segformer(config: ModelConfig) -> HyperbolicSegFormer:
    """One of ours with SegFormer's decoder, with random weights."""
    backbone = timm_stages(config.backbone)
    decoder = MlpDecoder(backbone.channels, config)
    return HyperbolicSegFormer(config, backbone, decoder, HEADS[config.head](config))


def filled_backbone(config: ModelConfig, weights: Mapping[str, Tensor]) -> Backbone:
    """The backbone of one of our networks with weights of its own kind; errors are those of `build_backbone`."""
    if config.decoder == "mlp":
        return timm_stages(config.backbone, weights)
    return build_backbone(config.backbone, config.output_stride, weights)


def receptive_radius(model: Network) -> int | None:
    """How many pixels away something can still change a pixel's answer; None where that is not known.

    It is read from the layers of a network whose layers stand in the order in which they run, which those of timm need
    not; attention has no radius but the image's size. Image-wide means are not counted: that of ASPP, and those of
    MobileNet's squeeze-and-excitation.
    """
    if not isinstance(model, HyperbolicDeepLab) or not isinstance(model.backbone, Features):
        return None
    before, behind, jump = 0, 0, 1  # to the left and above, to the right and below
    for layer in model.backbone.modules():
        if isinstance(layer, nn.Conv2d | nn.MaxPool2d):
            kernel, stride, dilation = (_first(v) for v in (layer.kernel_size, layer.stride, layer.dilation))
            reach = (kernel - 1) // 2 * dilation
            # A layer of its own that pads puts one pixel less before than behind.
            shift = kernel > 1 and layer.padding in {0, (0, 0)}
            before += (reach - shift) * jump
            behind += (reach + shift) * jump
            # Shortcuts have stride too, but lie beside a strided convolution that was counted: they are 1x1.
            jump *= stride if kernel > 1 else 1
    reach = max(ASPP_RATES) * 16 + 2 * GRID  # the widest rate times its stride is the same at output stride 8
    # Bilinear interpolation from a stride to one n times finer: the neighbour before lies up to 3 n / 2 - 1 of the
    # finer steps away, the one behind n / 2, since cells are taken at their centres, but a strided convolution sits at
    # their corner.
    stride = model.config.output_stride
    before += (3 * stride) // 2 - GRID + (3 * GRID) // 2 - 1
    behind += stride // 2 + GRID // 2
    return reach + max(before, behind)


def _first(value: int | tuple[int, ...]) -> int:
    return value if isinstance(value, int) else value[0]
