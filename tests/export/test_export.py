"""What is written beside a graph, what is refused; and, in a process of their own, the formats."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import REPOSITORY, make_checkpoint
from support.quantised import FACTS

from hypsegcli.checkpoint.format import header_from_json
from hypsegcli.checkpoint.store import Checkpoint, load_checkpoint
from hypsegcli.confidence.calibration import Calibration
from hypsegcli.errors import UsageError
from hypsegcli.export import export as exporting
from hypsegcli.export.export import EXPORT_KEY, export, metadata_of
from hypsegcli.export.formats import FORMATS
from hypsegcli.export.request import Size
from hypsegcli.hierarchy.tree import flat_tree
from hypsegcli.network.model import HyperbolicDeepLab

OPTIONS = ("-q", "-rs", "--show-capture=no", "-p", "no:cacheprovider")


def test_the_formats_in_a_process_of_their_own() -> None:
    """OpenVINO and ONNX Runtime together, beside what other tests load, have brought the interpreter down."""
    command = [sys.executable, "-m", "pytest", *OPTIONS, "tests/export/export_apart.py"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode in {0, 5}, done.stdout[-20_000:] + done.stderr[-2_000:]  # 5: all of it is skipped
    if skipped := [line for line in done.stdout.splitlines() if line.startswith("SKIPPED")]:
        pytest.skip("; ".join(skipped))


@pytest.fixture
def known(tmp_path: Path) -> Checkpoint:
    return load_checkpoint(make_checkpoint(tmp_path / "x.safetensors", flat_tree(["a", "b", "ç \N{SNOWMAN}"])))


def test_the_metadata_are_the_header_and_what_the_export_was(known: Checkpoint) -> None:
    metadata = metadata_of(known, Size(30, 40))
    assert header_from_json(metadata["hypseg"], origin="it") == known.header
    facts = json.loads(metadata[EXPORT_KEY])
    assert facts["checkpoint_sha256"] == known.sha256
    assert facts["planes"] == ["labels", "distance"]
    assert facts["size"] == [30, 40]
    assert "checkpoint_source" not in facts
    fetched = metadata_of(replace(known, source="hf://me/streets@0/m.safetensors"), None)
    assert json.loads(fetched[EXPORT_KEY])["checkpoint_source"] == "hf://me/streets@0/m.safetensors"


def test_the_metadata_tell_of_nothing_that_no_graph_holds(known: Checkpoint) -> None:
    curve = Calibration(distances=(0.0, 1.0), probabilities=(0.0, 1.0), fitted_on="it", interpolate="points")
    header = known.header.model_copy(update={"int8": FACTS, "calibration": curve})
    metadata = metadata_of(replace(known, header=header), None)
    assert header_from_json(metadata["hypseg"], origin="it") == known.header
    kept = curve.model_copy(update={"interpolate": "scalar"})
    metadata = metadata_of(replace(known, header=header.model_copy(update={"calibration": kept})), None)
    assert header_from_json(metadata["hypseg"], origin="it").calibration == kept


class Fake:
    """A format that writes nothing, and answers alike whatever it is shown."""

    label = "fake 1"

    def write(self, *_: Any) -> dict[str, bytes]:
        return {".fake": b""}

    def load(self, _: Any) -> Any:
        return lambda images: [np.zeros(images.shape[:3], np.uint8), np.zeros(images.shape[:3], np.float32)]


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FORMATS, "pt2", Fake)
    monkeypatch.setattr(exporting, "trace", lambda *_: None)


@pytest.mark.usefixtures("fake")
def test_what_answers_otherwise_is_refused(known: Checkpoint) -> None:
    with pytest.raises(UsageError, match=r"answers otherwise in fake 1 than as a checkpoint: .*; nothing is written"):
        export(known, "pt2", size=Size(30, 40))


@pytest.mark.usefixtures("fake")
def test_what_cannot_be_traced_is_a_sentence(known: Checkpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("guards failed\nand much more")

    monkeypatch.setattr(exporting, "trace", fail)
    with pytest.raises(UsageError) as error:
        export(known, "pt2")
    assert str(error.value) == (f"{known.path}: cannot be exported to pt2 (guards failed); try sizes=HxW, of one size")
    with pytest.raises(UsageError, match=r"\(guards failed\)$"):
        export(known, "pt2", size=Size(30, 40))


@pytest.mark.usefixtures("fake")
def test_a_network_whose_answer_is_no_number_is_refused(known: Checkpoint) -> None:
    assert isinstance(known.model, HyperbolicDeepLab)
    for parameter in known.model.decoder.embed.parameters():
        parameter.data.fill_(float("nan"))
    with pytest.raises(UsageError, match="cannot be exported; its answer holds NaN"):
        export(known, "pt2", size=Size(30, 40))


def test_another_project_s_network_is_refused(known: Checkpoint) -> None:
    config = known.header.model.model_copy(update={"network": "torchvision", "backbone": "resnet50"})
    other = replace(known, header=known.header.model_copy(update={"model": config}))
    with pytest.raises(UsageError, match="torchvision's DeepLabV3 cannot be exported, only networks of hypseg's own"):
        export(other, "pt2")
