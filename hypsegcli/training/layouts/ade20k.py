"""ADE20K for scene parsing as it unpacks, 150 classes.

ADEChallengeData2016/images/{training,validation}/*.jpg  annotations/{training,validation}/*.png  objectInfo150.txt

In the masks 0 is other, which is void, and 1 to 150 are the classes. The tree is flat: none is published with the set.
"""

from __future__ import annotations

from pathlib import Path

from hypsegcli.errors import DataError
from hypsegcli.files.text import UnreadableTextError, read_text
from hypsegcli.hierarchy.tree import flat_tree
from hypsegcli.training.layouts.source import Layout, Source, SplitName, find_part, list_files, shift_ids
from hypsegcli.truth.pairs import Pair, pair_keys

CLASSES = 150

_NAMES = "objectInfo150.txt"
_FOLDERS: dict[SplitName, str] = {"train": "training", "val": "validation"}
_GET = (
    "it is in ADEChallengeData2016.zip (sceneparsing.csail.mit.edu), which unpacks to images, annotations and "
    "objectInfo150.txt"
)


def read(root: Path) -> Source:
    """See Layout."""
    names = _read_names(find_part(root, _NAMES, get=_GET))

    def pairs(split: SplitName) -> tuple[Pair, ...]:
        folders = (f"{kind}/{_FOLDERS[split]}" for kind in ("images", "annotations"))
        images, masks = (find_part(root, folder, get=_GET) for folder in folders)
        return tuple(pair_keys(masks=list_files(masks, ".png", get=_GET), images=list_files(images, ".jpg", get=_GET)))

    return Source(flat_tree(names), pairs, shift_ids(CLASSES))


def _read_names(path: Path) -> list[str]:
    """The first synonym of every class; all of them where an earlier class has that name."""
    try:
        lines = read_text(path).splitlines()
    except UnreadableTextError as error:
        raise DataError(f"{path}: cannot be read ({error}); {_GET}") from error
    rows = [line.split("\t") for line in lines[1:] if line.strip()]
    if [row[0].strip() for row in rows] != [str(number) for number in range(1, CLASSES + 1)]:
        raise DataError(
            f"{path}: expected a line of titles and {CLASSES} classes, numbered from 1, with tabs between the columns "
            f"and synonyms last; {_GET}"
        )
    names: list[str] = []
    for row in rows:
        synonyms = row[-1].strip()
        first = synonyms.partition(",")[0].strip()
        names.append(synonyms if first in names else first)
    return names


ADE20K = Layout(
    "ade20k",
    ("", "ADEChallengeData2016", "ade/ADEChallengeData2016"),
    ("images/training", "annotations/training", _NAMES),
    read,
)
