"""Torchvision's DeepLabV3, from the state that `torch.save(model.state_dict(), FILE)` writes."""

from __future__ import annotations

from hypsegcli.checkpoint.converters.converted import Converted, Told
from hypsegcli.checkpoint.converters.names import bottleneck_resnet, classifier_names, trunk_names
from hypsegcli.checkpoint.converters.source import Source

_CLASSIFIER = "classifier.4"


class TorchvisionConverter:
    """`deeplabv3_resnet50`, `_resnet101` and `_mobilenet_v3_large`; the auxiliary classifier is left out."""

    def recognises(self, source: Source) -> bool:
        """As in `Converter`."""
        return f"{_CLASSIFIER}.weight" in source.tensors and "classifier.0.convs.0.0.weight" in source.tensors

    def convert(self, source: Source, told: Told) -> Converted:
        """As in `Converter`."""
        is_resnet = "backbone.layer1.0.conv1.weight" in source.tensors
        backbone = bottleneck_resnet(source, "backbone.") if is_resnet else "mobilenet_v3_large"
        config = {
            "network": "torchvision",
            "backbone": backbone,
            "output_stride": 8 if is_resnet else 16,
            "rates": (12, 24, 36),
            "embedding_layers": 0,
            "embedding_size": 256,
            "head": "euclidean",
        }
        names = trunk_names(config) | classifier_names(_CLASSIFIER)
        state = source.take(names, unused=lambda name: name.startswith("aux_classifier."))
        normalised, notes = told.normalised()
        return Converted(config, state, len(state["head.classify.weight"]), normalised, notes=notes)
