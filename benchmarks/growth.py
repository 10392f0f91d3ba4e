"""How the time and the memory of `hypseg predict` grow with images, pixels, classes and dimensions.

    python benchmarks/growth.py IMAGES [--engine auto]

Every row is a run of its own: labels and confidence, of photographs that are copies of those in IMAGES, enlarged where
a row asks for more pixels. Time is that of run.json, without start-up; memory is the most that the process ever held,
PyTorch's own libraries included. The first image of a size is slower than others, which shows where there are two.
Where a network must be converted for an engine first, as on the very first run, that counts too. Networks of other
sizes than the bundled one have random weights, on a ResNet-18.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from PIL import Image  # and nothing larger: a child's peak starts at what its parent holds

SIZE = (480, 360)


class Row(NamedTuple):
    """What is run."""

    images: int = 1
    side: int = 1  # times SIZE
    classes: int = 0  # of a network with random weights; 0: the bundled one
    D: int = 0
    tile: str = "auto"


def rows() -> Iterator[Row]:
    """One thing grows at a time."""
    for images in (10, 40, 160):
        yield Row(images=images)
    for side in (1, 2, 4, 8):
        yield Row(images=2, side=side)
    yield Row(images=2, side=8, tile="4096")
    for classes in (21, 150, 1000):
        yield Row(images=10, classes=classes, D=64)
    for D in (2, 64, 256):
        yield Row(images=10, classes=150, D=D)


def write_checkpoint(path: Path, classes: int, D: int) -> None:
    """A network with random weights; called in a process of its own."""
    import torch

    from hypsegcli.checkpoint.format import Header, InputSpec, Provenance
    from hypsegcli.checkpoint.store import save_checkpoint
    from hypsegcli.hierarchy.tree import flat_tree
    from hypsegcli.network.config import ModelConfig
    from hypsegcli.network.model import build_model

    config = ModelConfig(nodes=classes, softmax="flat", embedding_size=D, backbone="resnet18")
    header = Header(
        model=config,
        input=InputSpec(height=SIZE[1], width=SIZE[0]),
        tree=flat_tree([f"class {index}" for index in range(classes)]),
        colors=tuple((index % 256, index // 256, 7) for index in range(classes)),
        ignore_index=65535 if classes > 255 else 255,
        provenance=Provenance(trained_on="nothing", licence="none", hypseg_version="0", torch_version="0"),
    )
    torch.manual_seed(0)
    save_checkpoint(path, header, build_model(config).state_dict())


def write_pictures(folder: Path, sources: list[Path], row: Row) -> None:
    """JPEGs for a row."""
    folder.mkdir(parents=True)
    for number in range(row.images):
        with Image.open(sources[number % len(sources)]) as opened:
            picture = opened.convert("RGB").resize((SIZE[0] * row.side, SIZE[1] * row.side))
        picture.save(folder / f"{number:03d}.jpg", quality=92)


def run(row: Row, sources: list[Path], place: Path, engine: str) -> tuple[float, float]:
    """Seconds an image, and the peak of memory in MB."""
    place.mkdir()
    write_pictures(place / "in", sources, row)
    command = ["predict", str(place / "in"), "--out", str(place / "out"), "--save", "labels,confidence", "--quiet"]
    command += ["--engine", engine, "--tile", row.tile, "--longest-side", "off"]
    if row.classes:
        weights = place / "weights.safetensors"
        subprocess.run([sys.executable, __file__, "--write", weights, str(row.classes), str(row.D)], check=True)
        command += ["--checkpoint", str(weights)]
    silent = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    arguments = [sys.executable, "-m", "hypsegcli", *command]
    process = os.posix_spawn(sys.executable, arguments, os.environ, file_actions=silent)
    _, status, usage = os.wait4(process, 0)
    if status:
        raise SystemExit(f"hypseg {' '.join(command)} failed")
    profile = json.loads((place / "out" / "run.json").read_text())["profile"]
    return profile["wall_seconds"] / profile["images"], usage.ru_maxrss * 1024 / 1e6


def say(line: str) -> None:
    """Print."""
    print(line, flush=True)  # noqa: T201


def main() -> None:
    """See the module's text."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=Path)
    parser.add_argument("--engine", default="auto")
    given = parser.parse_args()
    sources = sorted(path for path in given.images.iterdir() if path.suffix in {".png", ".jpg"})
    say("| images | pixels | classes | D | ms an image | ms a megapixel | peak, MB |\n" + "| --- " * 7 + "|")
    with tempfile.TemporaryDirectory() as folder:
        for number, row in enumerate(rows()):
            width, height = (row.side * length for length in SIZE)
            seconds, peak = run(row, sources, Path(folder) / str(number), given.engine)
            classes, D = (str(row.classes), str(row.D)) if row.classes else ("11, as bundled", "64")
            pixels = f"{width} x {height}" + (f", `--tile {row.tile}`" if row.tile != "auto" else "")
            cells = [str(row.images), pixels, classes, D, f"{1e3 * seconds:.0f}"]
            say("| " + " | ".join([*cells, f"{1e9 * seconds / (width * height):.0f}", f"{peak:.0f}"]) + " |")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--write"]:
        write_checkpoint(Path(sys.argv[2]), *map(int, sys.argv[3:]))
    else:
        main()
