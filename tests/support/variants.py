"""Pictures, two networks, and what maps runs of several settings make of each picture in an empty folder."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import threading
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

from PIL import Image

from hypsegcli.cli.app import main
from hypsegcli.files.books import MANIFEST
from hypsegcli.hierarchy.tree import flat_tree
from support import make_checkpoint, photograph
from support.forked import hypseg

BROKEN = "broken.png"
PICTURES = [f"{number}.png" for number in range(6)]
STACKS = {"two.tif": 2, "three.tif": 3}  # pages

VARIANTS = {
    "labels": ("predict", "--save", "labels", "--checkpoint", "../one.safetensors"),
    "two kinds": ("predict", "--save", "labels,confidence", "--checkpoint", "../one.safetensors"),
    "arrays": ("predict", "--save", "labels,confidence", "--format", "npy", "--checkpoint", "../one.safetensors"),
    "other network": ("predict", "--save", "labels,confidence", "--checkpoint", "../two.safetensors"),
    "heatmaps": ("uncertainty", "--checkpoint", "../one.safetensors"),
    "other regions": ("uncertainty", "--checkpoint", "../one.safetensors", "--below", "0.99", "--smallest", "9"),
    "other heatmaps": ("uncertainty", "--checkpoint", "../two.safetensors", "--rank", "mean"),
}
ENGINE = ("--engine", "torch", "--precision", "fp32", "--workers", "0")

Maps = Mapping[str, bytes]  # of a picture, by kind and suffix


class World:
    """They lie in a folder; `data` are the pictures' bytes, `maps` those of each variant."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
        for seed, name in enumerate(PICTURES):
            photograph(folder / "pool/pool" / name, size=(32, 24), seed=seed)
        for (name, pages), first in zip(STACKS.items(), (0, 2), strict=True):
            images = [Image.open(folder / "pool/pool" / PICTURES[first + page]) for page in range(pages)]
            images[0].save(folder / "pool/pool" / name, save_all=True, append_images=images[1:])
        self.data = {path.name: path.read_bytes() for path in (folder / "pool/pool").iterdir()}
        self.data[BROKEN] = self.data[PICTURES[0]][:200]
        for name, classes in (("one", "abc"), ("two", "wxyz")):
            make_checkpoint(folder / f"{name}.safetensors", flat_tree(list(classes)), backbone="mobilenet_v3_small")
        self._warm_up()
        self.recipes: dict[str, str] = {}  # of each variant, as its lines name it
        self.maps = {variant: self._maps_of(variant) for variant in VARIANTS}

    def _warm_up(self) -> None:
        """Let this process import what runs do, that no fork has to."""
        shards = [("--out", "shards", "--shard", f"{index}/2") for index in range(2)]
        ways = [("--out", "arrays"), *shards]
        talk = StringIO()
        with contextlib.chdir(self.folder / "pool"), redirect_stdout(talk), redirect_stderr(talk):
            for variant, way in zip(("arrays", "heatmaps", "heatmaps"), ways, strict=True):
                main([*VARIANTS[variant], "pool", *way, *ENGINE])
            main(["merge", "shards"])
            main(["verify", "shards"])
        if threading.active_count() > 1:
            raise RuntimeError("a process with threads does not fork well")

    def _maps_of(self, variant: str) -> dict[tuple[str, int | None], Maps]:
        """Of a picture in the pool, or of a page of one, from 1, the maps by kind and suffix."""
        out = self.folder / "pool" / "out"
        ended = hypseg([*VARIANTS[variant], "pool", "--pages", "all", "--out", "out", *ENGINE], self.folder / "pool")
        if ended.code:
            raise RuntimeError(ended.text)
        found: dict[tuple[str, int | None], Maps] = {}
        for line in lines_of(out).values():
            maps = {f"{kind}{Path(path).suffix}": (out / path).read_bytes() for kind, path in line["outputs"].items()}
            found[Path(line["input"]).name, line.get("page")] = maps
            self.recipes[variant] = line["recipe"]
        shutil.rmtree(out)
        return found


def lines_of(out: Path) -> dict[str, dict[str, Any]]:
    """The last line of each image in a manifest, by key."""
    lines = map(json.loads, (out / MANIFEST).read_text().splitlines())
    return {line["key"]: line for line in lines}
