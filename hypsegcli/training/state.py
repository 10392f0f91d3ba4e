"""A training run on disk.

A run folder holds `best.safetensors` and `last.safetensors` (to use), `state.pt` (to resume), `log.csv`
(an epoch a line), `config.toml` (every setting), `pictures/` and, on request, `tensorboard/`.
"""

from __future__ import annotations

import copy
import io
import json
import math
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch

from hypsegcli.checkpoint.format import Header, header_from_json, header_to_json
from hypsegcli.checkpoint.read_header import read_header
from hypsegcli.checkpoint.store import halve_kernels, save_checkpoint
from hypsegcli.checkpoint.torch_file import read_plain
from hypsegcli.errors import CheckpointError, UsageError, setting
from hypsegcli.files.atomic import write_atomically
from hypsegcli.files.digest import digest_file, digest_of
from hypsegcli.files.words import count_of, first_of
from hypsegcli.network.model import Network
from hypsegcli.training.config import TrainConfig
from hypsegcli.training.config_file import CONFIG
from hypsegcli.training.log import LOG
from hypsegcli.training.pictures import sheets_in
from hypsegcli.training.run import Job, Run
from hypsegcli.training.unchanged import same_files
from hypsegcli.training.val_lists import VAL_IMAGES, VAL_MASKS
from hypsegcli.training.validate import Scores

STATE, BEST, LAST = "state.pt", "best.safetensors", "last.safetensors"

_FILES = (STATE, BEST, LAST, LOG)

# Settings that may change when a run goes on: they change no weight, but for the epochs, of which there may be more or,
# by patience, fewer, and the parts that a batch is taken in, which have to fit the memory of where it goes on.
_FREE = {"background", "workers", "pictures", "tensorboard", "epochs", "accumulate", "patience", "calibration"}


_NAMED = 3  # pairs in a sentence
_MEANT = "whose ids mean something else by classes.txt, labelmap.txt or the like"


class State(NamedTuple):
    """What a state file says."""

    header: Header
    config: dict[str, Any]
    epoch: int  # the last one done; 0 before the first
    best: float  # mean IoU so far
    waited: int  # validations since then, those of the classifier alone left out
    parts: dict[str, Any]
    data: Path  # the folder that was trained on
    directory: Path  # in which it was started
    digests: dict[str, dict[str, str]]  # those of the run that was saved


def check_folder(out: Path, *, resume: bool) -> None:
    """Refuse a run folder that is in use, has nothing to resume from, or holds files that a run would replace.

    On `resume` settings and lists may be of a run that was killed before it had a state: `check_first` looks into them.
    """
    taken = [name for name in _FILES if (out / name).exists()]
    if taken and not resume:
        raise UsageError(
            f"{out}: holds a training run already; continue it with {setting('resume')} or choose another folder"
        )
    if not taken:
        first = () if resume else (CONFIG, VAL_IMAGES, VAL_MASKS)
        _refuse_others(out, [*(name for name in first if os.path.lexists(out / name)), *sheets_in(out)])
    if taken and STATE not in taken:
        raise UsageError(f"{out}: holds {', '.join(taken)}, but no {STATE} to resume from; choose another folder")


def check_first(out: Path, files: Mapping[str, bytes]) -> None:
    """Refuse files that a run is about to write by these names, where it has no state yet and they are others."""
    if not (out / STATE).exists():
        there = [name for name in files if os.path.lexists(out / name)]
        _refuse_others(out, [name for name in there if digest_file(out / name) != digest_of(files[name])])


def _refuse_others(out: Path, names: Iterable[str]) -> None:
    for name in names:
        raise UsageError(
            f"{out}: holds a {name}, which a run would replace by its own; call it otherwise or choose another folder"
        )


