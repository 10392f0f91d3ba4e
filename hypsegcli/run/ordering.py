"""How images and regions are ranked: what run.json says of it, which decides nothing in what is written of an image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Rank = Literal["mean", "expected"]  # of images: by mean uncertainty, or by the expected number of wrong pixels

ORDERING = "ranking"  # among the options of run.json


@dataclass(frozen=True)
class Ordering:
    """Who comes first; regions are always ranked by the expected number of their wrong pixels."""

    rank: Rank = "mean"
    diverse: bool = False  # near-identical images wait
    # The largest share of a class, by its name, in the first rows, however many these are; or one for all classes.
    quota: float | Mapping[str, float] | None = None


def ordering_in(run: Mapping[str, Any]) -> Ordering:
    """That of a run.json, which may hold anything."""
    options = run.get("options")
    said = options.get(ORDERING) if isinstance(options, dict) else None
    if not isinstance(said, dict):
        return Ordering()
    rank, quota = said.get("rank"), said.get("quota")
    if isinstance(quota, dict):
        quota = {name: share for name, share in quota.items() if _is_share(share)}
    return Ordering(
        rank="expected" if rank == "expected" else "mean",
        diverse=said.get("diverse") is True,
        quota=quota if isinstance(quota, dict) or _is_share(quota) else None,
    )


def _is_share(found: object) -> bool:
    return isinstance(found, int | float) and 0 < found <= 1
