"""A TIFF by strips: the files are those of the picture taken whole, or none."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from support import REPOSITORY, Hypseg, manifest

from hypsegcli.images.metadata import read_metadata
from hypsegcli.run import large as stream

SAVE = ("--save", "labels,confidence", "--tile", 128)


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """What counts as a large picture here."""
    coarse = np.random.default_rng(0).integers(0, 256, (18, 13, 3), dtype=np.uint8)
    pixels = np.asarray(Image.fromarray(coarse).resize((200, 280), Image.Resampling.BICUBIC))
    path = tmp_path / "in" / "large.tif"
    path.parent.mkdir()
    tifffile.imwrite(path, pixels, photometric="rgb", tile=(64, 64), compression="zlib")
    return path


@pytest.fixture
def streaming(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "STREAM_ABOVE", 280 * 200 - 1)


def was_streamed(out: Path) -> bool:
    return list(manifest(out)["large"]["seconds"]) == ["stream"]  # type: ignore[call-overload]


def test_strips_leave_no_trace_in_the_files(
    hypseg: Hypseg, large: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = (*SAVE, "--measure", "distance,entropy")
    for name, form in (("png", "png"), ("whole", "tif")):
        assert hypseg("predict", large, "--out", tmp_path / name, *options, "--format", form).code == 0
        assert not was_streamed(tmp_path / name)
    monkeypatch.setattr(stream, "STREAM_ABOVE", 280 * 200 - 1)
    outcome = hypseg("predict", large, "--out", tmp_path / "strips", *options, "--format", "tif")
    assert outcome.code == 0, outcome.stderr
    assert was_streamed(tmp_path / "strips")
    lines = [manifest(tmp_path / name)["large"] for name in ("whole", "strips")]
    assert [line["height"] for line in lines] == [280, 280]
    one, two = (line["summary"] for line in lines)
    assert two == pytest.approx(one, abs=2e-6)
    for kind in ("labels", "confidence", "confidence-entropy"):
        whole, strips = (tmp_path / name / kind / "large.tif" for name in ("whole", "strips"))
        assert whole.read_bytes() == strips.read_bytes()
        png = tmp_path / "png" / kind / "large.png"
        assert read_metadata(strips) == read_metadata(png) is not None
        with Image.open(strips) as found, Image.open(png) as wanted:
            assert found.mode == wanted.mode
            np.testing.assert_array_equal(np.asarray(found), np.asarray(wanted))
            if found.mode == "P":
                assert len(np.unique(np.asarray(found))) > 1, "too uniform a network to test anything"
                np.testing.assert_array_equal(np.asarray(found.convert("RGB")), np.asarray(wanted.convert("RGB")))


@pytest.mark.usefixtures("streaming")
@pytest.mark.parametrize("options", [("--tile", "off"), ("--longest-side", 64), ("--format", "png")])
def test_only_windows_into_tiffs_are_streamed(
    hypseg: Hypseg, large: Path, tmp_path: Path, options: tuple[object, ...]
) -> None:
    out = tmp_path / "out"
    assert hypseg("predict", large, "--out", out, "--format", "tif", *options).code == 0
    assert not was_streamed(out)


@pytest.mark.usefixtures("streaming")
def test_what_needs_the_whole_picture_is_refused(hypseg: Hypseg, large: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    outcome = hypseg("predict", large, "--out", out, "--format", "tif")
    assert outcome.code == 1
    assert "which boundary, overlay cannot be; take --save labels,confidence" in " ".join(outcome.stderr.split())
    assert not list(out.rglob("*.tif"))


@pytest.mark.usefixtures("streaming")
def test_a_damaged_tile_leaves_nothing_behind_and_costs_nothing_else(
    hypseg: Hypseg, large: Path, tmp_path: Path
) -> None:
    with tifffile.TiffFile(large) as file:
        offset = file.pages.first.dataoffsets[-1]
    (large.parent / "other.tif").write_bytes(large.read_bytes())
    options = (*SAVE, "--format", "tif", "--overwrite")
    out = tmp_path / "out"
    assert hypseg("predict", large.parent, "--out", out, *options).code == 0
    data = bytearray(large.read_bytes())
    data[offset : offset + 8] = bytes(8)
    large.write_bytes(data)
    outcome = hypseg("predict", large.parent, "--out", out, *options)
    assert outcome.code == 3
    assert "damaged" in outcome.stderr
    left = sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())
    assert left == ["confidence/other.tif", "labels/other.tif", "manifest.jsonl", "run.json"]


@pytest.mark.usefixtures("streaming")
def test_a_full_disk_is_told(hypseg: Hypseg, large: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(stream.TiffWriter, "close", full)
    outcome = hypseg("predict", large, "--out", tmp_path / "out", *SAVE, "--format", "tif")
    assert outcome.code == 1
    assert "cannot be written (No space left on device)" in " ".join(outcome.stderr.split())
    assert sorted(path.name for path in (tmp_path / "out").rglob("*") if path.is_file()) == [
        "manifest.jsonl",
        "run.json",
    ]


def test_memory_does_not_grow_with_the_picture() -> None:
    """8,000 x 8,000 pixels take 192 MB as RGB, and 320 MB as labels and confidence; none of it is there at once."""
    if not Path("/proc/self/status").is_file():
        pytest.skip("only Linux tells the peak of a process")
    command = [sys.executable, "benchmarks/memory.py", "--width", "8000", "--height", "8000", "--tile", "512"]
    said = subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True, text=True).stdout
    found = re.search(r"peak (\d+) MB, of which (\d+) MB were there before", said)
    assert found is not None, said
    after, before = map(int, found.groups())
    assert after - before < 250
