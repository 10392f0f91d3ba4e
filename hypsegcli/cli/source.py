"""From the options of a run to what segments its images: this process, or several."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from hypsegcli.cli.console import say_nothing, talk
from hypsegcli.cli.options.running import Computing
from hypsegcli.cli.parse import parse_tile
from hypsegcli.cli.segmenter import open_segmenter

if TYPE_CHECKING:
    from hypsegcli.checkpoint.store import Checkpoint
    from hypsegcli.files.lock import Hold
    from hypsegcli.inference.request import Request
    from hypsegcli.run.source import Source, Work


@contextmanager
def open_source(
    checkpoint: Checkpoint, request: Request, computing: Computing, work: Work, *, hold: Hold, quiet: bool
) -> Iterator[Source]:
    """What segments images and writes their files into the folder that is held; `quiet`: and says nothing meanwhile.

    Raises UsageError for windows that cannot be, and DeviceError where engine, device or precision are not to be had.
    """
    from hypsegcli.inference.device import list_devices
    from hypsegcli.run.order import Order
    from hypsegcli.run.processes import processes
    from hypsegcli.run.source import Here

    devices = list_devices(computing.device)
    if len(devices) == 1:
        alone = replace(computing, device=devices[0])
        yield Here(open_segmenter(checkpoint, request, alone, quiet=quiet), work)
        return
    order = Order(
        checkpoint=checkpoint.path,
        sha256=checkpoint.sha256,
        request=request,
        work=work,
        out=hold.folder,
        engine=computing.engine,
        precision=computing.precision,
        tile=parse_tile(computing.tile),
        witness=hold.witness(),
    )
    with processes(order, devices, tell=say_nothing if quiet else talk) as crew:
        yield crew
