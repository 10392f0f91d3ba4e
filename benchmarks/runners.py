"""What it costs to share a run's images: CPU seconds of all processes, for one process, two, two runs, and Ray.

    python benchmarks/runners.py                   a table of these for 12 and for 60 images
    python benchmarks/runners.py --images 20 200   for other numbers
    python benchmarks/runners.py --runners one two without Ray

Images are pieces of the bundled streets, 320 x 240, and every process has one thread for its network, but Ray's actor,
which has all CPUs of the machine. The cost of an image, and what is fixed, come of the two numbers of images; an image
`pays` where two workers on processors of their own would be done before one process, were all that is fixed beyond one
process's done before the first image. Linux alone tells what processes take that are nobody's children.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

REPOSITORY = Path(__file__).resolve().parents[1]
SIDES = 320, 240
MARK = "HYPSEG_BENCHMARK"  # in the environment of all processes of a run
TICKS = os.sysconf("SC_CLK_TCK")


def write_pictures(folder: Path, images: int) -> list[Path]:
    """Pieces of the bundled photographs of streets."""
    chance, (width, height) = np.random.default_rng(0), SIDES
    streets = [Image.open(path).convert("RGB") for path in sorted((REPOSITORY / "examples/streets").glob("*.jpg"))]
    paths = []
    for number in range(images):
        street = streets[number % len(streets)]
        left, top = int(chance.integers(street.width - width)), int(chance.integers(street.height - height))
        paths.append(folder / f"{number:05}.jpg")
        street.crop((left, top, left + width, top + height)).save(paths[-1], quality=90)
    return paths


def cpu_seconds(commands: list[list[str]]) -> float:
    """CPU seconds of commands that run side by side, and of all that they start."""
    mark = secrets.token_hex(8)
    environment = os.environ | {MARK: mark, "OMP_NUM_THREADS": "1"}
    running = [subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) for command in commands]
    seen: dict[str, float] = {}
    while any(process.poll() is None for process in running):
        look(mark, seen)
        time.sleep(0.05)
    if any(process.returncode for process in running):
        raise SystemExit(f"{commands[0]}: failed")
    return sum(seen.values())


def look(mark: str, seen: dict[str, float]) -> None:
    """Note what living processes with a mark in their environment have taken so far, by process."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={mark}".encode() in (folder / "environ").read_bytes():
                numbers = (folder / "stat").read_text().rpartition(")")[2].split()
                seen[folder.name] = (int(numbers[11]) + int(numbers[12])) / TICKS
        except OSError:  # it has gone, or is another's
            continue


def commands_of(runner: str, paths: list[Path], folder: Path) -> list[list[str]]:
    """What a runner is started by."""
    hypseg = [sys.executable, "-m", "hypsegcli", "predict", "--workers", "1", "--quiet", "--device"]
    parts = [paths[0::2], paths[1::2]] if runner == "two runs" else [paths]
    more = ["--runner", "ray"] if runner == "ray" else []
    commands = []
    for number, part in enumerate(parts):
        given = folder / f"{number}.txt"
        given.write_text("".join(f"{path}\n" for path in part))
        device = "cpu,cpu" if runner == "two processes" else "cpu"
        commands.append([*hypseg, device, f"@{given}", "--out", str(folder / f"out{number}"), *more])
    return commands


def main() -> None:
    """See the module's text."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, nargs=2, default=(12, 60))
    parser.add_argument("--runners", nargs="+", default=["one process", "two processes", "two runs", "ray"])
    given = parser.parse_args()
    few, many = given.images
    found: dict[str, tuple[float, float]] = {}
    for runner in given.runners:
        took = []
        for images in (few, many):
            with tempfile.TemporaryDirectory() as folder:
                paths = write_pictures(Path(folder), images)
                took.append(cpu_seconds(commands_of(runner, paths, Path(folder))))
        an_image = (took[1] - took[0]) / (many - few)
        found[runner] = (an_image, took[0] - few * an_image)
        print(json.dumps({"runner": runner, "images": given.images, "cpu_seconds": took}), file=sys.stderr)  # noqa: T201
    print("| | CPU s an image | fixed CPU s | pays from |\n| --- | --- | --- | --- |")  # noqa: T201
    alone, start = found.get("one process", (0.0, 0.0))
    for runner, (an_image, fixed) in found.items():
        gain = alone - an_image / 2
        pays = "" if runner == "one process" or gain <= 0 else f"{max(0.0, fixed - start) / gain:.0f} images"
        print(f"| {runner} | {an_image:.3f} | {fixed:.1f} | {pays or '-'} |")  # noqa: T201


if __name__ == "__main__":
    main()
