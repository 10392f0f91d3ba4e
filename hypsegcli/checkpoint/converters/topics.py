"""TOPICS, "Taxonomy-Aware Continual Semantic Segmentation in Hyperbolic Spaces", RA-L 2025: its training's .pth."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from hypsegcli.checkpoint.converters.converted import Converted, Told
from hypsegcli.checkpoint.converters.names import trunk_names
from hypsegcli.checkpoint.converters.source import Source
from hypsegcli.checkpoint.converters.topics_tasks import Rows
from hypsegcli.errors import CheckpointError, UsageError, setting
from hypsegcli.files.words import first_of

_EDGE = 4e-3  # of geoopt's projection in float32
_EPSILON = 1e-5  # that InPlaceABN adds to the size of a weight
_MOST_SCALE, _MOST_ALPHA = 4.6052, 0.0  # at which its code holds `logit_scale` and `visual_alpha`
_NAMED = 5
_SCALARS = ("visual_alpha", "logit_scale", "manifold.isp_c")


class TopicsConverter:
    """Its hyperbolic network, TOPICS or TOPICS+, after any number of steps of training."""

    def recognises(self, source: Source) -> bool:
        """As in `Converter`."""
        return {"offset.0", "normal.0", "logit_scale", "head.map_bn.weight"} <= source.tensors.keys()

    def convert(self, source: Source, told: Told) -> Converted:
        """As in `Converter`."""
        tensors = source.tensors
        if told.output_stride not in {None, 16}:
            raise UsageError(f"{source.path}: networks of TOPICS are read at {setting('output_stride', 16)} alone")
        if missing := [name for name in ("logit_scale", "manifold.isp_c") if name not in tensors]:
            raise CheckpointError(f"{source.path}: {missing[0]} is missing")
        sizes = _steps(source)
        tree, rows, both = _nodes(source, told, sizes)
        curvature = float(F.softplus(tensors["manifold.isp_c"].double()))
        projects = "input_proj.weight" in tensors
        config = {
            "network": "topics",
            "backbone": "resnet101",
            "output_stride": 16,
            "convolutions": "standard",
            "rates": (6, 12, 18),
            "embedding_layers": 1 if projects else 0,
            "embedding_size": tensors["offset.0"].shape[1],
            "softmax": "flat" if tree.is_flat else "paths",
            "head": "hyperbolic-reference",
            "curvature": curvature,
            "t_max": 2.0 * math.atanh(1.0 - _EDGE),
            "radial_limit": "hard",
        }
        names = trunk_names(config)
        if projects:
            names["embedding.weight"] = "input_proj.weight"
        classifier = ("offset.", "normal.", *_SCALARS)
        state = source.take(names, unused=lambda name: name.startswith(classifier))
        for name in [name for name in state if name.endswith(".running_var")]:
            weight = f"{name.removesuffix('running_var')}weight"
            state[weight] = state[weight].abs() + _EPSILON
        _shrink(state, tensors)
        state |= _planes(tensors, len(sizes), rows, c=curvature)
        normalised, assumed = told.normalised()
        notes = list[str]()
        if not tree.is_flat:
            notes.append("its own code lets a group win where the sums of all classes are negative; here a class does")
        if both:
            notes.append(f"its own code also lets these groups win, here classes below do: {first_of(both, _NAMED)}")
        return Converted(config, state, len(rows), normalised, tree=tree, notes=(*notes, *assumed))


def _steps(source: Source) -> list[int]:
    """How many rows each step of training brought."""
    sizes = list[int]()
    while (offsets := source.tensors.get(f"offset.{len(sizes)}")) is not None:
        normals = source.tensors.get(f"normal.{len(sizes)}")
        if offsets.ndim != 2 or normals is None or normals.shape != offsets.shape:
            raise CheckpointError(f"{source.path}: its normals and offsets of step {len(sizes)} do not belong together")
        sizes.append(len(offsets))
    return sizes


def _nodes(source: Source, told: Told, sizes: list[int]) -> Rows:
    if told.tasks is not None:
        return told.tasks.rows(sizes)
    if told.tree is None or not told.tree.is_flat:
        raise UsageError(
            f"{source.path}: its {sum(sizes)} rows are classes and what stands above them, in the order of the task "
            f"file that it was trained with; name that, a .csv, with {setting('tasks')}"
        )
    if told.tree.classes != sum(sizes):
        raise UsageError(f"{source.path}: has {sum(sizes)} outputs, not the {told.tree.classes} of the class list")
    return Rows(told.tree, tuple(range(sum(sizes))), ())


def _shrink(state: dict[str, Tensor], tensors: Mapping[str, Tensor]) -> None:
    """Put the factor of the embedding into the layer before it; a leaky ReLU lets a factor through."""
    alpha = tensors.get("visual_alpha")
    factor = 1.0 if alpha is None else float(alpha.double().clamp_max(_MOST_ALPHA).exp())
    if "embedding.weight" in state:
        state["embedding.weight"] *= factor
        state["embedding.bias"] = torch.zeros(len(state["embedding.weight"]))
    else:
        for part in ("weight", "bias"):
            state[f"trunk.head.red_bn.{part}"] *= factor


def _planes(tensors: Mapping[str, Tensor], steps: int, rows: tuple[int, ...], *, c: float) -> dict[str, Tensor]:
    """The classifier's, its factors in the normals: that of Ganea's formula, which it counts twice, and a scale."""
    offsets, normals = (
        torch.cat([tensors[f"{kind}.{step}"].double() for step in range(steps)])[list(rows)]
        for kind in ("offset", "normal")
    )
    scale = tensors["logit_scale"].double().clamp_max(_MOST_SCALE).exp()
    normals = normals * (1.0 - c * offsets.square().sum(1, keepdim=True)) * scale
    return {"head.normals": normals.float(), "head.offsets": offsets.float()}
