"""The bundled models: every one complete, nothing else beside them, and found by name."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from support import REPOSITORY

from hypsegcli.checkpoint.bundled import DEFAULT, DISK, MODELS, bundled_checkpoint, checkpoint_path, named_from
from hypsegcli.checkpoint.read_header import read_header
from hypsegcli.errors import CheckpointError

WEIGHTS = REPOSITORY / "weights"
KINDS = (".safetensors", ".md", ".toml", ".log.csv")  # checkpoint, card, recipe, log of its training
FIRST_KINDS = (".toml", ".log.csv")  # of the trainings that it starts from, where there are some
CALLED = [(called, model) for model in MODELS for called in (model.name, *model.aliases)]


def test_every_model_is_complete_and_nothing_else_is_there() -> None:
    expected = {f"{model.name}{kind}" for model in MODELS for kind in KINDS}
    first = {f"{name}{kind}" for model in MODELS for name in trainings_before(model.name) for kind in FIRST_KINDS}
    lists = {path.name for path in WEIGHTS.glob("*-colors.txt")} | {path.name for path in WEIGHTS.glob("*-names.txt")}
    assert {path.name for path in WEIGHTS.iterdir()} == expected | first | lists


def trainings_before(name: str) -> list[str]:
    """The names of the trainings, and of their folders, that a recipe starts from, one after the other."""
    init = Path(tomllib.loads((WEIGHTS / f"{name}.toml").read_text())["init"])
    if init.name != "last.safetensors":
        return []
    before = str(init.parent)
    return [before, *trainings_before(before)]


def test_they_know_the_images_that_do_not_test_them() -> None:
    """As many as they say in words; `disk` started from `streets`."""
    headers = {model.name: read_header(WEIGHTS / f"{model.name}.safetensors") for model in MODELS}
    learned = {name: header.provenance for name, header in headers.items()}
    for made in learned.values():
        counts = [int(count) for count in re.findall(r"/train, (\d+) images", made.trained_on)]
        assert len(made.trained_images) >= sum(counts) > 0
        assert made.validated_on.endswith(f", {len(made.validated_images)} images")
    assert learned["disk"].trained_images == learned["streets"].trained_images
    for name, header in headers.items():
        if header.calibration is not None:
            assert f"({len(header.calibration.images)} images)" in header.calibration.fitted_on
            assert set(header.calibration.images) < set(learned[name].validated_images)


def test_they_are_small() -> None:
    assert sum(path.stat().st_size for path in WEIGHTS.iterdir()) <= 45e6


def test_no_name_means_two_models_and_every_world_is_one_line() -> None:
    called = [name for name, _ in CALLED]
    assert len(set(called)) == len(called)
    assert {DEFAULT, DISK} <= set(called)
    for model in MODELS:
        assert model.world
        assert model.world.isprintable()


@pytest.mark.parametrize(("called", "file"), [(called, model.file) for called, model in CALLED])
def test_a_model_is_found_by_every_name(
    called: str, file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = bundled_checkpoint(called)
    assert (found.parent.name, found.name) == ("weights", file)
    assert found == checkpoint_path(called) == checkpoint_path(Path(called))
    (tmp_path / called).mkdir()
    assert checkpoint_path(called) == found, "a folder, of data say, does not hide it"
    (tmp_path / called).rmdir()
    (tmp_path / called).touch()
    assert checkpoint_path(called) == Path(called), "a file does"


def test_a_name_means_the_same_from_elsewhere(tmp_path: Path) -> None:
    assert named_from(tmp_path, "one.safetensors") == str(tmp_path / "one.safetensors"), "though it is gone"
    assert named_from(tmp_path, "/a/b.safetensors") == "/a/b.safetensors"
    assert named_from(tmp_path, "hf://owner/name") == "hf://owner/name"
    assert named_from(tmp_path, DEFAULT) == DEFAULT
    (tmp_path / DEFAULT).touch()
    assert named_from(tmp_path, DEFAULT) == str(tmp_path / DEFAULT)
    assert named_from(Path(), "one.safetensors") == "one.safetensors"


def test_without_a_name_there_is_one_to_segment_and_one_to_draw() -> None:
    assert checkpoint_path(None) == bundled_checkpoint() == bundled_checkpoint(DEFAULT)
    assert checkpoint_path(None, bundled=DISK) == bundled_checkpoint(DISK)
    assert read_header(bundled_checkpoint(DISK)).model.embedding_size == 2


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [("street", "streets"), ("nucleus", "nuclei"), ("dsik", "disk"), ("xyz", None), ("", None)],
)
def test_a_wrong_name_is_answered_with_those_that_there_are(wrong: str, meant: str | None) -> None:
    with pytest.raises(CheckpointError) as error:
        checkpoint_path(wrong)
    sentence = str(error.value)
    assert sentence.startswith(f"{wrong}: no such checkpoint file")
    assert meant is None or f"(did you mean {meant}?)" in sentence
    assert ("did you mean" in sentence) == (meant is not None)
    assert sentence.endswith(", ".join(name for name, _ in CALLED))


def test_a_path_that_leads_nowhere_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "best.safetensors", tmp_path):
        with pytest.raises(CheckpointError, match=r"no such checkpoint file.*give the path of a \.safetensors file"):
            checkpoint_path(path)
