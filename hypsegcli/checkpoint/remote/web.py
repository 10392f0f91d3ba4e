"""A file from the web, by the standard library alone: https, of the SHA-256 that was named, whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import ssl
from collections.abc import Callable, Iterator
from http.client import HTTPException, InvalidURL
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from hypsegcli.budget import LARGEST_CHECKPOINT
from hypsegcli.checkpoint.remote.address import WebAddress, is_private
from hypsegcli.checkpoint.remote.kept import cache_folder
from hypsegcli.errors import CheckpointError, first_line
from hypsegcli.files.atomic import replacing
from hypsegcli.files.digest import digest_file

PATIENCE = 30.0  # seconds in which a server may say nothing
_BLOCK = 2**20  # bytes that are read at once

# Hears of bytes that are here, and of how many there will be, where that is known.
Advance = Callable[[int, int | None], None]


def fetch_from_web(
    address: WebAddress,
    *,
    tell: Callable[[str], None],
    advance: Advance,
    most: int = LARGEST_CHECKPOINT,
    patience: float = PATIENCE,
) -> Path:
    """The file, from the cache where it lies there whole, else from its server; at most so many bytes.

    Raises CheckpointError where it cannot be fetched, or is another one than was named.
    """
    path = cache_folder() / "web" / address.sha256 / address.name
    if (found := digest_file(path)) is not None:
        if found.sha256 == address.sha256:
            return path
        tell(f"{path}: is not what it was when it was fetched; it is fetched again")
    answer = _ask(address, patience)
    with contextlib.closing(answer):
        total = _length(answer)
        _refuse_large(address, total or 0, most)
        tell(f"fetching {address}" + (f" ({total / 1e6:.1f} MB)" if total is not None else ""))
        try:
            _copy(address, answer, path, total=total, most=most, advance=advance)
        except OSError as error:
            raise CheckpointError(
                f"{error.filename or path}: cannot be written ({error.strerror or first_line(error)}); make room "
                f"there, or download {address} yourself and give its path"
            ) from error
    return path


def _copy(
    address: WebAddress, answer: IO[bytes], path: Path, *, total: int | None, most: int, advance: Advance
) -> None:
    sha256, size = hashlib.sha256(), 0
    with replacing(path) as file:
        for block in _blocks(address, answer):
            size += len(block)
            _refuse_large(address, size, most)
            sha256.update(block)
            file.write(block)
            advance(size, total)
        if total is not None and size < total:
            raise CheckpointError(f"{address}: ended after {size:,} of {total:,} bytes; try again")
        if sha256.hexdigest() != address.sha256:
            raise CheckpointError(
                f"{address}: what the server gives has the SHA-256 {sha256.hexdigest()}, which is another file, or a "
                "damaged one; nothing of it is kept: ask who publishes it"
            )


class _Careful(HTTPRedirectHandler):
    """Goes nowhere where somebody could read or change what comes."""

    def __init__(self, address: WebAddress) -> None:
        self._address = address

    def redirect_request(self, req: Request, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Request | None:
        """The request that follows; CheckpointError where there may be none."""
        where = urlsplit(newurl)
        if not is_private(where, before=urlsplit(req.full_url)):
            fp.close()
            raise CheckpointError(
                f"{self._address}: its server sends on to {where.scheme}://{where.hostname}, where what comes can be "
                "read and changed on its way; download the file yourself and give its path"
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _ask(address: WebAddress, patience: float) -> Any:
    request = Request(address.url, headers={"User-Agent": f"hypseg/{version('hypseg')}", "Accept-Encoding": "identity"})
    with _in_sentences(address):
        return build_opener(_Careful(address)).open(request, timeout=patience)


def _length(answer: Any) -> int | None:
    claimed = answer.headers.get("Content-Length", "")
    return int(claimed) if claimed.isascii() and claimed.isdecimal() else None


def _blocks(address: WebAddress, answer: IO[bytes]) -> Iterator[bytes]:
    while True:
        with _in_sentences(address):
            block = answer.read(_BLOCK)
        if not block:
            return
        yield block


def _refuse_large(address: WebAddress, size: int, most: int) -> None:
    if size > most:
        raise CheckpointError(
            f"{address}: has more than {most / 1e9:g} GB, which no checkpoint of hypseg's has; look at its address"
        )


@contextlib.contextmanager
def _in_sentences(address: WebAddress) -> Iterator[None]:
    """Raise CheckpointError for what servers and networks do."""
    try:
        yield
    except HTTPError as error:
        error.close()
        raise CheckpointError(f"{address}: {_answered(error)}") from error
    except (OSError, HTTPException, ValueError) as error:
        reason = error.reason if isinstance(error, URLError) else error
        if isinstance(reason, InvalidURL):  # whose text has all of it, what follows a question mark too
            why = "holds characters that no address may have; write them with %, a space as %20"
        elif isinstance(reason, TimeoutError):
            why = "its server says nothing; try again later"
        elif isinstance(reason, ssl.SSLCertVerificationError):
            why = f"its server cannot prove who it is ({reason.verify_message}); download the file in a way you trust"
        else:
            why = f"cannot be fetched ({_said(reason):.200}); look at the network, or give the path of a copy"
        raise CheckpointError(f"{address}: {why}") from error


def _said(reason: BaseException | str) -> str:
    if isinstance(reason, str):
        return reason
    return getattr(reason, "strerror", None) or first_line(reason)


def _answered(error: HTTPError) -> str:
    if error.code in {401, 403, 407}:
        return (
            f"its server lets nobody in unasked ({error.code}), and hypseg sends no credentials; download the file "
            "yourself and give its path"
        )
    if error.code in {404, 410}:
        return f"its server has no such file ({error.code}); look at the address"
    if error.code == 429 or error.code >= 500:
        return f"its server cannot serve it now ({error.code}); try again later"
    return f"its server answers {error.code} and no file; look at the address"
