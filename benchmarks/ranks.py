"""Whether several processes train as one does, and what their talk costs, on this machine's CPU.

    python benchmarks/ranks.py DATA [--ranks 1 2] [--epochs 1] [--again] [any options of hypseg train]

Every training starts from the same weights and sees the same batches, in processes of one thread each. Printed are the
CPU seconds of all processes, from start to end; how far weights and running statistics lie from those of the first
number of ranks, as a share of them; and the mean loss of the last epoch. `--again` adds a training of one process in
the other memory layout, which differs by rounding alone.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from hypsegcli.checkpoint.torch_file import read_plain
from hypsegcli.cli.console import say, say_text


class Trained(NamedTuple):
    """What one training took, and what came of it."""

    seconds: float  # of CPU, of all processes
    state: Mapping[str, Tensor]
    loss: float  # of the last epoch


def main() -> None:
    """See the module's text."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--ranks", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--again", action="store_true")
    given, options = parser.parse_known_args()
    say_text("| processes | CPU s | weights | running statistics | loss |\n| --- | --- | --- | --- | --- |")
    first: Trained | None = None
    cases: list[tuple[int, list[str]]] = [(count, []) for count in given.ranks]
    cases += [(1, ["--set", "channels_last=false"])] * given.again
    for count, more in cases:
        found = train(given.data, count, [*options, *more, "--epochs", str(given.epochs)])
        first = first or found
        apart = [f"{distance(found.state, first.state, counted=counted):.1e}" for counted in (False, True)]
        name = f"{count}{', the other memory layout' if more else ''}"
        say(f"| {name} | {found.seconds:.1f} | {' | '.join(apart)} | {found.loss:.5f} |")


def train(data: Path, count: int, options: Sequence[str]) -> Trained:
    """Train in so many processes."""
    launcher = ["-m", "torch.distributed.run", "--nproc-per-node", str(count)] if count > 1 else []
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, *launcher, "-m", "hypsegcli", "train", "--data", str(data), "--out", folder, "-q"]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        ended = subprocess.run([*command, *options], env=environment, check=False, stdout=subprocess.DEVNULL)
        if ended.returncode:
            sys.exit(ended.returncode)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        state = read_plain(Path(folder) / "state.pt")["model"]
        loss = float((Path(folder) / "log.csv").read_text().splitlines()[-1].split(",")[1])
    return Trained(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, state, loss)


def distance(one: Mapping[str, Tensor], other: Mapping[str, Tensor], *, counted: bool) -> float:
    """Of what is learned, or of what batch norm has counted, as a share of the other."""
    names = [name for name, tensor in other.items() if tensor.is_floating_point() and ("running" in name) == counted]
    whole = torch.cat([other[name].double().flatten() for name in names])
    return float((torch.cat([one[name].double().flatten() for name in names]) - whole).norm() / whole.norm())


if __name__ == "__main__":
    main()
