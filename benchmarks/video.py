"""What videos cost: the table of docs/scale.md, in CPU milliseconds a frame, and the memory of a run by their length.

    python benchmarks/video.py table PHOTOGRAPH [--frames 50]
    python benchmarks/video.py memory PHOTOGRAPH [--lengths 100,1000]

Videos are made of the photograph, moved a little from frame to frame, as MPEG-4 Part 2 and Motion JPEG. To count is
what a plan does, to read what a run does, to write what it does at its end for each video of maps.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hypsegcli.images.video import Video, count_frames
from hypsegcli.images.video_write import write_video

SIZES = ((480, 360), (1280, 720), (1920, 1080))
CODES = {"mp4": "mp4v", "avi": "MJPG"}
PROGRAM = (
    "import resource, sys; from hypsegcli.cli.app import main; code = main(sys.argv[1:]);"
    "print(code, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)"
)


def resized(photograph: Path, size: tuple[int, int]) -> NDArray[np.uint8]:
    """The photograph at some (width, height), in OpenCV's order of colours."""
    with Image.open(photograph) as image:
        return np.ascontiguousarray(np.asarray(image.convert("RGB").resize(size))[:, :, ::-1])


def make(path: Path, photograph: Path, size: tuple[int, int], frames: int) -> Path:
    """Write a video of some (width, height)."""
    picture = resized(photograph, size)
    code = cv2.VideoWriter.fourcc(*CODES[path.suffix[1:]])
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, code, 25.0, size)
    for number in range(frames):
        writer.write(np.roll(picture, 3 * number, axis=1))
    writer.release()
    return path


def cost(work: Callable[[], object], frames: int) -> float:
    """CPU milliseconds a frame."""
    started = time.process_time()
    work()
    return 1000 * (time.process_time() - started) / frames


def read(path: Path, frames: int) -> None:
    """Read all frames, as a run does."""
    video = Video(path)
    for number in range(frames):
        video.frame(number)
    video.close()


def table(photograph: Path, frames: int) -> None:
    """Print what it costs to count, to read, and to write, by size and codec."""
    print("| | count | read | count / read | write a video of maps |\n| --- | --- | --- | --- | --- |")  # noqa: T201
    with tempfile.TemporaryDirectory() as folder:
        for width, height in SIZES:
            picture = Path(folder, "map.png")
            cv2.imwrite(str(picture), resized(photograph, (width, height)))
            write = cost(lambda: write_video(Path(folder, "maps.mp4"), [picture] * frames, rate=25), frames)  # noqa: B023
            for suffix, code in CODES.items():
                path = make(Path(folder, f"clip.{suffix}"), photograph, (width, height), frames)
                count, whole = cost(lambda: count_frames(path), frames), cost(lambda: read(path, frames), frames)  # noqa: B023
                row = f"{count:.1f} | {whole:.1f} | {count / whole:.2f} | {write:.1f}"
                print(f"| {width} x {height}, {code} | {row} |", flush=True)  # noqa: T201


def memory(photograph: Path, lengths: list[int]) -> None:
    """Print the peak of a run's memory for videos of some lengths."""
    for frames in lengths:
        with tempfile.TemporaryDirectory() as folder:
            path = make(Path(folder, "clip.mp4"), photograph, (160, 120), frames)
            arguments = ["predict", str(path), "--out", f"{folder}/out", "--save", "labels,overlay", "--quiet"]
            done = subprocess.run(
                [sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True, check=True
            )
            print(f"{frames} frames: {done.stdout.split()[-1]} MB at the peak", flush=True)  # noqa: T201


def main() -> None:
    """Read the arguments."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["table", "memory"])
    parser.add_argument("photograph", type=Path)
    parser.add_argument("--frames", type=int, default=50)
    parser.add_argument("--lengths", default="100,1000")
    arguments = parser.parse_args()
    if arguments.what == "table":
        table(arguments.photograph, arguments.frames)
    else:
        memory(arguments.photograph, [int(length) for length in arguments.lengths.split(",")])


if __name__ == "__main__":
    main()
