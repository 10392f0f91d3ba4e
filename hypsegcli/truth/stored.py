"""Label maps, confidence planes and probabilities that lie in folders, whichever tool wrote them.

DIR/labels/KEY.png         label maps, or DIR/KEY.png where there is no folder `labels`
DIR/confidence*/KEY.png    8- or 16-bit grey planes, white is sure; .npy holds floating-point numbers
DIR/probabilities/KEY.npy  (K, H, W) floating-point numbers, plane I of the class with the id I in the label maps
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

from hypsegcli.errors import DataError

_SUFFIXES = (".png", ".npy", ".tif", ".tiff")


def stored_file(folder: Path, key: str) -> Path:
    """The file of an image; DataError where there is none, or more than one, of which any may be an earlier one's."""
    found = [path for suffix in _SUFFIXES if (path := folder / f"{key}{suffix}").is_file()]
    if not found:
        raise DataError(f"{folder}: holds nothing for {key}; looked for {', '.join(_SUFFIXES)}")
    if len(found) > 1:
        raise DataError(
            f"{folder}: holds {key} {len(found)} times, as {' and '.join(path.name for path in found)}; keep the one "
            "that belongs to its label map"
        )
    return found[0]


def stored_files(folders: Sequence[Path], key: str) -> list[Path]:
    """The files that folders of planes or probabilities hold of an image; those without the one are passed over."""
    files = []
    for folder in folders:
        with contextlib.suppress(DataError):
            files.append(stored_file(folder, key))
    return files
