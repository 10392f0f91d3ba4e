"""A clustering on disk: `state.pt`, by which it goes on, and `clusters.safetensors`, which is to be used."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import torch

from hypsegcli.checkpoint.format import header_from_json, header_to_json
from hypsegcli.checkpoint.store import save_checkpoint
from hypsegcli.checkpoint.torch_file import read_plain
from hypsegcli.errors import CheckpointError, UsageError, setting
from hypsegcli.files.atomic import write_atomically
from hypsegcli.files.words import first_of
from hypsegcli.training.clustering.config import ClusterConfig
from hypsegcli.training.clustering.run import Job, Run
from hypsegcli.training.state import STATE

CHECKPOINT = "clusters.safetensors"

_FREE = {"workers"}  # that decides nothing
_NAMED = 3


def check_folder(job: Job, *, resume: bool) -> None:
    """UsageError where a folder holds a clustering already that is not to go on, or another run's files."""
    taken = [name for name in (STATE, CHECKPOINT) if (job.out / name).exists()]
    if not taken:
        return
    if not resume:
        raise UsageError(
            f"{job.out}: holds a clustering already; continue it with {setting('resume')} or choose another folder"
        )
    if STATE not in taken:
        raise UsageError(f"{job.out}: holds {CHECKPOINT}, but no {STATE} to resume from; choose another folder")


def settings_of(out: Path) -> dict[str, Any]:
    """The settings that a run in a folder was started with; none where there is no state.

    Raises CheckpointError for a damaged file.
    """
    path = out / STATE
    if not path.exists():
        return {}
    content = read_plain(path)
    try:
        was, _ = dict(json.loads(content["config"])), content["over"]  # a training's state has no such head
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path}: is not the state of a clustering; choose another folder") from error
    return {name: value for name, value in was.items() if name in ClusterConfig.model_fields}


def read_state(job: Job) -> dict[str, Any] | None:
    """What a run that is to go on has come to; None where there is none.

    Raises CheckpointError for a damaged file, UsageError where the run had other settings.
    """
    path = job.out / STATE
    if not path.exists():
        return None
    content = read_plain(path)
    try:
        header = header_from_json(content["header"], origin=path)
        was, epoch, digests = json.loads(content["config"]), int(content["epoch"]), json.loads(content["digests"])
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path}: is not the state of a clustering; choose another folder") from error
    wanted = job.config.model_dump(mode="json")
    if changed := [name for name in wanted if name not in _FREE and was.get(name) != wanted[name]]:
        raise UsageError(
            f"{job.out}: was started with other options, different in {', '.join(changed)}; resume with those, or "
            "choose another folder"
        )
    return {**content, "header": header, "epoch": epoch, "digests": digests}


def restore(run: Run, state: dict[str, Any]) -> None:
    """Load a state into a run. Raises UsageError where it had other images, by key or by what is in them."""
    was: dict[str, str] = state["digests"]
    now = run.digests
    if changed := sorted(key for key in was.keys() | now.keys() if was.get(key) != now.get(key)):
        raise UsageError(
            f"{run.job.out}: its images are not those that it was started with ({first_of(changed, _NAMED)}); bring "
            f"those back, or start another run from {run.job.out / CHECKPOINT} with {setting('init')}"
        )
    for name, part in run.parts().items():
        part.load_state_dict(state[name])


def save_state(run: Run, epoch: int) -> None:
    """Write `state.pt`, which can be used as a checkpoint too."""
    state: dict[str, Any] = {name: part.state_dict() for name, part in run.parts().items()}
    state |= {
        "header": header_to_json(run.header),
        "config": run.job.config.model_dump_json(),
        "epoch": epoch,
        "digests": json.dumps(dict(run.digests)),
    }
    buffer = io.BytesIO()
    torch.save(state, buffer)
    write_atomically(run.job.out / STATE, buffer.getvalue())


def save_network(run: Run) -> None:
    """Write `clusters.safetensors`."""
    save_checkpoint(run.job.out / CHECKPOINT, run.header, run.learner.model.state_dict(), half=True)
