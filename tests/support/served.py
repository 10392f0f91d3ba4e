"""Reviews that end as soon as they serve, as if somebody pressed Ctrl-C at once."""

from __future__ import annotations

from typing import NoReturn

import pytest

from hypsegcli.review.server import Server


def pretend_to_serve(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no server wait for questions."""

    def interrupt(_: Server) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(Server, "serve_forever", interrupt)
