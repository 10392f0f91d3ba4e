"""The reference implementation's TensorFlow 1 checkpoints (Ghadimi Atigh et al., CVPR 2022).

What they do not hold lies in the name of the folder that they were trained into, if anywhere: the output stride, and
whether the class tree was used. The curvature is the one that was learned, which is in the file.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from torch import Tensor

from hypsegcli.checkpoint.converters.converted import Converted, Normalised, Told
from hypsegcli.checkpoint.converters.names import trunk_names
from hypsegcli.checkpoint.converters.source import Source, as_float32
from hypsegcli.errors import CheckpointError, UsageError, setting
from hypsegcli.geometry.poincare import T_MAX, project

_NORM = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}
_ASPP = {"point": "conv_1x1", "pool": "image_level_features/conv_1x1", "join": "conv_1x1_concat"}
_LEFT_OUT = re.compile(r".*(/Momentum|/postnorm/.*|^global_step|ExponentialMovingAverage.*)$|^global_step$|^burnin.*$")


class ReferenceConverter:
    """Models of `hesp`: `resnet_v2_50` or `_101`, hyperbolic, with a class tree or flat."""

    def recognises(self, source: Source) -> bool:
        """As in `Converter`."""
        return {"normals", "offsets", "curvature", "aspp/conv_1x1/weights"} <= set(source.tensors)

    def convert(self, source: Source, told: Told) -> Converted:
        """As in `Converter`."""
        tensors = source.tensors
        backbone = next((f"resnet{size}" for size in (50, 101) if f"resnet_v2_{size}/conv1/weights" in tensors), None)
        if backbone is None:
            raise CheckpointError(f"{source.path}: its backbone is neither resnet_v2_50 nor resnet_v2_101")
        mean = told.mean or told.mean_of_set
        if mean is None:
            raise UsageError(
                f"{source.path}: does not hold the mean colour that it was trained with; name the data set with "
                f"{setting('preset')}, or the mean with {setting('mean')}"
            )
        named = re.search(r"_os(8|16)_", source.path.parent.name)
        stride = told.known_output_stride(source, int(named[1]) if named else None)
        c = float(tensors["curvature"])
        if not c > 0.0:
            raise CheckpointError(f"{source.path}: its curvature is {c:g}; hyperbolic space needs one above 0")
        further = "down_dim_1x1/weights" in tensors
        config = {
            "network": "reference",
            "backbone": backbone,
            "output_stride": stride,
            "convolutions": "standard",
            "embedding_layers": 1 if further else 0,
            "embedding_size": tensors["normals"].shape[1],
            "head": "hyperbolic-reference",
            "curvature": c,
            "t_max": T_MAX,
            "radial_limit": "hard",
            "least_factor": 1e-4,
        }
        folder = backbone.replace("resnet", "resnet_v2_")
        names = trunk_names(config, lambda name: _theirs(name, folder))
        names |= {"head.normals": "normals", "head.offsets": "offsets"}
        if further:
            names |= {"embedding.weight": "down_dim_1x1/weights", "embedding.bias": "down_dim_1x1/biases"}
        state = source.take(names, unused=lambda name: name == "curvature" or _LEFT_OUT.match(name) is not None)
        rows = _rows(told, len(tensors["normals"]))
        state = _transposed(state)
        state["head.normals"] = as_float32(state["head.normals"])[rows]
        offsets = as_float32(state["head.offsets"])[rows]
        # A point that was trained in float32 may lie a rounding beyond the limit to which it was projected.
        state["head.offsets"] = project(offsets.double(), c=c).float() if _touches(offsets, c) else offsets
        spec = Normalised(mean, told.std or (1.0, 1.0, 1.0), pixel_range=255)
        return Converted(config, state, len(rows), spec)


def _touches(offsets: Tensor, c: float) -> bool:
    return float(offsets.norm(dim=1).max()) * math.sqrt(c) > 1.0 - 1.001e-3


def _rows(told: Told, outputs: int) -> list[int]:
    """Which of the outputs are kept: all, or those that are not of label values that no class has."""
    if told.tree is None or told.ids is None:
        return list(range(outputs))
    gaps = max(told.ids) + 1 - len(told.ids)
    if outputs == told.tree.nodes + gaps:
        return [*told.ids, *range(max(told.ids) + 1, outputs)]
    return list(told.ids) if outputs == len(told.ids) + gaps else list(range(outputs))


def _theirs(name: str, folder: str) -> str:
    """A tensor of the trunk's by the name that it has in the file."""
    part, _, last = name.rpartition(".")
    words = part.split(".")
    match words:
        case ["conv1" | "last"]:
            place = f"{folder}/conv1" if words[0] == "conv1" else "decoder/upsampling_logits/conv_3x3_2"
        case ["stages", stage, unit, *inner]:
            place = f"{folder}/block{int(stage) + 1}/unit_{int(unit) + 1}/bottleneck_v2/{inner[0]}"
            words = inner
        case ["aspp", "dilated", branch, *_]:
            place = f"aspp/conv_3x3_{int(branch) + 1}"
        case ["aspp", branch, *_]:
            place = f"aspp/{_ASPP[branch]}"
        case ["low_level", *_]:
            place = "decoder/low_level_features/conv_1x1"
        case _:
            place = "decoder/upsampling_logits/conv_3x3_1"
    if words[0] == "preact":
        return f"{place}/{_NORM.get(last, last)}"
    if words[-1] == "1":  # of a convolution and its batch norm
        return f"{place}/BatchNorm/{_NORM.get(last, last)}"
    return f"{place}/{'weights' if last == 'weight' else 'biases'}"


def _transposed(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Kernels as torch has them: (out, in, height, width), of (height, width, in, out)."""
    return {
        name: tensor.permute(3, 2, 0, 1).contiguous() if tensor.ndim == 4 else tensor for name, tensor in state.items()
    }
