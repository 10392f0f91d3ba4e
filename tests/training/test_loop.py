"""Short runs on six tiny pictures: files, refusals, and that an interruption leaves no trace."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import itertools
import json
import os
import random
import re
import resource
import signal
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image
from support import make_checkpoint
from support.tiny_data import NAMES, make_data
from torchvision import models

from hypsegcli.checkpoint.read_header import read_header
from hypsegcli.checkpoint.store import load_checkpoint, save_checkpoint
from hypsegcli.errors import CheckpointError, DataError, HypsegError, ImageError, PlanError, TreeError, UsageError
from hypsegcli.hierarchy.tree import flat_tree
from hypsegcli.inference.device import Device
from hypsegcli.inference.engines.torch_engine import TorchEngine
from hypsegcli.inference.normalise import normalise
from hypsegcli.inference.request import Request
from hypsegcli.inference.segmenter import Segmenter
from hypsegcli.sampling import choice
from hypsegcli.training import loop, step
from hypsegcli.training.config import TrainConfig
from hypsegcli.training.config_file import read_settings
from hypsegcli.training.dataset import Crop, CropDataset, Draw, EpochSampler, Pool
from hypsegcli.training.learner import Learner
from hypsegcli.training.loop import EpochReport, Event, Started, Step, train
from hypsegcli.training.loss import Losses, SegmentationLoss, class_weights
from hypsegcli.training.run import Job, prepare
from hypsegcli.training.state import read_state, restore, save_state
from hypsegcli.training.val_lists import VAL_IMAGES, VAL_MASKS
from hypsegcli.training.validate import Scores, Validation, validate

CPU = Device(torch.device("cpu"))
SMALL = {
    "backbone": "mobilenet_v3_small",
    "embedding_size": 4,
    "epochs": 3,
    "batch_size": 2,
    "crop_height": 64,
    "crop_width": 64,
    "workers": 0,
    "warmup_steps": 0,
}


def events(data: Path, out: Path, *, resume: bool = False, **options: Any) -> Generator[Event, None, None]:
    yield from train(Job(data, out, TrainConfig.model_validate(SMALL | options), CPU), resume=resume)


def start(data: Path, out: Path, **options: Any) -> Generator[EpochReport, None, None]:
    return (event for event in events(data, out, **options) if isinstance(event, EpochReport))


def announced(run: Iterator[Event]) -> Started:
    """What a run that goes to its end says first."""
    started, *_ = run
    assert isinstance(started, Started)
    return started


@pytest.fixture
def scores(monkeypatch: pytest.MonkeyPatch) -> list[Scores]:
    """What validation is to find, one an epoch; nothing is segmented."""
    queue: list[Scores] = []
    monkeypatch.setattr(loop, "validate", lambda *_, **__: Validation(queue.pop(0), None))
    return queue


def log(out: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((out / "log.csv").read_text().splitlines()))


def content(path: Path) -> tuple[dict[str, Any], bytes]:
    """Header and tensors of a .safetensors file; the library writes the header's metadata in random order."""
    data = path.read_bytes()
    end = 8 + int.from_bytes(data[:8], "little")
    return json.loads(data[8:end]), data[end:]


def of(mean_iou: float) -> Scores:
    return Scores(mean_iou, 0.5, 0.55, 0.56, 0.6, 0.7, 1.0, 2.0, 3.0)


def test_an_interrupted_run_ends_as_an_uninterrupted_one(data: Path, tmp_path: Path) -> None:
    whole = list(start(data, tmp_path / "whole"))
    broken = start(data, tmp_path / "broken")
    first = next(broken)
    broken.close()  # what a kill between two epochs leaves behind
    torch.manual_seed(99)
    rest = list(start(data, tmp_path / "broken", resume=True))

    assert [report.epoch for report in whole] == [first.epoch, *(report.epoch for report in rest)] == [1, 2, 3]
    for one, two in zip(whole, [first, *rest], strict=True):
        assert (one.loss, one.radius_loss, one.learning_rate) == (two.loss, two.radius_loss, two.learning_rate)
        np.testing.assert_equal(one.scores, two.scores)
        assert one.is_best == two.is_best
    for name in ("last.safetensors", "best.safetensors"):
        assert content(tmp_path / "whole" / name) == content(tmp_path / "broken" / name), name
    for name in ("config.toml", "pictures/epoch-0003.png"):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "broken" / name).read_bytes()

    # The same run's files, since it costs seconds.
    out = tmp_path / "broken"
    assert sorted(path.name for path in out.iterdir()) == sorted(
        [
            "best.safetensors",
            "last.safetensors",
            "state.pt",
            "log.csv",
            "config.toml",
            "pictures",
            "val-images.txt",
            "val-masks.txt",
        ]
    )
    rows = log(out)
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert float(rows[1]["loss"]) == pytest.approx(whole[1].loss, abs=1e-5)
    assert TrainConfig.model_validate(read_settings(out / "config.toml")) == TrainConfig.model_validate(SMALL)
    with Image.open(out / "pictures" / "epoch-0001.png") as picture:
        assert picture.width > 4 * 200
    header = read_header(out / "last.safetensors")
    assert header.tree.names == NAMES
    assert (header.input.height, header.input.width, header.input.longest_side) == (64, 80, 80)
    assert header.ignore_index == 255
    assert header.provenance.trained_on == "data/train, 6 images"
    files = sorted((data / "train/images").iterdir())
    marks = sorted(hashlib.sha256(path.read_bytes()).hexdigest()[:16] for path in files)
    assert list(header.provenance.trained_images) == marks
    assert not {*header.provenance.validated_images} & {*marks}
    assert header.provenance.validated_on == "data/val, 2 images"
    assert header.provenance.recipe["batch_size"] == 2
    assert whole[-1].scores is not None
    assert header.provenance.scores["mean_iou"] == pytest.approx(whole[-1].scores.mean_iou, abs=1e-4)
    for name in ("best.safetensors", "state.pt"):
        assert load_checkpoint(out / name).header.model == header.model

    assert list(start(data, out, resume=True)) == [], "a finished run has nothing left to do"


def test_an_occupied_folder_is_refused(data: Path, tmp_path: Path, scores: list[Scores]) -> None:
    scores += [of(0.5)]
    list(start(data, tmp_path / "run", epochs=1))
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}
    with pytest.raises(UsageError, match="holds a training run already; continue it with resume"):
        next(start(data, tmp_path / "run", epochs=1))
    (tmp_path / "run" / "state.pt").unlink()
    with pytest.raises(UsageError, match="holds a training run already"):
        next(start(data, tmp_path / "run", epochs=1))
    with pytest.raises(UsageError, match=r"holds best\.safetensors, .*, but no state\.pt to resume from"):
        next(start(data, tmp_path / "run", epochs=1, resume=True))
    del before["state.pt"]
    assert {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()} == before


def test_resuming_under_other_options_is_refused(data: Path, tmp_path: Path, scores: list[Scores]) -> None:
    scores += [of(0.5)]
    out = tmp_path / "run"
    next(start(data, out))
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    others: list[dict[str, Any]] = [
        {"learning_rate": 1e-3},
        {"seed": 1},
        {"embedding_size": 5},
        {"curvature": 0.5},
        {"ema_decay": 0.5},
        {"held_out": ["red"]},
        {"ignore_index": 254},
    ]
    for path in (*(data / "train" / "masks").iterdir(), *(data / "val" / "masks").iterdir()):
        mask = np.array(Image.open(path))
        mask[mask == 255] = 0  # or 255 would be a strange id to the run whose void is 254
        Image.fromarray(mask).save(path)
    for other in others:
        (name,) = other
        with pytest.raises(UsageError, match=f"was started with other options or data, different in {name};"):
            next(start(data, out, resume=True, **other))
    (data / "classes.txt").write_text("0:dark\n1:red\n2:blue\n")
    with pytest.raises(UsageError, match="was started with other options"):
        next(start(data, out, resume=True))
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    for content in (b"", None):
        (out / "config.toml").write_bytes(content) if content is not None else (out / "config.toml").unlink()
        with pytest.raises(UsageError, match=r"\(config.toml, which held them, is gone or empty\)"):
            next(start(data, out, resume=True, **others[0]))


def test_a_mistake_in_the_masks_of_val_is_told_once(
    data: Path, tmp_path: Path, scores: list[Scores], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "validate", lambda *_, **__: Validation(of(0.1), None, "off by one"))
    assert [report.mistake for report in start(data, tmp_path / "run")] == ["off by one", None, None]


