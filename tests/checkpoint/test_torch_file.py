"""Files that torch wrote: a run's state, and nothing that would run code."""

import os
import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from support.checkpoints import HEADER, header_refusal, put, torch_bytes

from hypsegcli.checkpoint.format import header_to_json


class Payload:
    """Unpickling it makes a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.folder),)


PLACES: dict[str, Callable[[Payload], bytes]] = {
    "alone": torch_bytes,
    "in the header's place": lambda payload: torch_bytes({"header": payload, "model": {}}),
    "in the model's place": lambda payload: torch_bytes({"header": header_to_json(HEADER), "model": payload}),
    "among the weights": lambda payload: torch_bytes({"header": header_to_json(HEADER), "model": {"w": payload}}),
    "as a bare pickle": pickle.dumps,
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("suffix", [".pt", ".pth"])
def test_a_file_that_would_run_code_is_refused_and_does_not_run_it(tmp_path: Path, place: str, suffix: str) -> None:
    trap = tmp_path / "it ran"
    path = put(tmp_path, PLACES[place](Payload(trap)), f"model{suffix}")
    sentence = header_refusal(path)
    assert "files that would run code when opened are refused" in sentence
    assert "mkdir" in sentence or place == "as a bare pickle"
    assert "weights_only" not in sentence
    assert not trap.exists()
    # The payload is live: whoever opens the file carelessly runs it (in a process of its own, with torch's warnings).
    careless = "import sys, torch; torch.load(sys.argv[1], weights_only=False)"
    if suffix == ".pt" and place == "alone":
        subprocess.run([sys.executable, "-c", careless, path], capture_output=True, check=False)
        assert trap.exists()


@pytest.mark.parametrize(
    ("thing", "found"),
    [
        ({"layer.weight": torch.zeros(2), "layer.bias": torch.zeros(2)}, "(found: layer.weight, layer.bias)"),
        ({"state_dict": {}, "epoch": 3}, "(found: state_dict, epoch)"),
        ({}, "(found: )"),
        ([torch.zeros(2)], "(found: list)"),
        (torch.zeros(2), "(found: Tensor)"),
        (3, "(found: int)"),
        ({"header": {"schema_version": 1}, "model": {}}, "(found: header, model)"),
        ({i: i for i in range(1000)}, "(found: 0, 1, 2, 3)"),
    ],
)
def test_a_pt_of_somebody_else(tmp_path: Path, thing: object, found: str) -> None:
    sentence = header_refusal(put(tmp_path, torch_bytes(thing), "model.pt"))
    assert f"holds no hypseg header {found}" in sentence
    assert "use a file that `hypseg train` wrote" in sentence


@pytest.mark.parametrize("weights", [None, [1], torch.zeros(2), {"w": 3}, {"w": {"deeper": torch.zeros(1)}}])
def test_a_pt_with_a_header_but_without_weights(tmp_path: Path, weights: object) -> None:
    run: dict[str, object] = {"header": header_to_json(HEADER)}
    for content in (run, run | {"model": weights}):
        sentence = header_refusal(put(tmp_path, torch_bytes(content), "model.pt"))
        assert "has a hypseg header but no weights" in sentence


@pytest.mark.parametrize(
    "garbage", [b"", b"\0", b"garbage", b"PK\x03\x04", b"\x80\x02.", b"\x80\x04\x95", bytes(1000), b"("]
)
def test_a_pt_that_is_garbage(tmp_path: Path, garbage: bytes) -> None:
    sentence = header_refusal(put(tmp_path, garbage, "model.pt"))
    assert "cannot be read as plain weights" in sentence
    assert "\x1b" not in sentence
    assert "weights_only" not in sentence


def test_what_a_pt_holds_beside_tensors_is_named_and_torch_s_advice_to_run_it_is_not(tmp_path: Path) -> None:
    sentence = header_refusal(put(tmp_path, torch_bytes({"model": Path("x")}), "model.pt"))
    assert re.search(r"holds more than tensors \(pathlib\.\w+\)", sentence)
    assert "save the tensors alone, with torch.save(model.state_dict(), FILE)" in sentence
    assert "weights_only" not in sentence
    assert "\x1b" not in sentence
