"""Clusters learned without masks against k-means, scored as classes; a Markdown table.

    python benchmarks/cluster.py DATA [--level 1] [--few 4] [--many 16] [--init clothing --init random] [--work DIR]

DATA has train/, val/, classes.txt and hierarchy.json, as `hypseg train` takes them. Clusters are learned from the
images of train/ alone, and matched with the classes of a level of the tree by the masks of train/; scored are those of
val/: pixel accuracy and mean IoU, in percent, with as many clusters as `--few`, one a class, and as `--many`, by
majority. k-means takes images of 64 x 48 pixels, with position or without.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from hypsegcli.hierarchy.tree import read_class_names, read_tree
from hypsegcli.images.decode import decode_image

SIZE = (64, 48)  # width and height of what k-means sees
Way = Callable[[Path, int, Path], list[object]]  # data, clusters and a folder; what `evaluate` is told of each split


def hypseg(*command: object) -> None:
    """Run it; SystemExit with its error where it fails."""
    done = subprocess.run(
        [sys.executable, "-m", "hypsegcli", *map(str, command)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(done.stderr)


def features(path: Path, *, position: bool) -> NDArray[np.float32]:
    """(N, 3) colours from 0 to 1 of an image shrunk to 64 x 48 pixels; with `position` (N, 5), row and column too."""
    small = cv2.resize(decode_image(path).pixels, SIZE, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    planes = [small.reshape(-1, 3)]
    if position:
        rows, columns = np.mgrid[0 : 1 : SIZE[1] * 1j, 0 : 1 : SIZE[0] * 1j]
        planes += [rows.reshape(-1, 1), columns.reshape(-1, 1)]
    return np.concatenate(planes, 1).astype(np.float32)


def kmeans(data: Path, clusters: int, folder: Path, *, position: bool) -> list[object]:
    """Label maps of both splits by k-means on the pixels of train/."""
    from sklearn.cluster import KMeans

    read = partial(features, position=position)
    learned = KMeans(clusters, n_init=4, random_state=0).fit(
        np.concatenate([read(path) for path in sorted((data / "train/images").iterdir())])
    )
    for split in ("train", "val"):
        (folder / split).mkdir(parents=True)
        for path in sorted((data / split / "images").iterdir()):
            height, width = decode_image(path).pixels.shape[:2]
            labels = learned.predict(read(path)).reshape(SIZE[::-1]).astype(np.uint8)
            large = cv2.resize(labels, (width, height), interpolation=cv2.INTER_NEAREST)
            cv2.imwrite(str(folder / split / f"{path.stem}.png"), large)
    return ["--predictions"]


def learned(data: Path, clusters: int, folder: Path, *, init: str) -> list[object]:
    """The checkpoint of `hypseg cluster`."""
    hypseg("cluster", data / "train/images", "--clusters", clusters, "--init", init, "--out", folder, "--quiet")
    return ["--checkpoint", folder / "clusters.safetensors"]


def coarse(data: Path, level: int, folder: Path) -> tuple[list[object], int]:
    """What tells `evaluate` of the classes at a level of the tree, and how many there are."""
    tree = read_tree(data / "hierarchy.json", read_class_names(data / "classes.txt"))
    nodes = tree.at_level(level).tolist()
    names = list(dict.fromkeys(tree.names[node] for node in nodes))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "classes.txt").write_text("".join(f"{index}:{name}\n" for index, name in enumerate(names)))
    lines = [f"{fine}:{names.index(tree.names[node])}\n" for fine, node in enumerate(nodes)]
    void = [f"{fine}:void\n" for fine in range(len(nodes), 255)]
    (folder / "coarse.txt").write_text("".join(lines + void))
    return ["--classes", folder / "classes.txt", "--map", folder / "coarse.txt"], len(names)


def ways(inits: list[str]) -> Iterator[tuple[str, Way]]:
    """All that are compared."""
    yield "k-means, colour", partial(kmeans, position=False)
    yield "k-means, colour and position", partial(kmeans, position=True)
    for init in inits:
        yield f"`hypseg cluster --init {init}`", partial(learned, init=init)


def scores(data: Path, told: list[object], named: list[object], method: str, folder: Path) -> tuple[float, float]:
    """Pixel accuracy and mean IoU on val/, in percent, by the match of train/."""
    match: object = method
    for split in ("train", "val"):
        out, common = folder / f"report-{split}", ["--bootstrap", 0, "--quiet", *named]
        if told[0] == "--predictions":
            hypseg("evaluate", *told, folder / split, data / split / "masks", "--match", match, "--out", out, *common)
        else:
            images, masks = data / split / "images", data / split / "masks"
            hypseg("evaluate", images, masks, *told, "--match", match, "--out", out, *common)
        match = out
    summary: Any = json.loads((folder / "report-val/report.json").read_text())["summary"]
    return 100 * summary["pixel_accuracy"]["value"], 100 * summary["miou"]["value"]


def main() -> None:
    """See the module's text."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--level", type=int, default=1)
    parser.add_argument("--few", type=int, default=4)
    parser.add_argument("--many", type=int, default=16)
    parser.add_argument("--init", action="append")
    parser.add_argument("--work", type=Path, help="where what is made stays; without it, nothing does")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        root = given.work or Path(place)
        named, classes = coarse(given.data, given.level, root)
        heads = [f"{given.few}, one a class", f"{given.many}, by majority"]
        print(f"{classes} classes\n\n| | {' | | '.join(heads)} | |\n|{' --- |' * 5}")  # noqa: T201
        print("| | accuracy | mIoU | accuracy | mIoU |", flush=True)  # noqa: T201
        for number, (name, way) in enumerate(ways(given.init or ["clothing", "random"])):
            cells = []
            for clusters, method in ((given.few, "hungarian"), (given.many, "majority")):
                folder, started = root / f"{number}-{clusters}", time.perf_counter()
                told = way(given.data, clusters, folder)
                seconds = time.perf_counter() - started
                found = scores(given.data, told, named, method, folder)
                cells += [f"{score:.1f}" for score in found]
                print(name, clusters, found, f"{seconds:.0f} s", file=sys.stderr, flush=True)  # noqa: T201
            print(f"| {name} | {' | '.join(cells)} |", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
