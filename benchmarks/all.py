"""The tables of docs/speed.md, in one run: `python benchmarks/all.py CAMVID [--quick]`.

CAMVID has `val/images` and `val/masks`. Each table is printed under the command that makes it; what a table compares
runs in turns, so that ratios hold whatever else the machine does. Peers join in where they are installed: pip install
segmentation-models-pytorch hypll geoopt. A GPU, where there is one, has its table too. `--quick` runs each once.
"""

from __future__ import annotations

import argparse
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

import torch

HERE = Path(__file__).parent


def say(line: str) -> None:
    """Print."""
    print(line, flush=True)  # noqa: T201


def run(shown: list[str], command: list[str]) -> None:
    """One table, under the command that anybody may type."""
    say(f"\n## `{' '.join(shown)}`\n")
    subprocess.run(command, check=True)


def benchmark(name: str, *arguments: str) -> None:
    """One of this folder."""
    run(["python", f"benchmarks/{name}", *arguments], [sys.executable, str(HERE / name), *arguments])


def main() -> None:
    """Run them one after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("camvid", type=Path)
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    val, masks = (str(given.camvid / "val" / kind) for kind in ("images", "masks"))
    rounds = ["--rounds", "1"] if given.quick else []
    say(f"{platform.machine()}, torch {torch.__version__}, {torch.get_num_threads()} threads")
    with tempfile.TemporaryDirectory() as folder:
        int8 = str(Path(folder) / "int8.safetensors")
        quantise = ["quantise", val, masks, "--out", int8]
        run(["hypseg", *quantise], [sys.executable, "-m", "hypsegcli", *quantise])
        benchmark("speed.py", val, "--checkpoint", int8, *rounds)
    benchmark("startup.py", str(HERE.parent / "examples" / "streets" / "taxis.jpg"), *rounds)
    benchmark("phones.py", val, *rounds)
    benchmark("growth.py", val)
    benchmark("head.py", *rounds)
    benchmark("training.py", *rounds)
    if torch.cuda.is_available():
        benchmark("gpu.py", val, *rounds)


if __name__ == "__main__":
    main()
