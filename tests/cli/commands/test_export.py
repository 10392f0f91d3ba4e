"""`hypseg export` as typed: what it says, where it writes, what it refuses before anything is traced."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from support import Hypseg, make_checkpoint
from support.exported import pretend_to_export
from support.quantised import FACTS, GRAPHS

from hypsegcli.checkpoint.store import load_checkpoint, save_checkpoint
from hypsegcli.confidence.calibration import Calibration
from hypsegcli.hierarchy.tree import flat_tree


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    return make_checkpoint(tmp_path / "plain.safetensors", flat_tree(["a", "b"]))


@pytest.fixture
def _pretended(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_to_export(monkeypatch)


@pytest.mark.usefixtures("_pretended")
def test_it_says_what_is_written_how_it_was_verified_and_how_it_runs(
    hypseg: Hypseg, plain: Path, tmp_path: Path
) -> None:
    out = tmp_path / "new" / "net.onnx"
    outcome = hypseg("export", plain, "--to", "onnx", "-o", out)
    assert outcome.code == 0, outcome.stderr
    written, run, shrink = outcome.stdout.splitlines()
    assert written == (
        f"{out}: 0.0 MB, in fp32, from uint8 RGB (batch, height, width, 3) to labels, distance; verified in "
        "what runs onnx against torch: 0 ppm of 1,000 labels differ, the distance by at most 2e-06"
    )
    assert run == f"run it with onnxruntime.InferenceSession('{out}').run(None, {{'images': pixels}})"
    assert "64 pixels: shrink images" in shrink
    assert out.read_bytes() == b".onnx"


@pytest.mark.usefixtures("_pretended")
def test_both_files_of_openvino_are_written_or_neither(hypseg: Hypseg, plain: Path, tmp_path: Path) -> None:
    command = ("export", plain, "--to", "openvino", "-o", tmp_path / "net.xml", "--sizes", "48x64")
    (tmp_path / "net.bin").write_bytes(b"somebody's")
    refused = hypseg(*command)
    assert refused.code == 2
    assert f"{tmp_path / 'net.bin'}: is there already" in refused.stderr
    assert not (tmp_path / "net.xml").exists()
    outcome = hypseg(*command, "--overwrite")
    assert outcome.code == 0, outcome.stderr
    assert "net.xml and " in outcome.stdout
    assert "(1, 48, 64, 3)" in outcome.stdout
    assert "shrink" not in outcome.stdout  # it is exactly as large
    assert (tmp_path / "net.xml").read_bytes() == b".xml"
    assert (tmp_path / "net.bin").read_bytes() == b".bin"


@pytest.mark.usefixtures("_pretended")
def test_what_the_graph_leaves_out_is_told(hypseg: Hypseg, plain: Path, tmp_path: Path) -> None:
    loaded = load_checkpoint(plain)
    curve = Calibration(distances=(0.0, 1.0), probabilities=(0.0, 1.0), fitted_on="it", interpolate="points")
    header = loaded.header.model_copy(update={"calibration": curve, "int8": FACTS})
    save_checkpoint(plain, header, loaded.model.state_dict() | GRAPHS)
    outcome = hypseg("export", plain, "--to", "pt2", "-o", tmp_path / "net.pt2")
    assert "its calibration is one for --interpolate points, which no graph holds" in outcome.stdout
    assert "holds in int8 is left out" in outcome.stdout


@pytest.mark.usefixtures("_pretended")
@pytest.mark.parametrize(
    ("int8", "precision", "told"),
    [
        (True, "fp32", "calibration was fitted in int8, and the graph is in fp32"),
        (True, "int8", None),
        (False, "fp32", None),
        (False, "int8", "calibration was not fitted in int8, and the graph is in int8"),
    ],
)
def test_a_calibration_of_another_precision_is_told(
    hypseg: Hypseg, plain: Path, tmp_path: Path, int8: bool, precision: str, told: str | None
) -> None:
    loaded = load_checkpoint(plain)
    curve = Calibration(distances=(0.0, 1.0), probabilities=(0.0, 1.0), fitted_on="it", int8=int8)
    header = loaded.header.model_copy(update={"calibration": curve, "int8": FACTS})
    save_checkpoint(plain, header, loaded.model.state_dict() | GRAPHS)
    command = ("export", plain, "--to", "openvino", "-o", tmp_path / "net.xml", "--precision", precision)
    outcome = hypseg(*command)
    assert outcome.code == 0, outcome.stderr
    assert ("its calibration was" in outcome.stdout) is (told is not None)
    assert told is None or f"{told}, where distances are others" in outcome.stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--to", "onnx", "-o", "net.xml"], "expected a name that ends in .onnx, or --to openvino"),
        (["--to", "openvino", "-o", "net"], "--out net: expected a name that ends in .xml"),
        (["--to", "tflite", "-o", "net.tflite"], "--to tflite: expected onnx, openvino or pt2"),
        (["--to", "pt2", "-o", "net.pt2", "--sizes", "48"], "--sizes 48: expected any, or height and width"),
        (["--to", "pt2", "-o", "net.pt2", "--sizes", "0x48"], "--sizes 0x48: expected any, or height and width"),
        (["--to", "pt2", "-o", "net.pt2", "--sizes", "16385x48"], "each up to 16384"),
        (["--to", "pt2", "-o", "folder.pt2"], "folder.pt2: is there already"),
        (["--to", "pt2", "-o", "folder.pt2", "--overwrite"], "folder.pt2 is a folder"),
        (["--to", "pt2", "-o", "plain.safetensors/net.pt2"], "cannot be written"),
    ],
)
def test_what_cannot_be_is_refused_at_once(
    hypseg: Hypseg, plain: Path, arguments: list[str], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(plain.parent)
    Path("folder.pt2").mkdir()
    outcome = hypseg("export", plain, *arguments)
    assert outcome.code == 2
    assert sentence in outcome.stderr
    assert sorted(path.name for path in plain.parent.iterdir()) == ["folder.pt2", "plain.safetensors"]


@pytest.mark.parametrize(
    ("to", "module", "extra"), [("onnx", "onnxscript", "hypseg[onnx]"), ("openvino", "openvino", "hypseg[openvino]")]
)
def test_what_is_not_installed_is_named(
    hypseg: Hypseg, plain: Path, tmp_path: Path, to: str, module: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hypsegcli.export.formats.find_spec", lambda name: None if name == module else sys)
    suffix = {"onnx": ".onnx", "openvino": ".xml"}[to]
    outcome = hypseg("export", plain, "--to", to, "-o", tmp_path / f"net{suffix}")
    assert outcome.code == 2
    assert outcome.stderr.splitlines()[-1] == (
        f"hypseg: --to {to}: {module} is not installed here; pip install '{extra}', or use --to pt2"
    )


def test_no_such_model(hypseg: Hypseg, tmp_path: Path) -> None:
    outcome = hypseg("export", "street", "--to", "pt2", "-o", tmp_path / "net.pt2")
    assert outcome.code == 1
    assert "did you mean streets?" in outcome.stderr
