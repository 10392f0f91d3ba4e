"""Short runs on tiny pictures: they learn, they repeat, and an interruption leaves no trace."""

from __future__ import annotations

import resource
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from support import make_checkpoint, photograph

from hypsegcli.checkpoint.read_header import read_header
from hypsegcli.checkpoint.store import load_checkpoint
from hypsegcli.errors import CheckpointError, DataError, UsageError
from hypsegcli.hierarchy.tree import flat_tree
from hypsegcli.inference.device import Device
from hypsegcli.inference.normalise import normalise
from hypsegcli.training.clustering import loop
from hypsegcli.training.clustering.config import ClusterConfig
from hypsegcli.training.clustering.loop import EpochReport, Started, cluster
from hypsegcli.training.clustering.run import Job
from hypsegcli.training.clustering.state import CHECKPOINT, settings_of

CPU = Device(torch.device("cpu"))
SMALL = {"init": "random", "backbone": "resnet18_c4", "embedding_size": 8, "epochs": 3, "batch_size": 4, "workers": 0}


def view_of_land(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A photograph of sky above land, and which is which; the horizon is at any height."""
    rng = np.random.default_rng(seed)
    mask = np.repeat(np.arange(48)[:, None] >= rng.integers(6, 42), 64, axis=1).astype(np.uint8)
    colors = np.array([(120, 160, 230), (60, 120, 40)])
    return np.clip(colors[mask] + rng.integers(-20, 20, (48, 64, 3)), 0, 255).astype(np.uint8), mask


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    """Sixteen photographs of 64 x 48 pixels."""
    folder = tmp_path_factory.mktemp("images")
    paths = tuple(folder / f"{seed}.png" for seed in range(16))
    for seed, path in enumerate(paths):
        Image.fromarray(view_of_land(seed)[0]).save(path)
    return paths


def job_of(images: Sequence[Path], out: Path, **settings: Any) -> Job:
    config = ClusterConfig.model_validate(SMALL | {"clusters": 3} | settings)
    return Job({path.stem: path for path in images}, out, config, CPU)


def losses(job: Job, *, resume: bool = False) -> list[tuple[str, float]]:
    return [(event.head, event.loss) for event in cluster(job, resume=resume) if isinstance(event, EpochReport)]


def test_sky_and_land_become_clusters(images: tuple[Path, ...], tmp_path: Path) -> None:
    """Wherever the horizon is: bands across the images, on which views at one place agree, would give 0.8."""
    job = job_of(images, tmp_path, clusters=2, epochs=5, learning_rate=3e-3, reach=1, warmup_steps=0, seed=1)
    found = losses(job)
    assert [head for head, _ in found] == ["own", "over", "own", "over", "own"]
    loaded = load_checkpoint(tmp_path / CHECKPOINT)
    counts = np.zeros((2, 2), np.int64)
    for seed in range(100, 108):
        photo, mask = view_of_land(seed)
        image = normalise(torch.from_numpy(photo).permute(2, 0, 1)[None], loaded.header.input)
        with torch.no_grad():
            logits = loaded.model(image).logits
        labels = F.interpolate(logits, size=mask.shape, mode="bilinear").argmax(1)[0].numpy()
        counts += np.bincount((2 * labels + mask).ravel(), minlength=4).reshape(2, 2)
    assert max(np.trace(counts), np.trace(counts[::-1])) / counts.sum() > 0.92
    header = read_header(tmp_path / CHECKPOINT)
    assert header.tree.names == ("cluster 0", "cluster 1")
    assert header.input.longest_side == 64
    assert header.provenance.trained_on == "16 images without masks, by clustering"
    assert len(header.provenance.trained_images) == 16


def test_a_run_repeats_and_goes_on_as_if_it_had_not_stopped(images: tuple[Path, ...], tmp_path: Path) -> None:
    images = images[:4]
    whole = losses(job_of(images, tmp_path / "whole"))
    assert losses(job_of(images, tmp_path / "again", workers=1)) == whole
    stopped = job_of(images, tmp_path / "stopped")
    stop_after_an_epoch(stopped)
    assert not (stopped.out / CHECKPOINT).exists()
    assert losses(stopped, resume=True) == whole[1:]
    made = [(tmp_path / name / CHECKPOINT).read_bytes() for name in ("whole", "again", "stopped")]
    # The recipe, which is part of the file, says how many processes read.
    assert made[0] == made[2]
    states = [load_checkpoint(tmp_path / name / CHECKPOINT).model.state_dict() for name in ("whole", "again")]
    assert all(torch.equal(tensor, states[1][name]) for name, tensor in states[0].items())


def stop_after_an_epoch(job: Job) -> None:
    events = cluster(job, resume=False)
    next(event for event in events if isinstance(event, EpochReport))
    events.close()


def test_photographs_are_known_by_key_and_content_wherever_they_lie(images: tuple[Path, ...], tmp_path: Path) -> None:
    """A folder may be called otherwise, and its images named in another order."""
    images = images[8:12]  # of the keys 8, 9, 10, 11
    whole = job_of(images, tmp_path / "whole")
    shutil.copytree(images[0].parent, tmp_path / "moved")
    moved = [tmp_path / "moved" / path.name for path in reversed(images)]
    assert losses(job_of(moved, tmp_path / "again")) == losses(whole)
    stopped = job_of(images, tmp_path / "stopped")
    stop_after_an_epoch(stopped)
    losses(job_of(moved, stopped.out), resume=True)
    assert (stopped.out / CHECKPOINT).read_bytes() == (whole.out / CHECKPOINT).read_bytes()
    Image.fromarray(view_of_land(50)[0]).save(moved[0])
    with pytest.raises(UsageError, match=r"its images are not those that it was started with \(11\)"):
        losses(job_of(moved, stopped.out), resume=True)


@pytest.mark.parametrize("replaced", [False, True])
def test_what_it_started_from_is_not_needed_again(images: tuple[Path, ...], tmp_path: Path, *, replaced: bool) -> None:
    """Nor looked at, where something else lies there by now: its ancestors are those that it was started from."""
    start = make_checkpoint(tmp_path / "start.safetensors", flat_tree(("sky", "land")), backbone="resnet18_c4")
    whole, stopped = (job_of(images[:4], tmp_path / name, init=str(start)) for name in ("whole", "stopped"))
    losses(whole)
    stop_after_an_epoch(stopped)
    start.unlink()
    if replaced:
        make_checkpoint(start, flat_tree(("a", "b", "c")), backbone="mobilenet_v3_small")
    losses(stopped, resume=True)
    made = (stopped.out / CHECKPOINT).read_bytes()
    assert made == (whole.out / CHECKPOINT).read_bytes()
    assert [each.name for each in read_header(stopped.out / CHECKPOINT).provenance.ancestors] == ["start.safetensors"]


def test_the_state_tells_the_settings_of_its_run(images: tuple[Path, ...], tmp_path: Path) -> None:
    assert settings_of(tmp_path) == {}
    job = job_of(images[:4], tmp_path, epochs=1, reach=2)
    losses(job)
    assert ClusterConfig.model_validate(settings_of(tmp_path)) == job.config
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    del state["over"]  # as a training's
    torch.save(state, tmp_path / "state.pt")
    with pytest.raises(CheckpointError, match="is not the state of a clustering"):
        settings_of(tmp_path)


def test_a_finished_run_writes_again_what_is_gone_and_learns_nothing(images: tuple[Path, ...], tmp_path: Path) -> None:
    job = job_of(images, tmp_path, epochs=1)
    losses(job)
    before = (tmp_path / CHECKPOINT).read_bytes()
    (tmp_path / CHECKPOINT).unlink()
    assert losses(job, resume=True) == []
    assert (tmp_path / CHECKPOINT).read_bytes() == before


def test_a_full_disk_leaves_a_command_that_goes_on(images: tuple[Path, ...], tmp_path: Path) -> None:
    """Before the first state nothing is there that would tell what the command was."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    job = job_of(images, tmp_path / "run", epochs=2)
    for resume, sentence in ((False, "give the same command with"), (True, "what was saved before is whole")):
        if resume:
            stop_after_an_epoch(job)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
        try:
            with pytest.raises(DataError, match=rf"epoch {1 + resume} cannot be saved .*; .*{sentence}"):
                losses(job, resume=resume)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_what_cannot_go_on_is_refused(images: tuple[Path, ...], tmp_path: Path) -> None:
    job = job_of(images, tmp_path, epochs=1)
    losses(job)
    with pytest.raises(UsageError, match="holds a clustering already"):
        losses(job)
    with pytest.raises(UsageError, match="different in clusters"):
        losses(job_of(images, tmp_path, epochs=1, clusters=4), resume=True)
    with pytest.raises(UsageError, match=r"its images are not those.*15\)"):
        losses(replace(job, images={path.stem: path for path in images[:-1]}), resume=True)
    (tmp_path / "state.pt").unlink()
    with pytest.raises(UsageError, match=r"no state\.pt"):
        losses(job, resume=True)


def test_images_that_cannot_be_read_teach_nothing(images: tuple[Path, ...], tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"no picture")
    started = next(cluster(job_of([*images, tmp_path / "bad.png"], tmp_path / "out", epochs=1), resume=False))
    assert isinstance(started, Started)
    assert "1 image cannot be read and teach nothing" in "\n".join(started.notes).replace("teaches", "teach")
    with pytest.raises(DataError, match="1 image to learn from"):
        losses(job_of([images[0], tmp_path / "bad.png"], tmp_path / "few", epochs=1))


def test_so_many_epochs_as_make_the_steps_where_nobody_names_them(images: tuple[Path, ...], tmp_path: Path) -> None:
    started = next(cluster(job_of(images, tmp_path, epochs=0), resume=False))
    assert isinstance(started, Started)
    assert (started.epochs, started.steps) == (100, 4)


def test_a_loss_that_is_no_number_names_its_images(
    images: tuple[Path, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(first: torch.Tensor, second: torch.Tensor, **_: object) -> torch.Tensor:
        return (first * second).sum() * float("nan")

    monkeypatch.setattr(loop, "information_loss", broken)
    with pytest.raises(DataError, match=r"the loss became nan.*\.png"):
        losses(job_of(images, tmp_path, epochs=1))


def test_small_images_of_many_sizes_are_learned_from(tmp_path: Path) -> None:
    paths = [photograph(tmp_path / f"{k}.png", size=(20 + 9 * k, 50 - 7 * k), seed=k) for k in range(4)]
    found = losses(job_of(paths, tmp_path / "out", epochs=1, reach=20))
    assert np.isfinite(found[0][1])
