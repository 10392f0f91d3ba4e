"""`hypseg evaluate --shard` and `hypseg merge`, as a user meets them: one run's bytes, tables and warnings."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import Hypseg, photograph
from support.lively import make_lively_checkpoint

from hypsegcli.checkpoint.store import load_checkpoint, save_checkpoint
from hypsegcli.files.digest import digest_file
from hypsegcli.files.lock import locked
from hypsegcli.files.mark import image_mark
from hypsegcli.files.shard import Shard
from hypsegcli.hierarchy.tree import ClassTree

TREE = ClassTree(names=("sky", "road", "car", "ground"), parents=(-1, 3, 3, -1), classes=3)
KEYS = ("b", "sub/a", "sub/c", "z")
FILES = {"per_image.csv", "replicates.npz", "report.html", "report.json"}


@pytest.fixture(scope="module")
def master(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photographs, one of them turned by EXIF alone, their masks, and a checkpoint that has been trained on one."""
    folder = tmp_path_factory.mktemp("data")
    for seed, key in enumerate(KEYS):
        picture = photograph(folder / "images" / f"{key}.png", seed=seed)
        ids = np.kron(np.random.default_rng(seed).integers(0, 3, (6, 8)), np.ones((8, 8))).astype(np.uint8)
        labels = ids.copy()
        ids[:2] = 255
        if key == "z":
            exif = Image.Exif()
            exif[0x0112] = 3
            Image.open(picture).save(picture, exif=exif)
            ids = np.rot90(ids, 2)
        for name, values in (("masks", ids), ("theirs", (labels + (seed == 1)) % 3)):
            (folder / name / key).parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(values.astype(np.uint8)).save(folder / name / f"{key}.png")
    (folder / "classes.txt").write_text("0:sky\n1:road\n2:car\n")
    loaded = load_checkpoint(make_lively_checkpoint(folder / "lively.safetensors", TREE))
    digest = digest_file(folder / "images/sub/a.png")
    assert digest is not None
    made = loaded.header.provenance.model_copy(update={"trained_images": (image_mark(digest.sha256),)})
    header = loaded.header.model_copy(update={"provenance": made})
    save_checkpoint(folder / "model.safetensors", header, loaded.model.state_dict())
    return folder


