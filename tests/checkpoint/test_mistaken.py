"""Files that were taken for checkpoints say what they are."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save
from support.checkpoints import header_refusal, put, torch_bytes

from hypsegcli.checkpoint.mistaken import mistaken

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"
PAGE = b"\n<!DOCTYPE html>\n<html><head><title>Sign in</title>"


@pytest.mark.parametrize("name", ["model.safetensors", "model.pt", "model.pth", "model.bin"])
@pytest.mark.parametrize(("content", "said"), [(POINTER, "`git lfs pull`"), (PAGE, "a web page")])
def test_what_came_in_place_of_the_file(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    assert said in header_refusal(put(tmp_path, content, name))


@pytest.mark.parametrize("content", [torch_bytes({"weight": torch.zeros(3)}), b"\x80\x02}q\x00."])
def test_a_file_of_torch_s_by_the_name_of_the_other_kind(tmp_path: Path, content: bytes) -> None:
    assert "give it a name that ends in .pt" in header_refusal(put(tmp_path, content))


@pytest.mark.parametrize("name", ["model.pt", "model.pth"])
def test_a_safetensors_file_by_the_name_of_the_other_kind(tmp_path: Path, name: str) -> None:
    sentence = header_refusal(put(tmp_path, save({"weight": torch.zeros(3)}), name))
    assert "give it a name that ends in .safetensors" in sentence


def test_what_is_what_its_name_says_or_nothing_known(tmp_path: Path) -> None:
    assert mistaken(put(tmp_path, save({"weight": torch.zeros(3)}))) is None
    assert mistaken(put(tmp_path, torch_bytes({"weight": torch.zeros(3)}), "model.pt")) is None
    for content in (b"", b"garbage", bytes(1000)):
        for name in ("model.safetensors", "model.pt"):
            assert mistaken(put(tmp_path, content, name)) is None
    assert mistaken(tmp_path / "none") is None
