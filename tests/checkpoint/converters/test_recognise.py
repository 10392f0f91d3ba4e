"""The network in a file, among what tools put beside it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from hypsegcli.checkpoint.converters.recognise import network_in, recognise
from hypsegcli.checkpoint.converters.source import Source
from hypsegcli.errors import CheckpointError

SMP = {"segmentation_head.0.weight": torch.ones(1), "decoder.aspp.0.convs.0.0.weight": torch.ones(1)}
BESIDE = {"mean": torch.ones(3), "criterion.weight": torch.ones(5)}


def below(prefix: str) -> dict[str, torch.Tensor]:
    return {f"{prefix}{name}": tensor for name, tensor in SMP.items()}


@pytest.mark.parametrize("prefix", ["", "model.", "net.model."])
def test_a_network_is_found_below_a_name_that_its_tensors_share(prefix: str) -> None:
    source = Source(Path("a.ckpt"), below(prefix))
    assert recognise(source) == "smp"
    found = network_in(source, "smp")
    assert (found.tensors, found.notes) == (SMP, ())


def test_what_stands_beside_it_is_named() -> None:
    source = Source(Path("a.ckpt"), below("model.") | BESIDE, notes=("before",))
    assert recognise(source) == "smp"
    found = network_in(source, "smp")
    assert found.tensors == SMP
    assert found.notes == (
        "before",
        "2 tensors beside the network, which is what is called model.*, left out: criterion.weight, mean",
    )


def test_several_networks_are_refused() -> None:
    source = Source(Path("a.ckpt"), below("student.") | below("teacher."))
    for find in (recognise, lambda held: network_in(held, "smp")):
        with pytest.raises(CheckpointError, match=r"holds 2 networks, called student\.\*, teacher\.\*; save"):
            find(source)


def test_what_is_no_network_is_refused() -> None:
    source = Source(Path("a.ckpt"), BESIDE)
    with pytest.raises(CheckpointError, match=r"of no format that is known .*it holds 2 tensors, criterion"):
        recognise(source)
    with pytest.raises(CheckpointError, match="not those of the format smp"):
        network_in(source, "smp")
    with pytest.raises(CheckpointError, match="not those of the format mmseg"):
        network_in(Source(Path("a.ckpt"), SMP), "mmseg")
