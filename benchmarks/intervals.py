"""How often intervals hold what they are of, by the number of images that they are over.

    hypseg predict IMAGES --out a --save labels
    hypseg predict IMAGES --out b --save labels --longest-side 320
    python benchmarks/intervals.py a b MASKS --classes 11 [--draws 500]

The images stand for all that there are. So many of them are drawn, with replacement, and the intervals of mIoU, pixel
accuracy and the IoU of every class made over those, as `hypseg evaluate` makes them, and those of the differences
between both label maps, as `hypseg compare` does. A column is the share of draws, in percent: in which the interval of
mIoU, or of pixel accuracy, holds the score of all images; in which all those of the differences hold theirs; and in
which all hold 0 where the maps of both sides were exchanged by chance image by image, so that neither is better.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hypsegcli.images.decode import decode_mask
from hypsegcli.metrics.classes import confusion_matrix, iou_from_counts
from hypsegcli.scores.bootstrap import REPLICATES
from hypsegcli.scores.paired import Runs, joint_intervals

Counts = NDArray[np.int64]
Values = NDArray[np.float64]

IMAGES = (5, 10, 20, 30, 50, 100)
MIOU, ACCURACY = "miou", "pixel_accuracy"


def count(predictions: Path, mask: Path, key: str, classes: int) -> Counts:
    """(C, C + 1) the confusion matrix of an image."""
    truth, labels = (np.minimum(decode_mask(path), classes) for path in (mask, predictions / "labels" / f"{key}.png"))
    return confusion_matrix(truth.astype(np.uint8), labels.astype(np.uint8), classes)


def score(confusion: NDArray[np.int64]) -> dict[str, Values]:
    """Of (..., C, C + 1) matrices; (...) each, NaN where one is not defined."""
    hit, truth = np.diagonal(confusion, axis1=-2, axis2=-1), confusion.sum(-1)
    iou = iou_from_counts(hit, truth, confusion[..., :-1].sum(-2))
    iou[truth == 0] = np.nan
    means = {MIOU: np.nanmean(iou, -1), ACCURACY: hit.sum(-1) / truth.sum(-1)}
    return means | {f"iou:{k}": iou[..., k] for k in range(iou.shape[-1])}


def holds(images: Counts, truth: dict[str, Values], times: Counts) -> dict[str, bool]:
    """Whether the intervals over these (N, 2, C, C + 1) images hold `truth`, of either side, drawn (R, N) times."""
    replicates = [score(np.tensordot(times, images[:, side], 1)) for side in (0, 1)]
    scores = [score(images[:, side].sum(0)) for side in (0, 1)]
    held = {}
    for name in (MIOU, ACCURACY):
        low, high = np.nanquantile(replicates[0][name], (0.025, 0.975))
        held[name] = bool(low <= truth[name][0] <= high)
    first, second = (
        {name: Runs(own[name][None], drawn[name][None]) for name in truth}
        for own, drawn in zip(scores, replicates, strict=True)
    )
    pairs = {name: (first[name], second[name]) for name in truth}
    found = joint_intervals(pairs, images=len(images))
    held["all"] = all(low <= truth[name][1] - truth[name][0] <= high for name, (low, high) in found.items())
    return held


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("predictions", type=Path, nargs=2)
    parser.add_argument("masks", type=Path)
    parser.add_argument("--classes", type=int, required=True)
    parser.add_argument("--draws", type=int, default=500)
    given = parser.parse_args()
    warnings.simplefilter("ignore", RuntimeWarning)  # of replicates in which nothing was drawn
    masks = sorted(given.masks.glob("*.png"))
    everything = np.array(
        [[count(side, mask, mask.stem, given.classes) for side in given.predictions] for mask in masks]
    )
    of_all = score(everything.sum(0))
    alike = {name: np.zeros(2) for name in of_all}
    generator = np.random.default_rng(0)
    columns = ("images", "mIoU", "pixel accuracy", "all differences", "0, where neither is better")
    lines = [columns, ("---",) * len(columns)]
    for number in IMAGES:
        shares = []
        for _ in range(given.draws):
            drawn = everything[generator.choice(len(everything), number)]
            times = generator.poisson(1, (REPLICATES, number))
            exchanged = generator.random(number) < 0.5
            neither = np.where(exchanged[:, None, None, None], drawn[:, ::-1], drawn)
            shares.append((*holds(drawn, of_all, times).values(), holds(neither, alike, times)["all"]))
        lines.append((str(number), *(f"{100 * share:.0f}" for share in np.mean(shares, axis=0))))
    for line in lines:
        print(f"| {' | '.join(line)} |")  # noqa: T201


if __name__ == "__main__":
    main()
