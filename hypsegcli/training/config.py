"""TrainConfig: every choice a training run makes, with its unit and default. Imports no torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from hypsegcli.checkpoint.bundled import named_from
from hypsegcli.network.config import PROTOTYPES, BackboneName, DecoderName, Head, check_decoder
from hypsegcli.sampling.choice import Sampling

# Settings that are fields of a ModelConfig too; so is softmax, which the class tree may overrule.
NETWORK = (
    "backbone", "decoder", "output_stride", "convolutions", "embedding_size", "embedding_layers", "head", "prototypes",
    "curvature",
)  # fmt: skip
FEWEST_CALIBRATED = 4  # images to validate on, for which a calibration is fitted at the end
UNKNOWN_LICENCE = "unknown"  # where none was given


def _choice(default: Any, meaning: str, **bounds: Any) -> Any:
    return Field(default=default, description=meaning, **bounds)


class TrainConfig(BaseModel):
    """What `hypseg train` does; written into the run folder and the checkpoint.

    Flat, so that a setting has one name in a file, on the command line, in an error and in a checkpoint's recipe.
    Paths are from the working directory, and where a run goes on, from the one that it was started in.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    # The network.
    backbone: BackboneName = _choice(
        "resnet18",
        "resnet18, resnet18_c4 (no last stage), resnet50, resnet101, mobilenet_v3_small, _large, efficientnet_lite0, "
        "_lite2, or timm:NAME, any of timm's; needs the extra hypseg[timm].",
    )
    decoder: DecoderName = _choice(
        "deeplab", "deeplab, DeepLabV3+'s behind ASPP; or mlp, SegFormer's, which joins four stages of one of timm's."
    )
    output_stride: Literal[8, 16] = _choice(
        16, "8 or 16: pixels of the image a pixel of the deepest features; mlp takes the backbone's own strides."
    )
    convolutions: Literal["standard", "separable"] = _choice("separable", "standard or separable, in ASPP and decoder.")
    embedding_size: int = _choice(64, "D, the dimensions of the ball.", ge=2)
    embedding_layers: Literal[1, 2] = _choice(1, "1 or 2: convolutions from the decoder's features to the embedding.")
    head: Head = _choice(
        "hyperbolic",
        "hyperbolic, hyperbolic-reference or euclidean; or prototypes, of which the nearest answers in the ball; or, "
        "to compare with, prototypes-euclidean or prototypes-cosine. Softmax over prototypes is flat.",
    )
    prototypes: int = _choice(10, "Of each class, where the head is one of prototypes.", ge=1, le=1_000)
    curvature: float = _choice(1.0, "c > 0; the ball's sectional curvature is -c.", gt=0)
    learn_curvature: bool = _choice(False, "Start at `curvature` and learn it; it stays positive.")
    softmax: Literal["hierarchical", "flat"] = _choice("hierarchical", "hierarchical (over the class tree) or flat.")

    # The data.
    layout: Literal["auto", "hypseg", "voc", "ade20k", "cityscapes", "coco-stuff", "pascal-context"] = _choice(
        "auto", "How the data lie: auto, hypseg, voc, ade20k, cityscapes, coco-stuff or pascal-context."
    )
    ignore_index: int = _choice(255, "The mask value that means 'not labelled'.", ge=0, le=65535)
    map: str = _choice("", "File that translates the masks' ids: lines 'from:to' or 'from:void'; ids not listed stay.")
    mask_colors: str = _choice("", "Masks are in colour: file of lines 'name:#rrggbb', 'name: r g b', or CVAT's.")
    unlabelled: str = _choice(
        "",
        "Of masks that CVAT, COCO or Label Studio exported: the class of pixels nobody labelled, or void; empty: "
        "background, where that is a class, else void.",
    )
    image_suffix: str = _choice("", "Ending of the images' names that masks lack, e.g. _leftImg8bit.")
    mask_suffix: str = _choice("", "Ending of the masks' names, e.g. _gtFine_labelTrainIds.")
    longest_side: int = _choice(0, "Pixels; larger images and masks are shrunk to it; 0: never.", ge=0)
    field_of_view: Literal["auto", "fixed", "grows"] = _choice(
        "auto",
        "What a larger image shows. fixed: the same larger, so that predict shrinks it to the training's size; grows: "
        "more of the world (microscopy, aerial), never shrunk; auto: as `init` has it, else fixed.",
    )
    sampling: Sampling = _choice(
        "uniform",
        "uniform; or adaptive: of `longest_side` samples, more lie at the edges of masks, as predict then has them at "
        "those of a first pass; needs the extra hypseg[sampling].",
    )
    held_out: tuple[str, ...] = _choice(
        (), "Classes, separated by commas, whose pixels are void in training and validation: zero-label."
    )
    more_data: tuple[str, ...] = _choice(
        (), "Further data folders; their classes teach the nodes of the class tree that have their names. Void is 255."
    )
    more_names: str = _choice("", "File of lines 'theirs: ours', for classes of theirs that ours call otherwise.")
    more_share: float = _choice(0.5, "Share of an epoch that is drawn from them.", gt=0, lt=1)
    background: str = _choice(
        "", "Class that is the rest of the world: overlays leave it clear; empty: one called background, if there is."
    )
    colors: str = _choice("", "File of class colours, lines of 'name:#rrggbb'; empty: made up.")
    licence: str = _choice(UNKNOWN_LICENCE, "Terms of use, written into the checkpoint.")

    # The start.
    init: str = _choice(
        "",
        "empty: random weights; imagenet: the backbone's own; a checkpoint or bundled model, which bring a preset; or "
        "a backbone file. Addresses are fetched.",
    )
    preset: Literal["auto", "10", "100", "1000"] = _choice(
        "auto",
        "What a checkpoint in `init` brings beside its network: the settings for about 10, 100 or 1000 images; auto: "
        "by how many there are to train on.",
    )
    train_only: Literal["all", "head", "last"] = _choice(
        "all", "all; or embedding and classifier alone: head, from random weights, or last, from those of `init`."
    )

    head_epochs: int = _choice(
        0, "Of `epochs`, the first ones in which embedding and classifier learn alone, from what the others know.", ge=0
    )

    freeze_batch_norm: bool = _choice(
        False, "Batch norm keeps the statistics that `init` brought: few images or small batches have none to trust."
    )

    # What is seen.
    crop_height: int = _choice(240, "Pixels, a multiple of 16.", ge=32, multiple_of=16)
    crop_width: int = _choice(320, "Pixels, a multiple of 16.", ge=32, multiple_of=16)
    scale_min: float = _choice(
        0.5, "An image is resized by a factor between these two, uniform in the logarithm.", gt=0
    )
    scale_max: float = _choice(2.0, "The same.", gt=0)
    flip: bool = _choice(True, "Mirror every second image, left to right.")
    quarter_turns: bool = _choice(
        False, "Turn every image by 0, 90, 180 or 270 degrees: where there is no up (aerial, microscopy)."
    )
    color_jitter: float = _choice(0.4, "Of brightness, contrast and saturation; hue gets a quarter.", ge=0, le=1)

    # What is minimised.
    class_weights: Literal["none", "root", "inverse"] = _choice(
        "root", "none, or by the root or the inverse of frequency."
    )
    max_class_weight: float = _choice(4.0, "Weights lie between this and its inverse.", ge=1)
    radius_weight: float = _choice(0.5, "Of the loss that teaches the radius to be a confidence.", ge=0)
    radius_warmup: float = _choice(0.0, "Epochs over which that weight rises from 0.", ge=0)
    radius_fold: float = _choice(
        0.0,
        "Share of the training images that teach the radius alone, by errors made on them; 0: all teach both.",
        ge=0,
        le=0.5,
    )
    other_worlds: str = _choice(
        "", "Folder, glob or @list.txt of photographs that show none of the classes; the radius is taught to be short."
    )
    other_worlds_share: float = _choice(
        0.1, "Share of a batch that is of them; as many images again get a piece of one pasted in.", gt=0, le=0.5
    )
    other_worlds_weight: float = _choice(1.0, "Of their pixels in the loss that teaches the radius.", ge=0)

    ppc_weight: float = _choice(
        0.01, "Of the loss that tells a pixel's prototype from all others, where the head is one of prototypes.", ge=0
    )
    ppd_weight: float = _choice(0.01, "Of the loss that draws a pixel to its prototype, the same.", ge=0)
    prototype_momentum: float = _choice(
        0.99, "What a prototype keeps of itself in a step; 0.999, the paper's, is for 100,000 steps.", ge=0, lt=1
    )

    # How.
    epochs: int = _choice(110, "Passes over the training images.", ge=1)
    patience: int = _choice(
        0,
        "Validations without a better one, once all layers learn, after which training ends before all epochs; 0: "
        "never.",
        ge=0,
    )
    batch_size: int = _choice(8, "Images a step, of all processes together; batch norm needs two.", ge=2)
    accumulate: int = _choice(
        1, "Parts that a batch is taken in where memory is short; batch norm sees a part.", ge=1, le=1_000
    )
    optimizer: Literal["adamw", "sgd"] = _choice("adamw", "adamw or sgd.")
    learning_rate: float = _choice(2e-3, "At its peak.", gt=0)
    backbone_rate: float = _choice(1.0, "Of the backbone, a share of that.", gt=0)
    momentum: float = _choice(0.9, "Of sgd.", ge=0, lt=1)
    weight_decay: float = _choice(0.02, "Of kernels and normals.", ge=0)
    schedule: Literal["poly", "cosine", "constant"] = _choice("poly", "poly, cosine or constant, after the warm-up.")
    poly_power: float = _choice(0.9, "Of poly: (1 - step / steps) ** power.", ge=0)
    warmup_steps: int = _choice(300, "Steps, linear from 0; a tenth of a short run at most.", ge=0)
    ema_decay: float = _choice(0.0, "Of a moving average of the weights, a step; 0: none is taken.", ge=0, lt=1)
    precision: Literal["fp32", "bf16"] = _choice(
        "fp32", "fp32 or bf16, before the exponential map; validation is as predict is."
    )
    channels_last: bool = _choice(True, "Memory layout, the faster one on most machines.")
    seed: int = _choice(0, "Of weights, order and augmentation.", ge=0, lt=2**32)

    # What is reported.
    validate_every: int = _choice(1, "Epochs; the last one is always validated.", ge=1)
    calibration: bool = _choice(
        True, f"At the end fit it to half of the images to validate on, of which it takes {FEWEST_CALIBRATED}."
    )
    pictures: int = _choice(4, "Validation images drawn at every validation.", ge=0)
    tensorboard: bool = _choice(False, "Write RUN/tensorboard; needs the extra hypseg[tensorboard].")
    workers: int = _choice(2, "Processes that read and augment.", ge=0)

    @field_validator("held_out", "more_data", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        """Names separated by commas, as on the command line, stand for a list."""
        return [name.strip() for name in value.split(",") if name.strip()] if isinstance(value, str) else value

    @field_validator("preset", mode="before")
    @classmethod
    def _as_word(cls, value: object) -> object:
        """`preset=10` is a number as TOML reads it."""
        return str(value) if isinstance(value, int) else value

    @model_validator(mode="after")
    def _consistent(self) -> TrainConfig:
        check_decoder(self.decoder, self.backbone)
        if self.scale_min > self.scale_max:
            raise ValueError(f"scale_min {self.scale_min:g} lies above scale_max {self.scale_max:g}")
        if self.sampling == "adaptive" and self.longest_side <= 16:
            raise ValueError(
                "sampling adaptive needs a longest_side above 16: how many samples the longer side of an image has"
            )
        if self.accumulate > 1 and self.batch_size < 2 * self.accumulate:
            raise ValueError(
                f"accumulate {self.accumulate} leaves parts of one image of a batch_size of {self.batch_size}; batch "
                "norm needs two"
            )
        if self.accumulate > 1 and self.head in PROTOTYPES:
            raise ValueError(
                f"accumulate {self.accumulate} takes a batch in parts, and prototypes are assigned to all of its "
                "pixels at once; leave it out, or choose another head"
            )
        if self.learn_curvature and self.head != "hyperbolic":
            raise ValueError(f"learn_curvature needs the hyperbolic head, not {self.head}")
        if self.more_data and self.other_worlds and self.more_share + self.other_worlds_share >= 1:
            raise ValueError("more_share and other_worlds_share leave nothing of an epoch")
        if self.preset != "auto" and not self.init:
            raise ValueError(f"preset {self.preset} needs init: it is how a training goes on from a checkpoint")
        if self.train_only != "all" and not self.init:
            raise ValueError(f"train_only {self.train_only} needs init: the other layers would stay random")
        if self.head_epochs and not self.init:
            raise ValueError(f"head_epochs {self.head_epochs} needs init: the other layers are random until then")
        return self

    def seen_from(self, directory: Path) -> TrainConfig:
        """The same, with paths that are from `directory`, as they are named from here."""
        files = ("map", "mask_colors", "more_names", "colors")
        placed: dict[str, Any] = {name: str(directory / path) for name in files if (path := getattr(self, name))}
        if self.init not in {"", "imagenet"}:
            placed["init"] = named_from(directory, self.init)
        placed["more_data"] = tuple(str(directory / folder) for folder in self.more_data)
        if self.other_worlds:
            at = "@" * self.other_worlds.startswith("@")
            placed["other_worlds"] = at + str(directory / self.other_worlds.removeprefix(at))
        return self.model_copy(update=placed)

    def architecture(self) -> dict[str, Any]:
        """ModelConfig's fields, without the number of nodes, which the class tree decides."""
        return {name: getattr(self, name) for name in (*NETWORK, "softmax")}
