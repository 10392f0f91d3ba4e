"""HALO's networks answer as in its own code; those whose embeddings depend on the image's size are refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import torch
from support.seeded import answer, apart, golden_of, shapes_of, source_of
from torch import Tensor

from hypsegcli.checkpoint.converters import CONVERTERS
from hypsegcli.checkpoint.converters.converted import Told
from hypsegcli.checkpoint.converters.halo import HaloConverter
from hypsegcli.checkpoint.converters.source import Source
from hypsegcli.errors import CheckpointError, UsageError

REDUCE = "classifier.conv_reduce."
HEAD: dict[str, tuple[int, ...]] = {
    f"{REDUCE}weight": (16, 512, 1, 1),
    f"{REDUCE}bias": (16,),
    "classifier.conv_seg.P_MLR": (19, 16),
    "classifier.conv_seg.A_MLR": (19, 16),
}
C = Told(curvature=0.5)


@cache
def tensors() -> Mapping[str, Tensor]:
    """Embeddings of these weights lie on both sides of the projection's edge."""
    found = source_of(shapes_of("halo", backbone="resnet50") | HEAD).tensors
    return {**found, **{f"{REDUCE}{part}": 2.0 * found[f"{REDUCE}{part}"] for part in ("weight", "bias")}}


def source(kind: str = "frozen") -> Source:
    counters = {"classifier.shortcut.1.num_batches_tracked": torch.tensor(7)} if kind == "ordinary" else {}
    return Source(Path("last.ckpt"), {**tensors(), **counters})


@pytest.mark.parametrize("kind", ["frozen", "ordinary"])
def test_its_answer_is_that_of_its_own_code(kind: str) -> None:
    """Frozen batch norms have no epsilon, ordinary ones have."""
    file = source(kind)
    assert [name for name, converter in CONVERTERS.items() if converter.recognises(file)] == ["halo"]
    converted, output = answer(HaloConverter(), file, C)
    golden = golden_of("halo")
    assert apart(output.logits, golden[kind]) < 1e-3  # nearly at the edge a rounding of the embedding weighs so much
    other = golden["ordinary" if kind == "frozen" else "frozen"]
    assert apart(output.logits, golden[kind]) < 0.1 * apart(output.logits, other)
    t = 2.0 * 0.5**0.5 * output.embedding.norm(dim=1)
    assert 0 < int((t > converted.config["t_max"]).sum()) < t.numel()


def test_a_batch_norm_without_epsilon_keeps_its_answer_where_the_variance_is_smaller_than_one() -> None:
    name = "classifier.shortcut.1."
    file = replace(source(), tensors={**tensors(), f"{name}running_var": torch.full((48,), 1e-9)})
    state = HaloConverter().convert(file, C).state
    scale = state[f"trunk.{name}weight"] / (state[f"trunk.{name}running_var"] + 1e-5).sqrt()
    torch.testing.assert_close(scale, tensors()[f"{name}weight"] / torch.tensor(1e-9).sqrt(), rtol=1e-5, atol=0.0)


def test_what_cannot_be_converted_is_refused() -> None:
    with pytest.raises(UsageError, match="curvature"):
        HaloConverter().convert(source(), Told())
    reweighted = replace(source(), tensors={**tensors(), "classifier.wn_mlp.0.weight": torch.zeros(16, 16)})
    with pytest.raises(CheckpointError, match="depends on the size"):
        HaloConverter().convert(reweighted, C)
    stage = "feature_extractor.backbone.layer3."
    deeper = {**tensors(), f"{stage}6.conv1.weight": tensors()[f"{stage}5.conv1.weight"]}
    with pytest.raises(CheckpointError, match="none of the ResNets"):
        HaloConverter().convert(replace(source(), tensors=deeper), C)