def data_of(out: Path) -> Path:
    """The folder that a run was started with; CheckpointError for a damaged state, UsageError where there is none."""
    path = out / STATE
    if not path.exists():
        raise UsageError(f"{out}: holds no {STATE} that would tell its data; name the folder with {setting('data')}")
    content = read_plain(path)
    try:
        return Path(content["data"])
    except (KeyError, TypeError) as error:
        raise CheckpointError(f"{path}: is not the state of a training run; choose another folder") from error


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
        state = State(
            header,
            json.loads(content["config"]),
            content["epoch"],
            content["best"],
            content.get("waited", 0),  # which a state of an earlier version does not tell
            content,
            Path(content["data"]),
            Path(content["directory"]),
            json.loads(content["digests"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path}: is not the state of a training run; choose another folder") from error
    wanted = job.config.model_dump(mode="json")
    # A setting that came with a later version than the state: nobody could set it, so the run had its default.
    was = TrainConfig().model_dump(mode="json") | state.config
    _refuse(job, [name for name in wanted if name not in _FREE and was[name] != wanted[name]])
    if job.config.epochs < state.epoch:
        raise UsageError(
            f"{job.out}: has {state.epoch} epochs already, {setting('epochs', job.config.epochs)} are fewer; name more"
        )
    return state


def restore(run: Run, state: State) -> None:
    """Load a state into a run. Raises UsageError where it had other data."""
    _refuse(run.job, ["class tree"] if state.header.tree != run.header.tree else [])
    _refuse_changed_data(run, state)
    for key, part in run.parts().items():
        part.load_state_dict(state.parts[key])
    # The optimizer remembers the rate that the schedule of the epochs it was started for had come to.
    for group, base, factor in zip(
        run.optimizer.param_groups, run.schedule.base_lrs, run.schedule.lr_lambdas, strict=True
    ):
        group["lr"] = base * factor(run.schedule.last_epoch)


def _refuse_changed_data(run: Run, state: State) -> None:
    found = []
    for name, now in run.digests.items():
        was, one = state.digests.get(name, {}), "pair" if name in {"train", "val"} else "file"
        # A digest of a later version may go on with what the state's does not tell.
        changed = {key for key in was.keys() & now.keys() if not now[key].startswith(was[key])}
        for what, keys in (
            ("new", now.keys() - was.keys()),
            ("gone", was.keys() - now.keys()),
            ("changed", {key for key in changed if not same_files(was[key], now[key])}),
            (_MEANT, {key for key in changed if same_files(was[key], now[key])}),
        ):
            if keys:
                found.append(f"{name}: {count_of(len(keys), one)} {what} ({first_of(sorted(keys), _NAMED)})")
    if found:
        raise UsageError(
            f"{run.job.out}: its data are not those that it was started with; {'; '.join(found)}; bring those back, or "
            f"start another run from {run.job.out / LAST} with {setting('init')}"
        )


def _refuse(job: Job, changed: list[str]) -> None:
    if changed:
        kept = job.out / CONFIG
        lost = "" if kept.is_file() and kept.stat().st_size else f" ({CONFIG}, which held them, is gone or empty)"
        raise UsageError(
            f"{job.out}: was started with other options or data, different in {', '.join(changed)}; resume with "
            f"those{lost}, or choose another folder"
        )


def save_run(run: Run, epoch: int, scores: Scores | None, *, best: float, is_best: bool, waited: int = 0) -> None:
    """Write `last.safetensors`, `best.safetensors` where it is, and the state last: it stands for the others."""
    save_scored(run, scores, (BEST, LAST) if is_best else (LAST,))
    save_state(run, epoch, best=best, waited=waited)


def scored_copy(run: Run) -> Network:
    """The network that `save_scored` writes, as whoever reads it has it: its scores are those of the file.

    A copy, for what is learned goes on in float32.
    """
    model = copy.deepcopy(run.scored().finished())
    model.load_state_dict(halve_kernels(model.state_dict()))
    return model


def save_scored(run: Run, scores: Scores | None, names: Iterable[str]) -> None:
    """Write what is validated, as it is now, to checkpoints of these names."""
    values = {} if scores is None else scores._asdict()
    # An AUROC is NaN where no pixel, or every pixel, was wrong; JSON has no NaN.
    named = {name: round(value, 4) for name, value in values.items() if math.isfinite(value)}
    provenance = run.header.provenance.model_copy(update={"scores": named})
    model = run.scored().finished()
    header = run.header.model_copy(update={"provenance": provenance, "model": model.config})
    for name in names:
        save_checkpoint(run.job.out / name, header, model.state_dict(), half=True)


def lacking(out: Path, state: State) -> tuple[str, ...]:
    """Which checkpoints of a run are gone, or none any more, though its state says that they were written."""
    written = [LAST] if state.epoch else []
    if math.isfinite(state.best):
        written.append(BEST)
    return tuple(name for name in written if not _is_checkpoint(out / name))


def _is_checkpoint(path: Path) -> bool:
    try:
        read_header(path)
    except CheckpointError:
        return False
    return True


def save_state(run: Run, epoch: int, *, best: float, waited: int = 0) -> None:
    """Write `state.pt`. It can be used as a checkpoint, of which no scores are known: they may be of an average."""
    header = run.header.model_copy(update={"model": run.learner.finished().config})
    state = {key: part.state_dict() for key, part in run.parts().items()}
    state |= {
        "header": header_to_json(header),
        "config": run.job.config.model_dump_json(),
        "epoch": epoch,
        "best": best,
        "waited": waited,
        "data": str(run.job.data.resolve()),
        "directory": str(run.job.directory.resolve()),
        "digests": json.dumps({part: dict(digests) for part, digests in run.digests.items()}),
    }
    buffer = io.BytesIO()
    torch.save(state, buffer)
    write_atomically(run.job.out / STATE, buffer.getvalue())