def test_what_was_changed_in_photographs_is_remarked(data: Path, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 3
    for path in (data / "val/images").iterdir():
        with Image.open(path) as image:
            image.save(path, exif=exif)
    run = prepare(Job(data, tmp_path, TrainConfig.model_validate(SMALL), CPU))
    found = [remark for remark in run.remarks if "turned" in remark]
    assert found[0] == "val: 2 images: turned upright (EXIF orientation 3)"
    assert found[1].startswith("val: 2 images: turned upright without its mask")


def test_what_photographs_have_no_data_of_is_not_learned(data: Path, tmp_path: Path) -> None:
    """Nor scored: weights and scores are those of masks that are void there, bit for bit."""
    hole = np.s_[:, :24]
    for path in sorted(data.glob("*/images/*")):
        with Image.open(path) as image:
            pixels = np.maximum(np.asarray(image), 1)
        pixels[hole] = 0
        tags = [(42113, "s", 0, "0", True)]
        tifffile.imwrite(path.with_suffix(".tif"), pixels, photometric="rgb", extratags=tags)
        path.unlink()
    settings = {"epochs": 1, "class_weights": "inverse", "longest_side": 60, "more_data": [str(data)]}
    (labelled,) = start(data, tmp_path / "labelled", **settings)
    for path in sorted(data.glob("*/masks/*")):
        with Image.open(path) as image:
            mask = np.array(image)
        assert (mask[hole] != 255).any()
        mask[hole] = 255
        Image.fromarray(mask).save(path)
    (void,) = start(data, tmp_path / "void", **settings)
    assert labelled.scores == void.scores
    assert labelled.loss == void.loss
    one, two = (load_checkpoint(tmp_path / name / "last.safetensors").model for name in ("labelled", "void"))
    assert all(map(torch.equal, one.state_dict().values(), two.state_dict().values()))


def test_splits_that_count_from_different_numbers_are_remarked(data: Path, tmp_path: Path) -> None:
    (data / "classes.txt").write_text("".join(f"{index}:{index}\n" for index in range(4)))
    for path in (data / "val/masks").iterdir():
        with Image.open(path) as image:
            mask = np.array(image)
        Image.fromarray(np.where(mask == 255, 255, mask + 1).astype(np.uint8)).save(path)
    run = prepare(Job(data, tmp_path, TrainConfig.model_validate(SMALL), CPU))
    assert any("off by one" in remark for remark in run.remarks), run.remarks


def test_more_epochs_go_on_as_a_run_of_that_many_would(data: Path, tmp_path: Path, scores: list[Scores]) -> None:
    scores += [of(0.5)] * 9
    list(start(data, tmp_path / "run", epochs=2))
    assert float(log(tmp_path / "run")[-1]["learning_rate"]) == 0.0
    with pytest.raises(UsageError, match="has 2 epochs already, epochs=1 are fewer; name more"):
        next(start(data, tmp_path / "run", epochs=1, resume=True))
    list(start(data, tmp_path / "run", epochs=4, resume=True))
    list(start(data, tmp_path / "whole", epochs=4))
    rates, whole = ([float(row["learning_rate"]) for row in log(tmp_path / name)] for name in ("run", "whole"))
    assert rates[2:] == whole[2:]
    assert rates[2] > 0


def test_embedding_and_classifier_learn_first(data: Path, tmp_path: Path, scores: list[Scores]) -> None:
    """Also where the run is resumed in between; then all learns."""
    scores += [of(0.5)] * 9
    checkpoint = make_checkpoint(tmp_path / "a.safetensors", flat_tree(list(NAMES)), backbone="mobilenet_v3_small")
    before = load_checkpoint(checkpoint).model.state_dict()
    run = tmp_path / "run"
    options: dict[str, Any] = {"init": str(checkpoint), "head_epochs": 2, "class_weights": "none"}
    notes = announced(events(data, tmp_path / "told", **options, epochs=1)).notes
    assert "embedding and classifier learn alone up to epoch 2" in notes
    options["embedding_size"] = 5  # another than the checkpoint's, so that the head starts from chance
    notes = announced(events(data, tmp_path / "other", **options, epochs=1)).notes
    assert "embedding and classifier learn alone up to epoch 2: till then scores say little" in notes
    del options["embedding_size"]
    changed = []
    for epoch in (1, 2, 3):
        next(start(data, run, resume=epoch > 1, **options))
        after = load_checkpoint(run / "state.pt").model.state_dict()
        changed.append({name for name, tensor in after.items() if not torch.equal(tensor, before[name])})
    for early in changed[:2]:
        assert early
        assert all(name.startswith(("head.", "decoder.embed.")) for name in early)
    assert any(name.startswith("backbone.") for name in changed[2])


def test_data_that_changed_since_are_named(data: Path, tmp_path: Path, scores: list[Scores]) -> None:
    scores += [of(0.5)] * 9
    next(start(data, tmp_path / "run"))
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}
    mask = data / "train/masks/02.png"
    was = mask.read_bytes()
    with Image.open(mask) as image:
        flipped = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    flipped.save(mask)
    for folder in (data / "val/images", data / "val/masks"):
        (folder / "00.png").rename(folder / "other.png")
    with pytest.raises(UsageError) as caught:
        next(start(data, tmp_path / "run", resume=True))
    assert "train: 1 pair changed (02); val: 1 pair new (other); val: 1 pair gone (00); bring" in str(caught.value)
    assert {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()} == before
    mask.write_bytes(was)
    for folder in (data / "val/images", data / "val/masks"):
        (folder / "other.png").rename(folder / "00.png")
    assert next(start(data, tmp_path / "run", resume=True)).epoch == 2


def test_all_else_that_is_learned_from_is_compared_too(data: Path, tmp_path: Path, scores: list[Scores]) -> None:
    scores += [of(0.5)] * 9
    make_data(tmp_path / "further")
    names = tmp_path / "names.txt"
    names.write_text(f"{NAMES[0]}: {NAMES[0]}\n")
    colors = tmp_path / "colors.txt"
    colors.write_text("".join(f"{name}:#00000{number}\n" for number, name in enumerate(NAMES)))
    options = {
        "more_data": [str(tmp_path / "further")],
        "more_names": str(names),
        "colors": str(colors),
        "other_worlds": str(tmp_path / "others"),
        "batch_size": 3,
    }
    (tmp_path / "others").mkdir()
    for name in ("a.png", "b.png"):
        Image.new("RGB", (80, 80), "teal").save(tmp_path / "others" / name)
    next(start(data, tmp_path / "run", **options))
    Image.new("RGB", (80, 80), "olive").save(tmp_path / "others" / "b.png")
    (tmp_path / "further/train/images/02.png").write_bytes((data / "train/images/03.png").read_bytes())
    names.write_text(f"{NAMES[0]}: {NAMES[1]}\n")
    colors.write_text("".join(f"{name}:#11111{number}\n" for number, name in enumerate(NAMES)))
    with pytest.raises(UsageError) as caught:
        next(start(data, tmp_path / "run", resume=True, **options))
    sentence = str(caught.value)
    assert f"more_data: 1 file changed ({tmp_path}/further/train/images/02.png)" in sentence
    assert f"other_worlds: 1 file changed ({tmp_path}/others/b.png)" in sentence
    assert "texts: 2 files changed (colors, more_names)" in sentence


@pytest.mark.parametrize("change", ["moved", "unlocked"])
def test_a_training_whose_folder_is_no_longer_its_own_writes_nothing(
    data: Path, tmp_path: Path, scores: list[Scores], change: str
) -> None:
    out = tmp_path / "run"
    scores += [of(0.1), of(0.2)]
    running = start(data, out)
    next(running)
    if change == "moved":
        out.rename(tmp_path / "away")
        out.mkdir()
    else:
        (out / ".hypseg.lock").unlink()
    before = {path.name: path.stat().st_mtime_ns for path in out.iterdir()}
    with pytest.raises(HypsegError, match="is no longer the folder that this run began in"):
        next(running)
    assert {path.name: path.stat().st_mtime_ns for path in out.iterdir()} == before


def test_two_trainings_in_one_folder_are_one_too_many(data: Path, tmp_path: Path, scores: list[Scores]) -> None:
    scores += [of(0.5)] * 9
    first = events(data, tmp_path / "run")
    next(first)
    for resume in (False, True):
        with pytest.raises(PlanError, match=r"another run is writing here \(hypseg train, process"):
            next(events(data, tmp_path / "run", resume=resume))
    first.close()
    assert next(start(data, tmp_path / "run", resume=True)).epoch == 1


