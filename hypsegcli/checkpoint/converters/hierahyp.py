"""hierahyp, MMSegmentation's DeepLabV3+ with a hyperbolic classifier: "Flattening the Parent Bias", CVPR 2024."""

from __future__ import annotations

import math

import torch.nn.functional as F

from hypsegcli.checkpoint.converters.converted import Converted, Told
from hypsegcli.checkpoint.converters.mm_config import read_config, read_names
from hypsegcli.checkpoint.converters.mmseg import (
    CLASSIFIER,
    describe_trunk,
    is_separable_aspp,
    read_ignore_index,
    read_input,
)
from hypsegcli.checkpoint.converters.names import classifier_names, trunk_names
from hypsegcli.checkpoint.converters.source import Source
from hypsegcli.errors import CheckpointError

_EDGE = 4e-3  # of geoopt's projection in float32
_LEFT_OUT = ("auxiliary_head.", "decode_head.proj_head.", "decode_head.step", "ball.")
_PLANES = ("normals", "offsets")
_CURVATURE = 1.0  # written in its classifier


class HierahypConverter:
    """Its DeepLabV3+, hyperbolic or not: all of its files hold normals and offsets, but not all were trained."""

    def recognises(self, source: Source) -> bool:
        """As in `Converter`."""
        return is_separable_aspp(source) and source.tensors.keys() >= {*_PLANES}

    def convert(self, source: Source, told: Told) -> Converted:
        """As in `Converter`."""
        config = describe_trunk(source, told)
        hyperbolic, notes = _is_hyperbolic(source)
        config |= {"curvature": _curvature(source), "t_max": 2.0 * math.atanh(1.0 - _EDGE), "radial_limit": "hard"}
        if hyperbolic:
            head: dict[str, str] = {f"head.{name}": name for name in _PLANES}
            left_out: tuple[str, ...] = (*_LEFT_OUT, "decode_head.conv_seg.")
        else:
            head, left_out = classifier_names(CLASSIFIER), (*_LEFT_OUT, *_PLANES)
        config["head"] = "hyperbolic-reference" if hyperbolic else "euclidean"
        state = source.take(trunk_names(config) | head, unused=lambda name: name.startswith(left_out))
        normalised, more = read_input(source, told)
        outputs = len(state["head.normals" if hyperbolic else "head.classify.weight"])
        return Converted(
            config,
            state,
            outputs,
            normalised,
            names=read_names(source.facts),
            notes=(*notes, *more),
            ignore_index=read_ignore_index(source),
        )


def _is_hyperbolic(source: Source) -> tuple[bool, tuple[str, ...]]:
    """What the settings in the file say, or else whether its offsets are still the zeros that training began with."""
    model = read_config(source.facts).get("model")
    head = model.get("decode_head") if isinstance(model, dict) else None
    if isinstance(head, dict):
        return bool(head.get("hyperbolic")), ()
    moved = bool(source.tensors["offsets"].any())
    kind = "hyperbolic" if moved else "Euclidean"
    return moved, (f"the file does not say which of its classifiers was trained: by its offsets the {kind} one",)


def _curvature(source: Source) -> float:
    """The number in its code, which the ball in the file must bear out."""
    held = source.tensors.get("ball.isp_c")
    found = _CURVATURE if held is None else float(F.softplus(held.double()))
    if not math.isclose(found, _CURVATURE, rel_tol=1e-5):
        raise CheckpointError(
            f"{source.path}: its ball has a curvature of {found:.6g}, its code computes with {_CURVATURE:g}; "
            "files in which they agree are read"
        )
    return _CURVATURE
