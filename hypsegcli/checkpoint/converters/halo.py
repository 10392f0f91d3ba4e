"""HALO, "Hyperbolic Active Learning for Semantic Segmentation under Domain Shift", ICML 2024: its Lightning's .ckpt."""

from __future__ import annotations

import math

from hypsegcli.checkpoint.converters.converted import Converted, Told
from hypsegcli.checkpoint.converters.names import bottleneck_resnet, trunk_names
from hypsegcli.checkpoint.converters.source import Source
from hypsegcli.errors import CheckpointError

_EDGE = 1e-5  # of geoopt's projection in float64
_EPSILON = 1e-5  # of our batch norms
_HEAD = {"normals": "A_MLR", "offsets": "P_MLR"}


class HaloConverter:
    """Its hyperbolic DeepLabV3+ on ResNet-50 or 101, without feature reweighting."""

    def recognises(self, source: Source) -> bool:
        """As in `Converter`."""
        needed = {
            "classifier.conv_seg.P_MLR",
            "classifier.conv_reduce.weight",
            "feature_extractor.backbone.conv1.weight",
        }
        return needed <= source.tensors.keys()

    def convert(self, source: Source, told: Told) -> Converted:
        """As in `Converter`."""
        if any(name.startswith("classifier.wn_mlp.") for name in source.tensors):
            raise CheckpointError(
                f"{source.path}: has feature reweighting (wn_mlp), so that an embedding depends on the size and the "
                "rest of its image; networks without it are read, trained with HFR False"
            )
        curvature = told.known_curvature(source)
        config = {
            "network": "halo",
            "backbone": bottleneck_resnet(source, "feature_extractor.backbone."),
            "output_stride": 8,
            "convolutions": "separable",
            "rates": (6, 12, 18),
            "embedding_layers": 1,
            "embedding_size": len(source.tensors["classifier.conv_reduce.weight"]),
            "softmax": "flat",
            "head": "hyperbolic-reference",
            "curvature": curvature,
            "t_max": 2.0 * math.atanh(1.0 - _EDGE),
            "radial_limit": "hard",
        }
        names = trunk_names(config)
        names |= {f"embedding.{part}": f"classifier.conv_reduce.{part}" for part in ("weight", "bias")}
        names |= {f"head.{ours}": f"classifier.conv_seg.{theirs}" for ours, theirs in _HEAD.items()}
        state = source.take(names, unused=lambda _: False)
        # Frozen batch norms count no batches, and add nothing to a variance before they divide by its root.
        if not any(name.endswith("num_batches_tracked") for name in source.tensors):
            for name in [name for name in state if name.endswith(".running_var")]:
                weight, variance = f"{name.removesuffix('running_var')}weight", state[name].double()
                state[weight] = (state[weight].double() * ((variance + _EPSILON) / variance).sqrt()).float()
        note = (
            "its own tests bring images to 1280 x 640 pixels and take the mean with the mirrored image; here an image "
            "goes in once and as it is"
        )
        normalised, assumed = told.normalised()
        return Converted(config, state, len(state["head.normals"]), normalised, notes=(note, *assumed))
