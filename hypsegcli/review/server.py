"""The page, its data and its pictures over HTTP, for browsers of this machine that know the address.

It listens at 127.0.0.1 alone. The address holds a random token, which the page sends back in a header with every
question, so that neither another user of the machine nor a page of the web can ask; and the name by which the server is
asked has to be this machine's own, so that no name of the web that leads here (DNS rebinding) does either. Questions
name places by their numbers, never files: there are the page, the list, pictures of listed places, and their verdicts.
"""

from __future__ import annotations

import base64
import errno
import hashlib
import hmac
import json
import secrets
import socketserver
import sys
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from hypsegcli.errors import HypsegError, PlanError, setting
from hypsegcli.files.words import as_text, printable
from hypsegcli.review.pictures import LAYERS, ZOOMS
from hypsegcli.review.places import SHOWS, VERDICTS, Wanted
from hypsegcli.review.session import Session

HOST = "127.0.0.1"
TOKEN = "X-Hypseg-Token"
_NAMES = {HOST, "localhost"}  # with any port: a tunnel may end at another one
_LARGEST = 4096  # bytes of a verdict
_PATIENCE = 60.0  # seconds in which a browser has to say what it wants

Query = dict[str, str]
Answer = tuple[str, bytes, dict[str, str]]  # type, content, further headers


