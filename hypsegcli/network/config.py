"""ModelConfig: all that decides a network's shape and its function. Imports no torch, so `info` is instant."""

from __future__ import annotations

import math
import re
from typing import Annotated, Literal, NamedTuple

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from hypsegcli.hierarchy.rule import Factors

BACKBONES = (
    "resnet18", "resnet18_c4", "resnet50", "resnet101", "mobilenet_v3_small", "mobilenet_v3_large",
    "efficientnet_lite0", "efficientnet_lite2",
)  # fmt: skip
TIMM = "timm:"  # what stands before the name of a network of timm's


def _one_of_ours_or_timms(name: str) -> str:
    """Whether timm has a network of that name is seen when it is built: timm brings torch along."""
    if name not in BACKBONES and not re.fullmatch(rf"{TIMM}[A-Za-z0-9_.]+", name):
        raise ValueError(f"expected {', '.join(BACKBONES)}, or {TIMM}NAME, a network of timm's")
    return name


BackboneName = Annotated[str, AfterValidator(_one_of_ours_or_timms)]

# DeepLabV3+'s, behind ASPP; or SegFormer's of multilayer perceptrons, which joins four stages.
DecoderName = Literal["deeplab", "mlp"]


def check_decoder(decoder: DecoderName, backbone: str) -> None:
    """Raise ValueError for a backbone that has not the stages of a decoder: ours stop at their output stride."""
    if decoder == "mlp" and not backbone.startswith(TIMM):
        raise ValueError(
            f"decoder mlp joins the stages of one of timm's networks, not of {backbone}; choose a backbone such as "
            f"{TIMM}pvt_v2_b0"
        )


Rate = Annotated[int, Field(ge=1, le=256)]


class Kind(NamedTuple):
    """A network, and how its answer is brought to the image's pixels."""

    title: str
    backbones: tuple[str, ...]
    alignment: int = 1  # of what the sides of an image are multiples on its way in
    # Where the points of the grid lie: in the middles of its cells; on the image's corners and evenly between them; or
    # in the cells' first corners, as in TensorFlow 1.
    upsampling: Literal["centres", "corners", "first corners"] = "centres"
    blended: Literal["logits", "probabilities"] = "logits"  # between the points of the grid


# Ours, and those of other projects, whose checkpoints `hypseg convert` reads.
KINDS = {
    "hypseg": Kind("DeepLabV3+", BACKBONES, alignment=16),
    "reference": Kind(
        "the reference's DeepLabV3+", ("resnet50", "resnet101"), upsampling="first corners", blended="probabilities"
    ),
    "torchvision": Kind("torchvision's DeepLabV3", ("resnet50", "resnet101", "mobilenet_v3_large")),
    "smp": Kind(
        "segmentation_models_pytorch's DeepLabV3+",
        ("resnet18", "resnet34", "resnet50", "resnet101"),
        alignment=16,
        upsampling="corners",
    ),
    "mmseg": Kind(
        "MMSegmentation's DeepLabV3+",
        tuple(f"resnet{depth}_{variant}" for depth in (50, 101) for variant in ("v1b", "v1c", "v1d")),
    ),
    "halo": Kind("HALO's DeepLabV3+", ("resnet50", "resnet101"), upsampling="corners"),
    "topics": Kind("TOPICS' DeepLabV3", ("resnet101",)),
}
_SEGFORMER = KINDS["hypseg"]._replace(title="SegFormer's all-MLP decoder")  # ours too, with the other decoder
KindName = Literal["hypseg", "reference", "torchvision", "smp", "mmseg", "halo", "topics"]
PROTOTYPES = ("prototypes", "prototypes-euclidean", "prototypes-cosine")
Head = Literal[
    "hyperbolic", "hyperbolic-reference", "euclidean", "prototypes", "prototypes-euclidean", "prototypes-cosine"
]
IN_BALL = ("hyperbolic", "hyperbolic-reference", "prototypes")  # heads whose embeddings are points of it


