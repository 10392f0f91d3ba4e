"""What a GPU does: `python benchmarks/gpu.py IMAGES [--device cuda] [--images 64]`.

Photographs of one size, from arrays in memory to predictions in memory, labels and confidence, in eager PyTorch: images
a second and the most of the card's memory, by precision and batch size, against the plain way (one image after the
other, interpolated with all its classes). Then what `torch.compile` brings to the network alone. `--device cpu` runs
the same on the CPU, to see that it runs.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from hypsegcli.checkpoint.bundled import bundled_checkpoint
from hypsegcli.checkpoint.store import Checkpoint, load_checkpoint
from hypsegcli.hierarchy.softmax import class_log_probabilities
from hypsegcli.images.decode import decode_image
from hypsegcli.inference.build import make_segmenter
from hypsegcli.inference.device import choose_device
from hypsegcli.inference.engines.torch_engine import TorchEngine
from hypsegcli.inference.normalise import normalise
from hypsegcli.inference.request import Precision, Request

BATCHES = (1, 4, 8, 16, 32)
Pictures = Sequence[NDArray[np.uint8]]


def plain(checkpoint: Checkpoint, device: torch.device) -> Callable[[Pictures], None]:
    """As a script would."""
    model, header = checkpoint.model.eval().to(device), checkpoint.header

    def run(images: Pictures) -> None:
        for image in images:
            batch = torch.from_numpy(image[None]).to(device).permute(0, 3, 1, 2)
            with torch.no_grad():
                scores = class_log_probabilities(model(normalise(batch, header.input)).logits, header.tree)
                whole = F.interpolate(scores, scale_factor=4, mode="bilinear", align_corners=False)
            whole.argmax(1).cpu().numpy()

    return run


def ours(checkpoint: Checkpoint, device: str, precision: Precision, batch: int) -> Callable[[Pictures], None]:
    """A segmenter, a batch after the other."""
    request = Request(measures=("distance",))
    segmenter = make_segmenter(checkpoint, request, engine="torch", device=device, precision=precision, tile="off")

    def run(images: Pictures) -> None:
        for start in range(0, len(images), batch):
            segmenter.predict(images[start : start + batch])

    return run


def measured(
    run: Callable[[Pictures], None], images: Pictures, device: torch.device, rounds: int
) -> tuple[float, float]:
    """Images a second, and the most of the card's memory in MB; 0 where there is no card."""
    run(images)  # warms up
    on_card = device.type == "cuda"
    if on_card:
        torch.cuda.reset_peak_memory_stats(device)
    taken = []
    for _ in range(rounds):
        started = time.perf_counter()
        run(images)  # ends with arrays, and so waits for the card
        taken.append(time.perf_counter() - started)
    peak = torch.cuda.max_memory_allocated(device) / 1e6 if on_card else 0.0
    return len(images) / statistics.median(taken), peak


def compiled(checkpoint: Checkpoint, device: str, images: Pictures, rounds: int, batch: int) -> tuple[float, float]:
    """Milliseconds of the network alone, as it is and compiled, in the precision that is usual there."""
    where = choose_device(device)
    engine = TorchEngine(checkpoint.model, checkpoint.header.input, where)
    pictures = np.stack(images[:batch])
    found = []
    for model in (engine.model, torch.compile(engine.model)):
        engine.model = model  # type: ignore[assignment]  # what torch.compile gives back runs as the model does
        taken = []
        for _ in range(rounds + 3):
            started = time.perf_counter()
            float(engine(pictures).distance.sum())
            taken.append(1e3 * (time.perf_counter() - started))
        found.append(statistics.median(taken[3:]))
    return found[0], found[1]


def say(line: str) -> None:
    """Print."""
    print(line, flush=True)  # noqa: T201


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=Path)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--images", type=int, default=64, dest="count")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-compile", action="store_true", help="torch.compile needs a C++ compiler")
    given = parser.parse_args()
    found = sorted(path for path in given.images.iterdir() if path.suffix in {".png", ".jpg"})
    shown = [decode_image(path).pixels[:352, :480] for path in found[: given.count]]
    images = [shown[number % len(shown)] for number in range(given.count)]
    path, device = bundled_checkpoint(), choose_device(given.device).torch
    say(f"{choose_device(given.device).label.rpartition(',')[0]}; {len(images)} images of 480 x 352\n")
    say("| | images a second | times the plain way | MB of the card |\n| --- | --- | --- | --- |")
    usual, peak = measured(plain(load_checkpoint(path), device), images, device, given.rounds)
    say(f"| the plain way | {usual:.1f} | 1.00 | {peak:.0f} |")
    precisions: tuple[Precision, ...] = ("fp32", "bf16")
    for precision in precisions:
        for batch in BATCHES:
            run = ours(load_checkpoint(path), given.device, precision, batch)
            rate, peak = measured(run, images, device, given.rounds)
            say(f"| {precision}, {batch} at once | {rate:.1f} | {rate / usual:.2f} | {peak:.0f} |")
    if not given.no_compile:
        before, after = compiled(load_checkpoint(path), given.device, images, given.rounds, 8)
        say(f"\nthe network alone, 8 images: {before:.1f} ms, by torch.compile {after:.1f} ms")


if __name__ == "__main__":
    main()
