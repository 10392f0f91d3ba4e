"""A training run on disk.

A run folder holds `best.safetensors` and `last.safetensors` (to use), `state.pt` (to resume), `log.csv`
(an epoch a line), `config.toml` (every setting), `pictures/` and, on request, `tensorboard/`.
"""

from __future__ import annotations

import io
import json
import math
from pathlib import Path
from typing import Any, NamedTuple

import torch

from hypsegcli.checkpoint.format import Header, header_from_json, header_to_json
from hypsegcli.checkpoint.store import save_checkpoint
from hypsegcli.checkpoint.torch_file import read_plain
from hypsegcli.errors import CheckpointError, UsageError, setting
from hypsegcli.files.atomic import write_atomically
from hypsegcli.training.run import Job, Run
from hypsegcli.training.validate import Scores

STATE, LOG, CONFIG = "state.pt", "log.csv", "config.toml"

_FILES = (STATE, "best.safetensors", "last.safetensors", LOG)

# Settings that may change when a run goes on, for they change no weight.
_FREE = {"background", "workers", "pictures", "tensorboard"}


class State(NamedTuple):
    """What a state file says."""

    header: Header
    config: dict[str, Any]
    epoch: int  # the last one done; 0 before the first
    best: float  # mean IoU so far
    parts: dict[str, Any]


def check_folder(out: Path, *, resume: bool) -> None:
    """Refuse a run folder that is in use, or has nothing to resume from."""
    taken = [name for name in _FILES if (out / name).exists()]
    if taken and not resume:
        raise UsageError(
            f"{out}: holds a training run already; continue it with {setting('resume')} or choose another folder"
        )
    if taken and STATE not in taken:
        raise UsageError(f"{out}: holds {', '.join(taken)}, but no {STATE} to resume from; choose another folder")


def read_state(job: Job) -> State | None:
    """The state of the run that is to go on; None where there is none.

    Raises CheckpointError for a damaged file, UsageError where the run had other settings.
    """
    path = job.out / STATE
    if not path.exists():
        return None
    content = read_plain(path)
    try:
        header = header_from_json(content["header"], origin=path)
        state = State(header, json.loads(content["config"]), content["epoch"], content["best"], content)
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path}: is not the state of a training run; choose another folder") from error
    wanted = job.config.model_dump(mode="json")
    _refuse(job, [name for name in wanted if name not in _FREE and state.config.get(name) != wanted[name]])
    return state


def restore(run: Run, state: State) -> None:
    """Load a state into a run. Raises UsageError where it had other data."""
    was, now = state.header, run.header
    same = {
        "class tree": was.tree == now.tree,
        "training images": was.provenance.trained_on == now.provenance.trained_on,
        "validation images": was.provenance.validated_on == now.provenance.validated_on,
    }
    _refuse(run.job, [name for name, is_same in same.items() if not is_same])
    for key, part in run.parts().items():
        part.load_state_dict(state.parts[key])


def _refuse(job: Job, changed: list[str]) -> None:
    if changed:
        raise UsageError(
            f"{job.out}: was started with other options or data, different in {', '.join(changed)}; resume with "
            "those, or choose another folder"
        )


def save_run(run: Run, epoch: int, scores: Scores | None, *, best: float, is_best: bool) -> None:
    """Write `last.safetensors`, `best.safetensors` where it is, and the state last: it stands for the others."""
    values = {} if scores is None else scores._asdict()
    # An AUROC is NaN where no pixel, or every pixel, was wrong; JSON has no NaN.
    named = {name: round(value, 4) for name, value in values.items() if math.isfinite(value)}
    provenance = run.header.provenance.model_copy(update={"scores": named})
    model = run.scored().finished()
    header = run.header.model_copy(update={"provenance": provenance, "model": model.config})
    for name in ("best", "last") if is_best else ("last",):
        save_checkpoint(run.job.out / f"{name}.safetensors", header, model.state_dict(), half=True)
    save_state(run, epoch, best=best)


def save_state(run: Run, epoch: int, *, best: float) -> None:
    """Write `state.pt`. It can be used as a checkpoint, of which no scores are known: they may be of an average."""
    header = run.header.model_copy(update={"model": run.learner.finished().config})
    state = {key: part.state_dict() for key, part in run.parts().items()}
    state |= {
        "header": header_to_json(header),
        "config": run.job.config.model_dump_json(),
        "epoch": epoch,
        "best": best,
    }
    buffer = io.BytesIO()
    torch.save(state, buffer)
    write_atomically(run.job.out / STATE, buffer.getvalue())
