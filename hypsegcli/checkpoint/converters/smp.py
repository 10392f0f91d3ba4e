"""DeepLabV3Plus of segmentation_models_pytorch, from its state_dict or from what its `save_pretrained` writes."""

from __future__ import annotations

from typing import Any

from hypsegcli.checkpoint.converters.converted import Converted, Rates, Told
from hypsegcli.checkpoint.converters.names import classifier_names, trunk_names
from hypsegcli.checkpoint.converters.source import SETTINGS, Source
from hypsegcli.errors import CheckpointError

_CLASSIFIER = "segmentation_head.0"
# Blocks of the four stages, and whether they are bottlenecks.
_RESNETS: dict[tuple[tuple[int, ...], bool], str] = {
    ((2, 2, 2, 2), False): "resnet18",
    ((3, 4, 6, 3), False): "resnet34",
    ((3, 4, 6, 3), True): "resnet50",
    ((3, 4, 23, 3), True): "resnet101",
}
_STRIDE, _RATES = 16, (12, 24, 36)  # of its class, where its settings do not say
# Of the networks that are read, what its settings may name otherwise.
_READ = {
    "_model_class": "DeepLabV3Plus",
    "encoder_depth": 5,
    "in_channels": 3,
    "decoder_channels": 256,
    "upsampling": 4,
}
_ACTIVATIONS = (None, "identity", "softmax", "softmax2d", "logsoftmax")  # after which the likeliest class is the same


class SmpConverter:
    """With the encoders resnet18, 34, 50 and 101, 256 channels, and separable convolutions in ASPP or not.

    Output stride and rates stand in `config.json` alone, which `save_pretrained` writes beside the tensors.
    """

    def recognises(self, source: Source) -> bool:
        """As in `Converter`."""
        return f"{_CLASSIFIER}.weight" in source.tensors and "decoder.aspp.0.convs.0.0.weight" in source.tensors

    def convert(self, source: Source, told: Told) -> Converted:
        """As in `Converter`."""
        tensors = source.tensors
        counts = tuple(len({name.split(".")[2] for name in tensors if name.startswith(f"encoder.layer{stage}.")})
                       for stage in (1, 2, 3, 4))  # fmt: skip
        backbone = _RESNETS.get((counts, "encoder.layer1.0.conv3.weight" in tensors))
        if backbone is None:
            raise CheckpointError(
                f"{source.path}: its encoder is none of torchvision's ResNets 18, 34, 50 and 101; others are not read"
            )
        separable = "decoder.aspp.0.convs.1.0.1.weight" in tensors
        outputs = len(tensors[f"{_CLASSIFIER}.weight"])
        said = _said(source, {"encoder_name": backbone, "decoder_aspp_separable": separable, "classes": outputs})
        stride, rates = told.known_trunk(source, *(said or (None, None)))
        config = {
            "network": "smp",
            "backbone": backbone,
            "output_stride": stride,
            "convolutions": "separable" if separable else "standard",
            "rates": rates,
            "embedding_layers": 0,
            "embedding_size": 256,
            "head": "euclidean",
        }
        names = trunk_names(config) | classifier_names(_CLASSIFIER)
        state = source.take(names, unused=lambda name: name.startswith("classification_head."))
        if outputs == 1:
            raise CheckpointError(f"{source.path}: has one output, a sigmoid's; networks of two or more are read")
        normalised, assumed = told.normalised()
        notes = list(assumed)
        if said:
            notes.append(f"output stride {stride} and the rates {', '.join(map(str, rates))} are those of {SETTINGS}")
        return Converted(config, state, outputs, normalised, notes=tuple(notes))


def _said(source: Source, seen: dict[str, Any]) -> tuple[int, Rates] | None:
    """Output stride and rates by the settings beside the file; None where there are none of this project's.

    Raises CheckpointError where they contradict what is `seen` in its tensors, or are of a network that is not read.
    """
    settings = source.facts.get(SETTINGS)
    if not isinstance(settings, dict) or "encoder_name" not in settings:
        return None
    for name, wanted in (_READ | seen).items():
        if settings.get(name, wanted) != wanted:
            why = "its tensors say" if name in seen else "networks are read with"
            raise CheckpointError(
                f"{source.path}: {SETTINGS} beside it says {name} {settings[name]!r:.80}, {why} {wanted!r}"
            )
    if settings.get("activation") not in _ACTIVATIONS:
        raise CheckpointError(
            f"{source.path}: {SETTINGS} beside it says activation {settings['activation']!r:.80}, after which classes "
            "do not exclude each other; networks of a softmax are read"
        )
    stride, rates = settings.get("encoder_output_stride", _STRIDE), settings.get("decoder_atrous_rates", _RATES)
    if stride not in {8, 16} or not isinstance(rates, list | tuple) or len(rates) != len(_RATES):
        raise CheckpointError(
            f"{source.path}: {SETTINGS} beside it says encoder_output_stride {stride!r:.80} and decoder_atrous_rates "
            f"{rates!r:.80}; expected 8 or 16, and three numbers"
        )
    return stride, (rates[0], rates[1], rates[2])
