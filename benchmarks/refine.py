"""What refining labels by the photograph is worth, and what other ways to do it are.

    python benchmarks/refine.py IMAGES MASKS [--checkpoint streets] [--ignore-index 11] [--longest-side N] [--every 5]

Every way takes the same class probabilities; scores are those of `hypseg evaluate --predictions`, in percent, and the
time is that of one image on one core. Others join in where they are installed: pip install scikit-image pydensecrf2.
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
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

import hypsegcli
from hypsegcli.inference.refine import smoother_of

Planes = NDArray[np.float32]
RGB = NDArray[np.uint8]
Labels = NDArray[np.int64]
Way = Callable[[Planes, RGB, Planes], Labels]  # probabilities (K, H, W), photograph, confidence to labels


def smoother(probabilities: Planes, photograph: RGB, confidence: Planes, *, scale: float) -> Labels:
    """The fast global smoother, that of `--refine edges`."""
    labels: Labels = smoother_of(photograph, scale)(probabilities).argmax(0)
    return labels


def guided(probabilities: Planes, photograph: RGB, confidence: Planes) -> Labels:
    """He, Sun and Tang's guided filter, by the grey photograph, 9 x 9 pixels, eps 1e-4."""
    grey = cv2.cvtColor(photograph, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    mean = partial(cv2.blur, ksize=(9, 9))
    of_grey = mean(grey)
    variance = mean(grey * grey) - of_grey**2
    filtered = []
    for plane in probabilities:
        slope = (mean(grey * plane) - of_grey * mean(plane)) / (variance + 1e-4)
        filtered.append(mean(slope) * grey + mean(mean(plane) - slope * of_grey))
    labels: Labels = np.argmax(filtered, 0)
    return labels


def vote(probabilities: Planes, segments: Labels) -> Labels:
    """The class with the most probability in each segment."""
    sums = np.stack([np.bincount(segments.ravel(), plane.ravel()) for plane in probabilities])
    labels: Labels = sums.argmax(0)[segments]
    return labels


def slic(probabilities: Planes, photograph: RGB, confidence: Planes, *, number: int) -> Labels:
    """Achanta et al.'s superpixels."""
    from skimage.segmentation import slic

    return vote(probabilities, slic(photograph, n_segments=number, start_label=0))


def felzenszwalb(probabilities: Planes, photograph: RGB, confidence: Planes) -> Labels:
    """Felzenszwalb and Huttenlocher's segments."""
    from skimage.segmentation import felzenszwalb

    return vote(probabilities, felzenszwalb(photograph, scale=20, sigma=0.5, min_size=20))


def walker(probabilities: Planes, photograph: RGB, confidence: Planes) -> Labels:
    """Grady's random walker, from the pixels that are sure."""
    from skimage.segmentation import random_walker

    labels: Labels = probabilities.argmax(0)
    seeds = np.where(confidence > 0.9, labels + 1, 0)
    if len(np.unique(seeds[seeds > 0])) < 2 or seeds.all():
        return labels
    ids, compact = np.unique(seeds, return_inverse=True)
    found = random_walker(photograph, compact.reshape(seeds.shape), beta=90, mode="cg_j", channel_axis=-1)
    walked: Labels = ids[found] - 1
    return walked


def dense_crf(
    probabilities: Planes,
    photograph: RGB,
    confidence: Planes,
    *,
    wide: tuple[float, float, float],
    near: tuple[float, float],
    rounds: int,
) -> Labels:
    """Kraehenbuehl and Koltun's: weight, pixels and colours of the wide kernel, weight and pixels of the near one."""
    from pydensecrf import densecrf
    from pydensecrf.utils import unary_from_softmax

    classes, height, width = probabilities.shape
    field = densecrf.DenseCRF2D(width, height, classes)
    field.setUnaryEnergy(unary_from_softmax(np.maximum(probabilities, 1e-6)))
    field.addPairwiseGaussian(sxy=near[1], compat=near[0])
    field.addPairwiseBilateral(sxy=wide[1], srgb=wide[2], rgbim=photograph.copy(), compat=wide[0])
    labels: Labels = np.argmax(field.inference(rounds), 0).reshape(height, width)
    return labels


def ways(scale: float) -> Iterator[tuple[str, Way]]:
    """All that can be had here."""
    yield "the network alone", lambda probabilities, photograph, confidence: probabilities.argmax(0)
    yield "**`--refine edges`**", partial(smoother, scale=scale)
    yield "guided filter", guided
    if find_spec("skimage"):
        for number in (500, 2000, 4000):
            yield f"vote in {number} superpixels (SLIC)", partial(slic, number=number)
        yield "vote in segments (Felzenszwalb)", felzenszwalb
        yield "random walker from sure pixels", walker
    if find_spec("pydensecrf"):
        yield "dense CRF, as DeepLab's", partial(dense_crf, wide=(4, 67, 3), near=(3, 3), rounds=10)
        yield "dense CRF, narrow", partial(dense_crf, wide=(3, 10, 10), near=(3, 3), rounds=5)


def scores(labels: Path, masks: str, checkpoint: str, ignore_index: int | None) -> list[float]:
    """Mean IoU, Boundary IoU and boundary F in percent."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["evaluate", "--predictions", str(labels), masks, "-c", checkpoint, "-o", folder, "--quiet"]
        command += ["--bootstrap", "0"] + (["--ignore-index", str(ignore_index)] if ignore_index is not None else [])
        subprocess.run([sys.executable, "-m", "hypsegcli", *command], check=True, capture_output=True)
        summary = json.loads((Path(folder) / "report.json").read_text())["summary"]
    return [100 * summary[name]["value"] for name in ("miou", "boundary_iou", "boundary_f")]


def main() -> None:
    """See the module's text."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=Path)
    parser.add_argument("masks", type=Path)
    parser.add_argument("--checkpoint", default="streets")
    parser.add_argument("--ignore-index", type=int)
    parser.add_argument("--longest-side", type=int)
    parser.add_argument("--every", type=int, default=1)
    given = parser.parse_args()
    cv2.setNumThreads(1)
    model = hypsegcli.load_model(given.checkpoint, probabilities=True, longest_side=given.longest_side or "off")
    paths = sorted(given.images.iterdir())[:: given.every]
    with tempfile.TemporaryDirectory() as folder:
        root, seconds = Path(folder), dict[str, list[float]]()
        names: list[str] = []
        (root / "masks").mkdir()
        for path in paths:
            (mask,) = given.masks.glob(f"{path.stem}.*")
            (root / "masks" / mask.name).symlink_to(mask.resolve())
            found = model.segment(path)
            assert found.probabilities is not None
            probabilities = found.probabilities.astype(np.float32)
            scale = max(1.0, max(found.labels.shape) / given.longest_side) if given.longest_side else 1.0
            names = []
            for number, (name, way) in enumerate(ways(scale)):
                started = time.perf_counter()
                labels = way(probabilities, found.photograph, found.confidence)
                seconds.setdefault(name, []).append(time.perf_counter() - started)
                (root / str(number)).mkdir(exist_ok=True)
                cv2.imwrite(str(root / str(number) / f"{path.stem}.png"), labels.astype(np.uint8))
                names.append(name)
        print(f"{len(paths)} images, {given.checkpoint}\n")  # noqa: T201
        print("| | mean IoU | Boundary IoU | boundary F | ms |\n| --- | --- | --- | --- | --- |")  # noqa: T201
        for number, name in enumerate(names):
            found_scores = scores(root / str(number), str(root / "masks"), given.checkpoint, given.ignore_index)
            cells = " | ".join(f"{score:.1f}" for score in found_scores)
            print(f"| {name} | {cells} | {1000 * float(np.median(seconds[name])):.0f} |")  # noqa: T201


if __name__ == "__main__":
    main()
