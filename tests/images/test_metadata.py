"""What maps say of themselves: read as it was written, and never believed of another tool's files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hypsegcli.errors import ImageError
from hypsegcli.images.beside_pixels import read_text_chunks
from hypsegcli.images.metadata import MapMetadata, kind_of_map, read_metadata
from hypsegcli.images.png import encode_grey16_png
from hypsegcli.images.tiff_write import encode_tiff

PIXELS = np.zeros((3, 5), np.uint16)
ORIGIN: dict[str, Any] = {"checkpoint": "ab" * 32, "curvature": 0.7, "head": "hyperbolic"}
LABELS = MapMetadata(kind="labels", names=("sky", "Straße"), level=None, **ORIGIN)
CONFIDENCE = MapMetadata(
    kind="confidence", measure="distance", formula="f", full_scale=7.6, decode="value / 65535 * full_scale", **ORIGIN
)
BOUNDARY = MapMetadata(kind="boundary", method="closing", full_scale=1.0, **ORIGIN)


def png(folder: Path, text: str) -> Path:
    path = folder / "a.png"
    path.write_bytes(encode_grey16_png(PIXELS, {"hypseg": text}))
    return path


def test_the_text_is_what_files_have_always_held() -> None:
    assert LABELS.png_text() == {
        "hypseg": '{"kind": "labels", "names": ["sky", "Straße"], "level": null, '
        f'"checkpoint": "{"ab" * 32}", "curvature": 0.7, "head": "hyperbolic"}}'
    }
    assert BOUNDARY.tiff_description() == (
        '{"kind": "boundary", "method": "closing", "full_scale": 1.0, '
        f'"checkpoint": "{"ab" * 32}", "curvature": 0.7, "head": "hyperbolic"}}'
    )
    fields = ["kind", "measure", "formula", "full_scale", "decode", "checkpoint", "curvature", "head"]
    assert list(json.loads(CONFIDENCE.png_text()["hypseg"])) == fields


@pytest.mark.parametrize("metadata", [LABELS, CONFIDENCE, BOUNDARY])
def test_what_is_written_is_read(tmp_path: Path, metadata: MapMetadata) -> None:
    (tmp_path / "a.png").write_bytes(encode_grey16_png(PIXELS, metadata.png_text()))
    description = metadata.tiff_description()
    assert description.isascii()
    (tmp_path / "a.tif").write_bytes(encode_tiff(PIXELS, np.uint16, description=description))
    assert read_metadata(tmp_path / "a.png") == read_metadata(tmp_path / "a.tif") == metadata


def test_more_keys_and_fewer_are_no_obstacle(tmp_path: Path) -> None:
    found = read_metadata(png(tmp_path, '{"kind": "confidence", "weather": {"sun": 1}, "measure": "norm"}'))
    assert found is not None
    assert (found.kind, found.measure, found.names, found.full_scale) == ("confidence", "norm", None, None)


@pytest.mark.parametrize(
    "text", ["no JSON {", "[1, 2]", '"text"', "{}", '{"measure": "norm"}', '{"kind": 3}', '{"kind": "\\ud800"}', " "]
)
def test_what_other_tools_write_is_nothing(tmp_path: Path, text: str) -> None:
    assert read_metadata(png(tmp_path, text)) is None
    (tmp_path / "a.tif").write_bytes(encode_tiff(PIXELS, np.uint16, description=text))
    assert read_metadata(tmp_path / "a.tif") is None


def test_maps_without_text_and_arrays_say_nothing_and_damaged_maps_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(encode_grey16_png(PIXELS))
    assert read_metadata(tmp_path / "a.png") is None
    assert read_metadata(tmp_path / "a.npy") is None, "not even looked at"
    (tmp_path / "b.png").write_bytes(b"\x89PNG\r\n\x1a\n cut")
    with pytest.raises(ImageError, match=r"b\.png"):
        read_metadata(tmp_path / "b.png")


@pytest.mark.parametrize("metadata", [LABELS, CONFIDENCE, BOUNDARY])
def test_texts_tell_the_kind_that_a_map_was_written_as(tmp_path: Path, metadata: MapMetadata) -> None:
    (tmp_path / "a.png").write_bytes(encode_grey16_png(PIXELS, metadata.png_text()))
    description = metadata.tiff_description()
    (tmp_path / "a.tif").write_bytes(encode_tiff(PIXELS, np.uint16, description=description))
    for name in ("a.png", "a.tif"):
        assert kind_of_map(read_text_chunks(tmp_path / name)) == metadata.kind


@pytest.mark.parametrize("text", [None, '{"kind": "photograph"}', '{"kind": "landscape", "names": ["x"]}', "{}"])
def test_what_is_no_map_has_no_kind(tmp_path: Path, text: str | None) -> None:
    """A camera may describe its pictures in JSON too."""
    (tmp_path / "a.tif").write_bytes(encode_tiff(PIXELS, np.uint16, description=text or ""))
    (tmp_path / "a.png").write_bytes(encode_grey16_png(PIXELS, {"hypseg": text} if text else {}))
    for name in ("a.png", "a.tif"):
        assert kind_of_map(read_text_chunks(tmp_path / name)) is None
