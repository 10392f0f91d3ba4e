"""From a command to its files: `python benchmarks/startup.py PHOTOGRAPH` prints a table of seconds, medians of rounds.

Processes take turns, so that a slow moment meets all of them; the first round, which reads files from the disk and may
convert the network, is not counted. Then it prints which packages one `hypseg predict` imports, and for how long.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from statistics import median

LARGEST = 8  # packages in the table of imports


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photograph", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        predict = ["predict", str(given.photograph), "--out", folder, "--overwrite", "--quiet", "--engine"]
        commands = {
            "an interpreter that does nothing": ["-c", "pass"],
            "`import torch`": ["-c", "import torch"],
            "`import torch, torchvision`": ["-c", "import torch, torchvision"],
            "`hypseg --help`": ["-m", "hypsegcli", "--help"],
            "`hypseg predict`, OpenVINO": ["-m", "hypsegcli", *predict, "openvino"],
            "`hypseg predict`, PyTorch": ["-m", "hypsegcli", *predict, "torch"],
        }
        seconds: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(given.rounds + 1):
            for name, arguments in commands.items():
                seconds[name].append(seconds_of(arguments))
        print("| | seconds |\n| --- | --- |")  # noqa: T201
        for name, each in seconds.items():
            print(f"| {name} | {median(each[1:]):.2f} |")  # noqa: T201
        print("\n| package | modules | seconds to import |\n| --- | --- | --- |")  # noqa: T201
        for package, (modules, taken) in imports_of([*commands["`hypseg predict`, OpenVINO"]]):
            print(f"| {package} | {modules} | {taken:.2f} |")  # noqa: T201


def seconds_of(arguments: list[str]) -> float:
    """What one process takes."""
    started = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    return time.perf_counter() - started


def imports_of(arguments: list[str]) -> list[tuple[str, tuple[int, float]]]:
    """Per package: how many modules of it are imported, and what they take, those that they import left out."""
    done = subprocess.run([sys.executable, "-X", "importtime", *arguments], check=True, capture_output=True, text=True)
    modules: Counter[str] = Counter()
    microseconds: Counter[str] = Counter()
    for line in done.stderr.splitlines():
        told = line.removeprefix("import time:").split("|")
        if len(told) == 3 and told[0].strip().isdigit():
            package = told[2].strip().partition(".")[0]
            modules[package] += 1
            microseconds[package] += int(told[0])
    return [(package, (modules[package], taken / 1e6)) for package, taken in microseconds.most_common(LARGEST)]


if __name__ == "__main__":
    main()
