"""What the books of a million images cost: `python benchmarks/books.py --images 1000000` prints CPU seconds and memory.

The lines are made up, and so are photographs and maps: a thousand small files of each kind lie in one folder, to which
a thousand links lead. Measured is what stands around the images of a run: to plan it; to read and compare what an
earlier run has done, as `--resume` does where nothing is to be done again; to merge the books of eight shards;
`verify`; and to rank images, and the twelve regions of each. Each goes in a process of its own, in one thread; memory
is the most that the process has held, less what it held before. Linux only.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from hypsegcli.files.books import Books
from hypsegcli.files.shard import Shard
from hypsegcli.files.words import count_of
from hypsegcli.images.discover import find_inputs
from hypsegcli.run.ledger import Ledger
from hypsegcli.run.lines import write_lines
from hypsegcli.run.merge import merge
from hypsegcli.run.ordering import Ordering
from hypsegcli.run.plan import Share, plan_outputs
from hypsegcli.run.tables import writers
from hypsegcli.run.verify import verify

A_FOLDER = 1000  # images in one
SHARDS = 8
REGIONS = 12  # of an image, as those of CamVid have
KINDS = ("labels", "confidence")
SUFFIXES = dict.fromkeys(KINDS, ".png")
RECIPE = "a" * 16


def make(root: Path, images: int) -> None:
    """Photographs and maps, a thousand of each, and links to them."""
    for kind in ("photos", *(f"out/{kind}" for kind in KINDS)):
        first = root / kind / "0000"
        first.mkdir(parents=True)
        for number in range(A_FOLDER):
            (first / f"{number:04}.png").write_bytes(f"{kind} {number}".encode())
        for folder in range(1, images // A_FOLDER):
            (root / kind / f"{folder:04}").symlink_to("0000")


def line_of(number: int, root: Path) -> dict[str, Any]:
    """A line of the manifest as a run has it."""
    key = f"{number // A_FOLDER:04}/{number % A_FOLDER:04}"
    data = {kind: f"{folder} {number % A_FOLDER}".encode() for kind, folder in ((k, f"out/{k}") for k in KINDS)}
    source = f"photos {number % A_FOLDER}".encode()
    return {
        "key": key,
        "input": str(root / "photos" / f"{key}.png"),
        "status": "done",
        "outputs": {kind: f"{kind}/{key}.png" for kind in KINDS},
        "bytes": {kind: len(data[kind]) for kind in KINDS},
        "sha256": {kind: hashlib.sha256(data[kind]).hexdigest() for kind in KINDS},
        "height": 360,
        "width": 480,
        "windows": False,
        "summary": {"mean calibrated": 0.9},
        "seconds": {"decode": 0.01, "network": 0.1, "reduce": 0.01, "encode": 0.01, "write": 0.001},
        "notes": [],
        "recipe": RECIPE,
        "source": {"bytes": len(source), "sha256": hashlib.sha256(source).hexdigest()},
    }


def share_of(root: Path, shard: Shard | None = None) -> Share:
    """The plan of all images, or a shard's part of it."""
    # All photographs lie in one folder, which links are followed to once: they are listed, as in @list.txt.
    inputs = find_inputs([f"@{root / 'photos/list.txt'}"])
    return Share.of(plan_outputs(inputs, root / "out", SUFFIXES), shard)


def plan(root: Path) -> str:
    """Plan the run."""
    return count_of(len(share_of(root).images), "image")


def resume(root: Path) -> str:
    """Compare all that an earlier run has done, and write the books of the next one, which has nothing to do."""
    share = share_of(root)
    ledger = Ledger(root / "out", recipe=RECIPE, description={}, cuts=lambda height, width: False)
    rest = ledger.unfinished(share.images, keep=True)
    ledger.open(total=len(share.images))
    ledger.close("finished", profile={})
    return f"{len(rest)} to be done"


def merge_shards(root: Path) -> str:
    """Make one run of eight shards."""
    merged = merge(root / "out")
    return f"{merged.done} done, {'complete' if merged.is_complete else 'not complete'}"


