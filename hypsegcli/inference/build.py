"""The only place that makes a Segmenter of a checkpoint."""

from __future__ import annotations

from collections.abc import Callable

from hypsegcli.budget import BUDGET
from hypsegcli.checkpoint.store import Checkpoint
from hypsegcli.errors import UsageError, setting
from hypsegcli.inference.device import choose_device
from hypsegcli.inference.engines.choose import make_engine
from hypsegcli.inference.engines.memory import may_matter, memory_of, whole_pixels
from hypsegcli.inference.request import EngineName, Precision, Request, Tile, check_prototypes, check_tile
from hypsegcli.inference.segmenter import Segmenter
from hypsegcli.inference.windows import ALIGNMENT, Tiling, round_to_alignment
from hypsegcli.network.model import Network, receptive_radius


def make_segmenter(
    checkpoint: Checkpoint,
    request: Request | None = None,
    *,
    engine: EngineName = "auto",
    device: str = "auto",
    precision: Precision = "auto",
    tile: Tile = "auto",
    sharing: int = 1,
    tell: Callable[[str], None] = lambda sentence: None,
) -> Segmenter:
    """The checkpoint's network in an engine on a device, asked for what a request says.

    `sharing` processes, of which this is one, have the device's memory together. `tell` hears of what takes long.
    Raises UsageError for windows that cannot be, and DeviceError where engine, device or precision are not to be had
    here.
    """
    check_tile(tile)
    if isinstance(tile, int) and request is not None and request.refine is not None:
        raise UsageError(f"{setting('refine', request.refine)} needs images whole; leave out {setting('tile')}")
    if engine not in {"auto", "torch"} and device == "auto":
        device = "cpu"  # where the others run
    if request is not None and request.prototypes:
        check_prototypes(checkpoint.header.model, checkpoint.header.tree, level=request.level)
    made = make_engine(checkpoint, choose_device(device, precision), engine, tell=tell)
    header = checkpoint.header
    if request is not None and request.embeddings and header.model.kind.upsampling != "centres":
        raise UsageError(
            f"embeddings of {header.model.kind.title} lie on a grid whose points are not the middles of cells, which "
            f"nothing could place; leave them out of {setting('save')}"
        )
    if request is not None and request.embeddings and request.sampling == "adaptive":
        raise UsageError(
            f"{setting('sampling', 'adaptive')}: embeddings lie where the image was sampled, on no grid of their own; "
            f"leave them out of {setting('save')}"
        )
    memory, a_pixel = memory_of(made.device.torch), None
    memory = None if memory is None else memory // sharing
    # Attention, where the reach is not known, grows with the square of the pixels: its work, and with ONNX Runtime its
    # memory too, which two measured sizes would not tell.
    measured = tile == "auto" and receptive_radius(checkpoint.model) is not None
    if measured and may_matter(header.model, memory):
        a_pixel = made.bytes_a_pixel()
    tiling = make_tiling(tile, checkpoint.model, whole=whole_pixels(a_pixel, header.model, memory))
    return Segmenter(made, header.tree, request=request, tiling=tiling, calibration=header.calibration)


def make_tiling(tile: Tile, model: Network, *, whole: int = BUDGET.window**2) -> Tiling | None:
    """Windows for images that are larger than one, or where no side is named have more pixels than `whole`.

    None where they are off.
    """
    if isinstance(tile, int) and model.config.is_imported:
        raise UsageError(f"{setting('tile', tile)}: {model.config.kind.title} takes images whole; leave it out")
    if tile == "off" or model.config.is_imported:
        return None
    side = BUDGET.window if tile == "auto" else tile
    # Two thirds of the theoretical radius on either side of a seam. Measured with a ResNet-18, whose radius is 538
    # pixels, 288 of them ASPP's widest rate, on three street scenes enlarged to 1,536 x 768: between 128 and 320
    # pixels from a window's inner border some 2 % of the labels are not those of the whole image, from 352 pixels on
    # 0.2 % at most, from 384 on none. Three eighths of a window make the work 2.6-fold.
    most = 3 * side // 8 // ALIGNMENT * ALIGNMENT
    radius = receptive_radius(model)
    overlap = most if radius is None else min(round_to_alignment(4 / 3 * radius), most)
    return Tiling(tile=side, overlap=overlap, above=whole if tile == "auto" else side * side)
