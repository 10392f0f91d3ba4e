"""Names from files and checkpoints, whatever they contain, are names to whoever reads what comes out."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from PIL import Image
from support import Hypseg, Outcome, make_checkpoint, photograph

from hypsegcli.cli.console import error, say, say_text, talk
from hypsegcli.errors import setting
from hypsegcli.hierarchy.tree import ClassTree

STEERING = ("\x1b", "\x07", "\x9b", "\u202e", "\u2066", "\u200f", "\r", "\x00")
NASTY = (
    "</script><script>alert(1)</script>",
    "\x1b[31m\x1b]0;title\x07\u202ered",
    "[red]\"' onload='alert(2)[/red]",
    '=HYPERLINK("http://x")&lt;\x9b1m\u2066',
    "-\x00\r\n\u200f{{7*7}}{% x %}",
)
FILES = (
    "=1+1.png",
    "@SUM(1)\u202egnp.png",
    "[bold]\x1b[2J\nhypseg: all is well.png",
    "<img src=x onerror=alert(3)>.png",
)


def is_harmless(text: str) -> bool:
    return not any(letter in text for letter in STEERING)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tree = ClassTree(names=NASTY, parents=(4, 4, -1, -1, -1), classes=4)
    return make_checkpoint(tmp_path_factory.mktemp("nasty") / "\u202enasty.safetensors", tree, embedding_size=2)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    for number, name in enumerate(FILES):
        photograph(tmp_path / "images" / "a.png", seed=number).rename(tmp_path / "images" / name)
        (tmp_path / "masks").mkdir(exist_ok=True)
        Image.fromarray(np.full((48, 64), number, np.uint8)).save(tmp_path / "a.png")
        (tmp_path / "a.png").rename(tmp_path / "masks" / name)
    return tmp_path / "images"


@pytest.fixture
def nasty(hypseg: Hypseg, checkpoint: Path) -> Any:
    """Run a command on the checkpoint; what it says is looked at."""

    def run(*arguments: object, code: int = 0) -> Outcome:
        outcome = hypseg(*arguments, "--checkpoint", checkpoint)
        assert outcome.code == code, outcome.stderr
        assert is_harmless(outcome.stdout + outcome.stderr)
        return outcome

    return run


def test_lines_are_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    for put in (say, talk, error):
        put("a\x1b[31m\nb" + setting("tile", 512))
    out, err = capsys.readouterr()
    assert out.startswith("a\\u001b[31m\\u000ab")
    assert err == "a\\u001b[31m\\u000ab--tile 512\nhypseg: a\\u001b[31m\\u000ab--tile 512\n"
    say_text(json.dumps({"name": "\x9b\u202e"}, indent=1, ensure_ascii=False))
    out = capsys.readouterr().out
    assert is_harmless(out)
    assert json.loads(out) == {"name": "\x9b\u202e"}


def test_images_and_failures(nasty: Any, images: Path, tmp_path: Path) -> None:
    (images / "b\x1b[31m\nhypseg: nothing failed.png").write_bytes(b"no picture")
    assert nasty("predict", images, "--out", tmp_path / "out", "--dry-run").stdout.count("\n") == 5
    outcome = nasty("predict", images, "--out", tmp_path / "out", "--save", "labels,confidence,overlay", code=3)
    assert "\nhypseg: nothing failed" not in outcome.stderr
    assert "[bold]" in nasty("predict", images, "--out", tmp_path / "out", "--dry-run", "--overwrite").stdout


def test_a_ranking(nasty: Any, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(images)
    nasty("uncertainty", *(f"./{name}" for name in FILES), "--out", tmp_path / "out")
    text = (tmp_path / "out" / "ranking.csv").read_text()
    assert is_harmless(text)
    with (tmp_path / "out" / "ranking.csv").open() as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]
    assert "'=1+1.png" in cells


class Tags(HTMLParser):
    """Which elements and attributes a page has."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found |= {tag, *(f"{tag}.{name}" for name, _ in attrs)}


def test_a_report(nasty: Any, hypseg: Hypseg, images: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    nasty("evaluate", images, tmp_path / "masks", "--out", out)
    page = (out / "report.html").read_text()
    assert is_harmless(page)
    tags = Tags()
    tags.feed(page)
    assert "script" not in tags.found
    assert not [name for name in tags.found if ".on" in name]
    assert page.count("alert(1)") > 3
    assert "{{7*7}}" in page
    assert is_harmless((out / "per_image.csv").read_text().replace("\r\n", ""))
    with (out / "per_image.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert not [row for row in rows for cell in row.values() if cell.startswith(("=", "@"))]
    assert all(float(row["pixel_accuracy"]) >= 0 for row in rows if row.get("pixel_accuracy"))
    compared = hypseg("compare", out, out, "--json")
    assert compared.code == 0
    assert is_harmless(compared.stdout)
    assert json.loads(compared.stdout)["differences"]


def svg_texts(path: Path) -> Iterator[str]:
    for element in ET.parse(path).getroot().iter():
        assert element.tag.rpartition("}")[2] in {"svg", "title", "rect", "image", "path", "circle", "text"}
        yield element.text or ""


def test_figures(nasty: Any, images: Path, tmp_path: Path) -> None:
    for suffix in ("svg", "png"):
        nasty("disk", images / FILES[0], "--out", tmp_path / f"disk.{suffix}")
    assert is_harmless("".join(svg_texts(tmp_path / "disk.svg")))


def test_what_a_checkpoint_is(hypseg: Hypseg, checkpoint: Path) -> None:
    for options in ((), ("--json",)):
        outcome = hypseg("info", checkpoint, *options)
        assert outcome.code == 0
        assert is_harmless(outcome.stdout)
    assert tuple(json.loads(outcome.stdout)["tree"]["names"]) == NASTY
    assert is_harmless(hypseg("info", checkpoint.with_name("\x1b[31m.safetensors")).stderr)


def test_what_a_folder_holds(nasty: Any, hypseg: Hypseg, images: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    nasty("predict", images, "--out", out)
    for path in (out / "labels").iterdir():
        path.write_bytes(b"other")
    for options in ((), ("--json",)):
        outcome = hypseg("verify", out, *options)
        assert outcome.code == 3
        assert is_harmless(outcome.stdout + outcome.stderr)
