"""What a training writes into its best checkpoint at the end."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from support.tiny_data import make_data

from hypsegcli.checkpoint.read_header import read_header
from hypsegcli.errors import DataError
from hypsegcli.files.mark import image_mark
from hypsegcli.inference.device import Device
from hypsegcli.training.config import TrainConfig
from hypsegcli.training.held_back import held_back
from hypsegcli.training.loop import Calibrated, EpochReport, Event, train
from hypsegcli.training.run import Job

SMALL = {
    "backbone": "mobilenet_v3_small", "embedding_size": 4, "epochs": 1, "batch_size": 2, "crop_height": 64,
    "crop_width": 64, "workers": 0, "pictures": 0,
}  # fmt: skip


def events(data: Path, out: Path, *, resume: bool = False, **options: Any) -> list[Event]:
    config = TrainConfig.model_validate(SMALL | options)
    return list(train(Job(data, out, config, Device(torch.device("cpu"))), resume=resume))


def notes_of(happened: list[Event]) -> tuple[str, ...]:
    return next((event.notes for event in happened if isinstance(event, Calibrated)), ())


def parts(path: Path) -> tuple[dict[str, Any], bytes]:
    data = path.read_bytes()
    end = 8 + int.from_bytes(data[:8], "little")
    return json.loads(json.loads(data[8:end])["__metadata__"]["hypseg"]), data[end:]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, tuple[str, ...]]:
    """Data with five images to validate on, the run, and what was said."""
    folder = tmp_path_factory.mktemp("calibrated")
    data = make_data(folder / "data", train=4, val=5, size=(48, 64))
    return data, folder / "run", notes_of(events(data, folder / "run"))


def test_the_best_knows_what_its_distance_is_worth(run: tuple[Path, Path, tuple[str, ...]]) -> None:
    data, out, notes = run
    header = read_header(out / "best.safetensors")
    fitted = header.calibration
    assert fitted is not None
    assert (fitted.fitted_on, fitted.measure, fitted.interpolate) == (
        "data/val, half of it (3 images)",
        "distance",
        "scalar",
    )
    files = {path.stem: path for path in (data / "val/images").iterdir()}
    digests = {key: hashlib.sha256(path.read_bytes()).hexdigest() for key, path in files.items()}
    assert set(fitted.images) == {image_mark(digests[key]) for key in held_back(files, 3)}
    assert notes[0].startswith(
        "calibrated on 3 of the 5 images to validate on, half of them by a hash of their names: on"
    )
    assert notes[1].startswith("so few images make it rough")


def test_weights_and_scores_stay_what_they_were(run: tuple[Path, Path, tuple[str, ...]], tmp_path: Path) -> None:
    """As in a run that was not asked for a calibration; `last` has none."""
    data, out, _ = run
    assert notes_of(events(data, tmp_path / "run", calibration=False)) == ()
    with_it, tensors = parts(out / "best.safetensors")
    without, same = parts(tmp_path / "run/best.safetensors")
    assert tensors == same
    assert without["calibration"] is None
    for header in (with_it, without):
        header.pop("calibration")
        header["provenance"]["recipe"].pop("calibration")
    assert with_it == without
    assert read_header(out / "last.safetensors").calibration is None


def test_one_that_was_killed_before_is_calibrated_when_it_goes_on(
    run: tuple[Path, Path, tuple[str, ...]], tmp_path: Path
) -> None:
    data, out, notes = run
    config = TrainConfig.model_validate(SMALL)
    killed = train(Job(data, tmp_path / "run", config, Device(torch.device("cpu"))), resume=False)
    for event in killed:
        if isinstance(event, EpochReport):
            break
    del killed
    assert read_header(tmp_path / "run/best.safetensors").calibration is None
    assert notes_of(events(data, tmp_path / "run", resume=True)) == notes
    assert parts(tmp_path / "run/best.safetensors") == parts(out / "best.safetensors")
    assert notes_of(events(data, tmp_path / "run", resume=True)) == (), "it has one already"


def test_a_half_without_labelled_pixels_scores_nothing(tmp_path: Path) -> None:
    data = make_data(tmp_path / "data", train=4, val=5, size=(48, 64))
    masks = {path.stem: path for path in (data / "val/masks").iterdir()}
    for key in masks.keys() - held_back(masks, 3):
        Image.fromarray(np.full((48, 64), 255, np.uint8)).save(masks[key])
    assert notes_of(events(data, tmp_path / "run"))[0].endswith(
        "by a hash of their names: the other 2 have no labelled pixel, by which to tell what it is worth"
    )


def test_three_images_are_too_few(tmp_path: Path) -> None:
    data = make_data(tmp_path / "data", train=2, val=3, size=(48, 64))
    (note,) = notes_of(events(data, tmp_path / "run"))
    assert note.startswith("no calibration was fitted: 3 images to validate on are too few, of which it takes 4;")
    assert read_header(tmp_path / "run/best.safetensors").calibration is None


def test_where_classes_are_held_out_none_is_fitted(tmp_path: Path) -> None:
    data = make_data(tmp_path / "data", train=2, val=4, size=(48, 64))
    (note,) = notes_of(events(data, tmp_path / "run", held_out=("red",)))
    assert "for some classes are held out" in note


def test_an_image_that_has_changed_since_ends_it(tmp_path: Path) -> None:
    data = make_data(tmp_path / "data", train=2, val=4, size=(48, 64))
    happened = train(
        Job(data, tmp_path / "run", TrainConfig.model_validate(SMALL), Device(torch.device("cpu"))), resume=False
    )
    while not isinstance(next(happened), EpochReport):
        pass
    Image.fromarray(np.zeros((48, 64), np.uint8)).save(data / "val/masks/01.png")
    with pytest.raises(DataError, match=r"01\.png: has changed since this training looked at it"):
        next(happened)
    assert read_header(tmp_path / "run/best.safetensors").calibration is None
