"""From the options of a command to a network that is ready to run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypsegcli.cli.console import talk
from hypsegcli.errors import UsageError

if TYPE_CHECKING:
    from hypsegcli.checkpoint.store import Checkpoint
    from hypsegcli.inference.device import Precision
    from hypsegcli.inference.engines.choose import EngineName
    from hypsegcli.inference.request import Request
    from hypsegcli.inference.segmenter import Segmenter
    from hypsegcli.inference.tiling import Tiling
    from hypsegcli.network.model import HyperbolicDeepLab

# Window side where --tile gives none. Smaller images go in whole: a window of this size takes as much memory.
_TILE = 2048


def parse_tile(text: str) -> int | None:
    """`--tile`: a window's side, None for off."""
    if text == "auto":
        return _TILE
    if text == "off":
        return None
    if not text.isdecimal() or int(text) < 128 or int(text) % 16:
        raise UsageError(f"--tile {text}: expected auto, off, or a multiple of 16 pixels from 128 on")
    return int(text)


def make_segmenter(
    checkpoint: Checkpoint,
    request: Request,
    *,
    engine: EngineName,
    device: str,
    precision: Precision,
    tile: str,
    quiet: bool,
) -> Segmenter:
    """The checkpoint's network in an engine on a device, asked for a request; `quiet` says nothing of conversions."""
    from hypsegcli.inference.device import choose_device
    from hypsegcli.inference.engines.choose import make_engine
    from hypsegcli.inference.segmenter import Segmenter

    header = checkpoint.header
    tiling = _make_tiling(tile, checkpoint.model)
    if engine not in {"auto", "torch"} and device == "auto":
        device = "cpu"  # where the others run
    made = make_engine(checkpoint, choose_device(device, precision), engine, tell=_say_nothing if quiet else talk)
    return Segmenter(made, header.tree, request=request, tiling=tiling, calibration=header.calibration)


def _say_nothing(_: str) -> None:
    """For `--quiet`."""


def _make_tiling(text: str, model: HyperbolicDeepLab) -> Tiling | None:
    """The windows that `--tile` stands for; None for none."""
    from hypsegcli.inference.tiling import Tiling, round_to_alignment
    from hypsegcli.network.model import receptive_radius

    tile = parse_tile(text)
    if tile is None:
        return None
    # Two thirds of the theoretical radius on either side of a seam. Measured with the bundled network, whose radius is
    # 538 pixels, 288 of them ASPP's widest rate, on three street scenes enlarged to 1,536 x 768: between 128 and 320
    # pixels from a window's inner border some 2 % of the labels are not those of the whole image, from 352 pixels on
    # 0.2 % at most, from 384 on none. Three eighths of a window make the work 2.6-fold.
    overlap = min(round_to_alignment(4 / 3 * receptive_radius(model)), 3 * tile // 8 // 16 * 16)
    return Tiling(tile=tile, overlap=overlap, above=tile * tile)
