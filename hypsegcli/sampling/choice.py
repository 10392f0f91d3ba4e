"""The ways to sample, and what one of them needs."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Literal

from hypsegcli.errors import UsageError, setting

Sampling = Literal["uniform", "adaptive"]  # evenly, or densely at boundaries between classes


def refuse_without_scipy() -> None:
    """Raise UsageError where what sampling takes its transforms, distances and triangles from is not installed."""
    if find_spec("scipy") is None:
        raise UsageError(f"{setting('sampling', 'adaptive')}: SciPy is not installed; pip install 'hypseg[sampling]'")
