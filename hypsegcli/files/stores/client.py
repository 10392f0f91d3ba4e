"""The stores themselves, by obstore, and what they answer as the errors that files have."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import unquote, urlsplit

from hypsegcli.errors import StoreError, setting

if TYPE_CHECKING:
    from hypsegcli.files.address import Address

_STATUS = re.compile(r"status(?: code)?:? (\d{3})")
# Of what stores say in words, that which is no matter of one object.
_NO_BUCKET = re.compile("NoSuchBucket|ContainerNotFound|specified bucket does not exist")
_BAD_CREDENTIAL = re.compile(
    "InvalidAccessKeyId|SignatureDoesNotMatch|ExpiredToken|InvalidToken|TokenRefreshRequired|AuthenticationFailed|"
    "RequestTimeTooSkewed|invalid_grant"
)
_NO_CREDENTIAL = re.compile(
    r"169\.254\.|latest/api/token|latest/meta-data|metadata\.google|Account must be specified|[Cc]redential"
)
_CUT_OFF = re.compile("body error|response body|IncompleteBody")
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
_VARIABLES = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, with AWS_REGION",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS",
    "az": "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY",
}


@dataclass(frozen=True)
class Patience:
    """How often a request that a store does not answer, or not well, is tried again, and for how many seconds."""

    retries: int = 10
    seconds: float = 120.0
    connect: float = 10.0
    answer: float = 30.0  # between two bytes
    pause: float = 0.2  # before the first of them; twice as long before each of the others, at most 15


class _Opened:
    """The stores of this process, by root and query."""

    patience: ClassVar[Patience] = Patience()
    stores: ClassVar[dict[tuple[str, str], Any]] = {}
    lock: ClassVar[threading.Lock] = threading.Lock()


def have_patience(patience: Patience) -> None:
    """Have it with all stores from now on."""
    with _Opened.lock:
        _Opened.patience = patience
        _Opened.stores.clear()


def store_of(path: Address) -> Any:
    """The store of an object, opened once; StoreError where it cannot be, or obstore is not installed."""
    which = (path.store, path.query)
    with _Opened.lock:
        if which not in _Opened.stores:
            _Opened.stores[which] = _open(path, _Opened.patience)
        return _Opened.stores[which]


def library() -> Any:
    """Obstore; StoreError where it is not installed."""
    try:
        import obstore
        import obstore.exceptions
        import obstore.store
    except ImportError:
        raise StoreError(
            "object stores and files on the web are read with obstore: pip install 'hypseg[cloud]'"
        ) from None
    return obstore


def key_of(path: Address) -> str:
    """What its store calls an object; addresses on the web are written with %."""
    return unquote(path.object_key) if path.is_on_the_web else path.object_key


def _open(path: Address, patience: Patience) -> Any:
    stores = library().store
    plain = _endpoint(path).startswith("http:")  # which somebody has chosen, as for tests or inside a cluster
    options: dict[str, Any] = {
        "client_options": {
            "allow_http": path.parts[0] == "http:" or plain,
            "connect_timeout": _duration(patience.connect),
            "read_timeout": _duration(patience.answer),
            "timeout": _duration(10 * patience.answer),  # of all of a request
            "user_agent": "hypseg",
        },
        "retry_config": {
            "max_retries": patience.retries,
            "retry_timeout": timedelta(seconds=patience.seconds),
            "backoff": {
                "init_backoff": timedelta(seconds=patience.pause),
                "max_backoff": timedelta(seconds=15),
                "base": 2,
            },
        },
    }
    with answering(path):
        try:
            if path.is_on_the_web:
                return stores.HTTPStore.from_url(f"{path.store}{f'?{path.query}' if path.query else ''}", **options)
            return stores.from_url(path.store, **options)
        except ValueError:
            raise _wrong_environment(path, "what it says of stores") from None


def _endpoint(path: Address) -> str:
    """Where the environment says that S3 is, or nothing; StoreError for what is no address: obstore panics at it."""
    if path.parts[0] != "s3:":
        return ""
    name = next((name for name in _ENDPOINTS if os.environ.get(name)), "")
    found = os.environ.get(name, "")
    try:
        parts = urlsplit(found)
        is_address = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        is_address = False
    if name and not is_address:
        raise _wrong_environment(path, f"{name}, which is no address, such as https://HOST")
    return found


def _wrong_environment(path: Address, what: str) -> StoreError:
    """Without the value of a variable, which may be a secret."""
    return StoreError(f"{path.store}: cannot be opened with the environment: look at {what}")


def _duration(seconds: float) -> str:
    return f"{round(1000 * seconds)}ms"


@contextlib.contextmanager
def answering(path: Address) -> Iterator[None]:
    """Raise what a store says of an object as OSError, and what it says of itself as StoreError.

    Nothing of the library's own text is kept, which holds whole addresses.
    """
    kinds = library().exceptions
    try:
        yield
    except (
        kinds.BaseError,
        FileNotFoundError,
        PermissionError,
        NotImplementedError,
        TimeoutError,
        ValueError,
    ) as error:
        raise _meaning(path, error) from None


def _meaning(path: Address, error: Exception) -> Exception:
    said = str(error)
    if (of_the_store := _of_the_store(path, said)) is not None:
        return of_the_store
    number, words = _of_the_object(error, said)
    if number:
        return OSError(number, words or os.strerror(number), str(path))
    return StoreError(
        f"{path.store}: the store does not answer; see whether the network and the address are right; a run that was "
        f"under way goes on with {setting('resume')}"
    )


def _of_the_store(path: Address, said: str) -> StoreError | None:
    variables = _VARIABLES.get(path.parts[0][:-1], "the address")
    if _NO_BUCKET.search(said) and not path.is_on_the_web:
        return StoreError(f"{path.store}: there is no such bucket; check its name, and the region")
    if _BAD_CREDENTIAL.search(said):
        return StoreError(
            f"{path.store}: the store refuses these credentials, which are wrong, have run out or are of another "
            f"clock; renew {variables}"
        )
    if "Generic Config error" in said:
        return _wrong_environment(path, "what it says of stores")
    if _NO_CREDENTIAL.search(said):
        return StoreError(f"{path.store}: there are no credentials for this store; set {variables}")
    return None


def _of_the_object(error: Exception, text: str) -> tuple[int, str]:
    """The number of an OSError, which makes it one of its kinds, and words for it; 0 where nothing was answered."""
    said = library().exceptions

    kinds: tuple[tuple[tuple[type[Exception], ...], int, str], ...] = (
        ((said.AlreadyExistsError,), errno.EEXIST, ""),
        ((said.PreconditionError,), errno.ESTALE, "it has changed meanwhile"),
        ((FileNotFoundError,), errno.ENOENT, ""),
        (
            (PermissionError, said.PermissionDeniedError, said.UnauthenticatedError),
            errno.EACCES,
            "the store refuses it to these credentials",
        ),
        ((NotImplementedError, said.NotSupportedError), errno.ENOTSUP, "this store cannot do that"),
        ((ValueError, said.InvalidPathError), errno.EINVAL, "no store can have an object of this name"),
    )
    found = next(((number, words) for kind, number, words in kinds if isinstance(error, kind)), None)
    if found is None and (status := _STATUS.search(text)) is not None:
        return errno.EIO, f"the store answers {status[1]}"
    if found is None and _CUT_OFF.search(text):
        return errno.EIO, "what the store answers is cut off"
    return found or (0, "")
