"""What the README promises, checked against what runs; what all pages have in common is in test_docs.py."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
from support import EXAMPLES, REPOSITORY, Hypseg

from hypsegcli.checkpoint.bundled import DEFAULT, DISK, MODELS, BundledModel, bundled_checkpoint
from hypsegcli.checkpoint.read_header import read_header

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")
TWO_LINES = ("pip install . && hypseg predict examples/streets --out out", "pip install '.[test]' && pytest")


@pytest.mark.parametrize("line", TWO_LINES)
def test_the_two_lines_are_in_the_readme_and_in_ci(line: str) -> None:
    assert f"\n{line}\n" in README
    assert line in (REPOSITORY / ".ci" / "run").read_text(encoding="utf-8")


def test_it_is_short() -> None:
    assert len(README.encode()) <= 8 * 1024


def test_every_example_has_its_source_and_nothing_else_is_there() -> None:
    table = (EXAMPLES / "SOURCES.md").read_text(encoding="utf-8")
    named = re.findall(r"^\| `(.+?)` \|", table, flags=re.MULTILINE)
    files = {path.relative_to(EXAMPLES).as_posix() for path in EXAMPLES.rglob("*") if path.is_file()}
    assert files == {*named, "SOURCES.md"}
    worlds = {path.name for path in EXAMPLES.iterdir() if path.is_dir()} - {"others"}
    assert worlds == {model.name for model in MODELS if model.name != DISK}


@pytest.mark.parametrize("model", [model.name for model in MODELS if model.name != DISK])
def test_a_model_knows_its_own_examples_and_doubts_those_that_none_knows(
    model: str, hypseg: Hypseg, tmp_path: Path
) -> None:
    own = hypseg("predict", EXAMPLES / model, "--out", tmp_path / "own", "--checkpoint", model, "--save", "labels")
    others = hypseg("predict", EXAMPLES / "others", "--out", tmp_path / "others", "--checkpoint", model)
    assert own.code == others.code == 0
    assert "another world" not in own.stderr
    assert "another world" in others.stderr


def card(model: BundledModel) -> str:
    return (REPOSITORY / "weights" / f"{model.name}.md").read_text(encoding="utf-8")


def scores(hypseg: Hypseg, name: str) -> str:
    line = next(line for line in hypseg("info", name).stdout.splitlines() if line.startswith("scores"))
    return line.removeprefix("scores").strip()


def test_the_scores_are_those_that_info_prints(hypseg: Hypseg) -> None:
    assert scores(hypseg, DEFAULT) in README


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_the_scores_of_a_card_are_its_checkpoint_s(hypseg: Hypseg, model: BundledModel) -> None:
    assert scores(hypseg, model.name) in card(model)


def test_the_bundled_models_are_those_of_the_registry() -> None:
    rows = []
    for model in MODELS:
        aliases = ", ".join(f"`{alias}`" for alias in model.aliases) or "-"
        rows.append(f"| [`{model.name}`](weights/{model.name}.md) | {aliases} | {model.world} |")
    table = README.partition("| model |")[2].partition("\n\n")[0]
    assert table.splitlines()[2:] == rows


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_the_log_of_a_training_leads_to_the_scores_of_its_checkpoint(model: BundledModel) -> None:
    with (REPOSITORY / "weights" / f"{model.name}.log.csv").open(newline="") as file:
        judged = [row for row in csv.DictReader(file) if row["mean_iou"]]
    scores = read_header(bundled_checkpoint(model.name)).provenance.scores
    found = {name: [float(row[name]) for row in judged] for name in scores}
    place = found["mean_iou"].index(max(found["mean_iou"]))  # the best epoch is the one that is kept
    assert scores == pytest.approx({name: values[place] for name, values in found.items()}, abs=6e-5)


def test_every_room_is_in_the_plan() -> None:
    rooms = {path.parent.name for path in (REPOSITORY / "hypsegcli").glob("*/__init__.py")}
    assert rooms == set(re.findall(r"^\| `(\w+)/` \|", CONTRIBUTING, flags=re.MULTILINE))


def test_the_exit_codes_are_those_of_the_command_line(hypseg: Hypseg) -> None:
    from hypsegcli.cli import exit_codes

    table = README.partition("| exit code |")[2].partition("\n\n")[0]
    documented = re.findall(r"^\| (\d+) \|", table, flags=re.MULTILINE)
    assert documented == re.findall(r"^(\d+) +", str(exit_codes.__doc__), flags=re.MULTILINE)
