"""From the options of a command to a network that is ready to run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypsegcli.cli.console import say_nothing, talk
from hypsegcli.cli.options.computing import Computing
from hypsegcli.cli.parse import parse_tile
from hypsegcli.errors import UsageError

if TYPE_CHECKING:
    from hypsegcli.checkpoint.store import Checkpoint
    from hypsegcli.inference.request import Request
    from hypsegcli.inference.segmenter import Segmenter


def open_segmenter(checkpoint: Checkpoint, request: Request, computing: Computing, *, quiet: bool) -> Segmenter:
    """The checkpoint's network in an engine on a device; `quiet` says nothing of what takes long.

    Raises UsageError for windows that cannot be, and for several devices, and DeviceError where engine, device or
    precision are not to be had.
    """
    if "," in computing.device or computing.device == "cuda:all":
        raise UsageError(
            f"--device {computing.device}: predict and uncertainty alone take several devices; name one, or start a "
            "hypseg evaluate for each of them, with --shard I/N and its device"
        )
    from hypsegcli.inference.build import make_segmenter

    return make_segmenter(
        checkpoint,
        request,
        engine=computing.engine,
        device=computing.device,
        precision=computing.precision,
        tile=parse_tile(computing.tile),
        tell=say_nothing if quiet else talk,
    )
