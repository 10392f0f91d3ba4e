"""A server on this machine: files, and what servers do in place of giving them; and a small hub of models."""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypeVar
from urllib.parse import unquote, urlsplit

Served = TypeVar("Served", bound="Site")
Answer = Callable[[BaseHTTPRequestHandler], None]


class Site:
    """What is served, by path, and what was asked for, as `GET /path`."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.answers: dict[str, Answer] = {}

    def __setitem__(self, path: str, answer: bytes | Answer) -> None:
        self.answers[path] = giving(answer) if isinstance(answer, bytes) else answer

    def find(self, path: str) -> Answer:
        return self.answers.get(path) or failing(404)


def giving(data: bytes, *, length: int | str | None = None, code: int = 200, **headers: str) -> Answer:
    """These bytes, of the length that they have or of one that is told instead; "" tells none."""

    def answer(to: BaseHTTPRequestHandler) -> None:
        to.send_response(code)
        if length != "":
            to.send_header("Content-Length", str(len(data) if length is None else length))
        for name, value in headers.items():
            to.send_header(name.replace("_", "-"), value)
        to.end_headers()
        if to.command == "GET":
            to.wfile.write(data)
        to.close_connection = True

    return answer


def failing(code: int, **headers: str) -> Answer:
    """That answer, and no file."""
    return giving(b"", code=code, **headers)


def sending_on(where: str, code: int = 302) -> Answer:
    """To another address."""
    return giving(b"", code=code, Location=where)


def hanging_up(to: BaseHTTPRequestHandler) -> None:
    """No answer at all."""
    to.close_connection = True


def saying_nothing(until: threading.Event) -> Answer:
    """No answer before the test is over."""

    def answer(to: BaseHTTPRequestHandler) -> None:
        until.wait(20.0)
        to.close_connection = True

    return answer


@contextlib.contextmanager
def serving(site: Served) -> Iterator[Served]:
    """Serve a site at its `url` on 127.0.0.1."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.asked.append(f"{self.command} {self.path}")
            site.headers.append({name.lower(): value for name, value in self.headers.items()})
            with contextlib.suppress(ConnectionError):
                site.find(urlsplit(self.path).path)(self)

        do_HEAD = do_GET  # noqa: N815 (the name that the library looks for)

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        site.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield site
        finally:
            server.shutdown()
            thread.join()


@dataclass
class Repository:
    """Files by commit, and commits by branch."""

    files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    token: str = ""  # that its readers must have
    in_git: bool = False  # its files are none of the large ones

    def commit(self, files: dict[str, bytes], branch: str = "main") -> str:
        """The name of a commit of these files."""
        name = hashlib.sha1(repr((sorted(files), *(files[key] for key in sorted(files)))).encode()).hexdigest()
        self.files[name] = files
        self.branches[branch] = name
        return name


class Hub(Site):
    """As much of a hub's manners as its client asks for; `spoil` is done to what is downloaded."""

    def __init__(self) -> None:
        super().__init__()
        self.repositories: dict[str, Repository] = {}
        self.spoil: Callable[[bytes], Answer | None] = lambda data: None
        self.down: Answer | None = None

    def find(self, path: str) -> Answer:
        """The answer to a request."""
        return super().find(path) if path in self.answers else self.down or self._answer(path)

    def _answer(self, path: str) -> Answer:
        parts = [unquote(part) for part in path.strip("/").split("/")]
        lists = parts[:2] == ["api", "models"]
        owner_and_name = "/".join(parts[2:4] if lists else parts[:2])
        repository = self.repositories.get(owner_and_name)
        if repository is None or len(parts) < 4:
            return failing(404, X_Error_Code="RepoNotFound")
        if repository.token and self.headers[-1].get("authorization") != f"Bearer {repository.token}":
            return failing(401, X_Error_Code="RepoNotFound")
        revision = parts[5] if lists else parts[3]
        commit = repository.branches.get(revision, revision)
        if commit not in repository.files:
            return failing(404, X_Error_Code="RevisionNotFound")
        files = repository.files[commit]
        if lists:
            siblings = [_listed(name, data, in_git=repository.in_git) for name, data in files.items()]
            told = {"id": owner_and_name, "modelId": owner_and_name, "sha": commit, "siblings": siblings}
            return giving(json.dumps(told).encode(), Content_Type="application/json")
        name = "/".join(parts[4:])
        if name not in files:
            return failing(404, X_Error_Code="EntryNotFound", X_Repo_Commit=commit)
        etag = _git_sha1(files[name]) if repository.in_git else hashlib.sha256(files[name]).hexdigest()

        def give(to: BaseHTTPRequestHandler) -> None:
            spoiled = self.spoil(files[name]) if to.command == "GET" else None
            (spoiled or giving(files[name], ETag=f'"{etag}"', X_Repo_Commit=commit))(to)

        return give


def _listed(name: str, data: bytes, *, in_git: bool) -> dict[str, object]:
    listed: dict[str, object] = {"rfilename": name, "size": len(data), "blobId": _git_sha1(data)}
    if not in_git:
        listed["lfs"] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 134}
    return listed


def _git_sha1(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
