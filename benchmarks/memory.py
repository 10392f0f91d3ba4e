"""How much memory a large TIFF takes: `python benchmarks/memory.py --width 20000 --height 20000` prints the peak.

The picture is made up, in tiles of noise, for memory does not depend on what is in it. The network is a stub that
answers at once; all else is what `hypseg predict --format tif --save labels,confidence` does. With `--network` it is
that command, with the bundled network, whose windows of 2,048 pixels then make most of the peak. Linux only: the stub's
peak is VmHWM, since ru_maxrss starts from that of the process that started it; the command's far exceeds this script's.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import numpy as np
import tifffile
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hypsegcli.checkpoint.format import Header, InputSpec, Provenance
from hypsegcli.hierarchy.tree import flat_tree
from hypsegcli.inference.device import Device
from hypsegcli.inference.prediction import RGB
from hypsegcli.inference.segmenter import Segmenter
from hypsegcli.inference.windows import Tiling
from hypsegcli.network.config import ModelConfig
from hypsegcli.network.model import GRID, NetworkOutput
from hypsegcli.products.confidence import mean_confidence
from hypsegcli.products.outputs import make_outputs
from hypsegcli.products.product import Context, find_product
from hypsegcli.run.plan import PlannedImage
from hypsegcli.run.process import process
from hypsegcli.run.results import Failed

CHANNELS = 512  # of a ResNet-18's features


class Stub:
    """An engine that looks at every fourth pixel."""

    label = "stub"
    lanes = 1
    device = Device(torch.device("cpu"))
    head = nn.Identity()

    def __init__(self, config: ModelConfig) -> None:
        self.config = config

    def __call__(self, images: RGB, mean: Tensor | None = None) -> NetworkOutput:
        """Brightness is the distance, two of its multiples the logits."""
        bright = torch.from_numpy(images[:, ::GRID, ::GRID, 0].astype(np.float32)) / 64.0
        return NetworkOutput(bright[:, None], torch.stack([bright, 2.0 - bright], dim=1), bright)

    def features(self, images: RGB) -> Tensor:
        """As large as those of a ResNet-18."""
        batch, height, width = images.shape[:3]
        stride = self.config.output_stride
        return torch.zeros(batch, CHANNELS, height // stride, width // stride)


def write_picture(path: Path, height: int, width: int) -> None:
    """An RGB TIFF of deflated tiles of 512 x 512 pixels."""
    tile = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)

    def tiles() -> Iterator[NDArray[np.uint8]]:
        for _ in range(-(-height // 512) * -(-width // 512)):
            yield tile

    shape = (height, width, 3)
    tifffile.imwrite(path, tiles(), shape=shape, dtype=np.uint8, tile=(512, 512), compression="zlib", photometric="rgb")


def peak() -> float:
    """The most memory that this process has had at once, in MB."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024 / 1e6


def run_command(options: argparse.Namespace) -> None:
    """`hypseg predict` in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder, "in.tif"), Path(folder, "out")
        write_picture(source, options.height, options.width)
        command = ["predict", str(source), "--out", str(out), "--format", "tif", "--save", "labels,confidence"]
        command += ["--max-pixels", str(options.height * options.width), "--precision", options.precision]
        started = time.perf_counter()
        process = os.posix_spawn(sys.executable, [sys.executable, "-m", "hypsegcli", *command], os.environ)
        _, status, usage = os.wait4(process, 0)
        seconds = time.perf_counter() - started
        if status:
            raise SystemExit(f"hypseg {' '.join(command)} failed")
    print(f"{options.width} x {options.height} pixels in {seconds:.0f} s, peak {usage.ru_maxrss * 1024 / 1e6:.0f} MB")  # noqa: T201


def main() -> None:
    """Write a picture, segment it, say what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--width", type=int, default=8000, help="of the picture, in pixels")
    parser.add_argument("--height", type=int, default=8000, help="of the picture, in pixels")
    parser.add_argument("--tile", type=int, default=1024, help="of a window")
    parser.add_argument("--network", action="store_true", help="run hypseg predict, for which --tile is its default")
    parser.add_argument("--precision", default="fp32", help="of the network")
    options = parser.parse_args()
    if options.network:
        run_command(options)
        return

    tree = flat_tree(["dark", "bright"])
    config = ModelConfig(nodes=2, softmax="flat", embedding_size=2)
    provenance = Provenance(trained_on="nothing", licence="none", hypseg_version="0", torch_version="0")
    colors = ((0, 0, 0), (255, 255, 255))
    spec = InputSpec(height=48, width=64)
    header = Header(model=config, input=spec, tree=tree, colors=colors, ignore_index=255, provenance=provenance)
    products = [find_product(kind) for kind in ("labels", "confidence")]
    outputs = make_outputs(products, Context.of(header, "", format="tif"), mean_confidence)
    tiling = Tiling(options.tile, options.tile // 64 * 16, above=options.tile**2)
    segmenter = Segmenter(Stub(config), tree, tiling=tiling)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "in.tif")
        write_picture(source, options.height, options.width)
        targets = {kind: Path(folder, f"{kind}.tif") for kind in outputs.encoders}
        planned = PlannedImage(source, PurePosixPath("in"), targets)
        before, started = peak(), time.perf_counter()
        most = options.height * options.width
        (result,) = process([planned], segmenter, outputs, batch_size=1, max_pixels=most, workers=1)
        seconds, after = time.perf_counter() - started, peak()
        if isinstance(result, Failed):
            raise SystemExit(result.reason)
        sizes = ", ".join(f"{kind} {path.stat().st_size / 1e6:.0f} MB" for kind, path in targets.items())
    print(f"{options.width} x {options.height} pixels in {seconds:.0f} s: {sizes}")  # noqa: T201
    print(f"peak {after:.0f} MB, of which {before:.0f} MB were there before")  # noqa: T201


if __name__ == "__main__":
    main()
