"""What a person sees of an image of a run, in a word that another label map, or photograph, does not have."""

from __future__ import annotations

import hashlib

from hypsegcli.run.manifest import Line, outputs_of, source_of

_LETTERS = str.maketrans("0123456789", "ghijklmnop")  # of which no spreadsheet makes a number
_LENGTH = 12


def seen_in(line: Line | None) -> str:
    """Twelve letters of an image that is done, for its label map and its photograph; empty for any other."""
    if line is None or line["status"] != "done":
        return ""
    labels = outputs_of(line).get("labels")
    made = line["recipe"] if labels is None else labels[1].sha256
    text = f"{made} {source_of(line).sha256}"
    return hashlib.sha256(text.encode()).hexdigest()[:_LENGTH].translate(_LETTERS)
