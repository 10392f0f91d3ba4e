"""Checkpoints that say they were quantised, with no graph in them that anything could run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from hypsegcli.checkpoint.format import Quantisation
from hypsegcli.checkpoint.int8 import INT8_GRAPHS
from hypsegcli.checkpoint.store import Checkpoint
from hypsegcli.inference import build
from hypsegcli.inference.request import Request
from hypsegcli.inference.segmenter import Segmenter

FACTS = Quantisation(images=3, compared=1, labels=0.99, distance=0.1, speed=1.8, made_with="nncf 3.4.0")
GRAPHS = {
    f"int8.{graph}.{kind}": torch.full((9,), number, dtype=torch.uint8)
    for number, graph in enumerate(INT8_GRAPHS)
    for kind in ("xml", "bin")
}


def pretend_to_quantise(monkeypatch: pytest.MonkeyPatch, int8: Checkpoint | None = None) -> None:
    """Let `hypseg quantise` do what takes minutes, and OpenVINO, in no time.

    What it scores as int8 are the answers of a checkpoint in torch; without one, those that it had before.
    """

    def quantise_on(checkpoint: Checkpoint, *_: Any, **__: Any) -> Checkpoint:
        return replace(checkpoint, int8=GRAPHS, header=checkpoint.header.model_copy(update={"int8": FACTS}))

    def make_segmenter(checkpoint: Checkpoint, request: Request, *, precision: str, **_: Any) -> Segmenter:
        answers = int8 if int8 is not None and precision == "int8" else checkpoint
        return build.make_segmenter(answers, request, engine="torch", precision="fp32")

    monkeypatch.setattr("hypsegcli.inference.engines.quantise.require_nncf", lambda: None)
    monkeypatch.setattr("hypsegcli.inference.engines.quantise.require_traceable", lambda *_, **__: None)
    monkeypatch.setattr("hypsegcli.scores.quantise.quantise_on", quantise_on)
    monkeypatch.setattr("hypsegcli.scores.quantise.make_segmenter", make_segmenter)
