"""From an address to a file that is here, and is the one that was meant."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hypsegcli.checkpoint.remote.address import BucketAddress, HubAddress, read_address
from hypsegcli.checkpoint.remote.bucket import fetch_from_bucket
from hypsegcli.checkpoint.remote.hub import fetch_from_hub
from hypsegcli.checkpoint.remote.web import Advance, fetch_from_web


def fetch(given: str, *, tell: Callable[[str], None], advance: Advance) -> tuple[Path, str]:
    """The file of an address, and the address that names the same bytes for good, without anybody's password in it.

    `tell` hears of what takes long, `advance` of bytes that are here and of all that there will be. Raises UsageError
    for what cannot be an address, CheckpointError where the file cannot be had or is another one.
    """
    address = read_address(given)
    if isinstance(address, HubAddress):
        path, pinned = fetch_from_hub(address, tell=tell, advance=advance)
        return path, str(pinned)
    if isinstance(address, BucketAddress):
        path, pinned_object = fetch_from_bucket(address, tell=tell, advance=advance)
        return path, str(pinned_object)
    return fetch_from_web(address, tell=tell, advance=advance), str(address)
