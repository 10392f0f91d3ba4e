"""MMSegmentation's DeepLabV3+ on a ResNet of 50 or 101 layers, from what its training writes, old or new."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypsegcli.checkpoint.converters.converted import Converted, Normalised, Told
from hypsegcli.checkpoint.converters.mm_config import read_config, read_names
from hypsegcli.checkpoint.converters.names import bottleneck_resnet, classifier_names, trunk_names
from hypsegcli.checkpoint.converters.source import Source
from hypsegcli.errors import CheckpointError, UsageError, setting

CLASSIFIER = "decode_head.conv_seg"
# Of the network at stride 8, all that decides what the weights do and does not show in them.
_STAGES = {
    "strides": [1, 2, 1, 1],
    "dilations": [1, 1, 2, 4],
    "contract_dilation": True,
    "multi_grid": None,
    "style": "pytorch",
}
_UNSAID = {"contract_dilation": False, "style": "pytorch"}  # what the project takes where its settings do not say
_RATES = (6, 12, 18)  # of its class, where its settings do not say
_INPUT = Normalised((123.675, 116.28, 103.53), (58.395, 57.12, 57.375), 255)


class MmsegConverter:
    """`DepthwiseSeparableASPPHead` on ResNetV1c, V1d or ResNet at output stride 8; the auxiliary head is left out."""

    def recognises(self, source: Source) -> bool:
        """As in `Converter`."""
        return is_separable_aspp(source) and "offsets" not in source.tensors

    def convert(self, source: Source, told: Told) -> Converted:
        """As in `Converter`."""
        config = describe_trunk(source, told) | {"head": "euclidean"}
        names = trunk_names(config) | classifier_names(CLASSIFIER)
        state = source.take(names, unused=lambda name: name.startswith("auxiliary_head."))
        outputs = len(state["head.classify.weight"])
        if outputs == 1:
            raise CheckpointError(f"{source.path}: has one output, a sigmoid's; networks of two or more are read")
        normalised, notes = read_input(source, told)
        return Converted(
            config,
            state,
            outputs,
            normalised,
            names=read_names(source.facts),
            notes=notes,
            ignore_index=read_ignore_index(source),
        )


def is_separable_aspp(source: Source) -> bool:
    """Whether the tensors are named as in `DepthwiseSeparableASPPHead`."""
    needed = {"decode_head.sep_bottleneck.0.depthwise_conv.conv.weight", "decode_head.aspp_modules.0.conv.weight"}
    return needed <= source.tensors.keys()


def describe_trunk(source: Source, told: Told) -> dict[str, Any]:
    """The fields of a ModelConfig up to the head; CheckpointError for another network than is read."""
    settings = _part(read_config(source.facts), "model")
    backbone, head = _part(settings, "backbone"), _part(settings, "decode_head")
    if backbone:
        found = {name: backbone.get(name, _UNSAID.get(name)) for name in _STAGES}
        if found != _STAGES:
            wrong = next(name for name in _STAGES if found[name] != _STAGES[name])
            raise CheckpointError(
                f"{source.path}: its ResNet has {wrong} {found[wrong]}; that of output stride 8 is read, "
                f"which has {_STAGES[wrong]}"
            )
    dilations = head.get("dilations", (1, *_RATES) if head else None)
    stride, rates = told.known_trunk(source, 8 if backbone else None, tuple(dilations[1:]) if dilations else None)
    if stride != 8:
        raise UsageError(f"{source.path}: networks of MMSegmentation are read at {setting('output_stride', 8)} alone")
    if head.get("align_corners"):
        raise CheckpointError(f"{source.path}: was trained with align_corners=True; networks without it are read")
    return {
        "network": "mmseg",
        "backbone": _backbone(source),
        "output_stride": 8,
        "convolutions": "separable",
        "rates": rates,
        "embedding_layers": 0,
        "embedding_size": 512,
        "softmax": "flat",
    }


def read_input(source: Source, told: Told) -> tuple[Normalised, tuple[str, ...]]:
    """How an image goes in, and what is to be said of that; what is told is in the project's units, of 0 to 255."""
    settings = read_config(source.facts)
    old, new = _part(settings, "img_norm_cfg"), _part(_part(settings, "model"), "data_preprocessor")
    given = old or new
    # The newer one takes pictures as they are decoded, blue first, where it is not told otherwise.
    if given.get("to_rgb") is False or (new and not old and not new.get("bgr_to_rgb", False)):
        raise CheckpointError(f"{source.path}: takes blue for red; networks that take red, green and blue are read")
    normalised, assumed = told.normalised(_INPUT, mean=_three(given.get("mean")), std=_three(given.get("std")))
    notes = list(assumed)
    if not _part(_part(settings, "model"), "decode_head"):
        notes.append("whether corners are aligned is not in the file: they are taken as not, as the project has it")
    test = _part(_part(settings, "model"), "test_cfg")
    if test.get("mode") == "slide":
        notes.append("its own tests go over an image in windows and take the mean; here it goes in whole")
    return normalised, tuple(notes)


def read_ignore_index(source: Source) -> int | None:
    """The label value of void that the settings in the file name; None where they do not."""
    found = _part(_part(read_config(source.facts), "model"), "decode_head").get("ignore_index")
    return found if isinstance(found, int) and not isinstance(found, bool) and 0 <= found < 2**31 else None


def _backbone(source: Source) -> str:
    resnet = bottleneck_resnet(source, "backbone.")
    if "backbone.stem.0.weight" not in source.tensors:
        return f"{resnet}_v1b"
    return f"{resnet}_v1d" if "backbone.layer1.0.downsample.2.weight" in source.tensors else f"{resnet}_v1c"


def _part(settings: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = settings.get(name)
    return found if isinstance(found, dict) else {}


def _three(value: Any) -> tuple[float, float, float] | None:
    if not isinstance(value, list) or len(value) != 3 or not all(isinstance(each, int | float) for each in value):
        return None
    return float(value[0]), float(value[1]), float(value[2])
