"""Every command with streams that are closed, full, cut off, or of few letters: it does what it would do otherwise."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import make_checkpoint, photograph

from hypsegcli.checkpoint.store import load_checkpoint, save_checkpoint
from hypsegcli.hierarchy.tree import ClassTree

pytestmark = pytest.mark.skipif(not Path("/dev/full").exists(), reason="it has no device that is full")

ODD = "Straße ☃ \udcff"
TREE = ClassTree(names=("небо", "Straße", "建筑"), parents=(-1, -1, -1), classes=3)

# One process for all commands: what it takes to start is paid once. `run` makes the streams ready every time.
DRIVER = """
import json, os, sys
sys.path[:0] = json.loads(sys.argv[1])
from hypsegcli.__main__ import run

def broken(kind, number):
    if kind == "closed":
        os.close(number)
        return None
    if kind == "full":
        file = os.open("/dev/full", os.O_WRONLY)
    elif kind == "pipe":
        reading, file = os.pipe()
        os.close(reading)
    else:
        file = os.open(kind, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(file, number)
    os.close(file)
    return open(number, "w", encoding=os.environ.get("LETTERS", "utf-8"), errors="strict", closefd=False)

codes = {}
out, err, log = sys.argv[2:5]
holder = os.open(os.devnull, os.O_WRONLY)
for name, arguments in json.loads(sys.argv[5]).items():
    arguments = [os.fsdecode(bytes.fromhex(argument)) for argument in arguments]
    sys.stdout, sys.stderr = broken(out, 1), broken(err, 2)
    sys.argv = ["hypseg", *arguments]
    try:
        run()
    except SystemExit as leaving:
        codes[name] = leaving.code
    except BaseException as error:
        codes[name] = repr(error)
    os.dup2(holder, 1), os.dup2(holder, 2)
    with open(log, "w") as file:
        json.dump(codes, file)
os._exit(0)
"""


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What commands need: photographs with odd names, masks, maps, a checkpoint, a report, a run."""
    root = tmp_path_factory.mktemp("streams")
    for seed in range(2):
        photograph(root / f"photos/{ODD}{seed}.png", seed=seed)
        values = np.kron(np.random.default_rng(seed).integers(0, 3, (6, 8)), np.ones((8, 8))).astype(np.uint8)
        for folder in ("masks", "maps"):
            (root / folder).mkdir(exist_ok=True)
            Image.fromarray(values).save(root / folder / f"{ODD}{seed}.png")
    (root / "bad").mkdir()
    (root / f"bad/{ODD}.png").touch()
    photograph(root / "bad/good.png")
    (root / "classes.txt").write_text("".join(f"{k}:{name}\n" for k, name in enumerate(TREE.names)), encoding="utf-8")
    loaded = load_checkpoint(make_checkpoint(root / "model.safetensors", TREE, embedding_size=2))
    state = loaded.model.state_dict()
    state["decoder.embed.weight"] *= 30  # so that its distances differ, and can be calibrated
    save_checkpoint(loaded.path, loaded.header, state)
    return root


def commands(root: Path, out: Path) -> dict[str, list[str]]:
    """Their arguments; later ones read what earlier ones have written."""
    model = ["--checkpoint", str(root / "model.safetensors")]
    network = [*model, "--engine", "torch", "--device", "cpu"]
    pairs = [str(root / "photos"), str(root / "masks")]
    maps = ["--predictions", str(root / "maps"), str(root / "masks"), "--classes", str(root / "classes.txt")]
    return {
        "predict": ["predict", str(root / "bad"), "--out", str(out / "predict"), "--profile", *network],
        "dry run": ["predict", str(root / "photos"), "--out", str(out / "dry"), "--dry-run", *network],
        "uncertainty": ["uncertainty", str(root / "bad"), "--out", str(out / "doubt"), *network],
        "evaluate": ["evaluate", *maps, "--out", str(out / "report"), "--profile"],
        "bound": ["evaluate", *maps, "--out", str(out / "bound"), "--fail-over", "miou=0.1"],
        "compare": ["compare", str(out / "report"), str(out / "bound"), "--all"],
        "calibrate": ["calibrate", *pairs, "--name", ODD, "--out", str(out / "c.safetensors"), *network],
        "disk": ["disk", str(root / f"photos/{ODD}0.png"), "--out", str(out / "d.svg"), *model],
        "info": ["info", str(root / "model.safetensors")],
        "list": ["info"],
        "json": ["info", "--json"],
        "verify": ["verify", str(out / "predict")],
        "settings": ["train", "--show-config"],
        "train": ["train", "--data", str(root / "photos"), "--out", str(out / "run")],
        "help": ["--help"],
        "help of one": ["evaluate", "--help"],
        "version": ["--version"],
        "no input": ["predict", str(root / ODD), "--out", str(out / "none")],
        "no such option": ["predict", "--no-such-option", ODD],
        "no checkpoint": ["predict", str(root / "photos"), "--checkpoint", ODD, "--out", str(out / "none")],
    }


def drive(root: Path, out: Path, stdout: str, stderr: str, **environment: str) -> tuple[dict[str, object], set[str]]:
    """The exit code of every command, and the files that there are then."""
    out.mkdir()
    # As bytes: which letters they are is for the locale of that process to say.
    arguments = {name: [os.fsencode(word).hex() for word in words] for name, words in commands(root, out).items()}
    done = subprocess.run(
        [
            *(sys.executable, "-c", DRIVER, json.dumps(sys.path), stdout, stderr),
            *(str(out / "codes.json"), json.dumps(arguments)),
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=os.environ | environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    codes = json.loads((out / "codes.json").read_text())
    files = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    return codes, files - {"said.txt", "told.txt"}


@pytest.fixture(scope="module")
def usual(material: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, object], set[str]]:
    """What comes out where every stream is as it should be."""
    out = tmp_path_factory.mktemp("usual") / "out"
    return drive(material, out, str(out / "said.txt"), str(out / "told.txt"))


def test_what_is_usual(usual: tuple[dict[str, object], set[str]]) -> None:
    codes, files = usual
    assert codes == dict.fromkeys(codes, 0) | {
        "predict": 3,
        "uncertainty": 3,
        "bound": 4,
        "verify": 3,
        "train": 1,
        "no input": 2,
        "no such option": 2,
        "no checkpoint": 1,
    }
    assert {"report/report.json", "c.safetensors", "d.svg", "doubt/ranking.csv", "predict/labels/good.png"} <= files


@pytest.mark.parametrize("stderr", ["closed", "full", "pipe"])
def test_talk_that_nobody_hears_changes_nothing(
    material: Path, tmp_path: Path, usual: tuple[dict[str, object], set[str]], stderr: str
) -> None:
    out = tmp_path / "out"
    assert drive(material, out, str(out / "said.txt"), stderr) == usual
    assert "Traceback" not in (out / "said.txt").read_text(encoding="utf-8", errors="replace")


@pytest.mark.parametrize("stdout", ["full", "pipe"])
def test_an_answer_that_nobody_takes_is_an_error_and_every_file_is_there(
    material: Path, tmp_path: Path, usual: tuple[dict[str, object], set[str]], stdout: str
) -> None:
    out = tmp_path / "out"
    codes, files = drive(material, out, stdout, str(out / "told.txt"))
    assert files == usual[1]
    refused = {name for name, code in usual[0].items() if name.startswith("no ") or name == "train"}
    assert codes == {name: usual[0][name] if name in refused else 1 for name in codes}
    told = (out / "told.txt").read_text(encoding="utf-8")
    assert "Traceback" not in told
    assert told.count("standard output") == (len(codes) - len(refused) if stdout == "full" else 0)


def test_with_no_streams_at_all_everything_is_done(
    material: Path, tmp_path: Path, usual: tuple[dict[str, object], set[str]]
) -> None:
    assert drive(material, tmp_path / "out", "closed", "closed") == usual


@pytest.mark.parametrize("letters", ["ascii", "cp1252"])
def test_letters_that_a_stream_lacks_are_written_as_escapes(
    material: Path, tmp_path: Path, usual: tuple[dict[str, object], set[str]], letters: str
) -> None:
    out = tmp_path / "out"
    environment = {"LETTERS": letters, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    assert drive(material, out, str(out / "said.txt"), str(out / "told.txt"), **environment) == usual
    for name in ("said.txt", "told.txt"):
        text = (out / name).read_text(encoding=letters)
        assert "Traceback" not in text
        assert "Stra" in text
