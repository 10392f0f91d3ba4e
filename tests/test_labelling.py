"""The whole way of docs/labelling.md on six images: ranking, review, CVAT, masks, training, comparison."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from support import EXAMPLES, Hypseg
from support.labelling import export_of_cvat

from hypsegcli.review.session import Session

SIDE = 96
NUCLEI = ("--checkpoint", "nuclei", "--engine", "torch")


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """Six pieces of the two photographs of cells."""
    folder = tmp_path / "photographs"
    folder.mkdir()
    for name in ("fluorescence", "stained"):
        with Image.open(EXAMPLES / f"nuclei/{name}.png") as image:
            for index in range(3):
                piece = image.convert("RGB").crop((SIDE * index, 0, SIDE * (index + 1), SIDE))
                piece.save(folder / f"{name}{index}.png")
    return folder


def test_from_doubt_to_another_model(hypseg: Hypseg, photographs: Path, tmp_path: Path) -> None:
    out, corrected, run = tmp_path / "doubt", tmp_path / "corrected", tmp_path / "run"
    assert hypseg("uncertainty", photographs, *NUCLEI, "--out", out, "--below", 0.95, "--smallest", 8).code == 0

    session = Session(out)
    places = list(csv.DictReader(io.StringIO((out / "regions.csv").read_text())))
    judged = {place["key"]: number for number, place in reversed(list(enumerate(places)))}  # the first of each image
    assert len(judged) >= 4
    right, *wrong = judged
    session.judge(judged[right], "right")
    for key in wrong:
        session.judge(judged[key], "wrong")
    session.close()

    outcome = hypseg("annotate", out, f"@{out / 'review.csv'}", "--to", "cvat", "--out", tmp_path / "cvat.zip")
    assert outcome.code == 0, outcome.stderr
    masks: dict[str, NDArray[np.bool_]] = {}
    with zipfile.ZipFile(tmp_path / "cvat.zip") as archive:
        assert set(archive.read("ImageSets/Segmentation/default.txt").decode().split()) == set(wrong)
        for key in wrong:
            labels = np.asarray(Image.open(out / f"labels/{key}.png"))
            given = Image.open(io.BytesIO(archive.read(f"SegmentationClass/{key}.png"))).convert("RGB")
            nucleus = np.asarray(np.asarray(given).any(axis=2), np.bool_)
            assert (nucleus == (labels == 1)).all()
            nucleus[:12] = False  # which a person has erased
            masks[key] = nucleus

    export_of_cvat(corrected / "masks.zip", masks)
    (corrected / "images").symlink_to(photographs)
    settings = ("--epochs", 1, "--crop", 64, 64, "--workers", 0, "--unlabelled", "background", "--device", "cpu")
    trained = hypseg("train", "--init", "nuclei", "--data", corrected, "--out", run, *settings)
    assert trained.code == 0, trained.stderr
    assert "masks.zip: CVAT segmentation mask" in trained.stderr
    assert "starts from all" in trained.stderr  # both classes are known by their names

    scored = ("evaluate", corrected / "images", corrected / "masks.zip", "--engine", "torch")
    assert hypseg(*scored, "--checkpoint", "nuclei", "--out", tmp_path / "before").code == 0
    assert hypseg(*scored, "--checkpoint", run / "last.safetensors", "--out", tmp_path / "after").code == 0
    compared = hypseg("compare", tmp_path / "before", tmp_path / "after")
    assert compared.code == 0
    assert f"{len(wrong)} images; B - A with 95 % intervals" in compared.stdout
    assert hypseg("verify", out).code == 0  # a person's verdicts are no part of the run
