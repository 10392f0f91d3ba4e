r"""What sampling at boundaries is worth: the table of docs/sampling.md, and its picture.

    hypseg train --data CAMVID --config benchmarks/sampling.toml --out UNIFORM
    hypseg train --data CAMVID --config benchmarks/sampling.toml --sampling adaptive --out ADAPTIVE
    python benchmarks/sampling.py table IMAGES MASKS UNIFORM/best.safetensors ADAPTIVE/best.safetensors \
        [--ignore-index 11] [--longest-side 160,240] [--every 1]
    python benchmarks/sampling.py picture PHOTOGRAPH CHECKPOINT OUT.png [--longest-side 240]

Scores are those of `hypseg evaluate --predictions`, in percent. Operations are those of convolutions and products of
matrices, 10^9 multiplications an image, as PyTorch counts them, of all passes together.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch.utils.flop_counter import FlopCounterMode

import hypsegcli
from hypsegcli.checkpoint.store import Checkpoint, load_checkpoint
from hypsegcli.images.shrink import nearest, shrink_image, shrunk_size
from hypsegcli.inference.build import make_segmenter
from hypsegcli.inference.guide import usual_guide_side
from hypsegcli.inference.reduce import Reducer
from hypsegcli.inference.request import Request
from hypsegcli.inference.sampled import Samples
from hypsegcli.inference.strips import pad_to_cells
from hypsegcli.sampling.warp import Warp, sample_image, warp_to

RGB = NDArray[np.uint8]
Way = Callable[[RGB, NDArray[Any]], NDArray[Any]]  # photograph (H, W, 3) and its mask (H, W) to labels (H, W)

THIN = ("pole", "sign", "pedestrian", "bicyclist")


def even(checkpoint: Path, longest_side: int, refine: Any = None) -> Way:
    """One pass over the photograph shrunk evenly."""
    model = hypsegcli.load_model(
        checkpoint, longest_side=longest_side, refine=refine, measures=["distance"], engine="torch"
    )
    return lambda photograph, mask: model.segment(photograph).labels


def own_edges(checkpoint: Path, longest_side: int, guide_side: int, refine: Any = None) -> Way:
    """Two passes, as `--sampling adaptive` has them."""
    model = hypsegcli.load_model(
        checkpoint,
        longest_side=longest_side,
        sampling="adaptive",
        guide_side=guide_side,
        refine=refine,
        measures=["distance"],
        engine="torch",
    )
    return lambda photograph, mask: model.segment(photograph).labels


def true_edges(checkpoint: Checkpoint, longest_side: int, void: int | None) -> Way:
    """One pass over samples that the mask has placed: what a perfect first pass would give."""
    engine = make_segmenter(checkpoint, Request(), engine="torch").engine
    config, tree = engine.config, checkpoint.header.tree
    reduce = Reducer(tree, config, Request())

    def segment(photograph: RGB, mask: NDArray[Any]) -> NDArray[Any]:
        samples = Samples([photograph], longest_side=longest_side)
        rows, columns = (nearest(old, new) for old, new in zip(mask.shape, samples.size, strict=True))
        samples.place([mask[rows[:, None], columns]], void=void)
        batch = pad_to_cells(np.stack(samples.pixels()), config.kind.alignment)
        output = engine(batch)
        grid, padded = (output.logits.shape[2], output.logits.shape[3]), (batch.shape[1], batch.shape[2])
        cell = samples.placement(0, config, grid=grid, padded=padded)
        (found,) = reduce(output, None, mask.shape[0], mask.shape[1], cell=cell)
        return found.labels

    return segment


def operations(checkpoint: Checkpoint, size: tuple[int, int], longest_sides: tuple[int, ...]) -> float:
    """10^9 multiplications of passes over an image of `size` shrunk to longest sides."""
    total = 0
    for side in longest_sides:
        height, width = shrunk_size(*size, side)
        image = torch.zeros(1, 3, height + -height % 16, width + -width % 16)
        with torch.inference_mode(), FlopCounterMode(display=False) as counter:
            checkpoint.model.eval()(image)
        total += counter.get_total_flops() // 2
    return total / 1e9


def ways(
    uniform: Checkpoint, adaptive: Checkpoint, files: tuple[Path, Path], side: int, void: int | None
) -> Iterator[tuple[str, Checkpoint, tuple[int, ...], Way]]:
    """Name, network, the longest sides of its passes, and how."""
    guide = usual_guide_side(side)
    dear = round(float(np.hypot(side, guide)))
    yield f"uniform, {side}", uniform, (side,), even(files[0], side)
    yield f"uniform at equal cost, {dear}", uniform, (dear,), even(files[0], dear)
    yield f"uniform at equal cost, {dear}, `--refine edges`", uniform, (dear,), even(files[0], dear, "edges")
    yield f"adaptive, {side}, edges of the masks", adaptive, (side,), true_edges(adaptive, side, void)
    yield f"adaptive, {side}, own edges at {guide}", adaptive, (guide, side), own_edges(files[1], side, guide)
    third = side // 3
    yield f"adaptive, {side}, own edges at {third}", adaptive, (third, side), own_edges(files[1], side, third)
    refined = own_edges(files[1], side, guide, "edges")
    yield f"adaptive, {side}, own edges at {guide}, `--refine edges`", adaptive, (guide, side), refined
    yield f"the adaptive network run uniform, {side}", adaptive, (side,), even(files[1], side)


def scores(labels: Path, masks: Path, checkpoint: Path, ignore_index: int | None) -> Mapping[str, float]:
    """All that an evaluation has a number of, in percent."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["evaluate", "--predictions", str(labels), str(masks), "-c", str(checkpoint), "-o", folder, "--quiet"]
        command += ["--bootstrap", "0"] + (["--ignore-index", str(ignore_index)] if ignore_index is not None else [])
        subprocess.run([sys.executable, "-m", "hypsegcli", *command], check=True, capture_output=True)
        summary = json.loads((Path(folder) / "report.json").read_text())["summary"]
    return {name: 100 * score["value"] for name, score in summary.items() if score["value"] is not None}


