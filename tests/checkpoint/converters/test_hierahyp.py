"""hierahyp's networks, hyperbolic and not, answer as in its own code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from support.seeded import answer, apart, golden_of, shapes_of, source_of
from torch import Tensor

from hypsegcli.checkpoint.converters import CONVERTERS
from hypsegcli.checkpoint.converters.converted import Told
from hypsegcli.checkpoint.converters.hierahyp import HierahypConverter
from hypsegcli.checkpoint.converters.source import Source
from hypsegcli.errors import CheckpointError

LAST = "decode_head.sep_bottleneck.1.pointwise_conv.bn."
HEADS: dict[str, tuple[int, ...]] = {
    "normals": (19, 512),
    "offsets": (19, 512),
    "decode_head.conv_seg.weight": (19, 512, 1, 1),
    "decode_head.conv_seg.bias": (19,),
    "decode_head.proj_head.proj.0.weight": (4, 8, 1, 1),
    "decode_head.step": (1,),
    "auxiliary_head.conv_seg.bias": (19,),
}
ONE = torch.tensor(1.0).exp().sub(1).log()  # the inverse of softplus, as geoopt keeps a curvature


TOLD = Told(output_stride=8, rates=(12, 24, 36))


@cache
def tensors() -> Mapping[str, Tensor]:
    """Embeddings of these weights lie on both sides of the projection's edge."""
    found = source_of(shapes_of("mmseg", backbone="resnet50_v1d") | HEADS).tensors
    smaller = {name: 0.4 * found[name] for name in (f"{LAST}weight", f"{LAST}bias")}
    return {**found, **smaller, "ball.isp_c": ONE}


def source(**facts: Any) -> Source:
    return Source(Path("weights.pth"), tensors(), facts)


def meta(*, hyperbolic: bool) -> dict[str, Any]:
    text = f"model = dict(decode_head=dict(hyperbolic={hyperbolic}, dilations=(1, 12, 24, 36), ignore_index=19))"
    return {"config": text, "CLASSES": tuple(f"class {k}" for k in range(19))}


@pytest.mark.parametrize("kind", golden_of("hierahyp"))
def test_its_answer_is_that_of_its_own_code(kind: str) -> None:
    file = source(meta=meta(hyperbolic=kind == "hyperbolic"))
    assert [name for name, converter in CONVERTERS.items() if converter.recognises(file)] == ["hierahyp"]
    converted, output = answer(HierahypConverter(), file, TOLD)
    assert converted.ignore_index == 19
    assert converted.names[18] == "class 18"
    assert apart(output.logits, golden_of("hierahyp")[kind]) < 1e-4
    if kind == "hyperbolic":
        beyond = 2.0 * output.embedding.norm(dim=1) > converted.config["t_max"]
        assert 0 < int(beyond.sum()) < beyond.numel()


def test_a_file_without_settings_tells_by_its_offsets_which_classifier_was_trained() -> None:
    file = source()
    untouched = replace(file, tensors={**file.tensors, "offsets": torch.zeros(19, 512)})
    for given, head in ((file, "hyperbolic-reference"), (untouched, "euclidean")):
        converted = HierahypConverter().convert(given, TOLD)
        assert converted.config["head"] == head
        assert "does not say which" in converted.notes[0]


def test_a_ball_that_contradicts_the_code_is_refused() -> None:
    file = source()
    other = replace(file, tensors={**file.tensors, "ball.isp_c": torch.tensor(0.0)})
    with pytest.raises(CheckpointError, match=r"curvature of 0\.693147"):
        HierahypConverter().convert(other, TOLD)
