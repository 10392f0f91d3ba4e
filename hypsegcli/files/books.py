"""What the books are called that a run keeps beside its outputs, and by which its folder is known."""

from __future__ import annotations

from collections.abc import Collection

RUN, MANIFEST = "run.json", "manifest.jsonl"
RANKING = "ranking.csv"  # what `uncertainty` adds to them
BOOKS = frozenset({RUN, MANIFEST, RANKING})


def is_of_a_run(names: Collection[str]) -> bool:
    """Whether a folder that holds these names is one that a run wrote into."""
    return RUN in names and MANIFEST in names
