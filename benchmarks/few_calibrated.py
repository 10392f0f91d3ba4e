"""How many images a calibration takes: the error of one that is fitted to a few, on all others; a Markdown table.

    python benchmarks/few_calibrated.py IMAGES MASKS --checkpoint nuclei

Every image is segmented once; then some are drawn, a hundred times for each number, and the calibration that is fitted
to them is scored on the rest by its ECE: how far its probabilities are from the shares of right pixels, in points.
"""

from __future__ import annotations

import argparse
import random
from statistics import fmean, quantiles

import numpy as np
import torch
from numpy.typing import NDArray

from hypsegcli.checkpoint.bundled import checkpoint_path
from hypsegcli.checkpoint.store import load_checkpoint
from hypsegcli.confidence.calibration import fit_calibration
from hypsegcli.confidence.measures import full_scale
from hypsegcli.errors import DataError
from hypsegcli.inference.device import Device
from hypsegcli.metrics.ranking import BINS, score_table
from hypsegcli.metrics.reliability import expected_calibration_error
from hypsegcli.scores.reading import predicted_images
from hypsegcli.scores.sources import NetworkSource
from hypsegcli.training.validate import validation_segmenter
from hypsegcli.truth.pairs import pair_files

NUMBERS = (1, 2, 3, 5, 10, 20)
DRAWS = 100


def tables_of(images: str, masks: str, checkpoint: str) -> tuple[list[NDArray[np.int64]], float]:
    """(65536, 2) right and wrong pixels by level of the distance, of each image, and the full scale of the levels."""
    loaded = load_checkpoint(checkpoint_path(checkpoint))
    header = loaded.header
    segmenter = validation_segmenter(
        loaded.model, header, device=Device(torch.device("cpu")), held_out=(), longest_side=header.input.longest_side,
        measures=("distance",),
    )  # fmt: skip
    pairs, K = pair_files(masks=masks, images=images, predictions=None), header.tree.classes
    tables = []
    for seen in predicted_images(
        pairs, NetworkSource(segmenter, sampler=None), classes=K, ignore_index=header.ignore_index, workers=1
    ):
        labelled = seen.sample.truth != K
        wrong = (seen.sample.labels != seen.sample.truth)[labelled]
        tables.append(score_table(seen.sample.levels["distance"][labelled], wrong))
    return tables, full_scale("distance", max_distance=header.model.max_distance)


def error(fitted_on: NDArray[np.int64], others: NDArray[np.int64], full: float) -> float | None:
    """The ECE in points of the calibration of one table on another; None where there is none."""
    try:
        calibration = fit_calibration(fitted_on, full_scale=full, fitted_on="a few")
    except DataError:
        return None
    distances = np.arange(BINS) / (BINS - 1) * full
    probabilities = np.interp(distances, calibration.distances, calibration.probabilities)
    levels = np.rint(probabilities * (BINS - 1)).astype(np.int64)
    moved = np.stack([np.bincount(levels, weights=column, minlength=BINS) for column in others.T], axis=1)
    return 100 * expected_calibration_error(moved.astype(np.int64))


def main() -> None:
    """See the module's text."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images")
    parser.add_argument("masks")
    parser.add_argument("--checkpoint", default="streets")
    options = parser.parse_args()
    tables, full = tables_of(options.images, options.masks, options.checkpoint)
    total, draw = np.sum(tables, axis=0), random.Random(0)
    print("| images | ECE in points, mean | nine of ten below | could not be fitted |\n| --- | --- | --- | --- |")  # noqa: T201
    for number in (number for number in NUMBERS if 2 * number <= len(tables)):
        chosen = [np.sum(draw.sample(tables, number), axis=0) for _ in range(DRAWS)]
        errors = [found for some in chosen if (found := error(some, total - some, full)) is not None]
        print(f"| {number} | {fmean(errors):.1f} | {quantiles(errors, n=10)[-1]:.1f} | {DRAWS - len(errors)} |")  # noqa: T201


if __name__ == "__main__":
    main()