def table(given: argparse.Namespace) -> None:
    """Print it."""
    files = given.uniform, given.adaptive
    uniform, adaptive = map(load_checkpoint, files)
    paths = sorted(given.images.iterdir())[:: given.every]
    print(f"{len(paths)} images\n")  # noqa: T201
    print("| | mean IoU | of thin classes | Boundary IoU | boundary F | 10^9 |\n| --- |" + " --- |" * 5)  # noqa: T201
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "masks").mkdir()
        pairs = []
        for path in paths:
            (mask,) = given.masks.glob(f"{path.stem}.*")
            (root / "masks" / mask.name).symlink_to(mask.resolve())
            pairs.append((path, np.asarray(Image.open(path).convert("RGB")), np.asarray(Image.open(mask))))
        for side in map(int, given.longest_side.split(",")):
            for number, (name, network, sides, way) in enumerate(
                ways(uniform, adaptive, files, side, given.ignore_index)
            ):
                labels = root / f"{side}-{number}"
                labels.mkdir()
                for path, photograph, mask in pairs:
                    cv2.imwrite(str(labels / f"{path.stem}.png"), way(photograph, mask).astype(np.uint8))
                found = scores(labels, root / "masks", given.uniform, given.ignore_index)
                thin = float(np.mean([found[f"iou:{name}"] for name in THIN]))
                cells = (found["miou"], thin, found["boundary_iou"], found["boundary_f"])
                cost = operations(network, pairs[0][2].shape, sides)
                print(f"| {name} | {' | '.join(f'{cell:.1f}' for cell in cells)} | {cost:.2f} |", flush=True)  # noqa: T201


def picture(given: argparse.Namespace) -> None:
    """Draw the places over a photograph, and the samples beside it."""
    photograph = np.asarray(Image.open(given.photograph).convert("RGB"))
    side = int(given.longest_side)
    model = hypsegcli.load_model(given.checkpoint, longest_side=usual_guide_side(side), measures=["distance"])
    warp = warp_to(model.segment(shrink_image(photograph, side)).labels, longest_side=side)
    assert warp is not None, "no boundary was seen"
    canvas = shrink_image(photograph, 480).copy()
    draw_places(canvas, warp)
    samples = cv2.resize(sample_image(photograph, warp), canvas.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    Image.fromarray(np.hstack([canvas, samples.astype(np.uint8)])).save(given.out)


def draw_places(canvas: RGB, warp: Warp) -> None:
    """Lines through every eighth sample, on a canvas (H, W, 3)."""
    size = np.array(canvas.shape[:2])
    places = warp.at(np.arange(0, warp.height + 1e-9, 8), np.arange(0, warp.width + 1e-9, 8)) * size
    for line in [*places, *places.transpose(1, 0, 2)]:
        points = np.rint(16 * line[:, ::-1]).astype(np.int32)
        cv2.polylines(canvas, [points], isClosed=False, color=(255, 255, 0), lineType=cv2.LINE_AA, shift=4)


def main() -> None:
    """See the module's text."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    modes = parser.add_subparsers(required=True)
    mode = modes.add_parser("table")
    for name in ("images", "masks", "uniform", "adaptive"):
        mode.add_argument(name, type=Path)
    mode.add_argument("--ignore-index", type=int)
    mode.add_argument("--longest-side", default="160,240")
    mode.add_argument("--every", type=int, default=1)
    mode.set_defaults(do=table)
    mode = modes.add_parser("picture")
    for name in ("photograph", "checkpoint", "out"):
        mode.add_argument(name)
    mode.add_argument("--longest-side", default="240")
    mode.set_defaults(do=picture)
    given = parser.parse_args()
    cv2.setNumThreads(1)
    given.do(given)


if __name__ == "__main__":
    main()
