"""An object store on this machine: moto's, in a process of its own, behind a door that counts, fails and cuts."""

from __future__ import annotations

import contextlib
import http.client
import os
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from hypsegcli.files.stores.client import Patience, have_patience

_SERVE = """
import logging, sys
from moto.server import ThreadedMotoServer
logging.disable(logging.CRITICAL)
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
"""

HALF = -1  # for a status: the true answer, cut in the middle of its body


class Asked(NamedTuple):
    """A request that came to the door, and what it was given."""

    method: str
    path: str
    status: int
    bytes: int  # of the body that was given


Rule = Callable[[str, str], tuple[int, bytes] | None]  # of a method and a path: what to answer, None: what moto does


class Store:
    """A bucket, and what was asked of it."""

    def __init__(self, client: Any, url: str) -> None:
        self.client, self.url = client, url
        self.name = f"bucket-{uuid.uuid4().hex[:12]}"
        client.create_bucket(Bucket=self.name)
        self.asked: list[Asked] = []
        self.rule: Rule = lambda method, path: None

    def at(self, key: str = "") -> str:
        return f"s3://{self.name}/{key}".rstrip("/")

    def fill(self, folder: Path, below: str) -> str:
        """Put all files of a folder below a prefix; its address."""
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                self[f"{below}/{path.relative_to(folder).as_posix()}"] = path.read_bytes()
        return self.at(below)

    def __setitem__(self, key: str, data: bytes) -> None:
        self.client.put_object(Bucket=self.name, Key=key, Body=data)

    def __getitem__(self, key: str) -> bytes:
        data: bytes = self.client.get_object(Bucket=self.name, Key=key)["Body"].read()
        return data

    def __delitem__(self, key: str) -> None:
        self.client.delete_object(Bucket=self.name, Key=key)

    def keys(self, below: str = "") -> list[str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=below)
        return [each["Key"] for page in pages for each in page.get("Contents", ())]

    def files(self, below: str) -> dict[str, bytes]:
        """All objects below a prefix, by the rest of their names."""
        return {key[len(below) + 1 :]: self[key] for key in self.keys(f"{below}/")}

    def count(self, method: str, word: str = "") -> int:
        return sum(asked.method == method and word in asked.path for asked in self.asked)


@contextlib.contextmanager
def moto() -> Iterator[int]:
    """The port of a server."""
    environment = os.environ | {"AWS_ACCESS_KEY_ID": "own", "AWS_SECRET_ACCESS_KEY": "own"}
    server = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", _SERVE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment,
    )
    assert server.stdout is not None
    assert server.stdin is not None
    try:
        yield int(server.stdout.readline())
    finally:
        server.stdin.close()
        server.kill()  # it keeps nothing, and what it serves may hold it up
        server.wait()
        server.stdout.close()


@contextlib.contextmanager
def in_a_bucket(port: int, patch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A new bucket, which hypseg knows by the environment, as it does any, and which it does not wait for long."""
    with door(port) as store:
        patch.setenv("AWS_ENDPOINT_URL", store.url)
        patch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "SECRETEXAMPLE")
        patch.setenv("AWS_REGION", "us-east-1")
        have_patience(Patience(retries=3, seconds=5, connect=2, answer=5, pause=0.01))
        yield store
        have_patience(Patience())


@contextlib.contextmanager
def door(port: int) -> Iterator[Store]:
    """A new bucket of that server, behind a door of its own."""
    import boto3

    client = boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{port}",
        aws_access_key_id="mine",
        aws_secret_access_key="mine",
        region_name="us-east-1",
    )
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Door)
    server.daemon_threads = True
    store = Store(client, f"http://127.0.0.1:{server.server_address[1]}")
    server.store, server.behind = store, port  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield store
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        client.close()


class _Door(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _pass(self) -> None:
        store: Store = self.server.store  # type: ignore[attr-defined]
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        ruled = store.rule(self.command, self.path)
        if ruled is not None and ruled[0] != HALF:
            status, data, headers = ruled[0], ruled[1], {"Content-Type": "application/xml"}
        else:
            connection = http.client.HTTPConnection("127.0.0.1", self.server.behind, timeout=30)  # type: ignore[attr-defined]
            connection.request(self.command, self.path, body, dict(self.headers))
            answer = connection.getresponse()
            status, data = answer.status, answer.read()
            headers = {name: value for name, value in answer.getheaders() if name.lower() not in _OF_THE_WAY}
            if self.command == "HEAD":
                headers["Content-Length"] = answer.getheader("Content-Length") or "0"
            connection.close()
        length = len(data)
        if ruled is not None and ruled[0] == HALF:
            data, self.close_connection = data[: length // 2], True
        store.asked.append(Asked(self.command, self.path, status, len(data)))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if self.command != "HEAD":
            self.send_header("Content-Length", str(length))
        self.end_headers()
        with contextlib.suppress(OSError):  # whoever asked has gone
            self.wfile.write(b"" if self.command == "HEAD" else data)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _pass  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:
        pass


_OF_THE_WAY = {"content-length", "connection", "transfer-encoding", "server", "date"}