@pytest.fixture
def data(master: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(master, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


NETWORK = ("evaluate", "images", "masks", "-c", "model.safetensors", "--bootstrap", "100")
MAPS = ("evaluate", "--predictions", "maps", "images", "masks", "-c", "model.safetensors", "--bootstrap", "100")
THEIRS = ("evaluate", "--predictions", "theirs", "images", "masks", "--classes", "classes.txt", "--bootstrap", "100")
WAYS = {  # the command, in how many shards, and what is to be doubted
    "network": (NETWORK, 2, "1 of 4 images is one of those that it, or what it started from, was trained on"),
    "more shards than images": (NETWORK, 5, "1 of 4 images is one of those that"),
    "one shard": ((*NETWORK, "--unseen", "road,car"), 1, ""),
    "answers by the class tree": ((*NETWORK, "--level", "auto", "--convention", "mmseg"), 3, ""),
    "dropout": ((*NETWORK, "--mc-dropout", "2", "--fail-under", "miou=0.99"), 2, "under the 0.99 asked for"),
    "maps of a run": (MAPS, 3, "the label maps hold another class than the likeliest of the probabilities"),
    "maps of others": (THEIRS, 3, "1 photograph turned upright by EXIF or XMP, and the masks not"),
    "clusters": ((*THEIRS, "--match", "majority"), 2, ""),
    "clusters of a network": ((*NETWORK, "--classes", "classes.txt", "--match", "majority"), 2, ""),
}


def without_time(content: bytes) -> bytes:
    """A report but for the price of dropout, which is told by a clock."""
    report = json.loads(content)
    if report["dropout"] is not None:
        report["dropout"]["price"] = None
    return json.dumps(report).encode()


@pytest.mark.parametrize("way", WAYS)
def test_shards_make_what_one_run_makes(hypseg: Hypseg, data: Path, way: str) -> None:
    command, of, doubt = WAYS[way]
    if command == MAPS:
        save = ("--save", "labels,confidence,probabilities")
        assert hypseg("predict", "images", "-c", "model.safetensors", "-o", "maps", *save).code == 0
        for path in (data / "maps/probabilities").rglob("*.npy"):
            np.save(path, np.load(path)[::-1])
        run = json.loads((data / "maps/run.json").read_text())
        (data / "maps/run.json").write_text(json.dumps(run | {"status": "running"}))
    one = hypseg(*command, "--out", "report")
    assert doubt in one.stderr
    (data / "report").rename(data / "of one")
    for index in reversed(range(of)):
        shard = hypseg(*command, "--out", "report", "--shard", f"{index}/{of}")
        assert shard.code == 0, shard.stderr
        assert f"{len(KEYS[index::of])} of 4 images: shard.{index}-of-{of}.npz in report" in shard.stdout
        assert {path.name for path in (data / "report").iterdir()} == {
            f"shard.{done}-of-{of}.npz" for done in range(index, of)
        }
    for name in ("images", "masks", "theirs", "maps", "model.safetensors", "classes.txt"):
        if (data / name).exists():
            (data / name).rename(data / f"{name} is gone")
    merged = hypseg("merge", "report")
    assert merged.code == one.code == (4 if "--fail-under" in command else 0)
    assert {path.name for path in (data / "report").iterdir()} == FILES
    timed = "--mc-dropout" in command
    for name in FILES - ({"report.html"} if timed else set()):
        first, second = ((data / folder / name).read_bytes() for folder in ("of one", "report"))
        if timed and name == "report.json":
            first, second = without_time(first), without_time(second)
        assert first == second, name
    if not timed:
        assert merged.stdout == one.stdout
    warnings = [line for line in one.stderr.splitlines() if line.startswith("hypseg: ")]
    assert [line for line in merged.stderr.splitlines() if line.startswith("hypseg: ")] == warnings
    assert merged.stderr.endswith(f"{of} shard{'s' if of > 1 else ''} merged, and their files removed\n")


def test_merged_evaluations_are_compared_as_others_are(hypseg: Hypseg, data: Path) -> None:
    """Replicate by replicate, by archives that are those of their reports."""
    assert hypseg(*THEIRS, "-o", "a").code == 0
    for index in range(2):
        assert hypseg(*THEIRS, "-o", "b", "--tolerance", "3", "--shard", f"{index}/2").code == 0
    assert hypseg("merge", "b").code == 0
    (differences,) = [json.loads(hypseg("compare", "a", "b", "--json").stdout)["differences"]]
    miou = next(each for each in differences if each["name"] == "miou")
    assert (miou["difference"], miou["low"], miou["high"]) == (0.0, 0.0, 0.0)


def test_a_shard_that_is_missing_is_named(hypseg: Hypseg, data: Path) -> None:
    assert hypseg(*THEIRS, "-o", "report", "--shard", "2/3").code == 0
    outcome = hypseg("merge", "report")
    assert (outcome.code, outcome.stdout) == (3, "")
    assert "report: 2 of 3 shards are missing: 0/3, 1/3; evaluate with --shard 0/3 and so on" in outcome.stderr
    with locked(data / "report", "evaluate", Shard(0, 3)):  # another process, as it were
        assert "are missing: 0/3 (at work), 1/3;" in hypseg("merge", "report").stderr
        again = hypseg(*THEIRS, "-o", "report", "--shard", "0/3")
        assert again.code == 2
        assert "report: another run is writing here (hypseg evaluate, shard 0/3, process" in again.stderr
        assert hypseg(*THEIRS, "-o", "report", "--shard", "1/3").code == 0  # and does not keep out others
    assert hypseg(*THEIRS, "-o", "report", "--shard", "0/3").code == 0
    assert hypseg("merge", "report").code == 0


def test_what_does_not_belong_together_is_refused(hypseg: Hypseg, data: Path) -> None:
    assert hypseg(*THEIRS, "-o", "report", "--shard", "0/2").code == 0
    for arguments, told in (
        (("--shard", "1/3"), "shard.0-of-2.npz: is of an evaluation in 2 shards, and this is one of 3; remove"),
        (("--shard", "0/2"), "shard.0-of-2.npz: is there already; replace it with --overwrite"),
        (("--shard", "1/2", "--tolerance", "3"), "for they differ in tolerance (0.5% and 3); give all shards one"),
        (("--shard", "2/2"), "counted from 0"),
        ((), "shard.0-of-2.npz: is there already; replace it with --overwrite"),
    ):
        outcome = hypseg(*THEIRS, "-o", "report", *arguments)
        assert outcome.code == 2
        assert told in outcome.stderr
        assert [path.name for path in (data / "report").iterdir()] == ["shard.0-of-2.npz"]
    outcome = hypseg(*THEIRS, "--shard", "0/2")
    assert (outcome.code, "name the folder that all shards share with --out DIR" in outcome.stderr) == (2, True)
    assert hypseg(*THEIRS, "-o", "other", "--shard", "1/2", "--tolerance", "3").code == 0
    shutil.copy("other/shard.1-of-2.npz", "report")
    outcome = hypseg("merge", "report")
    assert (outcome.code, "do not belong together, for they differ in tolerance" in outcome.stderr) == (2, True)
    (data / "report/shard.1-of-2.npz").write_bytes(b"PK")
    outcome = hypseg("merge", "report")
    assert (outcome.code, "shard.1-of-2.npz: cannot be read as a shard" in outcome.stderr) == (1, True)
    for nothing in ("nowhere", "images"):
        outcome = hypseg("merge", nothing)
        assert (outcome.code, f"hypseg: {nothing}: " in outcome.stderr) == (2, True)
    assert not (data / "nowhere").exists()


def test_maps_that_shards_find_otherwise_do_not_belong_together(hypseg: Hypseg, data: Path) -> None:
    """Each shard looks for itself at what lies beside the label maps."""
    predict = ("predict", "images", "-o", "maps", "--save", "labels,confidence,probabilities", "--format", "npy")
    assert hypseg(*predict, "-c", "model.safetensors").code == 0
    loaded = load_checkpoint(data / "model.safetensors")
    other = loaded.model.state_dict()
    other |= {name: tensor * 1.01 for name, tensor in other.items() if tensor.is_floating_point()}
    save_checkpoint(data / "other.safetensors", loaded.header, other)
    of_shard = (*MAPS, "--out", "report", "--shard")

    def is_refused(told: str) -> bool:
        """Early, and by whoever merges."""
        early = hypseg(*of_shard, "1/2")
        assert hypseg(*of_shard, "1/2", "--overwrite").code == 0
        late = hypseg("merge", "report")
        (data / "report/shard.1-of-2.npz").unlink()
        return all(outcome.code == 2 and f"for they differ in {told}" in outcome.stderr for outcome in (early, late))

    assert hypseg(*of_shard, "0/2").code == 0
    (data / "maps/probabilities").rename(data / "away")
    assert is_refused("probabilities (True and False)")
    (data / "away").rename(data / "maps/probabilities")
    assert hypseg(*predict, "-c", "other.safetensors", "--overwrite").code == 0
    assert is_refused("the ")  # sizes of files, or runs that made them
    for index in range(2):
        assert hypseg(*of_shard, f"{index}/2", "--overwrite").code == 0
    assert hypseg("merge", "report").code == 0


def test_earlier_results_are_replaced_where_all_shards_are_to(hypseg: Hypseg, data: Path) -> None:
    assert hypseg(*THEIRS, "-o", "report").code == 0
    shard = (*THEIRS, "-o", "report", "--convention", "mmseg", "--shard")
    assert "report.json: is there already" in hypseg(*shard, "0/2").stderr
    before = (data / "report/report.json").read_bytes()
    assert hypseg(*shard, "0/3", "--overwrite").code == 0
    for index in range(2):  # in another number, which the first of them replaces
        assert hypseg(*shard, f"{index}/2", "--overwrite").code == 0
    assert hypseg(*shard, "1/2", "--overwrite").code == 0  # and once more
    assert (data / "report/report.json").read_bytes() == before
    assert hypseg("merge", "report").code == 0
    assert b'"convention": "mmseg"' in (data / "report/report.json").read_bytes()
    assert {path.name for path in (data / "report").iterdir()} == FILES


def test_a_report_that_came_meanwhile_stays(hypseg: Hypseg, data: Path) -> None:
    for index in range(2):
        assert hypseg(*THEIRS, "-o", "report", "--shard", f"{index}/2").code == 0
    (data / "report/report.json").write_text("{}")
    outcome = hypseg("merge", "report")
    assert (outcome.code, "report.json: is there already; replace it with --overwrite" in outcome.stderr) == (2, True)
    for index in range(2):
        assert hypseg(*THEIRS, "-o", "report", "--overwrite", "--shard", f"{index}/2").code == 0
    assert hypseg("merge", "report").code == 0


def test_only_all_shards_together_need_labelled_pixels(hypseg: Hypseg, data: Path) -> None:
    for key in KEYS:
        Image.fromarray(np.zeros((48, 64), np.uint8)).save(data / "masks" / f"{key}.png")
    unseen = (*NETWORK, "--unseen", "road,car", "--shard")
    for index in range(2):
        assert hypseg(*unseen, f"{index}/2", "-o", "none").code == 0
    outcome = hypseg("merge", "none")
    assert (outcome.code, "no mask has a pixel of the classes asked for; see --unseen" in outcome.stderr) == (1, True)
    assert {path.name for path in (data / "none").iterdir()} == {"shard.0-of-2.npz", "shard.1-of-2.npz"}
    Image.fromarray(np.ones((48, 64), np.uint8)).save(data / "masks/b.png")
    for index in range(2):
        assert hypseg(*unseen, f"{index}/2", "-o", "some").code == 0
    assert hypseg("merge", "some").code == 0


KILLED = """
import os, signal, sys
from hypsegcli.report import files
if sys.argv[1] == "merge":
    files.remove_merged = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
else:
    from hypsegcli.scores.sources import StoredSource
    StoredSource.note = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
from hypsegcli.cli.app import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no such signal there")
def test_after_kills_the_same_commands_go_on(hypseg: Hypseg, data: Path) -> None:
    def killed(*arguments: str) -> None:
        done = subprocess.run(
            [sys.executable, "-c", KILLED, *arguments], timeout=300, check=False, capture_output=True, cwd=data
        )
        assert done.returncode == -signal.SIGKILL, done.stderr

    bounds = ("--fail-under", "miou=0.99")
    one = hypseg(*THEIRS, *bounds, "-o", "report")
    (data / "report").rename(data / "of one")
    killed(*THEIRS, *bounds, "-o", "report", "--shard", "1/2")
    for index in range(2):
        assert hypseg(*THEIRS, *bounds, "-o", "report", "--shard", f"{index}/2").code == 0
    killed("merge", "report")
    assert len([*(data / "report").glob("shard.*")]) == 2
    outcome = hypseg("merge", "report")
    assert (outcome.code, outcome.stdout) == (4, one.stdout)
    assert "report: was merged before; what was left of the shards is removed" in outcome.stderr
    assert [line for line in outcome.stderr.splitlines() if line.startswith("hypseg: ")] == one.stderr.splitlines()
    assert {path.name for path in (data / "report").iterdir()} - {".hypseg.lock"} == FILES
    assert all((data / "report" / name).read_bytes() == (data / "of one" / name).read_bytes() for name in FILES)
