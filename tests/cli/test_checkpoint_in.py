"""Every command takes a checkpoint by its address, as it takes one by its path, and records which one that was."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import Hypseg, make_checkpoint
from support.exported import pretend_to_export
from support.quantised import pretend_to_quantise
from support.tiny_data import NAMES, make_data
from support.web import Hub, Repository, hanging_up

from hypsegcli.checkpoint.bundled import DISK, bundled_checkpoint
from hypsegcli.cli.checkpoint_in import open_named
from hypsegcli.hierarchy.tree import flat_tree
from hypsegcli.training.config_file import read_settings

PLACE = "hf://me/streets"


FILE = bundled_checkpoint(DISK)  # all commands take it


@pytest.fixture
def pinned(hub: Hub) -> str:
    """The same at a hub, by its commit."""
    return publish(hub, "me/streets", FILE)


def publish(hub: Hub, name: str, path: Path) -> str:
    """The address of a checkpoint that is now at the hub, by its commit."""
    hub.repositories[name] = repository = Repository()
    return f"hf://{name}@{repository.commit({'m.safetensors': path.read_bytes()})}/m.safetensors"


@pytest.fixture
def masks(photos: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "masks"
    (folder / "sub").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name, size in (("a", (64, 48)), ("b", (64, 48)), ("sub/c", (50, 33))):
        mask = Image.fromarray(rng.integers(0, len(NAMES), (6, 8), dtype=np.uint8))
        mask.resize(size, Image.Resampling.NEAREST).save(folder / f"{name}.png")
    return folder


COMMANDS = {
    "predict": ("predict", "photos", "--out", "out", "--checkpoint"),
    "uncertainty": ("uncertainty", "photos", "--out", "out", "--checkpoint"),
    "evaluate": ("evaluate", "photos", "masks", "--out", "out", "--checkpoint"),
    "calibrate": ("calibrate", "photos", "masks", "--name", "some", "--out", "new.safetensors", "--checkpoint"),
    "quantise": ("quantise", "photos", "masks", "--out", "new.safetensors", "--checkpoint"),
    "export": ("export", "--to", "pt2", "--out", "new.pt2"),
    "disk": ("disk", "photos/a.jpg", "--out", "disk.svg", "--checkpoint"),
    "info": ("info",),
    "card": ("card",),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_takes_one(
    hypseg: Hypseg,
    pinned: str,
    photos: Path,
    masks: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    command: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    pretend_to_quantise(monkeypatch)
    pretend_to_export(monkeypatch)
    outcome = hypseg(*COMMANDS[command], PLACE)
    assert outcome.code == 0, outcome.stderr
    assert outcome.stderr.startswith(f"{PLACE}@main is {pinned}\nfetching {pinned} (")
    assert outcome.stderr.count("fetching") == 1


@pytest.mark.parametrize("command", ["predict", "uncertainty"])
def test_a_run_records_the_commit_and_knows_the_bytes_again(
    hypseg: Hypseg, pinned: str, photos: Path, tmp_path: Path, command: str
) -> None:
    out = tmp_path / "out"
    assert hypseg(command, photos, "--out", out, "--checkpoint", PLACE, "--quiet")[::2] == (0, "")
    found = json.loads((out / "run.json").read_text())["checkpoint"]
    assert found["source"] == pinned
    assert found["sha256"] == hashlib.sha256(FILE.read_bytes()).hexdigest()
    again = hypseg(command, photos, "--out", out, "--checkpoint", FILE, "--resume")
    assert again.stderr.endswith("3 of 3 images done already\n")
    assert json.loads((out / "run.json").read_text())["checkpoint"] == {"path": str(FILE), "sha256": found["sha256"]}


def test_a_report_names_the_commit(hypseg: Hypseg, pinned: str, photos: Path, masks: Path, tmp_path: Path) -> None:
    assert hypseg("evaluate", photos, masks, "--out", tmp_path / "r", "--checkpoint", PLACE).code == 0
    assert json.loads((tmp_path / "r" / "report.json").read_text())["subject"]["checkpoint"]["path"] == pinned


def test_info_tells_where_it_came_from(hypseg: Hypseg, pinned: str) -> None:
    assert f"fetched from  {pinned}\n" in hypseg("info", PLACE).stdout
    assert "fetched from" not in hypseg("info", "streets").stdout


def test_a_training_keeps_the_commit_that_it_started_from(hypseg: Hypseg, hub: Hub, tmp_path: Path) -> None:
    pinned = publish(hub, "me/small", make_checkpoint(tmp_path / "m.safetensors", flat_tree(NAMES)))
    run, data = tmp_path / "run", make_data(tmp_path / "data", train=2, val=1)
    small = ("--epochs", 1, "--batch-size", 2, "--crop", 64, 64, "--set", "workers=0", "--set", "head_epochs=0")
    outcome = hypseg("train", "--data", data, "--out", run, "--init", "hf://me/small", *small)
    assert outcome.code == 0, outcome.stderr
    made = json.loads(hypseg("info", run / "best.safetensors", "--json").stdout)["provenance"]
    assert made["recipe"]["init"] == pinned
    assert made["initialised_from"].endswith(f"tensors from {pinned}")
    hub.down = hanging_up
    hub.asked.clear()
    assert hypseg("train", "--out", run, "--resume", "--epochs", 2).code == 0
    same = hypseg(
        "train", "--data", data, "--out", run, "--init", "hf://me/small", *small[2:], "--resume", "--epochs", 2
    )
    assert same.code == 0, same.stderr
    assert hub.asked == []


def test_a_clustering_keeps_the_commit_that_it_started_from(
    hypseg: Hypseg, hub: Hub, photos: Path, tmp_path: Path
) -> None:
    """Whatever becomes of the branch, or of the hub."""
    start = make_checkpoint(tmp_path / "m.safetensors", flat_tree(NAMES))
    pinned = publish(hub, "me/small", start)
    out = tmp_path / "first"
    command = ("cluster", photos, "--clusters", 2, "--out", out, "--init", "hf://me/small", "--epochs", 1)
    outcome = hypseg(*command, "--set", "workers=0")
    assert outcome.code == 0, outcome.stderr
    hub.repositories["me/small"].commit({"m.safetensors": start.read_bytes() + b" "})
    for down in (hub.down, hanging_up):
        hub.down = down
        hub.asked.clear()
        (out / "maps/labels/b.png").unlink()
        again = hypseg(*command, "--resume")
        assert again.code == 0, again.stderr
        assert hub.asked == []
    made = json.loads(hypseg("info", out / "clusters.safetensors", "--json").stdout)["provenance"]
    assert made["ancestors"][0]["name"] == pinned
    refused = hypseg(*command[:-3], "hf://me/other", "--resume")
    assert (refused.code, "different in init" in refused.stderr) == (2, True)


def test_a_training_that_finds_nothing_to_resume_keeps_the_commit_too(hypseg: Hypseg, hub: Hub, tmp_path: Path) -> None:
    pinned = publish(hub, "me/small", make_checkpoint(tmp_path / "m.safetensors", flat_tree(NAMES)))
    run, data = tmp_path / "run", make_data(tmp_path / "data", train=2, val=1)
    small = ("--epochs", 1, "--batch-size", 2, "--crop", 64, 64, "--set", "workers=0", "--set", "head_epochs=0")
    for _ in range(2):  # as a script does that is started again
        outcome = hypseg("train", "--data", data, "--out", run, "--init", "hf://me/small", *small, "--resume")
        assert outcome.code == 0, outcome.stderr
        assert read_settings(run / "config.toml")["init"] == pinned


def test_quiet_it_says_nothing(pinned: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert open_named(PLACE, quiet=True).source == pinned
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("given", "code", "said"),
    [
        ("hf://me", 2, "hypseg: hf://me: expected hf://OWNER/NAME"),
        ("https://h.org/m.safetensors", 2, "hypseg: https://h.org/m.safetensors: the file's SHA-256 has to stand"),
        ("hf://me/none", 1, "hypseg: hf://me/none@main: there is no such repository"),
        ("hf://me/plain", 1, "a safetensors file without hypseg's header"),
    ],
)
def test_what_cannot_be_had_is_one_line(
    hypseg: Hypseg, hub: Hub, photos: Path, given: str, code: int, said: str
) -> None:
    from safetensors.numpy import save

    hub.repositories["me/plain"] = plain = Repository()
    plain.commit({"m.safetensors": save({"a": np.zeros(3, np.float32)})})
    outcome = hypseg("predict", photos, "--out", photos.parent / "out", "--checkpoint", given, "--quiet")
    assert (outcome.code, outcome.stdout, outcome.stderr.count("\n")) == (code, "", 1)
    assert said in outcome.stderr
    assert not (photos.parent / "out").exists()
