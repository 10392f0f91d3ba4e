"""The folder of a run as `uncertainty` leaves it, with regions, made by hand: no network runs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hypsegcli.files.digest import Digest, digest_file
from hypsegcli.files.table import encode_csv
from hypsegcli.images.metadata import MapMetadata
from hypsegcli.images.png import encode_grey16_png, encode_indexed_png
from hypsegcli.run.regions_csv import COLUMNS
from support import photograph

WIDTH, HEIGHT = 160, 120
NAMES = ("sky", "road", "car")
COLORS = np.array([(70, 130, 180), (128, 64, 128), (0, 0, 142)], np.uint8)

Row = tuple[int, str, str, int, int, int, int, int, float, str, str]


def rows_of(keys: Sequence[str], *, places: int = 3) -> list[Row]:
    """So many places an image, all of other boxes, in the order in which they are to be looked at."""
    return [
        (rank, f"photos/{key}.png", key, 8 * place, 16, 40, 24, 500, 400.0 - rank, NAMES[rank % 3], "car 300; road 200")
        for rank, (place, key) in enumerate(((place, key) for place in range(places) for key in keys), start=1)
    ]


def reviewed(root: Path, keys: Sequence[str] = ("a", "sub/b", "sub/c"), *, rows: Sequence[Row] | None = None) -> Path:
    """A folder `out` with labels, uncertainty, books and regions.csv of photographs beside it."""
    out, lines = root / "out", []
    for seed, key in enumerate(keys):
        source = photograph(root / "photos" / f"{key}.png", size=(WIDTH, HEIGHT), seed=seed)
        lines.append(line_of(out, key, source, seed))
    (out / "manifest.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    files = {"regions.csv": Digest(0, "")._asdict()}
    run = {"status": "finished", "counts": {"planned": len(keys), "others": 0}, "files": files}
    (out / "regions.csv").write_bytes(encode_csv(COLUMNS, rows_of(keys) if rows is None else rows))
    files["regions.csv"] = digest(out / "regions.csv")._asdict()
    (out / "run.json").write_text(json.dumps(run))
    return out


def line_of(out: Path, key: str, source: Path, seed: int) -> dict[str, Any]:
    """The maps of an image, and its line of the manifest."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, (HEIGHT // 20, WIDTH // 20), dtype=np.uint8).repeat(20, 0).repeat(20, 1)
    doubt = (rng.random((HEIGHT, WIDTH)) * 65535).astype(np.uint16)
    maps = {
        "labels": encode_indexed_png(labels, COLORS, MapMetadata(kind="labels", names=NAMES).png_text()),
        "uncertainty": encode_grey16_png(doubt, MapMetadata(kind="uncertainty").png_text()),
    }
    line: dict[str, Any] = {
        "key": key,
        "input": str(source),
        "status": "done",
        "outputs": {},
        "bytes": {},
        "sha256": {},
    }
    for kind, data in maps.items():
        path = out / kind / f"{key}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        line["outputs"][kind] = path.relative_to(out).as_posix()
        line["bytes"][kind], line["sha256"][kind] = digest(path)
    return line | {
        "height": HEIGHT,
        "width": WIDTH,
        "windows": False,
        "summary": {},
        "notes": [],
        "recipe": "0",
        "source": digest(source)._asdict(),
    }


def digest(path: Path) -> Digest:
    found = digest_file(path)
    assert found is not None
    return found
