"""A folder as phones make them, JPEGs of 4,000 x 3,000 pixels: `python benchmarks/phones.py IMAGES [--images 8]`.

The pictures are those in IMAGES, enlarged, with noise of a sensor on them, so that their files are as large as a
phone's. First, one at a time, what decoding costs: whole, and by libjpeg's scaled decoding, which gives a half or a
quarter of the pixels. Then `hypseg predict`, labels and confidence at the photographs' size and the network at the size
it was trained at, against the plain way: decode, shrink, run in eager PyTorch, enlarge the labels, write. Medians over
rounds; the stages' milliseconds an image are those of `--profile`, in which several run at once.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image

from hypsegcli.checkpoint.bundled import bundled_checkpoint
from hypsegcli.checkpoint.store import Checkpoint, load_checkpoint
from hypsegcli.hierarchy.softmax import class_log_probabilities
from hypsegcli.images.decode import decode_image
from hypsegcli.images.shrink import shrink_image
from hypsegcli.inference.normalise import normalise
from hypsegcli.inference.strips import pad_to_cells

SIZE = (4000, 3000)
SCALES = {"whole": cv2.IMREAD_COLOR, "a half": cv2.IMREAD_REDUCED_COLOR_2, "a quarter": cv2.IMREAD_REDUCED_COLOR_4}
NOISE = 4.0  # of a byte's 255, one standard deviation


def write_photographs(folder: Path, sources: Sequence[Path], count: int) -> list[Path]:
    """JPEGs as large as a phone's."""
    folder.mkdir()
    chance = np.random.default_rng(0)
    found = []
    for number in range(count):
        pixels = decode_image(sources[number % len(sources)]).pixels
        large = cv2.resize(pixels, SIZE, interpolation=cv2.INTER_CUBIC).astype(np.float32)
        large += NOISE * chance.standard_normal(large.shape, np.float32)
        found.append(folder / f"{number:03d}.jpg")
        Image.fromarray(large.clip(0, 255).astype(np.uint8)).save(found[-1], quality=90)
    return found


def plain(checkpoint: Checkpoint, paths: Sequence[Path], out: Path) -> None:
    """As a script would: one image after the other."""
    model, header = checkpoint.model.eval(), checkpoint.header
    for path in paths:
        with Image.open(path) as opened:
            pixels = np.asarray(opened.convert("RGB"))
        small = shrink_image(pixels, header.input.longest_side)
        batch = torch.from_numpy(pad_to_cells(small[None])).permute(0, 3, 1, 2)
        with torch.no_grad():
            scores = class_log_probabilities(model(normalise(batch, header.input)).logits, header.tree)
        labels = scores.argmax(1)[0].repeat_interleave(4, 0).repeat_interleave(4, 1)[: small.shape[0], : small.shape[1]]
        whole = cv2.resize(labels.numpy().astype(np.uint8), SIZE, interpolation=cv2.INTER_NEAREST)
        Image.fromarray(whole).save(out / f"{path.stem}.png")


def predict(paths: Sequence[Path], out: Path, *options: str) -> dict[str, float]:
    """`hypseg predict`, without its start; milliseconds an image by stage."""
    command = [sys.executable, "-m", "hypsegcli", "predict", str(paths[0].parent), "--out", str(out), "-q"]
    subprocess.run([*command, "--save", "labels,confidence", *options], check=True, stdout=subprocess.DEVNULL)
    found = json.loads((out / "run.json").read_text())["profile"]
    busy = {name: 1e3 * seconds / len(paths) for name, seconds in found["busy_seconds"].items()}
    return {"in all": 1e3 * found["wall_seconds"] / len(paths)} | busy


def read_scaled(path: Path, flag: int) -> object:
    """By OpenCV, which has libjpeg give a part of the pixels."""
    return cv2.imread(str(path), flag)


def milliseconds(work: Callable[[], object]) -> float:
    """What it takes."""
    started = time.perf_counter()
    work()
    return 1e3 * (time.perf_counter() - started)


def say(line: str) -> None:
    """Print."""
    print(line, flush=True)  # noqa: T201


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=Path)
    parser.add_argument("--images", type=int, default=8, dest="count")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    sources = sorted(path for path in given.images.iterdir() if path.suffix in {".png", ".jpg"})
    checkpoint = load_checkpoint(bundled_checkpoint())
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        paths = write_photographs(place / "in", sources, given.count)
        size = statistics.mean(path.stat().st_size for path in paths) / 1e6
        say(f"{len(paths)} JPEGs of {SIZE[0]} x {SIZE[1]} pixels, {size:.1f} MB on average\n")
        ways: dict[str, Callable[[Path], object]] = {"hypseg's, whole": decode_image}
        ways |= {f"libjpeg's, {scale}": partial(read_scaled, flag=flag) for scale, flag in SCALES.items()}
        say("| decoding | ms |\n| --- | --- |")
        for called, way in ways.items():
            taken = [milliseconds(partial(way, path)) for _ in range(given.rounds) for path in paths]
            say(f"| {called} | {statistics.median(taken):.0f} |")
        rows: dict[str, list[dict[str, float]]] = {"the plain way": [], "hypseg predict": [], "with one worker": []}
        for number in range(given.rounds):
            (place / f"plain {number}").mkdir()
            took = milliseconds(partial(plain, checkpoint, paths, place / f"plain {number}"))
            rows["the plain way"].append({"in all": took / len(paths)})
            rows["hypseg predict"].append(predict(paths, place / f"ours {number}"))
            rows["with one worker"].append(predict(paths, place / f"one {number}", "--workers", "1"))
        stages = list(rows["hypseg predict"][0])
        say(f"\n| ms an image | {' | '.join(stages)} |\n| --- {'| --- ' * len(stages)}|")
        for called, found in rows.items():
            medians = {stage: statistics.median(one[stage] for one in found) for stage in found[0]}
            cells = [f"{medians[stage]:.0f}" if stage in medians else "" for stage in stages]
            say(f"| {called} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
