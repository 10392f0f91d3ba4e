"""How fast a folder is segmented: on every engine that is installed, against the plain way, in one run.

    python benchmarks/speed.py IMAGES [--images 24] [--rounds 5] [--checkpoint FILE]

The plain way is what scripts beside papers do: eager PyTorch, one image after the other, decoded, run, interpolated to
the image's size with all its classes, and written in line, labels only. Ours writes the kinds that `--save` names.
Everything takes turns, a folder each, in one process with the same number of threads; medians over rounds. `of sgemm`
is the network's floating-point rate (one forward pass alone) as a share of what a large matrix product reaches in
the same minute. torchvision's smallest DeepLabV3 joins in, and segmentation_models_pytorch's DeepLabV3+ on the same
backbone where it is installed. int8 is that of a checkpoint which `hypseg quantise` wrote.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models.segmentation import deeplabv3_mobilenet_v3_large

from hypsegcli.checkpoint.bundled import bundled_checkpoint
from hypsegcli.checkpoint.store import Checkpoint, load_checkpoint
from hypsegcli.files.threads import default_workers
from hypsegcli.hierarchy.softmax import class_log_probabilities
from hypsegcli.images.decode import decode_image
from hypsegcli.images.discover import find_inputs
from hypsegcli.inference.device import Device
from hypsegcli.inference.engines.base import Engine
from hypsegcli.inference.engines.choose import RUNTIMES, make_engine
from hypsegcli.inference.prediction import RGB
from hypsegcli.inference.request import Request
from hypsegcli.inference.segmenter import Segmenter
from hypsegcli.inference.strips import pad_to_cells
from hypsegcli.products.confidence import mean_confidence
from hypsegcli.products.outputs import make_outputs
from hypsegcli.products.product import Context, find_product
from hypsegcli.run.plan import plan_outputs
from hypsegcli.run.process import process

Folder = Callable[[Sequence[Path], Path], None]  # segments images into a folder


def engines(checkpoint: Checkpoint) -> dict[str, Engine]:
    """All that can run here, by name and precision."""
    fp32, bf16 = (Device(torch.device("cpu"), precision) for precision in ("fp32", "bf16"))
    found: dict[str, Engine] = {"torch fp32": make_engine(checkpoint, fp32, "torch")}
    for name in RUNTIMES:
        if find_spec(name) is not None:
            found[f"{name} fp32"] = make_engine(checkpoint, fp32, name)  # type: ignore[arg-type]  # keys are engines
    if "openvino fp32" in found:
        found["openvino bf16"] = make_engine(checkpoint, bf16, "openvino")
        if checkpoint.int8:
            found["openvino int8"] = make_engine(checkpoint, Device(torch.device("cpu"), "int8"), "openvino")
    return found


def ours(checkpoint: Checkpoint, engine: Engine, kinds: tuple[str, ...]) -> Folder:
    """The pipeline of `hypseg predict`."""
    request = Request(measures=("calibrated" if checkpoint.header.calibration else "distance",))
    segmenter = Segmenter(engine, checkpoint.header.tree, request=request, calibration=checkpoint.header.calibration)
    context = Context.of(checkpoint.header, checkpoint.sha256)
    outputs = make_outputs([find_product(kind) for kind in kinds], context, mean_confidence)

    def run(images: Sequence[Path], out: Path) -> None:
        plan = plan_outputs(find_inputs([str(path) for path in images]), out, dict.fromkeys(kinds, ".png"))
        workers = default_workers()
        for _ in process(plan, segmenter, outputs, batch_size=1, max_pixels=10**9, workers=workers):
            pass

    return run


def plain(network: Callable[[torch.Tensor], torch.Tensor]) -> Folder:
    """One image after the other; `network` gives scores on its own grid."""
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])

    def run(images: Sequence[Path], out: Path) -> None:
        out.mkdir()
        for path in images:
            with Image.open(path) as opened:
                pixels = np.asarray(opened.convert("RGB"))
            padded = torch.from_numpy(pad_to_cells(pixels[None]).astype(np.float32) / 255.0)
            with torch.no_grad():
                scores = network(((padded - mean) / std).permute(0, 3, 1, 2).contiguous())
                whole = F.interpolate(scores, size=padded.shape[1:3], mode="bilinear", align_corners=False)
                labels = whole.argmax(1)[0, : pixels.shape[0], : pixels.shape[1]]
            Image.fromarray(labels.numpy().astype(np.uint8)).save(out / f"{path.stem}.png")

    return run


def plain_ways(checkpoint: Checkpoint) -> dict[str, Folder]:
    """Ours as a script would run it, and libraries' networks with random weights."""
    model = load_checkpoint(checkpoint.path).model.eval()
    tree = checkpoint.header.tree
    found = {"the plain way": plain(lambda image: class_log_probabilities(model(image).logits, tree))}
    torchvisions = deeplabv3_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=tree.classes).eval()
    found["torchvision's deeplabv3_mobilenet_v3_large, the plain way"] = plain(lambda image: torchvisions(image)["out"])
    if find_spec("segmentation_models_pytorch") is not None:
        import segmentation_models_pytorch as smp

        backbone = checkpoint.header.model.backbone
        encoder = backbone.replace("efficientnet_lite", "timm-tf_efficientnet_lite")  # what it calls the same network
        other: nn.Module = smp.DeepLabV3Plus(encoder, encoder_weights=None, classes=tree.classes).eval()
        found["segmentation_models_pytorch, the plain way"] = plain(other)
    return found