def verify_all(root: Path) -> str:
    """Verify."""
    found = verify(root / "out")
    return f"{found.files} files, {'whole' if found.is_whole else 'not whole'}"


def doubtful(line: dict[str, Any], random: Random) -> dict[str, Any]:
    """A line as `uncertainty` has it, of made-up numbers."""
    region = {"area": 900, "classes": {"building": 500, "tree": 400}}
    boxes = [{"box": [random.randrange(400) for _ in range(4)]} for _ in range(REGIONS)]
    return line | {
        "outputs": {"heatmap": f"heatmap/{line['key']}.png"},
        "bytes": {"heatmap": 1},
        "sha256": {"heatmap": "0" * 64},
        "summary": {"mean": random.random(), "median": 0.1, "p95": 0.5, "expected_wrong": 9000 * random.random()},
        "signature": random.randbytes(64).hex(),
        "class": random.choice(("building", "tree", "car")),
        "regions": [box | region | {"expected_wrong": round(900 * random.random(), 3)} for box in boxes],
    }


def rank(root: Path, *, diverse: bool = False) -> str:
    """Write ranking.csv and regions.csv."""
    for write in writers(Ordering(diverse=diverse)).values():
        write(root / "doubt", RECIPE)
    with (root / "doubt/regions.csv").open("rb") as file:
        return count_of(sum(1 for _ in file) - 1, "region")


def rank_diverse(root: Path) -> str:
    """The same, where images wait that look like others."""
    return rank(root, diverse=True)


def most_memory() -> int:
    """Bytes that this process has held at most."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def measure(task: Callable[[Path], str], root: Path, report: Any) -> None:
    """In a process of its own."""
    Path("/proc/self/clear_refs").write_text("5")  # the most so far was while torch was loaded
    before, started, clock = most_memory(), time.process_time(), time.perf_counter()
    said = task(root)
    memory = (most_memory() - before) / 1e6
    report.send((said, time.process_time() - started, time.perf_counter() - clock, memory))


def write_books(root: Path, images: int, shard: Shard | None) -> None:
    """Of a run, or of a shard of one."""
    numbers = range(images) if shard is None else range(shard.index, images, shard.of)
    books = Books(root / "out", shard)
    write_lines(books.manifest, (line_of(number, root) for number in numbers))
    share = share_of(root, shard) if shard is not None else None
    whole = {"images": images, "plan_sha256": share.sha256} if share is not None else {}
    run = {
        "status": "finished",
        "recipe": RECIPE,
        "options": {"command": "predict"},
        "counts": {"planned": len(numbers), "done": len(numbers), "failed": 0, "others": 0},
        "files": {},
        "started": "2026-01-01T00:00:00Z",
        "seconds": 1.0,
        **({"shard": {"index": shard.index, "of": shard.of, **whole}} if shard is not None else {}),
    }
    books.run.write_text(json.dumps(run))


def main() -> None:
    """See the module's text."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=1_000_000)
    given = parser.parse_args()
    spawn = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make(root, given.images)
        names = (f"{number // A_FOLDER:04}/{number % A_FOLDER:04}.png" for number in range(given.images))
        (root / "photos/list.txt").write_text("".join(f"{name}\n" for name in names))
        print("| | CPU s | s | most memory, MB | bytes an image | says |\n| --- | --- | --- | --- | --- | --- |")  # noqa: T201
        for task in (plan, merge_shards, resume, verify_all, rank, rank_diverse):
            if task is merge_shards:
                for index in range(SHARDS):
                    write_books(root, given.images, Shard(index, SHARDS))
            if task is rank:
                random, lines = Random(0), (line_of(number, root) for number in range(given.images))
                write_lines(Books(root / "doubt").manifest, (doubtful(line, random) for line in lines))
            mine, theirs = spawn.Pipe(duplex=False)
            process = spawn.Process(target=measure, args=(task, root, theirs))
            process.start()
            theirs.close()
            said, cpu, wall, memory = mine.recv()
            process.join()
            each = memory * 1e6 / given.images
            print(f"| {task.__name__} | {cpu:.1f} | {wall:.1f} | {memory:.0f} | {each:.0f} | {said} |", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
