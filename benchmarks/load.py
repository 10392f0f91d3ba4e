"""What many images do to a run: `python benchmarks/load.py --images 100000` prints memory, descriptors, threads, rate.

The images are made up, 32 x 32 pixels, and the network is a stub that answers at once; all else is what
`hypseg predict --save labels` does. Memory is what the process holds, its slope that of a line through all but the
first tenth. Then the same run is begun again with `--resume`, which has nothing to do but to read and compare. Linux
only.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from pathlib import Path, PurePosixPath
from typing import NamedTuple, cast

import numpy as np
import torch
from memory import Stub  # type: ignore[import-not-found]  # beside this file
from PIL import Image

from hypsegcli.checkpoint.format import Header, InputSpec, Provenance
from hypsegcli.checkpoint.store import Checkpoint
from hypsegcli.hierarchy.tree import flat_tree
from hypsegcli.inference.segmenter import Segmenter
from hypsegcli.network.config import ModelConfig
from hypsegcli.network.model import HyperbolicDeepLab
from hypsegcli.products.confidence import mean_confidence
from hypsegcli.products.outputs import make_outputs
from hypsegcli.products.product import Context, find_product
from hypsegcli.run.plan import PlannedImage, Share
from hypsegcli.run.results import Failed
from hypsegcli.run.run import Job, Run
from hypsegcli.run.source import Here, Work

SIDE = 32
A_FOLDER = 1000  # images in one


class Sample(NamedTuple):
    """What the process holds after so many images."""

    images: int
    seconds: float
    megabytes: float
    descriptors: int
    threads: int


def sample(images: int, started: float) -> Sample:
    """Now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    descriptors = sum(1 for _ in Path("/proc/self/fd").iterdir())
    return Sample(images, time.perf_counter() - started, pages * 4096 / 1e6, descriptors, threading.active_count())


def write_pictures(folder: Path, images: int) -> list[Path]:
    """PNGs of noise, of which every thousandth is broken."""
    chance, paths = np.random.default_rng(0), []
    for number in range(images):
        path = folder / f"{number // A_FOLDER:04}" / f"{number:07}.png"
        if number % A_FOLDER == 0:
            path.parent.mkdir(parents=True)
        Image.fromarray(chance.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)).save(path, compress_level=0)
        if number % A_FOLDER == A_FOLDER - 1:
            path.write_bytes(path.read_bytes()[:1000])
        paths.append(path)
    return paths


def make_run(paths: list[Path], out: Path, workers: int, *, resume: bool) -> Run:
    """`hypseg predict --save labels` with the stub."""
    tree, config = flat_tree(["dark", "bright"]), ModelConfig(nodes=2, softmax="flat", embedding_size=2)
    header = Header(
        model=config,
        input=InputSpec(height=SIDE, width=SIDE),
        tree=tree,
        colors=((0, 0, 0), (255, 255, 255)),
        ignore_index=255,
        provenance=Provenance(trained_on="nothing", licence="none", hypseg_version="0", torch_version="0"),
    )
    checkpoint = Checkpoint(Path("none"), "0" * 64, header, cast(HyperbolicDeepLab, torch.nn.Identity()), {}, {})
    outputs = make_outputs([find_product("labels")], Context.of(header, "", format="png"), mean_confidence)
    plan = [
        PlannedImage(
            path, PurePosixPath(path.parent.name, path.stem), {"labels": out / "labels" / path.parent.name / path.name}
        )
        for path in paths
    ]
    work = Work(outputs=outputs, max_pixels=10**6, batch_size=1, workers=workers)
    job = Job(command="predict", share=Share.of(plan, None), out=out, resume=resume)
    return Run(job, checkpoint, Here(Segmenter(Stub(config), tree), work))


def main() -> None:
    """See the module's text."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        paths, out = write_pictures(Path(folder, "in"), given.images), Path(folder, "out")
        every, samples, failed = max(1, given.images // 100), [], 0
        run, started = make_run(paths, out, given.workers, resume=False), time.perf_counter()
        for number, result in enumerate(run.results(), start=1):
            failed += isinstance(result, Failed)
            if number % every == 0:
                samples.append(sample(number, started))
        began = time.perf_counter()
        again = make_run(paths, out, given.workers, resume=True)
        compared = time.perf_counter() - began
    tenth = len(samples) // 10
    late = samples[tenth:]
    slope = np.polyfit([each.images for each in late], [each.megabytes for each in late], 1)[0] * 1000
    first, last = (
        (part[-1].images - part[0].images) / (part[-1].seconds - part[0].seconds)
        for part in (samples[: tenth + 1], samples[-tenth - 1 :])
    )
    counts = [
        f"{min(numbers)} to {max(numbers)}" for numbers in ([s.descriptors for s in late], [s.threads for s in late])
    ]
    print(f"{given.images:,} images, {failed} of them broken, in {samples[-1].seconds:.0f} s")  # noqa: T201
    print(f"memory {samples[0].megabytes:.0f} to {samples[-1].megabytes:.0f} MB, {slope:.2f} MB for every 1,000 images")  # noqa: T201
    print(f"open files {counts[0]}, threads {counts[1]}")  # noqa: T201
    print(f"images a second: {first:.0f} in the first tenth, {last:.0f} in the last")  # noqa: T201
    print(f"--resume reads and compares {again.kept:,} in {compared:.1f} s")  # noqa: T201


if __name__ == "__main__":
    main()
