"""What the hyperbolic head costs beside a Euclidean one and beside other people's: time and memory, as ratios.

    python benchmarks/head.py [--rounds 7]     129 x 129 and 513 x 513 pixels, D = 64 and 256, M = 21, 150 and 244
    python benchmarks/head.py --paper          memory at 513 x 513 pixels, 100 classes, D = 256, a batch of 5

Every way turns the same tangent vectors (float32, channels-last, as the network hands them over) into logits; ways take
turns in one process, medians over rounds; what takes more than half a second does so once. Memory is what the process
grew by at its peak, the logits included, measured in a process of its own; Linux only. Ways:

    euclidean   a 1x1 convolution
    ours        the closed form in bands, as the network runs it
    formula     the closed form as one expression, what training runs
    expansion   that of the hyperbolic-segmentation paper, in float32
    halo        the same in float64, as HALO computes it, logits back in float32
    in bands    the expansion in float32 in bands, as the network runs it for a checkpoint that was trained with it
    hypll       poincare_hyperplane_dists of HypLL, where that is installed
    geoopt      dist2plane of geoopt, which forms a tensor of pixels x M x D; where it fits into 8 GB
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from hypsegcli.geometry.bands import closed_form_in_bands, reference_in_bands
from hypsegcli.geometry.mlr import closed_form_logits, from_bias, radial, reference_logits
from hypsegcli.geometry.poincare import exp_map_zero, project

WAYS = ("euclidean", "ours", "formula", "expansion", "in bands", "halo", "hypll", "geoopt")
ROOM = 8e9  # bytes that a way may take
SLOW = 0.5  # seconds; what takes longer has its first pass counted, and no other


class Size(NamedTuple):
    """Of a problem."""

    batch: int
    side: int
    D: int
    M: int

    @property
    def every_pair(self) -> float:
        """Bytes of a float32 tensor of pixels x M x D."""
        return 4.0 * self.batch * self.side**2 * self.M * self.D


def make(way: str, size: Size) -> Callable[[], Tensor] | None:
    """One forward pass, or None where the way cannot be had."""
    generator = torch.Generator().manual_seed(0)

    def drawn(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    # Lengths of about 1: most pixels lie well inside the ball, some near its edge.
    v = (drawn(size.batch, size.D, size.side, size.side).div_(size.D**0.5)).to(memory_format=torch.channels_last)
    a, b = 0.05 * drawn(size.M, size.D), 0.3 * drawn(size.M)
    planes = from_bias(a, b, c=1.0)
    p = exp_map_zero(F.normalize(a) * (b / 2.0)[:, None], c=1.0)

    def halo() -> Tensor:
        z = project(exp_map_zero(v.double(), c=1.0, dim=1), c=1.0, dim=1)
        return reference_logits(z, a.double(), p.double(), c=1.0).float()

    def geoopt() -> Tensor:
        from geoopt.manifolds.stereographic import math

        z = exp_map_zero(v, c=1.0, dim=1).permute(0, 2, 3, 1)[..., None, :]
        logits: Tensor = math.dist2plane(z, p, a, k=torch.tensor(-1.0), signed=True, scaled=True)
        return logits.permute(0, 3, 1, 2)

    def hypll() -> Tensor:
        from hypll.manifolds.poincare_ball.math.linalg import poincare_hyperplane_dists

        z = exp_map_zero(v, c=1.0, dim=1)
        logits: Tensor = poincare_hyperplane_dists(z, a.t(), b / 2.0, torch.tensor(1.0), dim=1)
        return logits

    ways: dict[str, Callable[[], Tensor]] = {
        "euclidean": lambda: F.conv2d(v, a[:, :, None, None], b),
        "ours": lambda: closed_form_in_bands(v, planes, c=1.0)[0],
        "formula": lambda: closed_form_logits(v, planes, radial(v, c=1.0), c=1.0),
        "expansion": lambda: reference_logits(project(exp_map_zero(v, c=1.0, dim=1), c=1.0, dim=1), a, p, c=1.0),
        "in bands": lambda: reference_in_bands(v, a, p, c=1.0),
        "halo": halo,
        "hypll": hypll,
        "geoopt": geoopt,
    }
    if way in ("hypll", "geoopt") and find_spec(way) is None:
        return None
    if way == "geoopt" and 6.0 * size.every_pair > ROOM:
        return None
    return ways[way]


def times(size: Size, rounds: int) -> dict[str, float]:
    """Median seconds of every way, taking turns."""
    forward = {way: run for way in WAYS if (run := make(way, size)) is not None}
    taken: dict[str, list[float]] = {way: [] for way in forward}
    for number in range(rounds + 1):
        for way, run in list(forward.items()):
            started = time.perf_counter()
            run()
            took = time.perf_counter() - started
            if number or took > SLOW:  # the first one warms up
                taken[way].append(took)
            if took > SLOW:
                del forward[way]
    return {way: statistics.median(found) for way, found in taken.items()}


def status(name: str) -> float:
    """A line of this process's memory, in bytes."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) * 1024.0


def grown(way: str, size: Size) -> float:
    """Bytes that this process grows by, at its peak, in one forward pass."""
    small = make(way, size._replace(batch=1, side=8))
    run = make(way, size)
    if small is None or run is None:
        return float("nan")
    small()  # so that what a library allocates once is there
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts here
    before = status("VmRSS")
    run()
    return status("VmHWM") - before


def memory(way: str, size: Size) -> float:
    """As `grown`, in a process of its own, which gives back to the system what it frees."""
    command = [sys.executable, __file__, "--grown", way, *map(str, size)]
    own = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}
    return float(subprocess.run(command, env=os.environ | own, capture_output=True, text=True, check=True).stdout)


def say(line: str) -> None:
    """Print."""
    print(line, flush=True)  # noqa: T201


def compare(rounds: int) -> None:
    """The table of ratios."""
    say(f"{torch.get_num_threads()} threads; each cell is time / memory, both as ratios to the Euclidean head's\n")
    others = WAYS[1:]
    say("| pixels | D | M | euclidean | " + " | ".join(others) + " |\n" + "| --- " * (4 + len(others)) + "|")
    for size in [Size(1, side, D, M) for side in (129, 513) for D in (64, 256) for M in (21, 150, 244)]:
        seconds = times(size, rounds)
        taken = {way: memory(way, size) for way in seconds}
        flat, room = seconds["euclidean"], taken["euclidean"]
        cells = [f"{size.side} x {size.side}", str(size.D), str(size.M), f"{1e3 * flat:.1f} ms, {room / 1e6:.1f} MB"]
        for way in others:
            cells.append(f"{seconds[way] / flat:.2f} / {taken[way] / room:.2f}" if way in seconds else "")
        say("| " + " | ".join(cells) + " |")


def paper() -> None:
    """The memory table of the paper."""
    size = Size(5, 513, 256, 100)
    say(f"pixels x M x D, which the naive way forms: {size.every_pair / 1e9:.0f} GB")
    for way in WAYS:
        if (found := memory(way, size)) == found:
            say(f"{way}: {found / 1e9:.2f} GB")


def main() -> None:
    """See the module's text."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--paper", action="store_true")
    parser.add_argument("--grown", nargs=5, help=argparse.SUPPRESS)
    given = parser.parse_args()
    with torch.inference_mode():
        if given.grown:
            say(str(grown(given.grown[0], Size(*map(int, given.grown[1:])))))
        elif given.paper:
            paper()
        else:
            compare(given.rounds)


if __name__ == "__main__":
    main()
