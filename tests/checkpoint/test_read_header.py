"""A header is read and refused before the weights are looked at."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save
from support.checkpoints import HEADER, header_refusal, put, torch_bytes

from hypsegcli.checkpoint.format import METADATA_KEY, header_to_json


@pytest.mark.parametrize("name", ["model.safetensors", "model.pt", "model.pth", "model"])
def test_no_such_file_and_a_folder(tmp_path: Path, name: str) -> None:
    for path in (tmp_path / name, tmp_path / "absent" / name):
        assert "no such checkpoint file; give the path of a .safetensors file" in header_refusal(path)
    (tmp_path / name).mkdir()
    assert "no such checkpoint file" in header_refusal(tmp_path / name)


@pytest.mark.parametrize("metadata", [None, {"format": "pt"}])
def test_safetensors_of_somebody_else(tmp_path: Path, metadata: dict[str, str] | None) -> None:
    sentence = header_refusal(put(tmp_path, save({"weight": torch.zeros(3)}, metadata=metadata)))
    assert "a safetensors file without hypseg's header" in sentence
    assert "classes, curvature and normalisation are unknown" in sentence


# The header alone is test_format.py's; that it is looked at before the tensors is tested here.
@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda d: d.update(schema_version=2), "written with schema version 2"),
        (lambda d: d.update(surprise=1), "surprise: Extra inputs"),
        (
            lambda d: d["model"].update(curvature=0.0),
            "model.curvature: Input should be greater than or equal to 0.000001",
        ),
        (lambda d: d["model"].update(curvature=float("nan")), "model.curvature"),
        (lambda d: d["model"].update(nodes=9), "the head has 9 outputs, but the class tree has 4 nodes"),
        (lambda d: d["colors"].pop(), "2 colours for 3 classes"),
    ],
)
def test_headers_that_are_refused(tmp_path: Path, change: Callable[[Any], None], sentence: str) -> None:
    document = json.loads(header_to_json(HEADER))
    change(document)
    text = json.dumps(document)
    weights = {"weight": torch.zeros(3)}
    assert sentence in header_refusal(put(tmp_path, save(weights, metadata={METADATA_KEY: text})))
    assert sentence in header_refusal(put(tmp_path, torch_bytes({"header": text, "model": weights}), "model.pt"))
