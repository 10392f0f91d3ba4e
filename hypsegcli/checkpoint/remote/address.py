"""Addresses of checkpoints: in a repository of a hub of models, a file on the web whose SHA-256 is known, an object."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import SplitResult, quote, unquote, urlsplit

from hypsegcli.errors import UsageError
from hypsegcli.files.address import BUCKETS

SUFFIX = ".safetensors"
_ADDRESS = re.compile(rf"(hf|https?|{'|'.join(BUCKETS)}):/+", re.IGNORECASE)  # of the slashes a Path leaves one
_NAME = r"[A-Za-z0-9][\w.-]*"
_HUB = re.compile(
    rf"(?P<repository>{_NAME}/{_NAME})(?:@(?P<revision>refs/(?:pr|convert)/[^/]+|[^/@]+))?"
    r"(?:/(?P<file>[\w. ()+=/-]+))?",
    re.ASCII,
)
_COMMIT, _SHA256 = re.compile("[0-9a-f]{40}"), re.compile("[0-9a-f]{64}")
_PLAIN = re.compile(r"[\w. ()+-]{1,150}")
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class HubAddress(NamedTuple):
    """A file of a repository at a revision."""

    repository: str  # owner/name
    revision: str = "main"  # a branch, a tag or a commit
    file: str = ""  # empty: the only checkpoint that is there

    def __str__(self) -> str:
        """As it is given, whole."""
        file = f"/{self.file}" if self.file else ""
        return f"hf://{self.repository}@{quote(self.revision, safe='')}{file}"

    @property
    def is_pinned(self) -> bool:
        """Whether it names the same bytes for good: a file of a commit, which is named by all of its 40 digits."""
        return bool(self.file and _COMMIT.fullmatch(self.revision))


class WebAddress(NamedTuple):
    """A file on the web."""

    url: str  # what is asked for
    sha256: str

    def __str__(self) -> str:
        """As it may be shown and kept: without what follows the question mark, which may be a password."""
        return f"{self.url.partition('?')[0]}#sha256={self.sha256}"

    @property
    def name(self) -> str:
        """What to call the file here."""
        last = unquote(urlsplit(self.url).path.rpartition("/")[2])
        return last if last.endswith(SUFFIX) and _PLAIN.fullmatch(last) else f"checkpoint{SUFFIX}"


class BucketAddress(NamedTuple):
    """An object of a store."""

    url: str  # s3://bucket/key
    sha256: str = ""  # empty: whichever it holds

    def __str__(self) -> str:
        """As it may be shown and kept."""
        return f"{self.url}#sha256={self.sha256}" if self.sha256 else self.url


CheckpointAddress = HubAddress | WebAddress | BucketAddress


def may_be(given: CheckpointAddress, kept: CheckpointAddress) -> bool:
    """Whether an address may have stood for one that names a file for good; a branch may have moved since."""
    if isinstance(given, HubAddress) and isinstance(kept, HubAddress):
        same = given.repository == kept.repository and given.file in {"", kept.file}
        return same and (given.revision == kept.revision or not _COMMIT.fullmatch(given.revision))
    if isinstance(given, BucketAddress) and isinstance(kept, BucketAddress):
        return given.url == kept.url and given.sha256 in {"", kept.sha256}
    return isinstance(given, WebAddress) and isinstance(kept, WebAddress) and given.sha256 == kept.sha256


def is_address(given: str) -> bool:
    """Whether it is an address, and no path."""
    return _ADDRESS.match(given) is not None


def read_address(given: str) -> CheckpointAddress:
    """What an address says; UsageError, with what to write, where it cannot be one."""
    scheme, _, rest = given.partition(":")
    rest = rest.lstrip("/")
    if scheme.lower() == "hf":
        return _read_hub(rest)
    if scheme.lower() in BUCKETS:
        return _read_bucket(f"{scheme.lower()}://{rest}")
    return _read_web(f"{scheme.lower()}://{rest}")


def _read_hub(rest: str) -> HubAddress:
    found = _HUB.fullmatch(rest.rstrip("/"))
    if found is None:
        raise UsageError(f"hf://{rest:.300}: expected hf://OWNER/NAME, hf://OWNER/NAME@REVISION or either with /FILE")
    file, repository = found["file"] or "", found["repository"]
    if repository.partition("/")[0] in {"datasets", "spaces"}:
        raise UsageError(f"hf://{rest:.300}: is none of a model's repositories; expected hf://OWNER/NAME")
    if file and (not file.endswith(SUFFIX) or "\\" in file or {"", ".", ".."} & set(file.split("/"))):
        raise UsageError(f"hf://{rest:.300}: only files that end in {SUFFIX} are fetched, in which no code can be")
    return HubAddress(repository, unquote(found["revision"] or "main"), file)


def _read_bucket(given: str) -> BucketAddress:
    url, _, fragment = given.partition("#")
    kind, _, digits = fragment.partition("=")
    sha256 = digits.strip().lower()
    if fragment and (kind.lower() != "sha256" or not _SHA256.fullmatch(sha256)):
        raise UsageError(f"{url:.300}: behind # the file's SHA-256 may stand, as #sha256=DIGITS, 64 of them in hex")
    if url.count("/") < 3 or not url.endswith(SUFFIX):
        raise UsageError(
            f"{url:.300}: expected {url.partition(':')[0]}://BUCKET/FILE{SUFFIX}; only such files are fetched, in "
            "which no code can be"
        )
    return BucketAddress(url, sha256)


def _read_web(url: str) -> WebAddress:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        shown = f"{parts.scheme}://{host}{f':{parts.port}' if parts.port else ''}{parts.path}"[:300]
    except ValueError as error:  # its message may repeat what stands before the @
        raise UsageError(f"{url.partition(':')[0]}: this is no address that can be read; write it again") from error
    if not host:
        raise UsageError(f"{shown}: names no host; expected https://HOST/FILE{SUFFIX}#sha256=DIGITS")
    if not is_private(parts):
        raise UsageError(f"{shown}: what comes by http can be read and changed on its way; give its https address")
    if parts.username is not None or parts.password is not None:
        raise UsageError(
            f"{shown}: hypseg sends no user and no password; leave them out, or download the file and give its path"
        )
    name, dot, suffix = parts.path.rpartition("/")[2].rpartition(".")
    if name and dot and f".{suffix}" != SUFFIX:
        raise UsageError(f"{shown}: only files that end in {SUFFIX} are fetched, in which no code can be")
    kind, _, digits = parts.fragment.partition("=")
    sha256 = digits.strip().lower()
    if kind.lower() != "sha256" or not _SHA256.fullmatch(sha256):
        found = "it is missing" if not parts.fragment else "64 hexadecimal digits are expected"
        raise UsageError(
            f"{shown}: the file's SHA-256 has to stand behind its address, as #sha256=DIGITS, for the web may give "
            f"anybody's file ({found}); who publishes the file tells it, and `sha256sum FILE` that of a copy you trust"
        )
    return WebAddress(parts._replace(fragment="", path=quote(parts.path, safe="/%:@!$&'()*+,;=~-._")).geturl(), sha256)


def is_private(parts: SplitResult, *, before: SplitResult | None = None) -> bool:
    """Whether nobody on the way can read or change what comes from there; `before` is who sends us there, if one does.

    By https, or by http from this machine itself, to which no other may send.
    """
    here = parts.scheme == "http" and parts.hostname in _LOOPBACK
    return parts.scheme == "https" or (here and (before is None or before.hostname in _LOOPBACK))