def sgemm_rate() -> float:
    """Floating-point operations a second of a matrix product in float32."""
    side = 2048
    a, b = torch.randn(2, side, side)
    times = []
    for _ in range(5):
        started = time.perf_counter()
        torch.mm(a, b)
        times.append(time.perf_counter() - started)
    return 2.0 * side**3 / min(times)


def operations(checkpoint: Checkpoint, image: RGB) -> float:
    """Of one forward pass."""
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        checkpoint.model.eval()(torch.zeros(1, 3, *image.shape[1:3]))
    return float(counter.get_total_flops())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images", type=Path)
    parser.add_argument("--images", type=int, default=24, dest="count", help="how many of the folder's")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--save", default="labels,confidence")
    parser.add_argument("--checkpoint", type=Path, default=bundled_checkpoint())
    given = parser.parse_args()
    checkpoint = load_checkpoint(given.checkpoint)
    paths = sorted(given.images.iterdir())[: given.count]
    pictures = [pad_to_cells(decode_image(path).pixels[None]) for path in paths]
    forward = engines(checkpoint)
    ways = plain_ways(checkpoint)
    ways |= {name: ours(checkpoint, engine, tuple(given.save.split(","))) for name, engine in forward.items()}
    alone: dict[str, list[float]] = {name: [] for name in forward}
    folder: dict[str, list[float]] = {name: [] for name in ways}
    share: dict[str, list[float]] = {name: [] for name in forward}
    work = operations(checkpoint, pictures[0])
    with tempfile.TemporaryDirectory() as place:
        for number in range(given.rounds + 1):
            for name, run in ways.items():
                started = time.perf_counter()
                run(paths, Path(place) / f"{number} {name}")
                took = (time.perf_counter() - started) / len(paths)
                if number:  # the first one warms up
                    folder[name].append(took)
                if name not in forward:
                    continue
                started = time.perf_counter()
                for picture in pictures:
                    forward[name](picture)
                took = (time.perf_counter() - started) / len(paths)
                if number:
                    alone[name].append(took)
                    share[name].append(work / took / sgemm_rate())
    usual = statistics.median(folder["the plain way"])
    size = f"{pictures[0].shape[2]} x {pictures[0].shape[1]}"
    lines = [
        f"{len(paths)} images of {size}, {torch.get_num_threads()} threads",
        "",
        "| | images a second | times the plain way | of the network's own rate | of sgemm |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, times in folder.items():
        took = statistics.median(times)
        row = [f"{1 / took:.2f}", f"{usual / took:.2f}", "", ""]
        if name in forward:
            row[2:] = [f"{statistics.median(alone[name]) / took:.2f}", f"{statistics.median(share[name]):.2f}"]
        lines.append(f"| {name} | {' | '.join(row)} |")
    print("\n".join(lines))  # noqa: T201


if __name__ == "__main__":
    main()
