"""The kinds of output there are, by the command that writes them, and their formats. Imports nothing heavy."""

from typing import Literal

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
)
USUAL = PREDICT[:4]  # of those, where none are named
UNCERTAINTY = (
    "heatmap",
    "doubt",
    "uncertainty",
)


def is_kind(folder: str) -> bool:
    """Whether a folder is called as those are in which a run writes its maps: `confidence-entropy` is one too."""
    return folder.split("-", maxsplit=1)[0] in {*PREDICT, *UNCERTAINTY}