@pytest.mark.parametrize("part", ["train", "val"])
@pytest.mark.parametrize("kind", ["images", "masks"])
def test_a_folder_among_the_images_is_refused(data: Path, part: str, kind: str) -> None:
    """Or its pictures would be images of every further training."""
    with pytest.raises(PlanError, match=rf"{data}/{part}/{kind}/sub/run: lies in {data}/{part}/{kind}, which is"):
        next(start(data, data / part / kind / "sub/run"))
    assert not (data / part / kind / "sub/run").exists()
    next(start(data, data / part / "run"))  # beside them, where nobody looks for any
    (data / "link").symlink_to(data / part / kind)
    with pytest.raises(PlanError, match="lies in"):
        next(start(data, data / "link/run"))


@pytest.mark.parametrize("setting", ["more_data", "other_worlds"])
def test_a_folder_among_all_else_that_is_learned_from_is_refused_too(data: Path, tmp_path: Path, setting: str) -> None:
    """Or its pictures would be further ones, when it goes on."""
    others = make_data(tmp_path / "others")
    images = others / "train/images"
    options = {"more_data": [str(others)]} if setting == "more_data" else {"other_worlds": str(images)}
    with pytest.raises(PlanError, match=rf"{images}/run: lies in {images}, which is searched"):
        next(start(data, images / "run", batch_size=3, **options))
    assert not (images / "run").exists()


@pytest.mark.parametrize("name", ["train", "val", "train/run"])
def test_a_folder_that_makes_all_look_split_is_refused(tmp_path: Path, name: str) -> None:
    split = make_data(tmp_path / "split")
    whole = tmp_path / "whole"
    (split / "train").rename(whole)
    (split / "classes.txt").rename(whole / "classes.txt")
    with pytest.raises(PlanError, match=rf"{whole}/{name}: lies in {whole}/(train|val), which is searched"):
        next(start(whole, whole / name))
    assert not [each for each in ("train", "val") if (whole / each).exists()]
    next(start(whole, whole / "run"))


