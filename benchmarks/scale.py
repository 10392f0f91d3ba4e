"""How long a run of many images takes on many machines, and what it costs: `python benchmarks/scale.py PHOTOS`.

First it measures, on photographs, what a process takes to start, and for each image: to plan, to segment, and to look
at what an earlier attempt has done. From these a run is simulated: shards wait for machines, machines fail at random
and their shards begin again with `--resume`, at the end the books are merged. The prediction is checked against runs of
1, 2 and 4 processes on this machine, and one of them killed halfway; then it is made for a million images, or whatever
the options say. Prices are of a machine for an hour; one process a machine is meant, or a GPU: give its rate by --rate.
"""

from __future__ import annotations

import argparse
import heapq
import os
import random
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

CORES = len(os.sched_getaffinity(0))


class Rates(NamedTuple):
    """Seconds of one process that has the machine alone."""

    start: float  # until the first image
    plan: float  # an image of all shards
    segment: float  # an image of its own
    compare: float  # an image of its own that is done already
    merge_start: float  # until the first book is read
    merge: float  # an image of all shards
    start_cpu: float  # processor time, of which threads take more than passes
    segment_cpu: float


class Prediction(NamedTuple):
    """Of one simulated run."""

    wall: float  # seconds from the first start to the merged books
    machine: float  # seconds that machines were rented
    failures: int
    lost: int  # shards that were given up


def simulate(
    rates: Rates, images: int, *, shards: int, machines: int, hours_between: float, tries: int, seed: int
) -> Prediction:
    """One run: each machine takes the next shard that waits; where it fails, the shard waits to be begun again."""
    chance = random.Random(seed)
    free = [0.0] * machines
    waiting = [(0.0, shard, 0, 0) for shard in range(shards)]  # from when, which, images done, attempts
    heapq.heapify(waiting)
    machine, failures, lost, end = 0.0, 0, 0, 0.0
    while waiting:
        since, shard, done, attempts = heapq.heappop(waiting)
        begin = max(since, heapq.heappop(free))
        own = len(range(shard, images, shards))
        before = rates.start + images * rates.plan + done * rates.compare
        fails_after = chance.expovariate(1 / (3600 * hours_between)) if hours_between else float("inf")
        takes = before + (own - done) * rates.segment
        if takes <= fails_after:
            end = max(end, begin + takes)
        else:
            takes = fails_after
            failures += 1
            done += max(0, int((fails_after - before) / rates.segment))
            if attempts + 1 < tries:
                heapq.heappush(waiting, (begin + takes, shard, done, attempts + 1))
            else:
                lost += 1
        machine += takes
        heapq.heappush(free, begin + takes)
    merging = rates.merge_start + images * rates.merge
    return Prediction(end + merging, machine + merging, failures, lost)


class Took(NamedTuple):
    """Of some processes."""

    wall: float  # seconds until the last has ended
    cpu: float  # of all of them


def run_shards(
    photos: Path, out: Path, of: int, *arguments: str, only: Sequence[int] | None = None, kill_after: int | None = None
) -> Took:
    """What processes take, each with one thread, which share the images; killed after so many lines, if so."""
    command = [sys.executable, "-m", "hypsegcli", "predict", str(photos), "--out", str(out), "--quiet", *arguments]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    started, busy = time.perf_counter(), cpu_of_children()
    processes = [
        subprocess.Popen(
            [*command, *(["--shard", f"{index}/{of}"] if of > 1 else [])], env=environment, stdout=subprocess.DEVNULL
        )
        for index in (range(of) if only is None else only)
    ]
    if kill_after is not None:
        manifest = out / "manifest.jsonl"
        while processes[0].poll() is None and not (
            manifest.is_file() and manifest.read_bytes().count(b"\n") > kill_after
        ):
            time.sleep(0.01)
        processes[0].send_signal(signal.SIGKILL)
    for process in processes:
        process.wait()
    return Took(time.perf_counter() - started, cpu_of_children() - busy)


def cpu_of_children() -> float:
    """Seconds of processor time of those that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def merge(out: Path) -> float:
    """Seconds to merge the shards in a folder."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-m", "hypsegcli", "merge", str(out)], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def measure(folder: Path, few: Path, many: Path) -> Rates:
    """From two folders of photographs, of which one has more: the median of three runs of each, by turns."""
    images = [len(list(each.iterdir())) for each in (few, many)]
    run_shards(few, folder / "warm", 1)  # the network is converted once
    times: list[list[Took]] = [[], []]
    again, merging = [], []
    for turn in range(3):
        for index, photos in enumerate((few, many)):
            times[index].append(run_shards(photos, folder / f"{index}-{turn}", 1))
        again.append(run_shards(many, folder / f"1-{turn}", 1, "--resume").wall)
        run_shards(few, folder / f"merged-{turn}", 2)
        merging.append(merge(folder / f"merged-{turn}"))

    def line(values: list[list[float]]) -> tuple[float, float]:
        short, long = (statistics.median(each) for each in values)
        each = (long - short) / (images[1] - images[0])
        return short - images[0] * each, each

    start, segment = line([[took.wall for took in each] for each in times])
    start_cpu, segment_cpu = line([[took.cpu for took in each] for each in times])
    compare = max(0.0, (statistics.median(again) - start) / images[1])
    # Planning and merging take microseconds an image, which no run of a hundred shows: benchmarks/books.py does.
    return Rates(start, 30e-6, segment, compare, statistics.median(merging), 250e-6, start_cpu, segment_cpu)