class RefusedError(Exception):
    """What is answered to a question that cannot be."""

    def __init__(self, status: HTTPStatus, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class Server(ThreadingHTTPServer):
    """A session that is served until `shutdown`; one thread a connection."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, session: Session, port: int = 0) -> None:
        """Listen on a port, or on any that is free for 0. PlanError where it cannot be had."""
        self.session = session
        self.token = secrets.token_urlsafe(24)
        with (files("hypsegcli.review") / "page.html").open("rb") as file:
            self.page = file.read()
        self.policy = _policy(self.page.decode())
        try:
            super().__init__((HOST, port), _Handler)
        except (OSError, OverflowError) as error:
            taken = getattr(error, "errno", None) == errno.EADDRINUSE
            why = "is taken by another program" if taken else f"cannot be had ({getattr(error, 'strerror', error)})"
            raise PlanError(
                f"port {port} {why}; choose another {setting('port')}, or leave it out for one that is free"
            ) from None

    def server_bind(self) -> None:
        """Without looking up what the machine is called, which may take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = HOST, self.server_address[1]

    @property
    def address(self) -> str:
        """Where a browser finds the page."""
        return f"http://{HOST}:{self.server_port}/?token={self.token}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that has gone away, in the middle of an answer, is no error of anybody's."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "hypseg", ""
    timeout = _PATIENCE
    server: Server

    def do_GET(self) -> None:
        self._answer({"/": _page, "/run": _run, "/places": _places, "/place": _place, "/picture": _picture})

    def do_POST(self) -> None:
        self._answer({"/verdict": _verdict})

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is said of questions: the terminal is for what a person has to know."""

    def _answer(self, routes: dict[str, Callable[[Server, Query], Answer]]) -> None:
        status = HTTPStatus.OK
        try:
            route, query = self._question(routes)
            kind, content, headers = route(self.server, query)
        except RefusedError as refusal:
            status, kind, headers, content = refusal.status, "application/json", {}, _problem(str(refusal))
        except HypsegError as error:
            status, kind, headers = HTTPStatus.UNPROCESSABLE_ENTITY, "application/json", {}
            content = _problem(str(error))
        except Exception as error:  # one broken file must not end the page
            status, kind, headers = HTTPStatus.INTERNAL_SERVER_ERROR, "application/json", {}
            content = _problem(f"this cannot be shown ({type(error).__name__}: {error})")
        if status != HTTPStatus.OK and self.command == "POST":
            self.close_connection = True  # what it sends is not read, and would be taken for the next question
            headers = headers | {"Connection": "close"}
        self.send_response(status)
        headers = {
            "Content-Type": kind,
            "Content-Length": str(len(content)),
            "Cache-Control": "no-store",
            "Content-Security-Policy": self.server.policy,
            "Cross-Origin-Resource-Policy": "same-origin",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            **headers,
        }
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def _question(
        self, routes: dict[str, Callable[[Server, Query], Answer]]
    ) -> tuple[Callable[[Server, Query], Answer], Query]:
        """What is asked for, and with what; RefusedError unless it may be."""
        if (self.headers.get("Host") or "").rsplit(":", 1)[0] not in _NAMES:
            raise RefusedError(
                HTTPStatus.MISDIRECTED_REQUEST, f"this server is called {HOST}, and answers to no other name"
            )
        asked = urlsplit(self.path)
        try:
            query = {name: values[-1] for name, values in parse_qs(asked.query, max_num_fields=12).items()}
        except ValueError:
            raise RefusedError(HTTPStatus.BAD_REQUEST, "there is too much in this address") from None
        # Only the page itself may be asked for by a plain link: pictures and data come to nobody's page but ours.
        given = query.pop("token", "") if asked.path == "/" else self.headers.get(TOKEN, "")
        if not hmac.compare_digest(given.encode("utf-8", "replace"), self.server.token.encode()):
            raise RefusedError(
                HTTPStatus.FORBIDDEN, "open the address that hypseg review printed last, with all that is behind its ?"
            )
        if asked.path not in routes:
            raise RefusedError(HTTPStatus.NOT_FOUND, "there is nothing here")
        if self.command == "POST":
            query |= self._body()
        return routes[asked.path], query

    def _body(self) -> Query:
        size = self.headers.get("Content-Length", "")
        if not (size.isascii() and size.isdigit()):
            raise RefusedError(HTTPStatus.LENGTH_REQUIRED, "a verdict says how long it is")
        if len(size) > 9 or int(size) > _LARGEST:
            raise RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a verdict has at most {_LARGEST} bytes")
        try:
            found = json.loads(self.rfile.read(int(size)))
            return {str(name): str(value) for name, value in found.items()}
        except (ValueError, AttributeError, RecursionError):
            raise RefusedError(HTTPStatus.BAD_REQUEST, "a verdict is an object of JSON") from None


def _page(server: Server, _: Query) -> Answer:
    return "text/html; charset=utf-8", server.page, {}


def _run(server: Server, _: Query) -> Answer:
    return "application/json", _as_json(server.session.facts()), {}


def _places(server: Server, query: Query) -> Answer:
    show = query.get("show", "all")
    if show not in SHOWS:
        raise RefusedError(HTTPStatus.BAD_REQUEST, f"show is one of {', '.join(SHOWS)}")
    wanted = Wanted(query.get("class", ""), query.get("beginning", ""), show)
    before = _number(query, "before", 10**9) if "before" in query else None
    after = _number(query, "from", 10**9, default=0) - 1
    return "application/json", _as_json(server.session.page(wanted, after=after, before=before)), {}


def _place(server: Server, query: Query) -> Answer:
    return "application/json", _as_json(server.session.place(_place_number(server, query), _zoom(query))), {}


def _picture(server: Server, query: Query) -> Answer:
    layer = query.get("layer", "")
    for known in LAYERS:
        if layer == known:
            fine = bool(_number(query, "fine", 1, default=0))
            picture, note = server.session.picture(_place_number(server, query), known, _zoom(query), fine=fine)
            return "image/png", picture, {"X-Note": quote(printable(as_text(note)))} if note else {}
    raise RefusedError(HTTPStatus.BAD_REQUEST, f"layer is one of {', '.join(LAYERS)}")


def _verdict(server: Server, query: Query) -> Answer:
    verdict = query.get("verdict", "?")
    if verdict not in VERDICTS:
        raise RefusedError(HTTPStatus.BAD_REQUEST, "a verdict is right, wrong or empty")
    return "application/json", _as_json(server.session.judge(_place_number(server, query), verdict)), {}


def _place_number(server: Server, query: Query) -> int:
    return _number(query, "id", len(server.session.places) - 1)


def _zoom(query: Query) -> int:
    return _number(query, "zoom", ZOOMS - 1, default=1)


def _number(query: Query, name: str, highest: int, default: int | None = None) -> int:
    """A whole number from 0 to `highest`."""
    text = query.get(name, "" if default is None else str(default))
    if not (text.isascii() and text.isdigit()) or len(text) > 9 or int(text) > highest:
        raise RefusedError(HTTPStatus.BAD_REQUEST, f"{name} is a whole number from 0 to {highest}")
    return int(text)


def _as_json(found: object) -> bytes:
    return json.dumps(found, allow_nan=False).encode()


def _problem(sentence: str) -> bytes:
    """Names of files in it steer nothing."""
    return _as_json({"error": printable(as_text(sentence))})


def _policy(page: str) -> str:
    """What the page may do: run the script and have the style that are in it, ask this server, and nothing else."""
    script, style = (_hash_between(page, f"<{tag}>", f"</{tag}>") for tag in ("script", "style"))
    return (
        f"default-src 'none'; script-src '{script}'; style-src '{style}'; connect-src 'self'; img-src blob: data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def _hash_between(page: str, begin: str, end: str) -> str:
    content = page.partition(begin)[2].partition(end)[0]
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
