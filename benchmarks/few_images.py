"""Ten images of one's own: which way to train on them from a bundled model; a Markdown table.

    python benchmarks/few_images.py DATA --init streets --seeds 3
    python benchmarks/few_images.py DATA --init streets --images 100 --ways 4,5 --side 160 --seeds 1

DATA is as `hypseg train` takes it. For every seed some images of its train/ are drawn to learn from and half as many
to choose the best epoch on; what comes of it is scored on images of val/, the same for all. Ways are settings of
`hypseg train`, beside what `--init` brings by itself. With `--side` images are shrunk to it, and crops are squares of
four fifths of it: minutes instead of hours, and lower scores.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import fmean, stdev

# fmt: off
WAYS: dict[str, tuple[str, ...]] = {
    "head first, then all (the default)": (),
    "the same, batch norm learns too": ("freeze_batch_norm=false",),
    "all at once": ("head_epochs=0",),
    "head alone, 0.003": ("train_only=head", "learning_rate=0.003"),
    "15 epochs, batch norm as it came": ("preset=10", "epochs=15", "head_epochs=5"),
    "15 epochs, batch norm learns, 8 images a step, 0.002": (
        "preset=10", "epochs=15", "head_epochs=3", "freeze_batch_norm=false", "batch_size=8", "learning_rate=0.002",
    ),
    "the preset for 10": ("preset=10",),
    "the preset for 100": ("preset=100",),
    "the preset for 1000": ("preset=1000",),
}
# fmt: on


def run(*command: object) -> str:
    """The standard output of hypseg; SystemExit with its error where it fails."""
    done = subprocess.run(
        [sys.executable, "-m", "hypsegcli", *map(str, command)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stdout


def link(pairs: list[tuple[Path, Path]], folder: Path) -> None:
    """A split of some pairs."""
    for name, paths in zip(("images", "masks"), zip(*pairs, strict=True), strict=True):
        (folder / name).mkdir(parents=True)
        for path in paths:
            (folder / name / path.name).symlink_to(path)


def pairs_of(folder: Path) -> list[tuple[Path, Path]]:
    """Images with their masks, by name."""
    masks = {path.stem: path for path in (folder / "masks").iterdir()}
    return [(path.resolve(), masks[path.stem].resolve()) for path in sorted((folder / "images").iterdir())]


def main() -> None:
    """See the module's text."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--init", default="streets")
    parser.add_argument("--images", type=int, default=10)
    parser.add_argument("--scored", type=int, default=60, help="of val/ at most, evenly spaced")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--ways", help="numbers of them, separated by commas")
    parser.add_argument("--side", type=int, help="pixels; a multiple of 20")
    options = parser.parse_args()
    small: tuple[str, ...] = ()
    if options.side:
        crop = 4 * options.side // 5
        small = (f"longest_side={options.side}", f"crop_height={crop}", f"crop_width={crop}", "workers=0")
    ways = list(WAYS.items())[:4]
    if options.ways:
        ways = [list(WAYS.items())[int(number)] for number in options.ways.split(",")]
    val = pairs_of(options.data / "val")
    val = val[:: -(-len(val) // options.scored)]
    found: dict[str, list[tuple[float, ...]]] = {way: [] for way, _ in ways}
    with tempfile.TemporaryDirectory() as place:
        link(val, Path(place) / "scored")
        for seed in range(options.seeds):
            data = Path(place) / f"data{seed}"
            drawn = random.Random(seed).sample(pairs_of(options.data / "train"), options.images + options.images // 2)
            link(drawn[: options.images], data / "train")
            link(drawn[options.images :], data / "val")
            for name in ("classes.txt", "hierarchy.json"):
                if (options.data / name).exists():
                    (data / name).symlink_to((options.data / name).resolve())
            for way, settings in ways:
                out = Path(place) / f"run{seed} {way}"
                chosen = [
                    text for setting in (*settings, *small, f"seed={seed}", "pictures=0") for text in ("--set", setting)
                ]
                clock = time.perf_counter()
                run("train", "--data", data, "--out", out, "--init", options.init, "--quiet", *chosen)
                seconds = time.perf_counter() - clock
                scored = Path(place) / "scored"
                run(
                    "evaluate", scored / "images", scored / "masks", "--checkpoint", out / "best.safetensors", "--out",
                    out / "report", "--bootstrap", "0", "--engine", "torch", "--quiet",
                )  # fmt: skip
                report = json.loads((out / "report/report.json").read_text())
                segmentation = report["segmentation"]
                whole = segmentation["conventions"][report["convention"]]
                auroc = next(each["auroc"] for each in report["measures"] if each["name"] == "distance")
                scores = (whole["miou"], segmentation["image_miou"], whole["pixel_accuracy"], auroc)
                found[way].append((*(100 * score for score in scores), seconds))
                print(seed, way, found[way][-1], file=sys.stderr, flush=True)  # noqa: T201
    heads = ("way", "mIoU", "image-level mIoU", "pixel accuracy", "AUROC of the distance", "seconds")
    print(f"| {' | '.join(heads)} |\n|{' --- |' * len(heads)}")  # noqa: T201
    for way, rows in found.items():
        cells = [
            f"{fmean(one):.1f} ± {stdev(one) if len(one) > 1 else 0:.1f}" for one in list(zip(*rows, strict=True))[:4]
        ]
        print(f"| {way} | {' | '.join(cells)} | {fmean(row[-1] for row in rows):.0f} |")  # noqa: T201


if __name__ == "__main__":
    main()
