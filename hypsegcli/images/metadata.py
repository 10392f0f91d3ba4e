"""What a map that hypseg wrote says of itself: one JSON object, written and read here.

In a PNG it is the text chunk `hypseg`, in a TIFF the ImageDescription, in a NumPy archive the array `hypseg`; single
arrays have no room for it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from hypsegcli.errors import ImageError, setting
from hypsegcli.files.kinds import SELF_TOLD
from hypsegcli.images.beside_pixels import read_text_chunks

_CHUNK = "hypseg"
_DESCRIPTION = "ImageDescription"


class MapMetadata(BaseModel):
    """Fields in the order in which they are written; a kind of map has only those that say something of it."""

    model_config = ConfigDict(frozen=True, extra="ignore")  # a later version may say more

    kind: str  # of output: labels, confidence, boundary, uncertainty, embeddings, prototypes
    names: tuple[str, ...] | None = None  # of labels and prototypes: what ids mean
    ignore_index: int | None = None  # of labels: the id that means void in the masks that were learned from
    void: int | None = None  # of labels and prototypes: the id of pixels of which there are no data
    nodata: int | None = None  # of other maps: the value of such pixels
    level: int | Literal["auto"] | None = None  # of labels: depth in the class tree; None: classes
    parents: tuple[int, ...] | None = None  # of labels that are nodes: of each but `undecided`, -1 for the root
    threshold: float | None = None  # of level auto
    refine: str | None = None  # of labels: what their probabilities were made to follow
    sampling: str | None = None  # adaptive: more samples at boundaries between classes; absent where they were even
    method: str | None = None  # of boundaries: how they are found
    measure: str | None = None  # of confidence
    formula: str | None = None  # in words
    full_scale: float | None = None  # the value that white stands for
    decode: str | None = None  # from stored values to those of the measure
    checkpoint: str | None = None  # SHA-256
    curvature: float | None = None
    head: str | None = None

    def png_text(self) -> dict[str, str]:
        """The text chunks of a PNG."""
        return {_CHUNK: self._to_json(ascii_only=False)}

    def json_text(self) -> str:
        """For an array of a NumPy archive, ASCII."""
        return self._to_json(ascii_only=True)

    def tiff_description(self) -> str:
        """The ImageDescription of a TIFF, ASCII."""
        return self._to_json(ascii_only=True)

    def _to_json(self, *, ascii_only: bool) -> str:
        return json.dumps(self.model_dump(exclude_unset=True), ensure_ascii=ascii_only)


def read_metadata(path: Path) -> MapMetadata | None:
    """What a map says of itself; None for an array, or another tool's map, which may hold JSON too.

    Raises ImageError for a file that is no picture.
    """
    if path.suffix == ".npy":
        return None
    return _parse(read_text_chunks(path))


def kind_of_map(texts: Mapping[str, str]) -> str | None:
    """The kind of map that hypseg wrote a picture with these texts as, by key; None of any other picture."""
    own = _parse(texts)
    return own.kind if own is not None and own.kind in SELF_TOLD else None


def no_photograph(path: Path | str, kind: str) -> ImageError:
    """What is raised where a photograph is expected and a map of a kind lies: labels would count for its colours."""
    return ImageError(
        f"{path}: this is a map that hypseg wrote ({kind}) and no photograph; name the photograph, and where label "
        f"maps are to be scored, name those with {setting('predictions')}",
        "unsupported",
    )


def _parse(texts: Mapping[str, str]) -> MapMetadata | None:
    try:
        return MapMetadata.model_validate_json(texts.get(_CHUNK, "") or texts.get(_DESCRIPTION, ""))
    except ValidationError:
        return None
