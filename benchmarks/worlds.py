"""How well a checkpoint's doubt separates its own world from others: AUROC of an image's mean confidence.

    python benchmarks/worlds.py streets --own CAMVID/val/images --other NUCLEI/val/images --other PHOTOGRAPHS

Every folder, glob or list of `--other` is another world, scored against all images of `--own`; the last line is all
other worlds at once. The confidence is the probability of being right where the checkpoint is calibrated, else the
distance; `flagged` is the share of images that `hypseg predict` would count as another world.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

import hypsegcli
from hypsegcli.images.discover import find_inputs


def means(model: hypsegcli.Model, images: str) -> NDArray[np.float64]:
    """The mean confidence of every image."""
    paths: Sequence[Path] = [found.path for found in find_inputs([images]).images]
    return np.array([float(result.confidence.mean()) for result in model.segment_many(paths)])


def main() -> None:
    """See the module's text."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint")
    parser.add_argument("--own", required=True)
    parser.add_argument("--other", action="append", required=True)
    parser.add_argument("--longest-side", type=int)
    given = parser.parse_args()
    model = hypsegcli.load_model(given.checkpoint, longest_side=given.longest_side or "auto")
    calibration = model.header.calibration
    limit = None if calibration is None else calibration.of_another_world
    own = means(model, given.own)
    worlds = {name: means(model, name) for name in given.other}
    print("| images | number | mean | AUROC | flagged |", "| --- " * 5 + "|", sep="\n")  # noqa: T201
    for name, values in [(given.own, own), *worlds.items(), ("all others", np.concatenate([*worlds.values()]))]:
        is_own = np.concatenate([np.ones(len(own)), np.zeros(len(values))])
        auroc = "" if name == given.own else f"{roc_auc_score(is_own, np.concatenate([own, values])):.3f}"
        flagged = "" if limit is None else f"{(values < limit).mean():.0%}"
        print(f"| {name} | {len(values)} | {values.mean():.3f} | {auroc} | {flagged} |")  # noqa: T201


if __name__ == "__main__":
    main()
