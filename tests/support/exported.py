"""Exports that hold nothing, for what only looks at the command."""

from __future__ import annotations

from typing import Any

import pytest

from hypsegcli.checkpoint.store import Checkpoint
from hypsegcli.export.export import Exported
from hypsegcli.export.graph import planes_of
from hypsegcli.export.request import SUFFIXES, FormatName
from hypsegcli.export.verify import Agreement


def pretend_to_export(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `hypseg export` do what takes seconds, and other libraries, in no time."""

    def export(checkpoint: Checkpoint, name: FormatName, **_: Any) -> Exported:
        files = {suffix: suffix.encode() for suffix in SUFFIXES[name]}
        agreement = Agreement(pixels=1000, labels=0.0, distance=2e-6, radius=2e-6, calibrated=None)
        return Exported(files, planes_of(checkpoint.header), f"what runs {name}", agreement)

    monkeypatch.setattr("hypsegcli.export.export.export", export)
    monkeypatch.setattr("hypsegcli.export.formats.require", lambda _: None)
