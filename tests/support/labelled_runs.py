"""Folders of runs that wrote label maps, without a network, and what people make of them in labelling tools."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hypsegcli.annotation.masks import AnnotatedMask
from hypsegcli.errors import HypsegError
from hypsegcli.files.digest import digest_of
from hypsegcli.images.metadata import MapMetadata
from hypsegcli.images.png import encode_indexed_png
from hypsegcli.pictures.palette import spread_colors
from hypsegcli.run.annotate import Tool, choose_maps, write_export
from hypsegcli.run.manifest import place_of
from hypsegcli.truth.export_pairs import export_at
from hypsegcli.truth.exports import ids_of_labels
from support import photograph

STREETS = ("sky", "road", "car")
NUCLEI = ("background", "nucleus")
SUFFIX: Mapping[Tool, str] = {"cvat": ".zip", "coco": ".json", "label-studio": ".json"}


def blobs(classes: int, *, size: tuple[int, int] = (24, 32), seed: int = 0) -> NDArray[np.uint16]:
    """(H, W) ids in areas of a few pixels, all of them where there is room."""
    rng = np.random.default_rng(seed)
    height, width = size
    cells = rng.integers(0, classes, (height // 3 + 1, width // 4 + 1)).astype(np.uint16)
    return cells.repeat(3, 0).repeat(4, 1)[:height, :width].copy()


def make_run(
    root: Path, names: Sequence[str], maps: Mapping[str, NDArray[np.integer[Any]]], *, void: int = 255
) -> Path:
    """A run's folder, `root`/out, of photographs in `root`/photos; ids of `void` are none of the classes'."""
    out, lines = root / "out", []
    out.mkdir(parents=True)
    colors = np.array(spread_colors(len(names)), np.uint8)
    palette = np.zeros((max(len(names), void + 1), 3), np.uint8)
    palette[: len(names)] = colors
    metadata = MapMetadata(kind="labels", names=tuple(names), ignore_index=void, checkpoint="ab" * 32)
    for seed, (key, ids) in enumerate(maps.items()):
        height, width = ids.shape
        source = photograph(root / f"photos/{key}.png", size=(width, height), seed=seed)
        data = encode_indexed_png(ids, palette, metadata.png_text())
        path = out / f"labels/{key}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        photo, written = digest_of(source.read_bytes()), digest_of(data)
        line: dict[str, Any] = {"key": key, **place_of(source), "status": "done", "recipe": "r", "notes": []}
        line |= {"height": height, "width": width, "summary": {}, "source": photo._asdict()}
        line |= {"outputs": {"labels": f"labels/{key}.png"}, "bytes": {"labels": written.bytes}}
        lines.append(line | {"sha256": {"labels": written.sha256}})
    (out / "manifest.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    (out / "run.json").write_text(json.dumps({"status": "finished"}))
    return out


def annotate(out: Path, tool: Tool, *wanted: str, file: Path | None = None, with_images: bool = False) -> Path:
    """Write what a tool takes of a run."""
    path = file or out.parent / f"{tool}{SUFFIX[tool]}"
    chosen = choose_maps(out, wanted)
    options: dict[str, Any] = {"images_at": "/data/local-files/?d=", "with_images": with_images, "replace": True}
    write_export(chosen, tool, path, **options, advance=lambda: None)
    return path


def erase(exported: Path, *keys: str) -> Path:
    """What CVAT exports where a person erased everything in some images: it lists them, and writes no masks."""
    with ZipFile(exported) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    gone = {f"{folder}/{key}.png" for folder in ("SegmentationClass", "SegmentationObject") for key in keys}
    assert gone <= members.keys()
    with ZipFile(exported, "w") as archive:
        for name, data in members.items():
            if name not in gone:
                archive.writestr(name, data)
    return exported


def accept(tasks: Path, exported: Path | None = None) -> Path:
    """What Label Studio exports where a person submits every prediction as it is."""
    found = json.loads(tasks.read_text())
    for number, task in enumerate(found, start=1):
        made = {"id": number, "was_cancelled": False, "result": task["predictions"][0]["result"]}
        task |= {"id": number, "annotations": [made], "predictions": []}
    path = exported or tasks.with_name("exported.json")
    path.write_text(json.dumps(found))
    return path


def ids_in(path: Path, names: Sequence[str], *, void: int = 255) -> dict[str, NDArray[np.int64]]:
    """The class ids of every image in what a tool exported, by key."""
    export = export_at(path)
    assert export is not None
    ids, _ = ids_of_labels(export, names)
    found = {key: AnnotatedMask.of(export, key, ids).decode().astype(np.int64) for key in export.keys}
    return {key: np.where(mask == 65535, void, mask) for key, mask in found.items()}


def stored(out: Path, key: str) -> NDArray[np.int64]:
    """The ids of a label map of a run."""
    with Image.open(out / f"labels/{key}.png") as image:
        return np.asarray(image).astype(np.int64)


def refused(action: Any) -> str:
    """The sentence with which something is refused."""
    try:
        action()
    except HypsegError as error:
        return str(error)
    raise AssertionError("nothing was refused")
