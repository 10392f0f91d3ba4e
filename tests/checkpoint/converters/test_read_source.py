"""Files of other projects by what they are, read without running anything in them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from support import make_checkpoint

from hypsegcli.checkpoint.converters.read_source import read_source
from hypsegcli.errors import CheckpointError, UsageError
from hypsegcli.hierarchy.tree import flat_tree

TENSORS = {"a": torch.ones(2), "b": torch.zeros(3)}


def test_files_of_torch_and_of_safetensors_and_of_tensorflow(tmp_path: Path) -> None:
    torch.save({"state_dict": TENSORS, "meta": {"CLASSES": ["x"]}}, tmp_path / "a.pth")
    source = read_source(tmp_path / "a.pth")
    assert (sorted(source.tensors), source.facts) == (["a", "b"], {"meta": {"CLASSES": ["x"]}})
    save_file(TENSORS, tmp_path / "a.safetensors")
    assert sorted(read_source(tmp_path / "a.safetensors").tensors) == ["a", "b"]
    assert "curvature" in read_source(Path(__file__).parent / "tensorflow").tensors


def test_settings_beside_safetensors_are_read_and_the_folder_will_do(tmp_path: Path) -> None:
    save_file(TENSORS, tmp_path / "model.safetensors")
    assert read_source(tmp_path).facts == {}
    (tmp_path / "config.json").write_text('{"classes": 5}', encoding="utf-8")
    for path in (tmp_path, tmp_path / "model.safetensors"):
        source = read_source(path)
        assert (source.path, source.facts) == (tmp_path / "model.safetensors", {"config.json": {"classes": 5}})
    (tmp_path / "config.json").write_text("{", encoding="utf-8")
    with pytest.raises(CheckpointError, match=r"config\.json: cannot be read as the settings of model\.safetensors"):
        read_source(tmp_path)


def test_a_folder_without_weights_is_said(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"model\.safetensors: no such file; expected .*the folder of a model\."):
        read_source(tmp_path)


def test_two_sets_of_weights_are_noted(tmp_path: Path) -> None:
    torch.save({"model": TENSORS, "model_ema": TENSORS}, tmp_path / "a.pth")
    (note,) = read_source(tmp_path / "a.pth").notes
    assert "those under model are taken, not model_ema" in note


def test_what_is_a_checkpoint_of_ours_is_said_to_be(tmp_path: Path) -> None:
    path = make_checkpoint(tmp_path / "ours.safetensors", flat_tree(["a", "b"]))
    with pytest.raises(UsageError, match="is a checkpoint of hypseg's already"):
        read_source(path)


class Runs:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch ran",)


def test_nothing_in_a_file_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": TENSORS, "meta": Runs()}, tmp_path / "a.pth")
    with pytest.raises(CheckpointError, match=r"a\.pth: cannot be read as plain weights: it holds more than tensors"):
        read_source(tmp_path / "a.pth")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("content", [{"epoch": 3}, [1, 2], "text"])
def test_what_holds_no_weights_is_refused(content: object, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "a.pth")
    with pytest.raises(CheckpointError, match="holds no weights by name"):
        read_source(tmp_path / "a.pth")


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"no such file; expected a \.pth"):
        read_source(tmp_path / "gone.pth")
