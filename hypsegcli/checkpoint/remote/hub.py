"""A checkpoint in a repository of a hub of models, by the hub's own client and in the client's cache.

The client believes what has the right size; here every file is compared with the hash that the hub lists, and later
with the one that was noted, also where there is no network.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from hypsegcli.budget import LARGEST_CHECKPOINT
from hypsegcli.checkpoint.remote.address import SUFFIX, HubAddress
from hypsegcli.checkpoint.remote.hub_client import UnreachableError, bar_of, import_client, in_sentences
from hypsegcli.checkpoint.remote.kept import Kept, recall, remember
from hypsegcli.checkpoint.remote.web import Advance
from hypsegcli.errors import CheckpointError, UsageError
from hypsegcli.files.digest import Digest, digest_file
from hypsegcli.files.words import first_of

PATIENCE = 10.0  # seconds in which a hub may say nothing
_USUAL = "https://huggingface.co"
_SHOWN = 5  # files in a sentence


class _Listed(NamedTuple):
    """A file, as a repository lists it."""

    name: str
    size: int
    sha256: str | None  # of files that are kept as large ones
    git_sha1: str | None  # of all others


def fetch_from_hub(
    address: HubAddress,
    *,
    tell: Callable[[str], None],
    advance: Advance,
    most: int = LARGEST_CHECKPOINT,
    patience: float = PATIENCE,
) -> tuple[Path, HubAddress]:
    """The file, and the address of the commit that it is of.

    A file of a commit that was fetched before is taken without asking anybody; where a branch cannot be looked up, it
    is what it was when it was looked up last, which `tell` hears. Raises CheckpointError where there is no such file
    and where what comes is not what the hub lists, UsageError where the client is not installed or several files could
    be meant.
    """
    endpoint = (os.environ.get("HF_ENDPOINT") or _USUAL).rstrip("/")
    kept = recall(endpoint, str(address))
    if address.is_pinned and kept is not None and kept.is_sound:
        return Path(kept.path), address
    client = import_client()
    try:
        commit, listed = _look_up(client, endpoint, address, patience)
    except UnreachableError as why:
        return _without_hub(address, kept, str(why), tell=tell)
    chosen = _choose(address, listed, most)
    pinned = HubAddress(address.repository, commit, chosen.name)
    if address.revision != commit:
        tell(f"{address} is {pinned}")
    known = recall(endpoint, str(pinned))
    if known is None or chosen.sha256 not in {None, known.sha256} or not known.is_sound:
        try:
            path, digest = _download(client, endpoint, pinned, chosen, tell=tell, advance=advance)
        except UnreachableError as why:
            raise CheckpointError(f"{pinned}: cannot be fetched ({why}); try again") from why
        known = Kept(str(path), digest.bytes, digest.sha256, commit, chosen.name, "")
    known = known._replace(looked_up=time.strftime("%Y-%m-%d"))
    for called in {str(address), str(pinned)}:
        remember(endpoint, called, known)
    return Path(known.path), pinned


def _without_hub(
    address: HubAddress, kept: Kept | None, why: str, *, tell: Callable[[str], None]
) -> tuple[Path, HubAddress]:
    """What is here of an address that cannot be looked up."""
    if kept is None:
        raise CheckpointError(
            f"{address}: cannot be looked up ({why}), and has not been fetched before; run `hypseg info {address}` "
            "once where there is a network, or give the path of a copy"
        )
    pinned = HubAddress(address.repository, kept.commit, kept.file)
    if not kept.is_sound:
        raise CheckpointError(
            f"{kept.path}: is gone, or not what it was when {pinned} was fetched, and cannot be fetched again ({why}); "
            "run the command again where there is a network"
        )
    if address != pinned:
        tell(f"{address} cannot be looked up ({why}); on {kept.looked_up} it was {pinned}, which is taken")
    return Path(kept.path), pinned


def _look_up(client: Any, endpoint: str, address: HubAddress, patience: float) -> tuple[str, list[_Listed]]:
    """The commit of a revision, and the safetensors files that it has."""
    with in_sentences(client, address):
        info = client.HfApi(endpoint=endpoint).model_info(
            address.repository, revision=address.revision, files_metadata=True, timeout=patience
        )
        files = [
            _Listed(one.rfilename, one.size, one.lfs.sha256 if one.lfs else None, one.blob_id)
            for one in info.siblings
            if one.rfilename.endswith(SUFFIX)
        ]
        pinned = HubAddress(address.repository, info.sha, "any")
    if not pinned.is_pinned:
        raise CheckpointError(f"{address}: what answers is not what a hub of models does; check HF_ENDPOINT")
    return pinned.revision, files


def _choose(address: HubAddress, listed: list[_Listed], most: int) -> _Listed:
    """The file that is meant; UsageError where it could be several."""
    names = [file.name for file in listed]
    chosen = [file for file in listed if address.file in {"", file.name}]
    if not chosen:
        there = f"; there are {first_of(names, _SHOWN)}" if names else ""
        what = address.file or f"file that ends in {SUFFIX}"
        raise CheckpointError(f"{address}: its repository has no {what}{there}")
    if len(chosen) > 1:
        raise UsageError(
            f"{address}: its repository has {len(names)} files that end in {SUFFIX} ({first_of(names, _SHOWN)}); name "
            f"the one that is meant: {address._replace(file=names[0])}"
        )
    (file,) = chosen
    if not isinstance(file.size, int) or not (file.sha256 or file.git_sha1):
        raise CheckpointError(f"{address}: the hub does not say which hash {file.name} has; download it yourself")
    if file.size > most:
        raise CheckpointError(
            f"{address}: {file.name} has {file.size / 1e9:.1f} GB, and no checkpoint of hypseg's is as large as "
            f"{most / 1e9:g} GB; look at its address"
        )
    return file


def _download(
    client: Any, endpoint: str, pinned: HubAddress, file: _Listed, *, tell: Callable[[str], None], advance: Advance
) -> tuple[Path, Digest]:
    """The file in the client's cache, compared with what is listed; one that is another is fetched once again."""
    here = False
    for again in (False, True):
        if not again:
            here = _is_cached(client, pinned)
        if again or not here:
            tell(f"fetching {pinned} ({file.size / 1e6:.1f} MB)")
        with in_sentences(client, pinned):
            path = Path(
                client.hf_hub_download(
                    pinned.repository,
                    pinned.file,
                    revision=pinned.revision,
                    endpoint=endpoint,
                    force_download=again,
                    tqdm_class=bar_of(client, file.size, advance),
                )
            )
        digest = digest_file(path)
        if digest is not None and _is_as_listed(path, digest, file):
            return path, digest
        if not again and here:
            tell(f"{path}: is not what the hub lists as {pinned}; it is fetched again")
        elif not again:
            tell(f"what came is not what the hub lists as {pinned}; it is fetched again")
    # Nobody else shall take it for the file either.
    with contextlib.suppress(OSError):
        path.resolve().unlink()
    found = "nothing that can be read" if digest is None else f"SHA-256 {digest.sha256}, {digest.bytes:,} bytes"
    wanted = f"SHA-256 {file.sha256}" if file.sha256 else f"git's SHA-1 {file.git_sha1}"
    raise CheckpointError(
        f"{pinned}: what comes is another file than its repository lists ({found}; listed: {wanted}, {file.size:,} "
        "bytes), twice; nothing of it is kept: try again later, or tell its owner"
    )


def _is_cached(client: Any, pinned: HubAddress) -> bool:
    return isinstance(client.try_to_load_from_cache(pinned.repository, pinned.file, revision=pinned.revision), str)


def _is_as_listed(path: Path, digest: Digest, file: _Listed) -> bool:
    if file.sha256:
        return digest == Digest(file.size, file.sha256)
    # A file that git itself keeps: its hash is that of a header and the bytes.
    sha1 = hashlib.sha1(b"blob %d\0" % digest.bytes, usedforsecurity=False)
    with path.open("rb") as content:
        while block := content.read(2**20):
            sha1.update(block)
    return sha1.hexdigest() == file.git_sha1
