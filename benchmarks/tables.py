"""The paper's comparisons at CamVid's size: which head, which softmax, how many dimensions; and zero-label.

    python benchmarks/tables.py heads CAMVID RUNS [--seeds 3]
    python benchmarks/tables.py zero-label CAMVID RUNS [--seeds 3]

Every cell of a table is a `hypseg train` command, which is printed before it runs; a finished run in RUNS is not run
again. Figures are means over seeds, with the standard deviation, on CAMVID's validation images. The configurations are
heads.toml and zero_label.toml beside this file.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean, stdev

from hypsegcli.checkpoint.peek import read_header

HERE = Path(__file__).resolve().parent
HEADS, SOFTMAXES, DIMENSIONS = ("euclidean", "hyperbolic"), ("flat", "hierarchical"), (2, 3, 10, 64)
HEAD_SCORES = ("mean_iou", "pixel_accuracy", "sibling_mean_iou", "cousin_mean_iou", "auroc_distance", "auroc_entropy")
UNSEEN = "pavement,sign,fence,bicyclist"


def hypseg(*arguments: object) -> None:
    """Run a command of the tool from the repository's root, and show it."""
    words = ["hypseg", *map(str, arguments)]
    print("$", shlex.join(words), file=sys.stderr, flush=True)  # noqa: T201
    subprocess.run([sys.executable, "-m", "hypsegcli", *words[1:]], cwd=HERE.parent, check=True)


def train(data: Path, run: Path, *options: object) -> Path:
    """The last checkpoint of a run, trained or continued where it is not finished."""
    resume = ["--resume"] if (run / "state.pt").exists() else []
    hypseg("train", "--data", data, "--out", run, *options, *resume, "--quiet")
    return run / "last.safetensors"


def cells(dimensions: Sequence[int], seeds: int) -> Iterator[tuple[str, str, int, int]]:
    """Seed by seed, so that a table stopped early has every cell."""
    for seed in range(seeds):
        for size in dimensions:
            for softmax in SOFTMAXES:
                for head in HEADS:
                    yield head, softmax, size, seed


def options_of(head: str, softmax: str, size: int, seed: int) -> list[object]:
    """The options that make a cell."""
    return ["--head", head, "--softmax", softmax, "--embedding-size", size, "--seed", seed]


def heads(data: Path, runs: Path, seeds: int) -> None:
    """Accuracy, relaxed by the tree too, and what the distance is worth."""
    found: dict[tuple[int, str, str], list[dict[str, float]]] = {}
    for head, softmax, size, seed in cells(DIMENSIONS, seeds):
        run = runs / f"{head}-{softmax}-{size}-{seed}"
        path = run / "last.safetensors"
        if not path.exists():
            train(data, run, "--config", HERE / "heads.toml", *options_of(head, softmax, size, seed))
        found.setdefault((size, softmax, head), []).append(read_header(path).provenance.scores)
    table(("D", "softmax", "head"), HEAD_SCORES, found)


def zero_label(data: Path, runs: Path, seeds: int) -> None:
    """Accuracy among classes that were never shown, at D = 64."""
    trunk, config = runs / "trunk", HERE / "zero_label.toml"
    if not (trunk / "done").exists():
        train(data, trunk, "--config", config)
        (trunk / "done").touch()
    frozen = ["--init", trunk / "last.safetensors", "--set", "train_only=head", "--epochs", 4, "--learning-rate", 0.01]
    found: dict[tuple[int, str, str], list[dict[str, float]]] = {}
    for head, softmax, size, seed in cells((64,), seeds):
        run = runs / f"{head}-{softmax}-{size}-{seed}"
        report = run / "report" / "report.json"
        if not report.exists():
            path = train(data, run, "--config", config, *frozen, *options_of(head, softmax, size, seed))
            hypseg(
                "evaluate", data / "val/images", data / "val/masks", "--checkpoint", path, "--unseen", UNSEEN,
                "--longest-side", 240, "--bootstrap", 0, "--out", report.parent, "--quiet",
            )  # fmt: skip
        means = json.loads(report.read_text())["segmentation"]["conventions"]["cityscapes"]
        scores = {"mean_iou": means["miou"], "pixel_accuracy": means["pixel_accuracy"]}
        found.setdefault((size, softmax, head), []).append(scores)
    table(("D", "softmax", "head"), ("mean_iou", "pixel_accuracy"), found)


def table(
    keys: Sequence[str], scores: Sequence[str], found: dict[tuple[int, str, str], list[dict[str, float]]]
) -> None:
    """Print a Markdown table, in percent."""
    lines = ["| " + " | ".join([*keys, *scores, "seeds"]) + " |", "| --- " * (len(keys) + len(scores) + 1) + "|"]
    for key, runs in found.items():
        row = [*map(str, key)]
        for name in scores:
            values = [100 * run[name] for run in runs]
            row.append(f"{fmean(values):.1f}" + (f" ± {stdev(values):.1f}" if len(values) > 1 else ""))
        lines.append("| " + " | ".join([*row, str(len(runs))]) + " |")
    print("\n".join(lines))  # noqa: T201


def main() -> None:
    """See the module's text."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", choices=["heads", "zero-label"])
    parser.add_argument("data", type=Path)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    (heads if given.table == "heads" else zero_label)(given.data.resolve(), given.runs.resolve(), given.seeds)


if __name__ == "__main__":
    main()
