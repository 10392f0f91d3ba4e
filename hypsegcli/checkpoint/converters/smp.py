"""DeepLabV3Plus of segmentation_models_pytorch, from its state_dict or from what its `save_pretrained` writes."""

from __future__ import annotations

from hypsegcli.checkpoint.converters.converted import Converted, Told
from hypsegcli.checkpoint.converters.names import classifier_names, trunk_names
from hypsegcli.checkpoint.converters.source import Source
from hypsegcli.errors import CheckpointError

_CLASSIFIER = "segmentation_head.0"
# Blocks of the four stages, and whether they are bottlenecks.
_RESNETS: dict[tuple[tuple[int, ...], bool], str] = {
    ((2, 2, 2, 2), False): "resnet18",
    ((3, 4, 6, 3), False): "resnet34",
    ((3, 4, 6, 3), True): "resnet50",
    ((3, 4, 23, 3), True): "resnet101",
}


class SmpConverter:
    """With the encoders resnet18, 34, 50 and 101, 256 channels, and separable convolutions in ASPP or not."""

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
        stride, rates = told.output_stride or 16, told.rates or (12, 24, 36)
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
        outputs = len(state["head.classify.weight"])
        if outputs == 1:
            raise CheckpointError(f"{source.path}: has one output, a sigmoid's; networks of two or more are read")
        note: tuple[str, ...] = ()
        if told.output_stride is None or told.rates is None:
            note = (
                f"output stride {stride} and the rates {', '.join(map(str, rates))} are not in the file: "
                "they are that project's defaults, unless others are named",
            )
        return Converted(config, state, outputs, told.normalised(), notes=note)