class ModelConfig(BaseModel):
    """Architecture of a hyperbolic DeepLabV3+, or of SegFormer's decoder on a backbone of timm's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    network: KindName = "hypseg"
    backbone: str = "resnet18"
    decoder: DecoderName = "deeplab"
    # Both of DeepLabV3+; the MLP decoder has 1x1 convolutions alone, and takes the strides of the stages as they are.
    output_stride: Literal[8, 16] = 16
    convolutions: Literal["standard", "separable"] = "separable"  # in ASPP and decoder
    # Dilations of ASPP's branches, as they stand in another project's network; of ours the output stride decides.
    rates: tuple[Rate, Rate, Rate] = (6, 12, 18)
    embedding_size: int = Field(default=64, ge=2, le=65_536)  # D
    # Convolutions from the decoder's features to the embedding; 0, of other projects': the features are the embedding.
    embedding_layers: Literal[0, 1, 2] = 1
    nodes: int = Field(ge=2)  # M for a hierarchical softmax, K for a flat one
    # Among siblings; among the classes; or among them, of each the sum of the logits along its path.
    softmax: Literal["hierarchical", "flat", "paths"] = "hierarchical"
    # Below which no factor of a hierarchical softmax falls, as the reference's; its classes do not sum to 1 then.
    least_factor: float | None = Field(default=None, gt=0.0, le=1e-2)
    # Which logits: the closed form, the reference implementation's expansion, a plain 1x1 convolution, or the distance
    # to the nearest prototype.
    head: Head = "hyperbolic"
    prototypes: int = Field(default=10, ge=1, le=1_000)  # P, of each class, where the head is one of those
    # c, the value after training; within these bounds float32 holds the distance and the logits of any embedding.
    curvature: float = Field(default=1.0, ge=1e-6, le=1e6, allow_inf_nan=False)
    # t = 2 sqrt(c) |v| is held below this, and how; 7.6 is the reference's 1e-3 from the edge of the ball.
    t_max: float = Field(default=2.0 * math.atanh(1.0 - 1e-3), ge=0.01, le=20.0, allow_inf_nan=False)
    radial_limit: Literal["hard", "smooth"] = "smooth"

    @property
    def kind(self) -> Kind:
        """The kind of network."""
        return KINDS[self.network] if self.decoder == "deeplab" else _SEGFORMER

    @field_validator("backbone")
    @classmethod
    def _is_known(cls, name: str, info: ValidationInfo) -> str:
        network = info.data.get("network", "hypseg")
        if network == "hypseg":
            return _one_of_ours_or_timms(name)
        if name not in KINDS[network].backbones:
            raise ValueError(f"expected {', '.join(KINDS[network].backbones)} for {KINDS[network].title}")
        return name

    @field_validator("decoder")
    @classmethod
    def _has_its_stages(cls, decoder: DecoderName, info: ValidationInfo) -> DecoderName:
        if info.data.get("network", "hypseg") != "hypseg" and decoder != "deeplab":
            raise ValueError("expected deeplab for another project's network")
        check_decoder(decoder, info.data.get("backbone", TIMM))
        return decoder

    @model_validator(mode="after")
    def _has_an_embedding(self) -> ModelConfig:
        if not self.is_imported and not self.embedding_layers:
            raise ValueError("embedding_layers: expected 1 or 2")
        return self

    @model_validator(mode="after")
    def _has_prototypes_of_classes(self) -> ModelConfig:
        if self.has_prototypes and self.softmax != "flat":
            raise ValueError(f"the head {self.head} has prototypes of classes alone, whose softmax is flat")
        return self

    @property
    def is_imported(self) -> bool:
        """Whether the network is another project's: it takes images whole, and runs in torch alone."""
        return self.network != "hypseg"

    @property
    def has_prototypes(self) -> bool:
        """Whether its classes are prototypes; their softmax is flat."""
        return self.head in PROTOTYPES

    @property
    def in_ball(self) -> bool:
        """Whether its embeddings are points of the Poincaré ball, which those of a Euclidean head are not."""
        return self.head in IN_BALL

    @property
    def takes_mean(self) -> bool:
        """Whether windows of a larger image are told the mean of its features, which ASPP takes."""
        return not self.is_imported and self.decoder == "deeplab"

    @property
    def in_words(self) -> str:
        """Backbone and what else decides the network's shape, for people."""
        words = [self.backbone]
        if self.decoder == "deeplab":
            words.append(f"output stride {self.output_stride}")
            if not self.is_imported:
                words.append(f"{self.convolutions} convolutions")
        return ", ".join(words)

    @property
    def factors(self) -> Factors:
        """How the logits of nodes become probabilities of classes."""
        return Factors(self.softmax != "paths", self.least_factor)

    @property
    def says_how_sure(self) -> Literal["distance", "entropy"]:
        """The measure in which it says how sure it is, without a calibration.

        The features that another project's Euclidean network classifies have lengths of no such meaning.
        """
        return "entropy" if self.is_imported and not self.in_ball else "distance"

    @property
    def max_distance(self) -> float:
        """Distance to the origin at the limit `t_max`: full scale of the confidence maps."""
        return self.t_max / math.sqrt(self.curvature)
