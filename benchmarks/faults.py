"""What a run, its inputs and its checkpoints survive: `python benchmarks/faults.py` prints the table with counts.

    python benchmarks/faults.py --parts kills --kills 200
    python benchmarks/faults.py --parts checkpoints,pictures --mutations 100000

Networks have random weights and pictures are made up. After every fault the run is continued with `--resume`, or the
folder proven by `hypseg verify`, and compared byte for byte with a run that nothing befell. A row whose last column is
not 0 is a defect; exit code 1 says so.
"""

from __future__ import annotations

import argparse
import logging
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
from PIL import Image

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "tests"))  # whose mutations of files these are

KINDS = ("labels", "confidence")
PARTIAL = 3  # the exit code of a run some of whose images failed
LONGEST, SLOWEST = 2_500, 10.0  # characters of a sentence, seconds of a load


class Row(NamedTuple):
    """A line of the table."""

    fault: str
    tried: int
    outcome: str
    bad: int  # of those tried, what did not end as promised


class Place:
    """A folder with pictures, a checkpoint, and the maps of a run that nothing befell."""

    def __init__(self, folder: Path, images: int) -> None:
        from support import make_checkpoint

        from hypsegcli.hierarchy.tree import flat_tree

        self.folder, self.images, self.chance = folder, folder / "in", random.Random(0)
        self.images.mkdir()
        noise = np.random.default_rng(0)
        for number in range(images):
            coarse = Image.fromarray(noise.integers(0, 256, (6, 8, 3), dtype=np.uint8))
            coarse.resize((96, 64)).save(self.images / f"{number:03}.png")
        self.checkpoint = make_checkpoint(folder / "random.safetensors", flat_tree(["a", "b", "c"]))
        started = time.perf_counter()
        self.check(self.run("whole"), 0)
        self.seconds = time.perf_counter() - started
        self.whole = self.maps("whole")

    def command(self, out: str, *more: str) -> list[str]:
        """`hypseg predict` into a folder."""
        options = ["--checkpoint", str(self.checkpoint), "--save", ",".join(KINDS), "--engine", "torch", "--quiet"]
        return [
            sys.executable,
            "-m",
            "hypsegcli",
            "predict",
            str(self.images),
            "--out",
            str(self.folder / out),
            *options,
            *more,
        ]

    def run(
        self,
        out: str,
        *more: str,
        before: Callable[[], None] | None = None,
        stdout: IO[str] | int = subprocess.DEVNULL,
        stderr: IO[str] | int = subprocess.DEVNULL,
    ) -> int:
        """Its exit code."""
        command = self.command(out, *more)
        return subprocess.run(command, check=False, preexec_fn=before, stdout=stdout, stderr=stderr).returncode

    def check(self, code: int, *allowed: int) -> None:
        """The benchmark itself goes wrong."""
        if code not in allowed:
            raise SystemExit(f"hypseg ended with {code}")

    def maps(self, out: str) -> dict[str, bytes]:
        """Every map of a run."""
        root = self.folder / out
        return {
            p.relative_to(root).as_posix(): p.read_bytes() for kind in KINDS for p in sorted((root / kind).glob("*"))
        }

    def ends_whole(self, out: str) -> bool:
        """Whether nothing in it is a part of a map, and `--resume` ends it as if nothing had happened."""
        partial = [name for name, data in self.maps(out).items() if self.whole.get(name) != data]
        done = self.run(out, "--resume") == 0 and self.maps(out) == self.whole
        strays = list((self.folder / out).rglob(".hypseg*"))
        shutil.rmtree(self.folder / out, ignore_errors=True)
        return done and not partial and not strays


