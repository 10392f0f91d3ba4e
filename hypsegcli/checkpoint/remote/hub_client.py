"""The hub's own client: quiet, and in our sentences where something goes wrong."""

from __future__ import annotations

import contextlib
import errno
import json
import re
from collections.abc import Iterator
from typing import Any

from hypsegcli.checkpoint.remote.address import HubAddress
from hypsegcli.checkpoint.remote.web import Advance
from hypsegcli.errors import CheckpointError, UsageError, first_line

_UNWRITABLE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENAMETOOLONG}


class UnreachableError(Exception):
    """Why a hub cannot be asked, in words that fit into brackets."""


def import_client() -> Any:
    """The client; UsageError where it is not installed."""
    try:
        import huggingface_hub
        import huggingface_hub.constants
        import huggingface_hub.errors
        import huggingface_hub.utils
    except ImportError as error:
        raise UsageError(
            "addresses that begin with hf:// need the hub's client: pip install 'hypseg[hub]', or download the file "
            "yourself and give its path"
        ) from error
    return huggingface_hub


def bar_of(client: Any, size: int, advance: Advance) -> type[Any]:
    """What the client shows its progress with, which shows nothing itself."""
    here = 0

    class Bar(client.utils.tqdm):  # type: ignore[misc]  # a class of a module that is imported late
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options | {"disable": True})
            self._here = int(options.get("initial") or 0)

        def update(self, n: float | None = 1) -> None:
            nonlocal here
            self._here += int(n or 0)
            here = max(here, min(self._here, size))  # one bar may be of what comes, another of what is written
            advance(here, size)

    return Bar


@contextlib.contextmanager
def in_sentences(client: Any, address: HubAddress) -> Iterator[None]:
    """Raise CheckpointError for what a hub answers, UnreachableError where none does."""
    errors = client.errors
    try:
        with _discreetly(client):
            yield
    except errors.GatedRepoError as error:
        raise CheckpointError(
            f"{address}: its owner lets in only whom he knows; ask for access on its page, and log in with "
            "`hf auth login`"
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise CheckpointError(
            f"{address}: there is no such repository, or it is private; look at its name, or log in with "
            "`hf auth login`, or set HF_TOKEN"
        ) from error
    except errors.RevisionNotFoundError as error:
        raise CheckpointError(
            f"{address}: its repository has no branch, tag or commit {address.revision}; look at its page"
        ) from error
    except errors.RemoteEntryNotFoundError as error:
        raise CheckpointError(f"{address}: its repository has no such file; look at its page") from error
    except errors.HfHubHTTPError as error:
        raise _answered(address, error.response.status_code) from error
    except errors.OfflineModeIsEnabled as error:
        raise UnreachableError("HF_HUB_OFFLINE is set") from error
    except errors.HFValidationError as error:
        raise UsageError(f"{address}: no repository can be called so ({first_line(error):.200})") from error
    except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:  # from what it makes of an answer
        raise UnreachableError("what answers is no hub of models") from error
    except Exception as error:  # of whatever library the client goes by
        if isinstance(error, OSError) and error.errno in _UNWRITABLE:
            raise CheckpointError(
                f"{error.filename or client.constants.HF_HUB_CACHE}: cannot be written ({error.strerror}); make room "
                "there, or set HF_HOME to another folder"
            ) from error
        raise UnreachableError(_cause(error)) from error


@contextlib.contextmanager
def _discreetly(client: Any) -> Iterator[None]:
    """Let the client say nothing here, and tell nobody but the hub, and that no more than it must."""
    constants, logging = client.constants, client.utils.logging
    loudness, telling = logging.get_verbosity(), constants.HF_HUB_DISABLE_TELEMETRY
    logging.set_verbosity_error()
    constants.HF_HUB_DISABLE_TELEMETRY = True
    try:
        yield
    finally:
        logging.set_verbosity(loudness)
        constants.HF_HUB_DISABLE_TELEMETRY = telling


def _answered(address: HubAddress, code: int) -> Exception:
    if code in {401, 403}:
        return CheckpointError(f"{address}: the hub does not let this token in ({code}); log in with `hf auth login`")
    if code == 429 or code >= 500:
        return UnreachableError(f"the hub answers {code}")
    return CheckpointError(f"{address}: the hub answers {code} and no file; look at its page")


def _cause(error: BaseException) -> str:
    """What happened at first: what the client says itself is of many lines and advice."""
    while (before := error.__cause__) is not None:
        error = before
    # Addresses in it may have passwords in them.
    said = re.sub(r"//[^/@\s]+@|\?\S+", lambda found: "//" if found[0].startswith("/") else "", first_line(error))
    return f"{said or type(error).__name__:.200}"