def test_a_full_disk_before_the_first_epoch_leaves_a_command_that_goes_on(
    data: Path, tmp_path: Path, scores: list[Scores]
) -> None:
    scores += [of(0.5)] * 9
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(DataError, match=r"epoch 0 cannot be saved .*; mend that, and give the same command with"):
            next(start(data, tmp_path / "run"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(start(data, tmp_path / "run", resume=True))


def test_what_comes_to_nothing_leaves_nothing(data: Path, tmp_path: Path) -> None:
    (data / "classes.txt").unlink()
    with pytest.raises(TreeError):
        next(events(data, tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_a_full_disk_leaves_what_was_saved(data: Path, tmp_path: Path, scores: list[Scores]) -> None:
    scores += [of(0.5)] * 9
    out = tmp_path / "run"
    list(start(data, tmp_path / "whole"))
    run = start(data, out)
    next(run)
    names = ("state.pt", "best.safetensors", "last.safetensors")
    before = {name: (out / name).read_bytes() for name in names}
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(
            DataError, match=r"epoch 2 cannot be saved .*; what was saved before is whole: .* go on with"
        ):
            next(run)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not list(out.glob(".hypseg*"))
    assert {name: (out / name).read_bytes() for name in names} == before
    assert len(list(start(data, out, resume=True))) == 2
    assert content(out / "last.safetensors") == content(tmp_path / "whole/last.safetensors")


def test_kills_at_any_moment_lose_no_epoch_that_was_saved(data: Path, tmp_path: Path, scores: list[Scores]) -> None:
    """The state is written anew many times a second, and the process killed while that goes on."""
    scores += [of(0.5)] * 9
    out = tmp_path / "run"
    list(start(data, tmp_path / "whole", epochs=2))
    next(start(data, out, epochs=2))
    run = prepare(Job(data, out, TrainConfig.model_validate(SMALL | {"epochs": 2}), CPU))
    earlier = read_state(run.job)
    assert earlier is not None
    restore(run, earlier)
    rng = random.Random(0)
    for _ in range(8):
        child = os.fork()
        if child == 0:
            with contextlib.suppress(BaseException):  # it must never come to run the tests that follow
                while True:
                    save_state(run, 1, best=0.5)
            os.abort()
        time.sleep(rng.uniform(0.05, 0.3))
        os.kill(child, signal.SIGKILL)
        assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
        state = read_state(run.job)
        assert state is not None
        assert state.epoch == 1
    for folder in (out, out / "pictures"):
        folder.mkdir(exist_ok=True)
        (folder / ".hypseg-1-0123456789abcdef.tmp").write_bytes(b"half a file")
    assert len(list(start(data, out, epochs=2, resume=True))) == 1
    assert not list(out.rglob(".hypseg*"))
    assert content(out / "last.safetensors") == content(tmp_path / "whole/last.safetensors")


def test_data_that_moved_are_the_same(data: Path, tmp_path: Path, scores: list[Scores]) -> None:
    """Their folder's name is in what a checkpoint says of itself, and decides nothing."""
    scores += [of(0.5)] * 2
    next(start(data, tmp_path / "run", epochs=2))
    moved = data.rename(tmp_path / "renamed")
    (report,) = start(moved, tmp_path / "run", epochs=2, resume=True)
    assert report.epoch == 2
    assert read_header(tmp_path / "run/last.safetensors").provenance.trained_on.startswith("renamed/train, ")


def test_best_is_the_epoch_of_the_highest_miou(data: Path, tmp_path: Path, scores: list[Scores]) -> None:
    ious = [0.3, 0.6, 0.6, 0.5]
    scores += [of(iou) for iou in ious]
    out = tmp_path / "run"
    best = []
    for report in start(data, out, epochs=4):
        best.append(report.is_best)
    assert best == [True, True, False, False]
    assert read_header(out / "best.safetensors").provenance.scores["mean_iou"] == 0.6
    assert read_header(out / "last.safetensors").provenance.scores["mean_iou"] == 0.5
    assert not scores


def test_training_ends_where_nothing_is_better_for_long(data: Path, tmp_path: Path, scores: list[Scores]) -> None:
    """The best epoch stays; a run that is killed waits as long as one that is not."""
    values = [0.5, 0.6, 0.6, 0.4, 0.7, 0.1]
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    scores += [of(value) for value in values]
    reports = list(start(data, whole, epochs=6, patience=2))
    assert [report.ends_early for report in reports] == [False, False, False, True]
    assert read_header(whole / "best.safetensors").provenance.scores["mean_iou"] == 0.6
    scores[:] = [of(value) for value in values]
    run = start(data, broken, epochs=6, patience=2)
    assert [next(run).epoch for _ in range(3)] == [1, 2, 3]
    run.close()
    assert len(list(start(data, broken, epochs=6, patience=2, resume=True))) == 1
    for name in ("last.safetensors", "best.safetensors"):
        assert content(whole / name) == content(broken / name)
    ended = announced(events(data, broken, epochs=6, patience=2, resume=True))
    assert ended.epochs == 0
    assert any(
        "training has ended early, for none of the last 2 validations was better" in note for note in ended.notes
    )
    more = list(start(data, broken, epochs=6, patience=0, resume=True))
    assert [(report.epoch, report.is_best, report.ends_early) for report in more] == [
        (5, True, False),
        (6, False, False),
    ]


def test_nobody_waits_while_the_classifier_learns_alone_or_nothing_is_scored(
    data: Path, tmp_path: Path, scores: list[Scores]
) -> None:
    path = make_checkpoint(
        tmp_path / "first.safetensors", flat_tree(NAMES), backbone="mobilenet_v3_small", embedding_size=4
    )
    scores += [of(value) for value in (0.5, 0.4, 0.3, float("nan"), 0.4)]
    options = {"init": str(path), "head_epochs": 2, "epochs": 9, "patience": 2}
    reports = list(start(data, tmp_path / "run", **options))
    assert [report.epoch for report in reports if report.ends_early] == [5]
    scores += [of(value) for value in (0.5, 0.4, 0.3)]
    reports = list(start(data, tmp_path / "alone", train_only="last", **options | {"head_epochs": 0}))
    assert [report.epoch for report in reports if report.ends_early] == [3]


def test_each_epoch_draws_anew_and_the_rate_falls_to_zero(
    data: Path, tmp_path: Path, scores: list[Scores], monkeypatch: pytest.MonkeyPatch
) -> None:
    scores += [of(0.5)] * 2
    drawn: list[Draw] = []
    original = CropDataset.__getitem__

    def spy(self: CropDataset, draw: Draw) -> Crop:
        drawn.append(draw)
        return original(self, draw)

    monkeypatch.setattr(CropDataset, "__getitem__", spy)
    rates = [report.learning_rate for report in start(data, tmp_path / "run", epochs=2, learning_rate=1e-3)]
    assert rates == pytest.approx([1e-3 * 0.5**0.9, 0.0])
    assert sorted(draw.sample for draw in drawn) == sorted([*range(6)] * 2)
    assert len({draw.seed for draw in drawn}) == 12


def test_the_best_so_far_survives_an_interruption(data: Path, tmp_path: Path, scores: list[Scores]) -> None:
    scores += [of(0.6), of(0.5)]
    next(start(data, tmp_path / "run", epochs=2))
    best = (tmp_path / "run" / "best.safetensors").read_bytes()
    (report,) = start(data, tmp_path / "run", epochs=2, resume=True)
    assert not report.is_best
    assert (tmp_path / "run" / "best.safetensors").read_bytes() == best


def test_validation_skips_epochs_but_not_the_last(data: Path, tmp_path: Path, scores: list[Scores]) -> None:
    scores += [of(0.4), of(0.5)]
    reports = list(start(data, tmp_path / "run", epochs=3, validate_every=2))
    assert [report.scores is not None for report in reports] == [False, True, True]
    rows = log(tmp_path / "run")
    assert [row["mean_iou"] for row in rows] == ["", "0.4", "0.5"]


def test_scores_that_are_no_number_leave_readable_files(data: Path, tmp_path: Path, scores: list[Scores]) -> None:
    """Without a wrong pixel there is no AUROC, and JSON has no NaN."""
    nan = float("nan")
    scores += [Scores(1.0, 1.0, 1.0, 1.0, nan, nan, 1.0, 2.0, 3.0)] * 2
    next(start(data, tmp_path / "run", epochs=2))
    found = read_header(tmp_path / "run" / "best.safetensors").provenance.scores
    assert set(found) == set(Scores._fields) - {"auroc_distance", "auroc_entropy"}
    assert len(list(start(data, tmp_path / "run", epochs=2, resume=True))) == 1


def test_a_batch_of_void_alone_does_not_end_the_run(data: Path, tmp_path: Path, scores: list[Scores]) -> None:
    scores += [of(0.5)]
    for path in sorted((data / "train" / "masks").iterdir())[1:]:
        Image.fromarray(np.full((64, 80), 255, np.uint8)).save(path)
    (report,) = start(data, tmp_path / "run", epochs=1)
    assert np.isfinite([report.loss, report.radius_loss]).all()
    state = load_checkpoint(tmp_path / "run" / "last.safetensors").model.state_dict()
    assert all(torch.isfinite(tensor).all() for tensor in state.values())


def test_the_loss_falls_on_pictures_seen_again_and_again(tmp_path: Path, data: Path, scores: list[Scores]) -> None:
    scores += [of(0.5)] * 4
    for kind in ("images", "masks"):
        first, *others = sorted((data / "train" / kind).iterdir())
        for other in others:
            other.write_bytes(first.read_bytes())
    options = {"epochs": 4, "scale_min": 1.0, "scale_max": 1.0, "color_jitter": 0.0, "learning_rate": 5e-3}
    losses = [report.loss for report in start(data, tmp_path / "run", **options)]
    assert all(two < one for one, two in itertools.pairwise(losses[::3])), losses
    assert losses[-1] < 0.7 * losses[0]


def test_a_run_that_diverges_names_the_images_at_which(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second batch of the first epoch is NaN; its names follow from the sampler alone."""
    calls = itertools.count(1)

    def poisoned(images: torch.Tensor, spec: Any) -> torch.Tensor:
        return normalise(images, spec) * (float("nan") if next(calls) == 2 else 1.0)

    monkeypatch.setattr(step, "normalise", poisoned)
    sampler = EpochSampler(6, seed=0)
    sampler.epoch = 1
    names = ", ".join(f"{draw.sample:02}" for draw in list(sampler)[2:4])
    with pytest.raises(DataError, match=rf"became nan, its gradient nan, in epoch 1, at the images {names}; look at"):
        next(start(data, tmp_path / "run"))
    assert {path.name for path in (tmp_path / "run").iterdir()} == {
        "config.toml",
        "state.pt",
        "val-images.txt",
        "val-masks.txt",
    }


def test_a_damaged_photograph_of_another_world_is_found_before_the_first_epoch(data: Path, tmp_path: Path) -> None:
    others = tmp_path / "others"
    others.mkdir()
    whole = next((data / "val" / "images").iterdir()).read_bytes()
    (others / "torn.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ImageError, match=r"torn\.png"):
        next(start(data, tmp_path / "run", other_worlds=str(others)))
    assert not (tmp_path / "run").exists()


def test_a_photograph_of_another_world_is_named_too(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(step, "normalise", lambda images, spec: normalise(images, spec) * float("nan"))
    others = data / "val" / "images"
    sampler = EpochSampler(6, seed=0, pools=[Pool(len(list(others.iterdir())), 0.5)])
    sampler.epoch = 1
    assert max(draw.sample for draw in list(sampler)[:6]) >= 6, "the batch holds none"
    options = {"other_worlds": str(others), "other_worlds_share": 0.5, "batch_size": 6}
    with pytest.raises(DataError, match=re.escape(str(others))):
        next(start(data, tmp_path / "run", **options))


def test_a_gradient_that_is_no_number_stops_before_the_weights_are_spoilt(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A root's slope at 0: the loss itself is fine."""
    original = SegmentationLoss.forward

    def steep(self: SegmentationLoss, *arguments: Any) -> Losses:
        losses = original(self, *arguments)
        zero = losses.total - losses.total.detach()
        return losses._replace(total=losses.total + zero.sqrt())

    monkeypatch.setattr(SegmentationLoss, "forward", steep)
    with pytest.raises(DataError, match=r"the loss became \d.*, its gradient (nan|inf), in epoch 1, at the images"):
        next(start(data, tmp_path / "run"))


def test_a_network_that_answers_nan_is_found_by_validation(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> Validation:
        raise FloatingPointError("its answer holds NaN or infinity")

    monkeypatch.setattr(loop, "validate", broken)
    with pytest.raises(DataError, match="after epoch 1 the network answers NaN or infinity; start a new run"):
        next(start(data, tmp_path / "run"))


def test_a_run_killed_in_its_first_epoch_goes_on(data: Path, tmp_path: Path, scores: list[Scores]) -> None:
    scores += [of(0.5)] * 2
    first = events(data, tmp_path / "run", epochs=1)
    assert isinstance(next(first), Started)
    assert next(first) == Step(1, 1)
    first.close()
    started = announced(events(data, tmp_path / "run", epochs=1, resume=True))
    assert started.notes[0] == "goes on after epoch 0"


def _copied(data: Path, part: Path, count: int) -> Path:
    """The first images of val with their masks under other names in `part`, a folder of images and masks."""
    for kind in ("images", "masks"):
        for path in sorted((data / "val" / kind).iterdir())[:count]:
            (part / kind / f"again_{path.name}").write_bytes(path.read_bytes())
    return data


def _also_in_train(data: Path) -> tuple[Path, list[str]]:
    return _copied(data, data / "train", 1), []


def _also_in_further_data(data: Path) -> tuple[Path, list[str]]:
    further = make_data(data.parent / "further")
    return _copied(data, further / "train", 1), [str(further)]


def _five_names_for_each(data: Path) -> tuple[Path, list[str]]:
    """In a flat folder, of which a fifth is held back to validate on."""
    flat = data.parent / "flat"
    for kind in ("images", "masks"):
        (flat / kind).mkdir(parents=True)
        for path in (data / "train" / kind).iterdir():
            for copy in range(5):
                (flat / kind / f"{path.stem}_{copy}.png").write_bytes(path.read_bytes())
    (flat / "classes.txt").write_bytes((data / "classes.txt").read_bytes())
    return flat, []


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (_also_in_train, "1 of 2 images to validate on is trained on too, byte for byte: scores are too good"),
        (_also_in_further_data, "1 of 2 images to validate on is trained on too, byte for byte: scores are too good"),
        (_five_names_for_each, "6 of 6 images to validate on are trained on too, byte for byte: scores are too good"),
    ],
)
def test_images_to_validate_on_that_are_trained_on_too_are_told(
    data: Path, tmp_path: Path, spoil: Callable[[Path], tuple[Path, list[str]]], told: str
) -> None:
    def remarks(data: Path, more: list[str]) -> tuple[str, ...]:
        config = TrainConfig.model_validate(SMALL | {"more_data": more})
        return prepare(Job(data, tmp_path / "run", config, CPU)).remarks

    assert not any("to validate on" in remark for remark in remarks(data, []))
    assert any(remark.startswith(told) for remark in remarks(*spoil(data)))


def test_where_a_run_started_is_not_forgotten(data: Path, tmp_path: Path, scores: list[Scores]) -> None:
    """Also when the file it started from is gone; its images are still among those that were learned from."""
    scores += [of(0.5)] * 3
    other = make_checkpoint(tmp_path / "other.safetensors", flat_tree(NAMES), backbone="mobilenet_v3_small")
    earlier = load_checkpoint(other)
    first = next((data / "val/images").iterdir())
    known = ("0123456789abcdef", hashlib.sha256(first.read_bytes()).hexdigest()[:16])
    seen = earlier.header.provenance.model_copy(
        update={"trained_images": known[:1], "validated_images": ("fedcba9876543210", known[1])}
    )
    header = earlier.header.model_copy(update={"provenance": seen})
    save_checkpoint(other, header, earlier.model.state_dict())
    notes = announced(events(data, tmp_path / "told", epochs=1, init=str(other))).notes
    assert any(note.startswith("1 of 2 images to validate on are known to what it starts from") for note in notes)
    next(start(data, tmp_path / "run", epochs=2, init=str(other)))
    other.unlink()
    started = announced(events(data, tmp_path / "run", epochs=2, init=str(other), resume=True))
    assert started.notes == ("goes on after epoch 1", NO_TREE)
    made = read_header(tmp_path / "run" / "last.safetensors").provenance
    assert made.initialised_from.startswith("all ")
    assert made.initialised_from.endswith(" tensors from other.safetensors")
    files = (data / "train/images").iterdir()
    marks = {hashlib.sha256(path.read_bytes()).hexdigest()[:16] for path in files}
    assert set(made.trained_images) == {"0123456789abcdef", *marks}
    assert {"fedcba9876543210", known[1]} < set(made.validated_images)
    (ancestor,) = made.ancestors
    assert (ancestor.name, ancestor.trained_on, ancestor.licence) == ("other.safetensors", "nothing", "none")
    assert made.licence == "none; these are the terms of other.safetensors, which it started from"


def test_resuming_nothing_says_so(data: Path, tmp_path: Path, scores: list[Scores]) -> None:
    scores += [of(0.5)]
    started = announced(events(data, tmp_path / "run", epochs=1, resume=True))
    assert started.notes[0] == f"starts from random weights; there was nothing to resume in {tmp_path / 'run'}"


@pytest.mark.parametrize("content", [b"hello", None])
def test_a_damaged_state(data: Path, tmp_path: Path, content: bytes | None) -> None:
    (tmp_path / "run").mkdir()
    if content is None:
        torch.save({"model": {}}, tmp_path / "run" / "state.pt")
    else:
        (tmp_path / "run" / "state.pt").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"state\.pt: (cannot be read|is not the state of a training run)"):
        next(start(data, tmp_path / "run", resume=True))


@pytest.mark.parametrize("init", ["", "cut"])
def test_layers_that_stay_as_they_are_must_not_be_random(
    data: Path, tmp_path: Path, init: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ImageNet's weights know nothing of ASPP; a whole ResNet's ASPP does not fit one without its last stage."""
    options = {"train_only": "head", "init": "imagenet"}
    if init == "cut":
        whole = make_checkpoint(tmp_path / "whole.safetensors", flat_tree(NAMES), backbone="resnet18")
        options |= {"init": str(whole), "backbone": "resnet18_c4"}
    else:
        weights = models.get_model_weights("mobilenet_v3_small").DEFAULT
        state = models.get_model("mobilenet_v3_small", weights=None).state_dict()
        monkeypatch.setattr(type(weights), "get_state_dict", lambda self, **_: state)
    with pytest.raises(DataError, match=r"train_only=head would leave \d+ tensors as chance made them, such as aspp\."):
        next(start(data, tmp_path / "run", **options))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("train_only", ["head", "last"])
def test_the_last_layers_start_from_chance_or_from_the_checkpoint(
    data: Path, tmp_path: Path, scores: list[Scores], train_only: str
) -> None:
    scores += [of(0.5)]
    path = make_checkpoint(
        tmp_path / "first.safetensors", flat_tree(NAMES), backbone="mobilenet_v3_small", embedding_size=4
    )
    options = {"init": str(path), "train_only": train_only, "learning_rate": 1e-9, "epochs": 1, "seed": 5}
    list(start(data, tmp_path / "run", **options))
    before, after = (load_checkpoint(file).model.state_dict() for file in (path, tmp_path / "run" / "last.safetensors"))
    last = ("decoder.embed.", "head.")
    differing = {name for name in before if not torch.allclose(before[name], after[name], atol=1e-3)}
    assert all(name.startswith(last) for name in differing)
    assert bool(differing) == (train_only == "head")


def test_a_class_tree_decides_the_nodes(data: Path, tmp_path: Path, scores: list[Scores]) -> None:
    (data / "hierarchy.json").write_text('{"root": {"dark": {}, "coloured": {"red": {}, "green": {}}}}')
    for softmax, nodes in (("hierarchical", 4), ("flat", 3)):
        scores += [of(0.5)]
        list(start(data, tmp_path / softmax, epochs=1, softmax=softmax))
        header = read_header(tmp_path / softmax / "last.safetensors")
        assert (header.model.softmax, header.model.nodes, header.tree.nodes) == (softmax, nodes, 4)


def test_too_few_images_for_a_batch(data: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="6 images do not fill a batch; lower batch_size"):
        next(start(data, tmp_path / "run", batch_size=7))
    assert not (tmp_path / "run").exists()


def test_colours_come_from_their_file(data: Path, tmp_path: Path, scores: list[Scores]) -> None:
    colors = tmp_path / "colors.txt"
    with pytest.raises(TreeError, match=r"colors\.txt: cannot read the colours"):
        next(start(data, tmp_path / "run", colors=str(colors)))
    colors.write_text("dark:#000000\nred:#ff0000\n")
    with pytest.raises(TreeError, match=r"colors\.txt: no colour for green"):
        next(start(data, tmp_path / "run", colors=str(colors)))
    assert not (tmp_path / "run").exists()
    colors.write_text("dark:#000000\nred:#ff0000\ngreen:#00ff00")
    scores += [of(0.5)]
    list(start(data, tmp_path / "run", colors=str(colors), epochs=1))
    header = read_header(tmp_path / "run" / "best.safetensors")
    assert header.colors == ((0, 0, 0), (255, 0, 0), (0, 255, 0))


@pytest.mark.parametrize(
    ("names", "setting", "expected"),
    [
        (NAMES, "", None),
        (NAMES, "red", 1),
        (("background", "cat", "dog"), "", 0),
        (("cat", "dog", "Background"), "", 2),
        (("cat", "background", "dog"), "dog", 2),
        (("cat", "a background", "BACKGROUND"), "", None),
    ],
)
def test_the_background_is_the_class_named_or_the_one_called_so(
    data: Path, tmp_path: Path, names: tuple[str, ...], setting: str, expected: int | None
) -> None:
    (data / "classes.txt").write_text("".join(f"{index}:{name}\n" for index, name in enumerate(names)))
    config = TrainConfig.model_validate(SMALL | {"background": setting})
    header = prepare(Job(data, tmp_path / "run", config, CPU)).header
    assert header.background == expected
    grey = [index for index, color in enumerate(header.colors) if len(set(color)) == 1]
    assert grey == ([] if expected is None else [expected])


def test_a_background_that_is_no_class_is_refused(data: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="background: sky: no such class; there are dark, red, green"):
        next(start(data, tmp_path / "run", background="sky"))
    assert not (tmp_path / "run").exists()


def test_a_run_may_go_on_with_another_background(data: Path, tmp_path: Path, scores: list[Scores]) -> None:
    """Which changes pictures alone."""
    scores += [of(0.5), of(0.6)]
    next(start(data, tmp_path / "run", epochs=2))
    list(start(data, tmp_path / "run", epochs=2, background="dark", resume=True))
    assert read_header(tmp_path / "run" / "last.safetensors").background == 0


def test_a_damaged_validation_picture_is_found_before_the_first_epoch(data: Path, tmp_path: Path) -> None:
    (data / "val" / "images" / "01.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    with pytest.raises(ImageError, match=r"val/images/01\.png"):
        next(start(data, tmp_path / "run"))
    assert not (tmp_path / "run").exists()


NO_TREE = "there is no hierarchy.json, so the softmax is flat"


@pytest.mark.parametrize(
    ("settings", "side"),
    [
        ({}, 80),
        ({"longest_side": 70}, 70),
        ({"field_of_view": "grows"}, None),
        ({"field_of_view": "grows", "longest_side": 70}, 70),
    ],
)
def test_the_checkpoint_keeps_to_what_larger_images_are_shrunk(
    data: Path, tmp_path: Path, settings: dict[str, Any], side: int | None
) -> None:
    config = TrainConfig.model_validate(SMALL | settings)
    assert prepare(Job(data, tmp_path / "run", config, CPU)).header.input.longest_side == side


@pytest.mark.parametrize(("shown", "side"), [("fixed", 80), ("grows", None), (None, 80)])
@pytest.mark.parametrize("fitted", [None, 48])
def test_what_larger_images_show_is_learned_from_the_start_whatever_its_copy_was_fitted_at(
    data: Path, tmp_path: Path, fitted: int | None, shown: str | None, side: int | None
) -> None:
    init = make_checkpoint(tmp_path / "copy.safetensors", flat_tree(NAMES), backbone="mobilenet_v3_small")
    copy = load_checkpoint(init)
    size = copy.header.input.model_copy(update={"longest_side": fitted, "field_of_view": shown})
    save_checkpoint(init, copy.header.model_copy(update={"input": size}), copy.model.state_dict())
    config = TrainConfig.model_validate(SMALL | {"init": str(init)})
    found = prepare(Job(data, tmp_path / "run", config, CPU)).header.input
    assert (found.longest_side, found.field_of_view) == (side, shown or "fixed")


def test_images_of_further_data_count_for_that_too(data: Path, tmp_path: Path) -> None:
    further = make_data(tmp_path / "further", size=(96, 112))
    config = TrainConfig.model_validate(SMALL | {"more_data": [str(further)]})
    header = prepare(Job(data, tmp_path / "run", config, CPU)).header
    assert (header.input.width, header.input.longest_side) == (80, 112)


def test_segformer_s_recipe_learns_small(tmp_path: Path) -> None:
    """Its rates and decay, on the smallest network of its kind and twenty pictures whose colours say the classes."""
    settings = read_settings(Path("ade20k-segformer")) | SMALL | {"layout": "auto", "init": "", "batch_size": 4}
    settings |= {"backbone": "timm:pvt_v2_b0", "epochs": 12, "precision": "fp32", "validate_every": 12, "pictures": 0}
    data = make_data(tmp_path / "data", train=20)
    *_, last = start(data, tmp_path / "run", **settings)
    assert last.scores is not None
    assert last.scores.mean_iou > 0.9
    model = load_checkpoint(tmp_path / "run" / "last.safetensors").header.model
    assert (model.backbone, model.decoder) == ("timm:pvt_v2_b0", "mlp")


EVERYTHING: dict[str, Any] = {
    "optimizer": "sgd",
    "schedule": "cosine",
    "ema_decay": 0.8,
    "learn_curvature": True,
    "radius_warmup": 1.5,
    "embedding_layers": 2,
    "radius_fold": 0.34,
    "warmup_steps": 3,
    "held_out": ["red"],
    "longest_side": 70,
    "precision": "bf16",
    "channels_last": False,
    "workers": 1,
}


def test_a_run_with_everything_switched_on_is_resumed_bit_for_bit(data: Path, tmp_path: Path) -> None:
    """Killed inside an epoch, which is done again as if nothing had been."""
    everything = EVERYTHING | {
        "more_data": [str(data)],
        "more_share": 0.25,
        "other_worlds": str(data / "val" / "images"),
        "other_worlds_share": 0.25,
    }
    list(start(data, tmp_path / "whole", **everything))
    broken = events(data, tmp_path / "broken", **everything)
    steps = (event for event in broken if isinstance(event, Step))
    assert list(itertools.islice(steps, 8))[-1] == Step(2, 2)  # an epoch is six own, three further, three other
    broken.close()
    torch.manual_seed(99)
    list(start(data, tmp_path / "broken", resume=True, **everything))
    for name in ("last.safetensors", "best.safetensors"):
        assert content(tmp_path / "whole" / name) == content(tmp_path / "broken" / name), name
    one, two = (log(tmp_path / name) for name in ("whole", "broken"))
    timeless = [{key: value for key, value in row.items() if key != "seconds"} for row in one]
    assert timeless == [{key: value for key, value in row.items() if key != "seconds"} for row in two]

    header = read_header(tmp_path / "whole" / "last.safetensors")
    assert header.input.sampling == "uniform"
    assert header.model.curvature == pytest.approx(float(one[-1]["curvature"]), abs=1e-5)
    assert header.model.curvature != 1.0
    assert header.provenance.recipe["curvature"] == 1.0
    assert header.provenance.recipe["held_out"] == ["red"]
    assert header.provenance.trained_on == "data/train, 6 images; data/train, 6 images; other worlds, 2 images"
    assert (header.input.height, header.input.width, header.input.longest_side) == (56, 70, 70)


def test_prototypes_are_learned_and_resumed_bit_for_bit(data: Path, tmp_path: Path) -> None:
    (data / "hierarchy.json").write_text('{"root": {"dark": {}, "coloured": {"red": {}, "green": {}}}}')
    options: dict[str, Any] = {"head": "prototypes", "prototypes": 2, "warmup_steps": 2, "ema_decay": 0.8, "epochs": 4}
    told = announced(events(data, tmp_path / "whole", **options)).notes
    assert "prototypes are of classes alone, so the softmax is flat" in told
    broken = start(data, tmp_path / "broken", **options)
    next(broken)
    broken.close()
    torch.manual_seed(99)
    list(start(data, tmp_path / "broken", resume=True, **options))
    for name in ("last.safetensors", "best.safetensors"):
        assert content(tmp_path / "whole" / name) == content(tmp_path / "broken" / name), name
    found = load_checkpoint(tmp_path / "whole" / "last.safetensors")
    assert (found.header.model.head, found.header.model.softmax) == ("prototypes", "flat")
    state = read_state(Job(data, tmp_path / "whole", TrainConfig.model_validate(SMALL | options), CPU))
    assert state is not None
    assert state.parts["teacher"]["steps"] == 12
    assert state.parts["teacher"]["started"].any()


def test_prototypes_that_were_learned_do_not_start_anew(data: Path, tmp_path: Path) -> None:
    options: dict[str, Any] = {"head": "prototypes", "prototypes": 2, "epochs": 1}
    list(start(data, tmp_path / "first", **options))
    again = TrainConfig.model_validate(SMALL | options | {"init": str(tmp_path / "first" / "last.safetensors")})
    teacher = prepare(Job(data, tmp_path / "second", again, CPU)).teacher
    assert teacher is not None
    assert teacher.started.all()


SAMPLED = {"sampling": "adaptive", "longest_side": 48, "crop_height": 32, "crop_width": 48, "epochs": 2}


def test_a_run_on_samples_is_resumed_bit_for_bit_and_scored_as_they_are_predicted(data: Path, tmp_path: Path) -> None:
    """Of images, and of photographs of other worlds, which have no edges, and are pasted into them."""
    sampled = SAMPLED | {"other_worlds": str(data / "val" / "images"), "other_worlds_share": 0.25}
    *_, whole = start(data, tmp_path / "whole", **sampled)
    broken = start(data, tmp_path / "broken", **sampled)
    next(broken)
    broken.close()
    torch.manual_seed(99)
    list(start(data, tmp_path / "broken", resume=True, **sampled))
    assert content(tmp_path / "whole/last.safetensors") == content(tmp_path / "broken/last.safetensors")

    saved = load_checkpoint(tmp_path / "whole" / "last.safetensors")
    assert (saved.header.input.sampling, saved.header.input.longest_side) == ("adaptive", 48)
    request = Request(longest_side=48, sampling="adaptive", guide_side=24)
    segmenter = Segmenter(TorchEngine(saved.model, saved.header.input, CPU), saved.header.tree, request=request)
    right = labelled = 0
    for path in sorted((data / "val/images").iterdir()):
        truth = np.asarray(Image.open(data / "val/masks" / path.name))
        (found,) = segmenter.predict([np.asarray(Image.open(path))])
        right += int((found.labels == truth)[truth != 255].sum())
        labelled += int((truth != 255).sum())
    assert whole.scores is not None
    assert whole.scores.pixel_accuracy == pytest.approx(right / labelled)


def test_there_must_be_pixels_to_choose_among(data: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="19 of 20 have no more than 80 on their longer side"):
        list(start(data, tmp_path / "run", **SAMPLED | {"longest_side": 80}))


def test_samples_need_scipy_before_anything_is_read(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choice, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match="SciPy is not installed"):
        list(start(data / "nowhere", tmp_path / "run", **SAMPLED))


def test_a_learned_curvature_moves_and_the_checkpoint_is_of_it(
    data: Path, tmp_path: Path, scores: list[Scores]
) -> None:
    scores += [of(0.5)] * 3
    (*_, last) = start(data, tmp_path / "run", learn_curvature=True, curvature=0.4, learning_rate=0.05)
    assert last.curvature > 0
    assert abs(last.curvature - 0.4) > 1e-3
    checkpoint = load_checkpoint(tmp_path / "run" / "last.safetensors")
    assert checkpoint.header.model.curvature == last.curvature
    assert checkpoint.model.head.curvature == last.curvature
    assert "curvature" not in " ".join(checkpoint.model.state_dict())


def test_a_moving_average_is_what_is_saved(data: Path, tmp_path: Path, scores: list[Scores]) -> None:
    """One step an epoch: the average is the first step's weights, then moves most of the way to the second's."""
    scores += [of(0.5)] * 4
    options = {"epochs": 2, "batch_size": 6}
    list(start(data, tmp_path / "plain", **options))
    averaged = start(data, tmp_path / "average", ema_decay=0.75, **options)
    next(averaged)
    first = torch.load(tmp_path / "average" / "state.pt", weights_only=True)["model"]["head.normals"]
    next(averaged)
    state = torch.load(tmp_path / "average" / "state.pt", weights_only=True)["model"]["head.normals"]
    plain = load_checkpoint(tmp_path / "plain" / "last.safetensors").model.state_dict()["head.normals"]
    assert torch.equal(state, plain), "the average changes nothing of what is averaged"
    saved = load_checkpoint(tmp_path / "average" / "last.safetensors").model.state_dict()["head.normals"]
    torch.testing.assert_close(saved, 2 / 11 * first + 9 / 11 * state)
    # Of other weights, these scores would be false.
    assert load_checkpoint(tmp_path / "average" / "state.pt").header.provenance.scores == {}


def test_the_scores_are_those_of_what_is_written(data: Path, tmp_path: Path) -> None:
    """Bit for bit, though files hold kernels of 16 bits; what is learned stays in 32."""
    (report,) = start(data, tmp_path / "run", epochs=1)
    saved = load_checkpoint(tmp_path / "run" / "best.safetensors")
    run = prepare(Job(data, tmp_path / "run", TrainConfig.model_validate(SMALL | {"epochs": 1}), CPU))
    side = run.header.input.longest_side
    found = validate(saved.model, saved.header, run.val_split.pairs, device=CPU, longest_side=side).scores
    assert report.scores == found
    learned = load_checkpoint(tmp_path / "run" / "state.pt").model.state_dict()
    assert not torch.equal(learned["decoder.embed.weight"], saved.model.state_dict()["decoder.embed.weight"])


def test_the_start_is_announced(data: Path, tmp_path: Path, scores: list[Scores]) -> None:
    """Also what is odd about the data, but no reason to refuse them."""
    scores += [of(0.5)] * 2
    for path in (data / "train" / "masks").iterdir():
        mask = np.array(Image.open(path))
        mask[mask == 2] = 255
        if path.stem == "03":
            mask[:] = 255
        Image.fromarray(mask).save(path)
    found = list(events(data, tmp_path / "run", epochs=2))
    notes = (
        "starts from random weights",
        NO_TREE,
        "train: no mask has a pixel to be learned of green",
        "train: nothing is labelled in 1 masks, such as 03.png",
    )
    lists = (f"@{tmp_path / 'run' / VAL_IMAGES}", f"@{tmp_path / 'run' / VAL_MASKS}")
    settings = TrainConfig.model_validate(SMALL | {"epochs": 2})
    assert found[0] == Started(notes, 2, 3, (6, 2), lists, settings)
    assert [event for event in found if isinstance(event, Step)] == [
        Step(epoch, step) for epoch in (1, 2) for step in (1, 2, 3)
    ]


@pytest.mark.parametrize(
    ("held_out", "sentence"),
    [
        (["blue"], "blue: no such class; there are dark, red, green"),
        (list(NAMES), "0 classes are left to be told apart; it takes 2"),
        (["dark", "green"], "1 classes are left to be told apart; it takes 2"),
    ],
)
def test_classes_that_cannot_be_held_out(data: Path, tmp_path: Path, held_out: list[str], sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        next(start(data, tmp_path / "run", held_out=held_out))
    assert not (tmp_path / "run").exists()


def test_a_split_without_a_pixel_that_is_not_held_out(data: Path, tmp_path: Path) -> None:
    for path in (data / "val" / "masks").iterdir():
        Image.fromarray(np.full((64, 80), 2, np.uint8)).save(path)
    with pytest.raises(DataError, match="no pixel is left of the classes that are not held out"):
        next(start(data, tmp_path / "run", held_out=["green"]))


def test_a_single_class_cannot_be_told_apart(data: Path, tmp_path: Path) -> None:
    (data / "classes.txt").write_text("0:all\n")
    with pytest.raises(DataError, match="1 classes are left to be told apart"):
        next(start(data, tmp_path / "run"))


def test_a_class_whose_id_is_void_is_named(data: Path, tmp_path: Path) -> None:
    for path in data.glob("*/masks/*"):
        mask = np.array(Image.open(path))
        mask[mask == 255] = 0
        Image.fromarray(mask).save(path)
    run = prepare(Job(data, tmp_path / "run", TrainConfig.model_validate(SMALL | {"ignore_index": 0}), CPU))
    assert "'dark' is not learned: its id, 0, is what means 'not labelled'" in run.remarks


def test_held_out_classes_weigh_nothing(data: Path, tmp_path: Path) -> None:
    """Their pixels are void, so the weights of the others are those of a data set without them."""
    job = Job(data, tmp_path / "run", TrainConfig.model_validate(SMALL | {"held_out": ["green"]}), CPU)
    run = prepare(job)
    pixels = run.train_split.pixels
    assert (pixels[:2] > 0).all()
    assert pixels[2] == 0
    assert torch.equal(run.loss.weights, class_weights(pixels, "root", largest=4.0))
    assert run.held_out == (2,)
    crop = run.loader.dataset[Draw(0, 0)]
    assert isinstance(crop, Crop)
    assert 2 not in crop.mask


def test_the_radius_weight_rises(data: Path, tmp_path: Path, scores: list[Scores]) -> None:
    scores += [of(0.5)] * 3
    job = Job(data, tmp_path / "run", TrainConfig.model_validate(SMALL | {"radius_warmup": 2.0}), CPU)
    seen, original = [], SegmentationLoss.forward

    def spy(self: SegmentationLoss, *arguments: Any) -> Any:
        seen.append(self.radius_weight)
        return original(self, *arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SegmentationLoss, "forward", spy)
        list(train(job, resume=False))
    assert seen == pytest.approx([0.5 * min(1.0, step / 6) for step in range(1, 10)])


def test_both_memory_layouts_train_alike(data: Path, tmp_path: Path, scores: list[Scores]) -> None:
    scores += [of(0.5)] * 2
    layouts: dict[str, Any] = {}
    for name, channels_last in (("last", True), ("first", False)):
        with pytest.MonkeyPatch.context() as patch:
            original = Learner.forward

            def spy(self: Learner, image: torch.Tensor, name: str = name, forward: Any = original) -> Any:
                layouts[name] = image.is_contiguous(memory_format=torch.channels_last)
                return forward(self, image)

            patch.setattr(Learner, "forward", spy)
            (report,) = start(data, tmp_path / name, epochs=1, channels_last=channels_last)
        layouts[name + " loss"] = report.loss
    assert (layouts["last"], layouts["first"]) == (True, False)
    assert layouts["last loss"] == pytest.approx(layouts["first loss"], rel=1e-3)


def test_offsets_of_the_reference_head_stay_in_the_ball(data: Path, tmp_path: Path, scores: list[Scores]) -> None:
    """A step may carry a point out of it, and a checkpoint with such a point could not be read again."""
    scores += [of(0.5)] * 2
    options = {"head": "hyperbolic-reference", "curvature": 4.0, "learning_rate": 0.9, "epochs": 2}
    list(start(data, tmp_path / "run", **options))
    offsets = load_checkpoint(tmp_path / "run" / "last.safetensors").model.state_dict()["head.offsets"]
    assert offsets.norm(dim=1).max() > 0.4


@pytest.mark.parametrize("content", ["garbage\n", "epoch,loss\nx,y\n"])
def test_a_damaged_log_is_found_before_the_first_epoch(
    data: Path, tmp_path: Path, scores: list[Scores], content: str
) -> None:
    scores += [of(0.5)]
    out = tmp_path / "run"
    next(start(data, out))
    (out / "log.csv").write_text(content)
    with pytest.raises(DataError, match=r"log\.csv, line \d"):
        next(events(data, out, resume=True))
    assert (out / "log.csv").read_text() == content


def notes_of(data: Path, out: Path, **options: Any) -> tuple[str, ...]:
    return announced(events(data, out, resume=True, **options)).notes


def damage(path: Path) -> None:
    path.write_bytes(b"a photograph, say")


@pytest.mark.parametrize("spoil", [Path.unlink, damage])
def test_checkpoints_that_are_gone_are_written_again_from_the_state(
    data: Path, tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    out = tmp_path / "run"
    list(start(data, out, epochs=1, ema_decay=0.5))
    before = {name: content(out / name) for name in ("best.safetensors", "last.safetensors")}
    for name in before:
        spoil(out / name)
    notes = notes_of(data, out, epochs=1, ema_decay=0.5)
    assert {f"{name} was missing, and is written again" for name in before} <= set(notes)
    assert {name: content(out / name) for name in before} == before
    assert not any("missing" in note for note in notes_of(data, out, epochs=1, ema_decay=0.5))


def test_a_finished_run_whose_best_epoch_is_lost_is_refused(data: Path, tmp_path: Path, scores: list[Scores]) -> None:
    scores += [of(0.6), of(0.5)]
    out = tmp_path / "run"
    list(start(data, out, epochs=2))
    last = content(out / "last.safetensors")
    (out / "best.safetensors").unlink()
    (out / "last.safetensors").unlink()
    scores += [of(0.5)]
    with pytest.raises(UsageError, match=r"best\.safetensors is missing.*use last\.safetensors, or go on with more ep"):
        next(start(data, out, epochs=2, resume=True))
    assert content(out / "last.safetensors") == last
    assert not (out / "best.safetensors").exists()


def test_the_best_epoch_to_come_takes_the_place_of_one_that_is_lost(
    data: Path, tmp_path: Path, scores: list[Scores]
) -> None:
    scores += [of(0.6), of(0.5)]
    out = tmp_path / "run"
    list(start(data, out, epochs=2))
    (out / "best.safetensors").unlink()
    scores += [of(0.5), of(0.3), of(0.4)]
    assert any("the best of the epochs to come takes its place" in note for note in notes_of(data, out, epochs=4))
    assert read_header(out / "best.safetensors").provenance.scores["mean_iou"] == 0.4


@pytest.mark.parametrize("resume", [False, True])
@pytest.mark.parametrize(
    "name", ["config.toml", "val-images.txt", "val-masks.txt", "pictures/epoch-0001.png", "pictures"]
)
def test_somebody_s_own_files_are_not_replaced(data: Path, tmp_path: Path, name: str, *, resume: bool) -> None:
    """Nor where there is nothing to resume, nor where they are links that lead nowhere."""
    ways: tuple[Callable[[Path], object], ...] = (
        lambda path: path.write_text("# why?"),
        lambda path: path.symlink_to("x"),
    )
    for number, put in enumerate(ways):
        out = tmp_path / f"run{number}"
        (out / name).parent.mkdir(parents=True)
        put(out / name)
        with pytest.raises(UsageError, match=rf"holds a {re.escape(name)}, which a run would replace by its own; call"):
            next(events(data, out, resume=resume))
        assert [path for path in out.rglob("*") if not path.is_dir()] == [out / name]


def test_what_else_lies_in_a_folder_is_in_nobody_s_way(data: Path, tmp_path: Path, scores: list[Scores]) -> None:
    scores += [of(0.5)]
    own = tmp_path / "run/pictures/epoch-1.png"
    own.parent.mkdir(parents=True)
    own.write_text("mine")
    next(start(data, tmp_path / "run"))
    assert own.read_text() == "mine"


@pytest.mark.parametrize("workers", [0, 1])
def test_a_run_killed_before_it_had_a_state_goes_on(
    data: Path, tmp_path: Path, scores: list[Scores], workers: int
) -> None:
    """What it has written until then is its own, whatever settings it goes on with."""
    scores += [of(0.5)] * 2
    list(start(data, tmp_path / "whole", epochs=1))
    written = ["val-images.txt", "val-masks.txt", "config.toml"]
    (tmp_path / "run").mkdir()
    for name in written:
        (tmp_path / "run" / name).write_bytes((tmp_path / "whole" / name).read_bytes())
    list(start(data, tmp_path / "run", epochs=1, workers=workers, resume=True))
    ended, whole = (content(tmp_path / name / "last.safetensors") for name in ("run", "whole"))
    assert (ended == whole) == (workers == 0)  # which a checkpoint tells of the settings that it was trained with


def test_a_run_goes_on_from_any_directory(
    data: Path, tmp_path: Path, scores: list[Scores], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its relative names are those of files below the directory that it was started in, wherever it is resumed from."""
    scores += [of(0.5)] * 3
    (data.parent / "map.txt").write_text("7:void\n")
    (data.parent / "colors.txt").write_text("".join(f"{name}:#{17 * k:02x}4080\n" for k, name in enumerate(NAMES)))
    (data.parent / "more.txt").write_text(f"{NAMES[0]}:{NAMES[1]}\n")
    worlds = sorted((data / "val/images").iterdir())
    (data.parent / "worlds.txt").write_text("".join(f"{path.relative_to(data.parent)}\n" for path in worlds))
    options = {
        "map": "map.txt",
        "colors": "colors.txt",
        "more_data": [data.name],
        "more_names": "more.txt",
        "other_worlds": "@worlds.txt",
        "epochs": 3,
    }
    monkeypatch.chdir(data.parent)
    next(start(data, tmp_path / "run", **options))
    before = read_header(tmp_path / "run/last.safetensors").provenance.recipe
    for elsewhere in ("away", "further"):
        (tmp_path / elsewhere).mkdir()
        monkeypatch.chdir(tmp_path / elsewhere)
        next(start(data, tmp_path / "run", **options, resume=True))
    assert read_header(tmp_path / "run/last.safetensors").provenance.recipe == before
    (data.parent / "map.txt").write_text("8:void\n")
    with pytest.raises(UsageError, match=r"texts: 1 file changed \(map\)"):
        next(start(data, tmp_path / "run", **options, resume=True))


def test_a_setting_that_came_later_than_the_state_had_its_default(
    data: Path, tmp_path: Path, scores: list[Scores]
) -> None:
    scores += [of(0.5)] * 2
    out = tmp_path / "run"
    next(start(data, out, epochs=2))
    state = torch.load(out / "state.pt", weights_only=True)
    config = json.loads(state["config"])
    del config["embedding_layers"], config["ema_decay"]
    torch.save(state | {"config": json.dumps(config)}, out / "state.pt")
    with pytest.raises(UsageError, match="different in embedding_layers;"):
        next(start(data, out, epochs=2, embedding_layers=2, resume=True))
    assert len(list(start(data, out, epochs=2, resume=True))) == 1


@pytest.mark.parametrize("split", ["train", "val"])
def test_masks_that_change_while_training_goes_on_end_it(data: Path, tmp_path: Path, split: str) -> None:
    """Two masks change places, as after somebody's slip; what was saved before goes on once they are back."""
    out = tmp_path / "run"
    one, two, *_ = sorted((data / split / "masks").iterdir())

    def exchange() -> None:
        one.rename(tmp_path / "aside")
        two.rename(one)
        (tmp_path / "aside").rename(two)

    run = start(data, out, epochs=2)
    next(run)
    exchange()
    with pytest.raises(DataError, match=r"masks/.* has changed since .* what was saved after each epoch is whole"):
        next(run)
    exchange()
    assert [report.epoch for report in start(data, out, epochs=2, resume=True)] == [2]
