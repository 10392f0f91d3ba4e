"""The kinds of output there are, by the command that writes them, and their formats. Imports nothing heavy."""

import contextlib
from pathlib import Path
from typing import Literal

from hypsegcli.files.place import scan

Format = Literal["png", "npy", "tif"]  # that can be wanted of the kinds that come in it
FileType = Literal["png", "npy", "tif", "npz"]

# Kinds of output, which are names of files here, of folders of results, and what --save calls them.
PREDICT = (
    "labels",
    "confidence",
    "boundary",
    "overlay",
    "doubt",
    "probabilities",
    "embeddings",
    "prototypes",
)
USUAL = PREDICT[:4]  # of those, where none are named
UNCERTAINTY = (
    "heatmap",
    "doubt",
    "uncertainty",
    "labels",
)

FILMED = ("overlay", "doubt")  # of which those of a video's frames become a video too
RANKED = "heatmap"  # that every image of the ranking has, and of the table of regions

SELF_TOLD = (*PREDICT[:3], "uncertainty", "prototypes")  # of those, what says in its PNG or TIFF what it is


def is_kind(folder: str) -> bool:
    """Whether a folder is called as those are in which a run writes its maps: `confidence-entropy` is one too."""
    return base_of(folder) in {*PREDICT, *UNCERTAINTY}


def folders_of_kinds(out: Path) -> list[str]:
    """Those that lie in a folder, by name; links to folders too. None of one that cannot be read."""
    found = list[str]()
    with contextlib.suppress(OSError), scan(out) as entries:
        found += [entry.name for entry in entries if is_kind(entry.name) and entry.is_dir()]
    return found


def base_of(kind: str) -> str:
    """What a kind is one of: `confidence` for `confidence-entropy`."""
    return kind.split("-", maxsplit=1)[0]
