"""The page over HTTP: for whom it is, what there is, and the page itself in a browser."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.client
import io
import json
import re
import socket
import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support.chromium import Page, browsing, find_chromium
from support.reviewed import HEIGHT, WIDTH, reviewed, rows_of

from hypsegcli.errors import PlanError
from hypsegcli.review.server import HOST, TOKEN, Server
from hypsegcli.review.session import Session


@contextlib.contextmanager
def serving(out: Path) -> Iterator[Server]:
    server = Server(Session(out))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return reviewed(tmp_path)


@pytest.fixture
def server(out: Path) -> Iterator[Server]:
    with serving(out) as server:
        yield server


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """For questions that change nothing."""
    with serving(reviewed(tmp_path_factory.mktemp("shared"))) as server:
        yield server


class Answer:
    def __init__(self, answer: http.client.HTTPResponse) -> None:
        self.status, self.headers, self.content = answer.status, dict(answer.getheaders()), answer.read()

    def json(self) -> Any:
        return json.loads(self.content)


def ask(server: Server, path: str, *, method: str = "GET", body: Any = None, **headers: str | None) -> Answer:
    """With the token and the name that a browser would send, unless another is given; None for none."""
    known: dict[str, str | None] = {TOKEN: server.token, "Host": f"{HOST}:{server.server_port}"}
    given = known | {name.replace("_", "-"): value for name, value in headers.items()}
    connection = http.client.HTTPConnection(HOST, server.server_port, timeout=20)
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in given.items():
            if value is not None:
                connection.putheader(name, value)
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        if data is not None and "Content-Length" not in given:
            connection.putheader("Content-Length", str(len(data)))
        connection.endheaders(data)
        return Answer(connection.getresponse())
    finally:
        connection.close()


def judge(server: Server, **verdict: Any) -> Answer:
    return ask(server, "/verdict", method="POST", body=verdict)


def test_the_page_is_at_the_address_and_nowhere_else(shared: Server) -> None:
    page = ask(shared, shared.address.partition(str(shared.server_port))[2], X_Hypseg_Token=None)
    assert page.status == 200
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert b"<title>hypseg review</title>" in page.content
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["X-Content-Type-Options"] == "nosniff"


def test_every_server_has_a_token_of_its_own(shared: Server) -> None:
    others = [Server(shared.session) for _ in range(3)]
    for other in others:
        other.server_close()
    assert len({shared.token, *(other.token for other in others)}) == 4
    assert all(len(other.token) >= 32 for other in others)


def test_the_page_needs_no_network_and_may_have_none(shared: Server) -> None:
    page = shared.page.decode()
    assert not re.search(r"https?:|//[\w.]+/|@import|url\(|\son\w+=", page)
    script = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    assert len(script) == 1
    policy = ask(shared, "/run").headers["Content-Security-Policy"]
    assert f"'sha256-{base64.b64encode(hashlib.sha256(script[0].encode()).digest()).decode()}'" in policy
    assert "default-src 'none'" in policy
    assert "connect-src 'self'" in policy


@pytest.mark.parametrize("path", ["/", "/?token=", "/?token=wrong", "/run", "/places", "/place?id=0", "/nothing"])
@pytest.mark.parametrize("token", [None, "", "wrong", "\xe9"])
def test_nobody_gets_anything_without_the_token(shared: Server, path: str, token: str | None) -> None:
    answer = ask(shared, path, X_Hypseg_Token=token)
    assert answer.status == 403
    assert answer.json() == {"error": "open the address that hypseg review printed last, with all that is behind its ?"}


def test_data_are_not_to_be_had_by_a_link_alone(shared: Server) -> None:
    for path in ("/run", "/picture"):
        assert ask(shared, f"{path}?token={shared.token}&id=0&layer=whole", X_Hypseg_Token=None).status == 403


@pytest.mark.parametrize(
    "host", [None, "", "evil.example", "evil.example:{}", "127.0.0.1.evil.example:{}", "0.0.0.0:{}"]
)
def test_another_name_gets_nothing(shared: Server, host: str | None) -> None:
    answer = ask(shared, "/run", Host=host and host.format(shared.server_port))
    assert answer.status == 421


@pytest.mark.parametrize("host", ["127.0.0.1:{}", "localhost:{}", "localhost:9", "127.0.0.1"])
def test_this_machine_s_names_do_with_any_port(shared: Server, host: str) -> None:
    assert ask(shared, "/run", Host=host.format(shared.server_port)).status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/..",
        "/../run.json",
        "/run.json",
        "/review.csv",
        "/photos/a.png",
        "/page.html",
        "/run/",
        "/picture/../run",
        "/%2e%2e/run.json",
        "/verdict",
        "/favicon.ico",
    ],
)
def test_there_is_nothing_else(shared: Server, path: str) -> None:
    assert ask(shared, path).status == 404


@pytest.mark.parametrize(
    "path",
    [
        "/place",
        "/place?id=",
        "/place?id=-1",
        "/place?id=9",
        "/place?id=1e3",
        "/place?id=../../etc/passwd",
        "/place?id=99999999999999999999999",
        "/place?id=0&zoom=4",
        "/place?id=%D9%A3",
        "/picture?id=0",
        "/picture?id=0&layer=/etc/passwd",
        "/picture?id=0&layer=whole&fine=2",
        "/places?show=none",
        "/places?before=x",
        f"/places?{'a=1&' * 50}",
    ],
)
def test_what_is_no_question_is_refused_with_a_sentence(shared: Server, path: str) -> None:
    answer = ask(shared, path)
    assert answer.status == 400
    assert answer.json()["error"]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE"])
def test_there_are_two_methods(shared: Server, method: str) -> None:
    assert ask(shared, "/run", method=method).status == 501
    assert ask(shared, "/run", method="POST", body={}).status == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"id": 0, "verdict": "perhaps"}, 400),
        ({"id": 0}, 400),
        ({"verdict": "wrong"}, 400),
        ({"id": 9, "verdict": "wrong"}, 400),
        ([1, 2], 400),
        (b"no JSON", 400),
        (b"[" * 4000, 400),
        (b"x" * 4097, 413),
    ],
)
def test_what_is_no_verdict_is_refused_and_nothing_is_written(
    server: Server, out: Path, body: Any, status: int
) -> None:
    answer = ask(server, "/verdict", method="POST", body=body)
    assert (answer.status, answer.headers["Connection"]) == (status, "close")
    assert not (out / "review.csv").exists()


@pytest.mark.parametrize(("size", "status"), [(None, 411), ("-1", 411), ("x", 411), ("9" * 40, 413), (str(2**40), 413)])
def test_a_body_that_does_not_say_its_size_or_is_huge_is_not_read(
    shared: Server, size: str | None, status: int
) -> None:
    assert ask(shared, "/verdict", method="POST", Content_Length=size).status == status


def test_a_verdict_is_on_the_disk_before_the_answer(server: Server, out: Path) -> None:
    answer = judge(server, id=1, verdict="wrong")
    assert answer.json() == {"id": 1, "verdict": "wrong", "before": "", "right": 0, "wrong": 1}
    assert (out / "review.csv").read_text().splitlines()[1].startswith("sub/b,0,16,40,24,wrong,")
    assert judge(server, id=1, verdict="").json()["before"] == "wrong"
    assert ask(server, "/run").json()["wrong"] == 0


def test_browsers_that_judge_at_once_are_all_heard(server: Server, out: Path) -> None:
    answers = list[Answer]()
    threads = [
        threading.Thread(target=lambda n=number: answers.append(judge(server, id=n, verdict="right")))
        for number in range(9)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.status for answer in answers] == [200] * 9
    assert ask(server, "/run").json()["right"] == 9
    assert len((out / "review.csv").read_text().splitlines()) == 10


def test_a_verdict_that_cannot_be_kept_says_so(server: Server, out: Path) -> None:
    (out / "review.csv").mkdir()
    answer = judge(server, id=1, verdict="wrong")
    assert answer.status == 422
    assert "this verdict was not saved" in answer.json()["error"]
    (out / "review.csv").rmdir()
    assert judge(server, id=1, verdict="wrong").status == 200


def test_pictures_are_pngs(shared: Server) -> None:
    for layer in ("photograph", "classes", "doubt", "whole"):
        answer = ask(shared, f"/picture?id=0&layer={layer}&zoom=0")
        assert (answer.status, answer.headers["Content-Type"]) == (200, "image/png")
        assert Image.open(io.BytesIO(answer.content)).size[0] > 40


def test_a_broken_image_costs_its_own_picture_alone(server: Server, out: Path) -> None:
    (out / "labels/a.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    answer = ask(server, "/picture?id=0&layer=classes")
    assert answer.status == 422
    assert "labels/a.png" in answer.json()["error"]
    assert "problem" in ask(server, "/place?id=0").json()
    assert ask(server, "/picture?id=0&layer=photograph").status == 200
    assert ask(server, "/picture?id=1&layer=classes").status == 200


def test_a_defect_ends_one_answer_and_not_the_server(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server.session, "place", lambda *_: 1 / 0)
    answer = ask(server, "/place?id=0")
    assert answer.status == 500
    assert "division by zero" in answer.json()["error"]
    assert ask(server, "/run").status == 200


def test_one_connection_takes_many_questions_and_one_that_breaks_off_is_no_harm(shared: Server) -> None:
    headers = {TOKEN: shared.token}
    connection = http.client.HTTPConnection(HOST, shared.server_port, timeout=20)
    for _ in range(3):
        connection.request("GET", "/run", headers=headers)
        assert connection.getresponse().read()
    connection.close()
    with socket.create_connection((HOST, shared.server_port)) as half:
        half.sendall(b"GET /run HT")
    assert ask(shared, "/run").status == 200


def test_a_port_that_is_taken_is_refused(shared: Server) -> None:
    with pytest.raises(PlanError, match=f"port {shared.server_port} is taken by another program; choose another port"):
        Server(shared.session, shared.server_port)


@contextlib.contextmanager
def looked_at(out: Path, home: Path) -> Iterator[tuple[Page, str]]:
    """The page of a run as a browser has it, with its first place, and its address."""
    browser = find_chromium()
    assert browser is not None
    with serving(out) as server, browsing(browser, home) as page:
        page.size(1200, 800)
        page.open(server.address)
        page.wait("document.body?.dataset.shown === '0/1'")
        yield page, server.address


def test_it_listens_on_this_machine_alone(shared: Server) -> None:
    assert shared.socket.getsockname()[0] == "127.0.0.1"


@pytest.mark.skipif(find_chromium() is None, reason="no Chromium is installed here: the page is not tried in a browser")
def test_the_page_in_a_browser(tmp_path: Path) -> None:
    """By its keys alone: look, judge, take back, filter; a broken photograph on the way; light and dark."""
    out = reviewed(tmp_path, rows=rows_of(("a", "sub/b", "sub/c"), places=40))
    (tmp_path / "photos/sub/b.png").write_bytes(b"broken")
    with looked_at(out, tmp_path / "home") as (page, _):
        assert page.value("document.activeElement.innerText").startswith("1\nroad")
        assert page.value("document.getElementById('told').innerText") == "0 of 120 judged: 0 wrong, 0 right"
        seen = []
        for key in "123":
            page.press(key)
            seen.append(shot(page))
        assert all((one != other).any() for one, other in pairwise(seen))
        page.press("w")
        page.wait("document.body.dataset.shown === '1/1'")
        assert (out / "review.csv").read_text().splitlines()[1].startswith("a,0,16,40,24,wrong,")
        assert "photos/sub/b.png" in page.wait("document.getElementById('problem').innerText")  # and the page goes on
        page.press("+")
        page.wait("document.body.dataset.shown === '1/0'")
        page.press("r")
        page.wait("document.body.dataset.shown === '2/1'")  # not as near as the one before
        page.press("u")
        page.wait("document.body.dataset.shown === '1/1'")
        page.press("ArrowRight")
        page.wait("document.body.dataset.shown === '2/1'")
        assert page.value("document.getElementById('told').innerText") == "1 of 120 judged: 1 wrong, 0 right"
        page.press(" ")
        page.value("(() => { const show = document.getElementById('show'); show.value = 'wrong'; show.onchange(); })()")
        page.wait("document.body.dataset.shown === '0/1'")
        assert page.value("document.querySelectorAll('#list li').length") == 1
        page.value("(() => { const show = document.getElementById('show'); show.value = 'open'; show.onchange(); })()")
        page.wait("document.body.dataset.shown === '1/1'")
        page.value("select(99)")  # the last of its page of the list
        page.wait("document.body.dataset.shown === '100/1'")
        page.value(SLOW)
        page.press("r")
        page.wait("document.getElementById('told').innerText.endsWith('1 right')")
        page.press("r")  # while the next page of the list is on its way
        page.wait("Number.parseInt(document.body.dataset.shown) > 100")
        lines = (out / "review.csv").read_text().splitlines()
        assert len([line for line in lines if line.startswith("sub/b,264,16,40,24,right,")]) == 1
        page.size(1200, 800, dark=True)
        assert page.value("getComputedStyle(document.body).backgroundColor") == "rgb(16, 20, 24)"
        assert page.value(UNNAMED) == []
        assert [one for one in page.complaints if "422" not in one] == []  # but the broken photograph's
    assert (out / "review.csv").read_text().splitlines()[3].startswith("sub/b,0,16,40,24,,")


@pytest.mark.skipif(find_chromium() is None, reason="no Chromium is installed here: the page is not tried in a browser")
def test_a_page_that_is_looked_at_closely(tmp_path: Path) -> None:
    """Late answers, brightness, a large place magnified, a folder as it is typed, and the keys."""
    large = [(1, "photos/a.png", "a", 0, 0, WIDTH, HEIGHT, 500, 400.0, "road", "road 500")]
    out = reviewed(tmp_path, rows=[*large, *rows_of(("a", "sub/b", "sub/c"))[1:]])
    with looked_at(out, tmp_path / "home") as (page, address):
        page.press("1")
        page.press("+")  # all windows of this place are the whole image
        page.wait("document.body.dataset.shown === '0/-1'")
        near = shot(page)
        page.value("pan(200, 0)")
        assert (shot(page) != near).any()
        page.press("+")
        page.wait("document.body.dataset.shown === '0/-2'")
        assert page.value("document.getElementById('nearer').disabled")
        before = shot(page)[300:500, 500:700]
        page.press("b")
        page.press("b")
        brighter = shot(page)[300:500, 500:700]
        assert (brighter >= before).all()
        assert brighter.mean() > 1.2 * before.mean()
        page.press("w")
        page.wait("document.body.dataset.shown === '1/1'")
        assert "saved" in page.value("document.getElementById('saved').innerText")
        page.press("n")
        page.wait("document.body.dataset.shown === '2/1'")
        assert page.value("document.getElementById('saved').innerText") == ""
        page.press("?")
        assert page.value("document.getElementById('keys').open")
        page.press("?")
        assert not page.value("document.getElementById('keys').open")
        page.value(TYPE)
        page.wait("page.total === 3 && page.places.every(one => one.key === 'sub/b')")
        page.value(LATE)
        page.wait("window.late === 2")
        assert page.value("[page.total, document.querySelectorAll('#list li').length]") == [3, 3]
        assert "No place" not in page.value("document.getElementById('saved').innerText")
        page.open(address)
        page.wait("document.body?.dataset.shown === '1/1'")
        assert page.value("document.getElementById('bright').value") == "2"
        assert page.complaints == []


TYPE = """(() => { const one = document.getElementById('beginning'); one.value = 'sub/b';
  one.dispatchEvent(new Event('input')); })()"""


# Two questions in a row, of which the first, for places that are right, is answered last.
LATE = """(() => { const soon = ask, show = document.getElementById('show'); window.late = 0;
  ask = async (path, query, ...more) => {
    const found = await soon(path, query, ...more);
    if (path === '/places') {
      await new Promise(done => setTimeout(done, query.show === 'right' ? 400 : 0));
      setTimeout(() => window.late++, 50);
    }
    return found;
  };
  for (const value of ['right', 'open']) { show.value = value; show.onchange(); } })()"""


# What can be worked and has no name that could be read aloud.
UNNAMED = """[...document.querySelectorAll('button, input, select, canvas, [role]')].filter(one => !(one.innerText
  || one.ariaLabel || one.getAttribute('aria-labelledby') || one.labels?.length || /alert|status/.test(one.role)))
  .map(one => one.id)"""


# The list comes late.
SLOW = """(() => { const soon = ask; ask = async (path, ...more) => {
  if (path === '/places') await new Promise(done => setTimeout(done, 500));
  return soon(path, ...more); }; })()"""


def shot(page: Any) -> Any:
    data = page.call("Page.captureScreenshot", format="png")["data"]
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB"))