def kills(place: Place, options: argparse.Namespace) -> Iterator[Row]:
    """Signals at random moments of a run, often several in a row."""
    for name in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT):
        bad = 0
        for number in range(options.kills):
            for _ in range(1 + number % 2):
                running = subprocess.Popen(
                    place.command("killed", "--resume"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
                )
                time.sleep(place.chance.uniform(0.3, 1.0) * place.seconds)
                running.send_signal(name)
                running.wait()
            bad += not place.ends_whole("killed")
        yield Row(f"{name.name} at random moments", options.kills, "`--resume` ends with the same bytes", bad)


def shards(place: Place, options: argparse.Namespace) -> Iterator[Row]:
    """Processes that share a run, killed at random moments, resumed as another number of them, and merged."""
    out = place.folder / "shards"
    merge = [sys.executable, "-m", "hypsegcli", "merge", str(out)]
    told = whole = 0
    for _ in range(options.kills):
        running = [
            subprocess.Popen(place.command("shards", "--shard", f"{index}/3"), stderr=subprocess.DEVNULL)
            for index in range(3)
        ]
        for process in place.chance.sample(running, 3):
            time.sleep(place.chance.uniform(0.1, 0.6) * place.seconds)
            process.kill()
            process.wait()
        done = all((out / f"labels/{path.name}").is_file() for path in place.images.iterdir())
        code = subprocess.run(merge, check=False, capture_output=True).returncode
        told += code in {0, 3} if done else code in {2, 3}  # 2: there are no books yet
        again = [place.run("shards", "--shard", f"{index}/2", "--resume") for index in place.chance.sample(range(2), 2)]
        code = subprocess.run(merge, check=False, capture_output=True).returncode
        whole += again == [0, 0] and code == 0 and place.ends_whole("shards")
    yield Row("SIGKILL of three shards at random moments", options.kills, "`merge` says so", options.kills - told)
    yield Row("these, resumed as two", options.kills, "merged, they are the same bytes", options.kills - whole)


def disks(place: Place, _: argparse.Namespace) -> Iterator[Row]:
    """Files that may not grow, outputs that may not be written, streams that nobody reads."""
    largest = max(path.stat().st_size for path in (place.folder / "whole").rglob("*") if path.is_file())
    sizes = [int(share * largest) for share in (0, 0.1, 0.5, 0.9)]  # with which one file at least does not fit
    bad = 0
    for size in sizes:
        code = place.run("full", before=lambda size=size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)))  # type: ignore[misc]
        bad += code == 0 or code < 0
        bad += not place.ends_whole("full")
    yield Row("a disk that takes only so many bytes a file", len(sizes), "not exit code 0; `--resume` ends whole", bad)
    bad = 0
    with Path("/dev/full").open("w") as full:
        none = subprocess.DEVNULL
        for stdout, stderr in ((full, none), (none, full), (full, full)):
            place.run("streams", stdout=stdout, stderr=stderr)
            bad += not place.ends_whole("streams")
    yield Row("standard streams that are full", 3, "the maps are whole", bad)
    bad = 0
    for number in range(3):
        moved = sorted(place.images.iterdir())[number::3]
        hidden = [path.rename(place.folder / path.name) for path in moved]
        place.run("vanished")
        for path in hidden:
            path.rename(place.images / path.name)
        bad += not place.ends_whole("vanished")
    yield Row("inputs that were away for a while", 3, "`--resume` adds what was missing", bad)
    bad = 0
    for name in place.chance.sample(list(place.whole), 3):
        taken = place.folder / "taken" / name
        taken.mkdir(parents=True)
        bad += place.run("taken", "--overwrite") != PARTIAL
        taken.rmdir()
        bad += not place.ends_whole("taken")
    yield Row("a folder at the place of a map", 3, "exit code 3; `--resume` adds what was missing", bad)


def flips(place: Place, options: argparse.Namespace) -> Iterator[Row]:
    """Bits flipped in maps, whose times stay what they were."""
    verify = [sys.executable, "-m", "hypsegcli", "verify", str(place.folder / "flipped")]
    shutil.copytree(place.folder / "whole", place.folder / "flipped")
    missed = wrong = 0
    for _ in range(options.flips):
        path = place.folder / "flipped" / place.chance.choice(list(place.whole))
        _flip(path, place.chance)
        missed += subprocess.run(verify, check=False, capture_output=True).returncode != 3
        shutil.rmtree(place.folder / "flipped")
        shutil.copytree(place.folder / "whole", place.folder / "flipped")
    yield Row("one bit flipped in a map", options.flips, "`hypseg verify` finds it, exit code 3", missed)
    shutil.rmtree(place.folder / "flipped")
    for _ in range(min(options.flips, 5)):
        shutil.copytree(place.folder / "whole", place.folder / "flipped")
        for name in place.chance.sample(list(place.whole), 5):
            _flip(place.folder / "flipped" / name, place.chance)
        code = place.run("flipped", "--resume")
        wrong += code != 0 or place.maps("flipped") != place.whole
        shutil.rmtree(place.folder / "flipped")
    yield Row("five maps with a flipped bit", min(options.flips, 5), "`--resume` makes them again", wrong)


