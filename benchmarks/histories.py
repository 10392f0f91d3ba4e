"""Histories of an output folder at random, and the laws of each: `python benchmarks/histories.py` prints their number.

    python benchmarks/histories.py --first 1000 --histories 500 --steps 12

Every history is told by its number: one in which a law does not hold is printed, command by command, and exit code 1
says so. What happens in them, and what has to hold: tests/support/histories.py.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # a process with threads does not fork well

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPOSITORY), str(REPOSITORY / "tests")]


def main() -> int:
    """See the module's text."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--first", type=int, default=0, help="number of the first")
    parser.add_argument("--histories", type=int, default=100)
    parser.add_argument("--steps", type=int, default=8, help="commands of each")
    options = parser.parse_args()
    import torch
    from support.histories import History
    from support.variants import World

    torch.set_num_threads(1)
    bad = commands = 0
    place = Path(tempfile.mkdtemp())  # a TemporaryDirectory would go with the first fork
    try:
        world = World(place)
        for number in range(options.first, options.first + options.histories):
            history = History(world, number)
            history.go(options.steps)
            commands += sum(line.startswith("$") for line in history.log)
            if history.problems:
                bad += 1
                print(f"history {number}:", *history.log, sep="\n  ", flush=True)  # noqa: T201
            shutil.rmtree(history.folder)
    finally:
        shutil.rmtree(place)
    print(f"| histories of {commands:,} commands | {options.histories} | every law holds | {bad} |")  # noqa: T201
    return min(1, bad)


if __name__ == "__main__":
    sys.exit(main())
