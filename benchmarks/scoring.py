"""What scoring costs beside the network.

python benchmarks/scoring.py IMAGES MASKS

Writes label maps and the confidence of every measure once, then times in turn, with the same threads: the network of
the bundled checkpoint on all images (decoding, forward pass), and scoring the stored maps with all measures (the labels
doctor, decoding of all planes, every score but NLL and Brier score, intervals over images, the report). Prints medians
of the rounds, their ratio, and the memory that scoring holds at most over a tenth of the images and over all of them.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from hypsegcli.checkpoint.bundled import bundled_checkpoint
from hypsegcli.checkpoint.store import load_checkpoint
from hypsegcli.cli.app import main as hypseg
from hypsegcli.images.decode import decode_image
from hypsegcli.inference.normalise import normalise
from hypsegcli.metrics.records import Subject
from hypsegcli.report.assemble import MeasureName, build_report
from hypsegcli.scores.evaluation import Evaluation, evaluate
from hypsegcli.scores.sources import StoredSource
from hypsegcli.scores.tally import Scheme, Tolerance
from hypsegcli.truth.check import examine_masks
from hypsegcli.truth.pairs import Pair, pair_files
from hypsegcli.truth.stored_planes import find_planes

SUBJECT = Subject(
    images=None,
    masks="",
    predictions="",
    checkpoint=None,
    keys_sha256="",
    masks_sha256="",
    ignore_index=0,
    unseen=None,
    options={},
)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images")
    parser.add_argument("masks")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    checkpoint = load_checkpoint(bundled_checkpoint())
    model = checkpoint.model.to(memory_format=torch.channels_last).eval()
    header = checkpoint.header

    with tempfile.TemporaryDirectory() as folder:
        maps = Path(folder) / "maps"
        save = ["--save", "labels,confidence", "--measure", "all", "--quiet"]
        if hypseg(["predict", options.images, "--out", str(maps), *save]) != 0:
            raise SystemExit("predict failed")
        pairs = pair_files(masks=options.masks, images=options.images, predictions=maps)
        planes = find_planes(maps, named={}, inverted={}, key=pairs[0].key, full_scale=1.0)
        source = StoredSource(
            planes,
            labels_folder=maps / "labels",
            probabilities=None,
            classes=header.tree.classes,
            ignore_index=header.ignore_index,
            id_map=None,
            among=None,
        )
        measures = tuple(plane.name for plane in planes)
        tolerance = Tolerance(0.005, is_share=True)
        scheme = Scheme(header.tree.classes, measures, tolerance, main=measures[0])

        @torch.inference_mode()
        def network() -> None:
            for pair in pairs:
                pixels = torch.from_numpy(decode_image(pair.image or Path()).pixels).permute(2, 0, 1)[None]
                height, width = (side // 16 * 16 for side in pixels.shape[2:])
                model(normalise(pixels[:, :, :height, :width], header.input))

        def scoring(some: Sequence[Pair] = pairs) -> None:
            evaluation = Evaluation(scheme)
            # No photograph is needed for scores.
            bare = [pair._replace(image=None) for pair in some]
            for files in ([pair.mask for pair in bare], [pair.labels for pair in bare if pair.labels]):
                examine_masks(files, classes=scheme.classes, ignore_index=header.ignore_index, id_map=None)
            for _ in evaluate(bare, source, evaluation, ignore_index=header.ignore_index, workers=0):
                pass
            build_report(
                evaluation,
                subject=SUBJECT,
                tree=header.tree,
                measures={plane.name: MeasureName(plane.name, plane.full_scale) for plane in planes},
                convention="cityscapes",
                over="present",
                dropout=None,
            )

        times: dict[str, list[float]] = {"network": [], "scoring": []}
        for _ in range(options.rounds):
            for name, work in (("network", network), ("scoring", scoring)):
                started = time.perf_counter()
                work()
                times[name].append(time.perf_counter() - started)
        seconds = {name: statistics.median(values) for name, values in times.items()}
        memory = [_peak(scoring, pairs[: len(pairs) // 10]), _peak(scoring, pairs)]
    print(  # noqa: T201
        json.dumps(
            {
                "images": len(pairs),
                "measures": list(scheme.measures),
                "threads": torch.get_num_threads(),
                "network_seconds": round(seconds["network"], 2),
                "scoring_seconds": round(seconds["scoring"], 2),
                "scoring_over_network": round(seconds["scoring"] / seconds["network"], 2),
                "scoring_peak_mb_a_tenth": round(memory[0] / 1e6, 1),
                "scoring_peak_mb_all": round(memory[1] / 1e6, 1),
            },
            indent=1,
        )
    )


def _peak(work: Callable[[Sequence[Pair]], None], pairs: Sequence[Pair]) -> int:
    """Bytes that Python and NumPy held at most."""
    tracemalloc.start()
    work(pairs)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


if __name__ == "__main__":
    main()