def caches(place: Place, options: argparse.Namespace) -> Iterator[Row]:
    """Bits flipped in the converted network that lies in the cache."""
    os.environ["XDG_CACHE_HOME"] = str(place.folder / "cache")
    engine = ("--engine", "openvino")
    place.check(place.run("converted", *engine), 0)
    whole, bad = place.maps("converted"), 0
    for _ in range(options.flips):
        _flip(
            place.chance.choice([path for path in (place.folder / "cache").rglob("*") if path.is_file()]), place.chance
        )
        bad += place.run("again", *engine) != 0 or place.maps("again") != whole
        shutil.rmtree(place.folder / "again")
    yield Row("one bit flipped in a cached network", options.flips, "it is converted again; the same bytes", bad)


def _flip(path: Path, chance: random.Random) -> None:
    data, times = bytearray(path.read_bytes()), path.stat()
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    path.write_bytes(data)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def checkpoints(place: Place, options: argparse.Namespace) -> Iterator[Row]:
    """Bytes, fields and numbers of checkpoints changed at random."""
    from support.mutations import mutated_bytes, mutated_checkpoint

    from hypsegcli.checkpoint.store import load_checkpoint
    from hypsegcli.errors import CheckpointError

    whole, path = place.checkpoint.read_bytes(), place.folder / "mutated.safetensors"
    for what, mutate in (
        ("mutated checkpoints", mutated_checkpoint),
        ("checkpoints with damaged headers", lambda data, chance: mutated_bytes(data, chance, first=20_000)),
    ):
        loaded = bad = 0
        for _ in range(options.mutations):
            path.write_bytes(mutate(whole, place.chance))
            read, amiss = _try(lambda: load_checkpoint(path), CheckpointError)
            loaded, bad = loaded + read, bad + amiss
        yield Row(what, options.mutations, f"{options.mutations - loaded} refused, {loaded} loaded", bad)


def _try(read: Callable[[], object], refusal: type[Exception]) -> tuple[bool, bool]:
    """Whether something could be read, and whether it went amiss: another error, a long sentence, a long time."""
    started, amiss, done = time.perf_counter(), False, False
    try:
        read()
        done = True
    except refusal as error:
        amiss = len(str(error)) > LONGEST
    except Exception:
        amiss = True
    return done, amiss or time.perf_counter() - started > SLOWEST


def pictures(place: Place, options: argparse.Namespace) -> Iterator[Row]:
    """Bytes of pictures of every format changed at random."""
    from support.mutations import mutated_bytes

    from hypsegcli.errors import ImageError
    from hypsegcli.images.decode import decode_image

    image, path = Image.open(next(place.images.iterdir())).resize((24, 20)), place.folder / "mutated"
    warnings.simplefilter("ignore")
    logging.disable()
    for kind in ("JPEG", "PNG", "TIFF", "WEBP", "BMP", "PPM", "GIF", "JPEG2000"):
        buffer = BytesIO()
        image.convert("P" if kind == "GIF" else "RGB").save(buffer, kind)
        decoded = bad = 0
        for number in range(options.mutations):
            path.write_bytes(mutated_bytes(buffer.getvalue(), place.chance, first=None if number % 2 else 128))
            read, amiss = _try(lambda: decode_image(path, max_pixels=100_000), ImageError)
            decoded, bad = decoded + read, bad + amiss
        outcome = f"{options.mutations - decoded} refused, {decoded} decoded"
        yield Row(f"mutated {kind} files", options.mutations, outcome, bad)


PARTS = {part.__name__: part for part in (kills, shards, disks, flips, caches, checkpoints, pictures)}


def main() -> int:
    """See the module's text."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", default=",".join(PARTS), help="of " + ", ".join(PARTS))
    parser.add_argument("--images", type=int, default=24, help="of a run")
    parser.add_argument("--kills", type=int, default=5, help="runs for each signal")
    parser.add_argument("--flips", type=int, default=5)
    parser.add_argument("--mutations", type=int, default=500, help="of each kind of file")
    options = parser.parse_args()
    os.environ["PYTHONPATH"] = str(REPOSITORY)
    print("| fault | tried | outcome | otherwise |\n| --- | --- | --- | --- |")  # noqa: T201
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder), options.images)
        for part in options.parts.split(","):
            for row in PARTS[part](place, options):
                bad += row.bad
                print(f"| {row.fault} | {row.tried:,} | {row.outcome} | {row.bad} |", flush=True)  # noqa: T201
    return min(1, bad)


if __name__ == "__main__":
    sys.exit(main())
