"""`hypseg review`, and what other commands make of the file that it leaves in a run's folder."""

from __future__ import annotations

import contextlib
import http.client
import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from support import REPOSITORY, Hypseg
from support.reviewed import reviewed

VERDICT = "key,x,y,width,height,verdict,time\na,0,16,40,24,wrong,2026-01-01T00:00:00Z\n"


# Whoever runs the tests may ignore Ctrl-C, which its children would as well.
HEARING = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "


@contextlib.contextmanager
def started(out: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """A review that does not outlive the block."""
    start = f"{HEARING}from hypsegcli.__main__ import run_and_leave; run_and_leave()"
    command = [sys.executable, "-c", start, "review", str(out), *options]
    with subprocess.Popen(
        command, text=True, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def judge(address: str, number: int, verdict: str) -> int:
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=20)
    headers = {"X-Hypseg-Token": parts.query.removeprefix("token=")}
    connection.request("POST", "/verdict", json.dumps({"id": number, "verdict": verdict}), headers)
    status = connection.getresponse().status
    connection.close()
    return status


@pytest.mark.parametrize("told", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_told_to_stop_and_then_says_what_there_is(tmp_path: Path, told: signal.Signals) -> None:
    out = reviewed(tmp_path)
    with started(out) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert [judge(address, 0, "wrong"), judge(address, 1, "right")] == [200, 200]
        process.send_signal(told)
        rest, talk = process.communicate(timeout=60)
    assert (process.returncode, rest) == (0, "")
    first, *end = talk.splitlines()
    assert first == "0 of 9 places judged: 0 wrong, 0 right; open this address in a browser of this machine:"
    assert end == [
        f"2 of 9 places judged: 1 wrong, 1 right, in {out}/review.csv",
        f"next: hypseg annotate {out} @{out}/review.csv --to cvat --out corrections.zip",
    ]


def test_what_was_answered_outlives_a_kill(tmp_path: Path) -> None:
    out = reviewed(tmp_path)
    with started(out) as process:
        assert process.stdout is not None
        assert judge(process.stdout.readline().strip(), 0, "wrong") == 200
        process.kill()
        process.communicate()
    assert (out / "review.csv").read_text().splitlines()[1].startswith("a,0,16,40,24,wrong,")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["photos"], "photos: holds no manifest.jsonl of a run; name a folder that hypseg uncertainty wrote"),
        (["nowhere"], "nowhere: is not there; name a folder that hypseg uncertainty wrote"),
        (["out", "--port", "66000"], "--port 66000: "),
        (["out", "--port", "1"], "port 1 "),
        (["s3://bucket/out"], "this cannot lie in a store"),
    ],
)
def test_what_cannot_be_reviewed_is_refused(
    hypseg: Hypseg, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: Sequence[str], sentence: str
) -> None:
    reviewed(tmp_path)
    monkeypatch.chdir(tmp_path)
    if arguments[-1] == "1":
        monkeypatch.setattr("socketserver.TCPServer.server_bind", _denied)
    outcome = hypseg("review", *arguments)
    assert (outcome.code, outcome.stdout) == (2, "")
    assert sentence in outcome.stderr


def _denied(*_: object) -> None:
    raise PermissionError(13, "Permission denied")


def test_a_run_without_regions_is_told_how_to_make_them(hypseg: Hypseg, tmp_path: Path) -> None:
    out = reviewed(tmp_path)
    (out / "regions.csv").unlink()
    outcome = hypseg("review", out)
    assert outcome.code == 2
    assert f"{out}: holds no regions.csv" in outcome.stderr
    assert f"hypseg uncertainty with --out {out} and --resume writes it" in outcome.stderr


def test_no_other_command_calls_the_verdicts_foreign_or_touches_them(
    hypseg: Hypseg, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    run = ("uncertainty", photos / "a.jpg", "--out", out, "--engine", "torch")
    assert hypseg(*run).code == 0
    (out / "review.csv").write_text(VERDICT)
    for more in ("--resume", "--overwrite"):
        assert hypseg(*run, more).code == 0
        assert (out / "review.csv").read_text() == VERDICT
    found = json.loads(hypseg("verify", out, "--json").stdout)
    assert (found["foreign"], found["is_whole"]) == ([], True)
    (out / "review2.csv").write_text(VERDICT)
    assert json.loads(hypseg("verify", out, "--json").stdout)["foreign"] == ["review2.csv"]
