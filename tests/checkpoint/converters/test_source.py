"""Weights by name, out of what tools wrap them in."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from hypsegcli.checkpoint.converters.source import Source, unwrap
from hypsegcli.errors import CheckpointError

ONE, TWO = torch.ones(2, dtype=torch.float64), torch.zeros(3)


def test_containers_and_prefixes_are_taken_off_and_what_stands_beside_is_kept() -> None:
    content = {"epoch": 3, "state_dict": {"module.model.a": ONE, "module.model.b": TWO}}
    tensors, facts, notes = unwrap(content)
    assert (list(tensors), facts, notes) == (["a", "b"], {"epoch": 3}, ())


def test_a_prefix_that_only_some_have_is_part_of_the_names() -> None:
    assert list(unwrap({"model.a": ONE, "b": TWO})[0]) == ["model.a", "b"]


@pytest.mark.parametrize(
    "beside", [{"model_ema": {"module.a": TWO, "module.b": ONE}}, {"ema": {"state_dict": {"a": TWO}}, "n": {"w": ONE}}]
)
def test_which_of_several_sets_of_weights_is_taken_is_said(beside: dict[str, object]) -> None:
    found = unwrap({"model": {"a": ONE, "b": TWO}, **beside, "optimizer": {"state": {0: {"step": ONE}}}})
    assert found.tensors["a"] is ONE
    (name, *_) = beside
    assert found.notes == (f"holds weights of these names more than once: those under model are taken, not {name}",)


@pytest.mark.parametrize("content", [{}, {"epoch": 3}, [ONE], {"state_dict": {"a": 3}}, None])
def test_what_holds_no_weights_has_none(content: object) -> None:
    assert unwrap(content)[0] == {}


def test_tensors_are_taken_as_float32_and_counters_made() -> None:
    source = Source(Path("x.pth"), {"a": ONE, "extra.b": TWO})
    names = {"trunk.a": "a", "trunk.n.num_batches_tracked": "n.num_batches_tracked"}
    taken = source.take(names, unused=lambda name: name.startswith("extra."))
    assert (taken["trunk.a"].dtype, int(taken["trunk.n.num_batches_tracked"])) == (torch.float32, 0)


def test_what_is_missing_or_left_over_is_named() -> None:
    source = Source(Path("x.pth"), {"a": ONE, "b": TWO})
    with pytest.raises(CheckpointError, match=r"x\.pth: 1 tensor missing, c"):
        source.take({"trunk.c": "c"}, unused=lambda name: True)
    with pytest.raises(CheckpointError, match=r"x\.pth: holds 1 tensor that this network has no place for, b"):
        source.take({"trunk.a": "a"}, unused=lambda name: False)