def check(folder: Path, photos: Path, rates: Rates) -> None:
    """Runs on this machine beside what is predicted of them."""
    images = len(list(photos.iterdir()))
    say("| run | predicted, s | measured, s | |\n| --- | --- | --- | --- |")
    for workers in (1, 2, 4):
        plain = simulate(rates, images, shards=workers, machines=workers, hours_between=0, tries=1, seed=0)
        merging = rates.merge_start if workers > 1 else 0.0
        # Processes of one machine share its cores.
        busy = (workers * rates.start_cpu + images * rates.segment_cpu) / CORES
        predicted = max(plain.wall - rates.merge_start, busy) + merging
        took = []
        for turn in range(3):
            out = folder / f"workers-{workers}-{turn}"
            took.append(run_shards(photos, out, workers).wall + (merge(out) if workers > 1 else 0.0))
        tell(f"{workers} process{'es' if workers > 1 else ''}", predicted, statistics.median(took))
    took = []
    for turn in range(3):
        out = folder / f"killed-{turn}"
        first = run_shards(photos, out, 1, kill_after=images // 2)
        took.append(first.wall + run_shards(photos, out, 1, "--resume").wall)
    predicted = 2 * rates.start + images * rates.segment + images / 2 * rates.compare
    tell("1 process, killed halfway, resumed", predicted, statistics.median(took))


def tell(what: str, predicted: float, measured: float) -> None:
    """A row of the check."""
    say(f"| {what} | {predicted:.1f} | {measured:.1f} | {100 * (predicted / measured - 1):+.0f} % |")


def predict(rates: Rates, given: argparse.Namespace) -> None:
    """The table for many machines."""
    say(
        f"\n{given.images:,} images, {given.shards} shards, a failure every {given.hours_between:g} hours of a "
        f"machine, {given.tries} tries a shard; medians of 100 simulated runs, and the 95th percentile of hours:\n"
    )
    say("| machines | hours | 95 % | machine hours | failures | shards given up | price |")
    say("| --- | --- | --- | --- | --- | --- | --- |")
    for machines in given.machines:
        runs = [
            simulate(
                rates,
                given.images,
                shards=max(given.shards, machines),
                machines=machines,
                hours_between=given.hours_between,
                tries=given.tries,
                seed=seed,
            )
            for seed in range(100)
        ]
        hours = sorted(run.wall / 3600 for run in runs)
        rented = statistics.median(run.machine / 3600 for run in runs)
        say(
            f"| {machines} | {hours[50]:.1f} | {hours[95]:.1f} | {rented:.0f} | "
            f"{statistics.median(run.failures for run in runs):g} | {statistics.mean(run.lost for run in runs):.2f} | "
            f"{rented * given.price:.2f} |"
        )


def say(line: str) -> None:
    """One line of the result."""
    print(line, flush=True)  # noqa: T201


def main() -> None:
    """See the module's text."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path, help="a folder of at least 40 photographs")
    parser.add_argument("--images", type=int, default=1_000_000)
    parser.add_argument("--shards", type=int, default=256)
    parser.add_argument("--machines", type=int, nargs="+", default=[1, 4, 16, 64, 256])
    parser.add_argument("--hours-between", type=float, default=100.0, help="of a machine, between its failures")
    parser.add_argument("--tries", type=int, default=4, help="that a shard is begun, at most")
    parser.add_argument("--price", type=float, default=0.10, help="of a machine for an hour")
    parser.add_argument("--rate", type=float, help="images a second of one process; else as measured here")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photos = sorted(path for path in given.photos.rglob("*") if path.suffix.lower() in {".jpg", ".png"})
        for count in (10, 40):
            (folder / f"photos-{count}").mkdir()
            for number, path in enumerate(photos[:count]):
                shutil.copy(path, folder / f"photos-{count}" / f"{number:03}{path.suffix}")
        rates = measure(folder, folder / "photos-10", folder / "photos-40")
        say(
            f"start {rates.start:.1f} s, {1000 * rates.segment:.0f} ms an image, {1000 * rates.compare:.1f} ms where "
            f"it is done already; {CORES} cores\n"
        )
        check(folder, folder / "photos-40", rates)
        if given.rate:
            rates = rates._replace(segment=1 / given.rate)
        predict(rates, given)


if __name__ == "__main__":
    main()
