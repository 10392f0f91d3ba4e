"""From the options of a command to a network that is ready to answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypsegcli.errors import UsageError

if TYPE_CHECKING:
    from hypsegcli.checkpoint.store import Checkpoint
    from hypsegcli.inference.device import Precision
    from hypsegcli.inference.engines.choose import EngineName
    from hypsegcli.inference.prediction import Answer
    from hypsegcli.inference.segmenter import Segmenter, Tiling
    from hypsegcli.network.model import HyperbolicDeepLab

# Window side where --tile gives none, and the pixels from which windows are used: four windows' worth.
_TILE, _WHOLE_UP_TO = 1024, 2048 * 2048


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
    checkpoint: Checkpoint, answer: Answer, *, engine: EngineName, device: str, precision: Precision, tile: str
) -> Segmenter:
    """The checkpoint's network in an engine on a device, asked for an answer."""
    from hypsegcli.inference.device import choose_device
    from hypsegcli.inference.engines.choose import make_engine
    from hypsegcli.inference.segmenter import Segmenter

    header = checkpoint.header
    tiling = _make_tiling(tile, checkpoint.model)
    if engine not in {"auto", "torch"} and device == "auto":
        device = "cpu"  # where the others run
    made = make_engine(checkpoint, choose_device(device, precision), engine)
    return Segmenter(made, header.tree, answer=answer, tiling=tiling, calibration=header.calibration)


def _make_tiling(text: str, model: HyperbolicDeepLab) -> Tiling | None:
    """The windows that `--tile` stands for; None for none."""
    from hypsegcli.inference.segmenter import Tiling, round_to_alignment
    from hypsegcli.network.model import receptive_radius

    tile = parse_tile(text)
    if tile is None:
        return None
    # Half the theoretical radius: what lies farther away still reaches a pixel, but hardly weighs.
    overlap = min(round_to_alignment(receptive_radius(model) / 2), tile // 4 // 16 * 16)
    return Tiling(tile=tile, overlap=overlap, above=_WHOLE_UP_TO if text == "auto" else tile * tile)
