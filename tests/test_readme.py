"""What the README promises, checked against what runs; what all pages have in common is in test_docs.py."""

from __future__ import annotations

import csv
import json
import re

import pytest
from support import REPOSITORY, Hypseg

from hypsegcli.checkpoint.bundled import DEFAULT, MODELS, BundledModel

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")
TWO_LINES = ("pip install . && hypseg predict examples --out out", "pip install '.[test]' && pytest")


@pytest.mark.parametrize("line", TWO_LINES)
def test_the_two_lines_are_in_the_readme_and_in_ci(line: str) -> None:
    assert f"\n{line}\n" in README
    assert line in (REPOSITORY / ".ci" / "run").read_text(encoding="utf-8")


def test_it_is_short() -> None:
    assert len(README.encode()) <= 8 * 1024


def test_the_examples_are_segmented(hypseg: Hypseg, tmp_path: object) -> None:
    photographs = [path for path in (REPOSITORY / "examples").iterdir() if path.suffix in {".jpg", ".png"}]
    outcome = hypseg("predict", REPOSITORY / "examples", "--out", f"{tmp_path}/out", "--save", "labels")
    assert outcome.code == 0
    assert f"{len(photographs)} images" in outcome.stdout
    sources = (REPOSITORY / "examples" / "SOURCES.md").read_text(encoding="utf-8")
    for path in photographs:
        assert f"`{path.name}`" in sources


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


def test_the_recipe_run_again_reaches_the_scores_of_the_file(hypseg: Hypseg) -> None:
    """Within one point of mean IoU; README and card tell the log's last line."""
    with (REPOSITORY / "weights" / "camvid-resnet18.log.csv").open(newline="") as file:
        last = list(csv.DictReader(file))[-1]
    header = json.loads(hypseg("info", "camvid-resnet18", "--json").stdout)
    assert int(last["epoch"]) == 120
    assert abs(float(last["mean_iou"]) - header["provenance"]["scores"]["mean_iou"]) < 0.01
    for number in (f"{float(last['mean_iou']):.4f}", f"{float(last['auroc_distance']):.4f}"):
        assert number in README
        assert number in (REPOSITORY / "weights" / "camvid-resnet18.md").read_text(encoding="utf-8")


def test_every_room_is_in_the_plan() -> None:
    rooms = {path.parent.name for path in (REPOSITORY / "hypsegcli").glob("*/__init__.py")}
    assert rooms == set(re.findall(r"^\| `(\w+)/` \|", CONTRIBUTING, flags=re.MULTILINE))


def test_the_exit_codes_are_those_of_the_command_line(hypseg: Hypseg) -> None:
    from hypsegcli.cli import exit_codes

    table = README.partition("| exit code |")[2].partition("\n\n")[0]
    documented = re.findall(r"^\| (\d+) \|", table, flags=re.MULTILINE)
    assert documented == re.findall(r"^(\d+) +", str(exit_codes.__doc__), flags=re.MULTILINE)
