"""What all ranks of a training have to know alike before its first step."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

import torch

from hypsegcli.training.run import Run

_OWN = {"workers"}  # settings that each may have for itself


def facts_of(run: Run, done: int) -> Mapping[str, str]:
    """By name: versions, settings, what is in all files that are read, epochs done so far, and weights."""
    config = run.job.config.model_dump(mode="json")
    made = run.header.provenance
    return {
        "the version of hypseg": made.hypseg_version,
        "the version of torch": made.torch_version,
        **{f"the setting {name}": json.dumps(value) for name, value in config.items() if name not in _OWN},
        **{f"the files of {part}": _digest(dict(digests)) for part, digests in run.digests.items()},
        "the epochs that are done": str(done),
        "the weights": _weights(run),
    }


def _digest(files: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()


def _weights(run: Run) -> str:
    sha256 = hashlib.sha256()
    for part in (run.learner, run.loss):
        for name, tensor in part.state_dict().items():
            sha256.update(name.encode())
            sha256.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return sha256.hexdigest()
