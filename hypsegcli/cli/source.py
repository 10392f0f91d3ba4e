"""From the options of a run to what segments its images: this process, or several."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from hypsegcli.cli.console import say_nothing, talk
from hypsegcli.cli.options.computing import Computing, Sharing
from hypsegcli.cli.parse import parse_tile
from hypsegcli.cli.segmenter import open_segmenter

if TYPE_CHECKING:
    from hypsegcli.checkpoint.store import Checkpoint
    from hypsegcli.files.hold import Hold
    from hypsegcli.inference.request import Request
    from hypsegcli.run.source import Source, Work


@contextmanager
def open_source(
    checkpoint: Checkpoint,
    request: Request,
    computing: Computing,
    sharing: Sharing,
    work: Work,
    *,
    hold: Hold,
    quiet: bool,
) -> Iterator[Source]:
    """What segments images and writes their files into the folder that is held; `quiet`: and says nothing meanwhile.

    Raises UsageError for windows that cannot be, and where there is no cluster, and DeviceError where engine, device or
    precision are not to be had.
    """
    from hypsegcli.inference.device import list_devices
    from hypsegcli.run.order import Order
    from hypsegcli.run.source import Here

    tell = say_nothing if quiet else talk
    order = Order(
        checkpoint=checkpoint.path,
        sha256=checkpoint.sha256,
        request=request,
        work=work,
        out=hold.folder,
        engine=computing.engine,
        device=computing.device,
        precision=computing.precision,
        tile=parse_tile(computing.tile),
        witness=hold.witness(),
    )
    if sharing.runner == "ray":
        from hypsegcli.run.ray_actors import actors

        with actors(order, address=sharing.ray_address, tell=tell) as crew:
            yield crew
        return
    devices = list_devices(computing.device)
    if len(devices) > 1:
        from hypsegcli.run.processes import processes

        with processes(order, devices, tell=tell) as crew:
            yield crew
        return
    yield Here(open_segmenter(checkpoint, request, replace(computing, device=devices[0]), quiet=quiet), work)
