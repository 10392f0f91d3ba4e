"""Lists of the images that a training validates on and of their masks, as `hypseg evaluate` reads them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hypsegcli.truth.pairs import Pair

VAL_IMAGES, VAL_MASKS = "val-images.txt", "val-masks.txt"


def val_lists(pairs: Sequence[Pair]) -> dict[str, str]:
    """By their names, the texts of both lists, a path a line from the root on.

    Nothing where such lists would not name them: two have one name in different folders, or names break lines.
    """
    listed = {
        VAL_IMAGES: [str(pair.image.resolve()) for pair in pairs if pair.image],
        VAL_MASKS: [str(pair.mask.resolve()) for pair in pairs],
    }
    for paths in listed.values():
        if len({Path(path).stem for path in paths}) < len(paths) or any(set(path) & set("\r\n") for path in paths):
            return {}
    return {name: "".join(f"{path}\n" for path in paths) for name, paths in listed.items()}
