"""A download as a person sees it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from hypsegcli.cli.show import transfer


def test_plain_lines_say_how_much_is_here(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "EVERY", 0.0)
    with transfer.showing_transfer(quiet=False) as advance:
        for here in (1_000_000, 2_000_000, 3_000_000):
            advance(here, 3_000_000)
        advance(500_000, None)
    assert capsys.readouterr().err == "1.0 of 3.0 MB are here\n2.0 of 3.0 MB are here\n0.5 MB are here\n"


def test_plain_lines_wait_for_their_time(capsys: pytest.CaptureFixture[str]) -> None:
    with transfer.showing_transfer(quiet=False) as advance:
        advance(1, 3)
    assert capsys.readouterr().err == ""


def test_quiet_nothing_is_shown(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "EVERY", 0.0)
    with transfer.showing_transfer(quiet=True) as advance:
        advance(1, 3)
    assert capsys.readouterr() == ("", "")


@pytest.mark.skipif(os.name == "nt", reason="there is no pseudo-terminal there")
@pytest.mark.parametrize("total", ["3_000_000", "None"])
def test_a_terminal_gets_a_bar_with_the_first_bytes(total: str) -> None:
    import pty

    code = (
        "import sys\n"
        "from hypsegcli.cli.show.transfer import showing_transfer\n"
        "with showing_transfer(quiet=False) as advance: pass\n"
        "assert 'rich' not in sys.modules, 'most commands fetch nothing'\n"
        f"with showing_transfer(quiet=False) as advance: advance(1_000_000, {total}); advance(3_000_000, {total})\n"
    )
    reading, writing = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "100"}
    done = subprocess.run([sys.executable, "-c", code], stderr=writing, env=environment, check=False)
    os.close(writing)
    shown = os.read(reading, 65_536).decode()
    os.close(reading)
    assert done.returncode == 0, shown
    assert "fetching" in shown
    assert "3.0" in shown
