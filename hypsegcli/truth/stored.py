"""Label maps, confidence planes and probabilities that lie in folders, whichever tool wrote them.

DIR/labels/KEY.png         label maps, or DIR/KEY.png where there is no folder `labels`
DIR/confidence*/KEY.png    8- or 16-bit grey planes, white is sure; .npy holds floating-point numbers
DIR/probabilities/KEY.npy  (K, H, W) floating-point numbers, plane I of the class with the id I in the label maps
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field, ValidationError

from hypsegcli.confidence.measures import MEASURES
from hypsegcli.confidence.planes import Plane
from hypsegcli.errors import DataError, UsageError, setting
from hypsegcli.files.text import UnreadableTextError, read_text
from hypsegcli.files.words import shorten
from hypsegcli.images.grey_plane import decode_grey_plane
from hypsegcli.images.metadata import MapMetadata, read_metadata
from hypsegcli.images.npy import read_npy
from hypsegcli.truth.masks import IdMap
from hypsegcli.truth.plane_order import classes_of_planes

Levels = NDArray[np.uint16]

_RUN = "run.json"  # what `hypseg predict` writes beside its maps
_SUFFIXES = (".png", ".npy", ".tif", ".tiff")
# What rounding adds to or takes from 1: blends of four windows, rounded to float16 at every step, are within 0.003.
_ROUNDING = 0.01
_LEAVE_OUT = "move the folder away to score without NLL and Brier score"
_LETTERS = 80  # of a name in a sentence
# Of what a map says of itself, what decides the meaning of its values, and how it is called in a sentence.
_DECISIVE = {
    "kind": "output",
    "names": "ids",
    "level": "level",
    "threshold": "threshold",
    "parents": "parents in the class tree",
    "measure": "measure",
    "full_scale": "full scale",
}


class _RunRequest(BaseModel):
    """Of a run's request."""

    main: str | None = None  # the measure of the folder that is called `confidence`


class _RunOptions(BaseModel):
    """Of a run's options."""

    full_scale: dict[str, float] = Field(default_factory=dict)  # by measure
    request: _RunRequest = _RunRequest()

    @property
    def main(self) -> str | None:
        """The main measure; runs that do not name it list it first."""
        return self.request.main or next(iter(self.full_scale), None)


class _Run(BaseModel):
    """What is read of a run.json."""

    options: _RunOptions


@dataclass(frozen=True)
class PlaneFolder:
    """A folder of confidence planes of one measure."""

    name: str
    folder: Path
    full_scale: float  # of .npy files: the value that means entirely sure
    inverted: bool = False  # the files hold uncertainty

    def read(self, key: str, shape: tuple[int, ...], valid: NDArray[np.bool_] | None = None) -> Levels:
        """(H, W) levels, 65535 for entirely sure; DataError for a missing plane, or values that do not fit.

        Where its label map is not `valid`, for there are no data, any number will do.
        """
        path = _find(self.folder, key)
        levels = self._from_npy(path, valid) if path.suffix == ".npy" else decode_grey_plane(path)
        if levels.shape != shape:
            raise DataError(f"{path}: is {_size(levels.shape)}, its label map {_size(shape)}; planes are not resized")
        return np.uint16(65535) - levels if self.inverted else levels

    def _from_npy(self, path: Path, valid: NDArray[np.bool_] | None) -> Levels:
        values = read_npy(path)
        if valid is not None and valid.shape == values.shape:
            values = np.where(valid, values, values.dtype.type(0))
        if not np.issubdtype(values.dtype, np.floating) or not values.size or not np.isfinite(values).all():
            raise DataError(
                f"{path}: holds {values.dtype} values, nothing, or NaN; confidence is finite floating-point numbers"
            )
        low, high = float(values.min()), float(values.max())
        rounding = max(1e-6, float(np.finfo(values.dtype).eps))
        if low < 0 or high > self.full_scale * (1 + rounding):
            raise DataError(
                f"{path}: holds values from {low:.4g} to {high:.4g}, full scale is {self.full_scale:g}; "
                f"name the value that means entirely sure with {setting('full_scale')}"
            )
        return Plane(values.astype(np.float32), self.name, self.full_scale).levels()


def find_planes(
    folder: Path, *, named: Mapping[str, Path], inverted: Mapping[str, Path], key: str, full_scale: float
) -> tuple[PlaneFolder, ...]:
    """The planes of a folder of predictions, and those named one by one; `key` is that of any image.

    A plane that hypseg wrote tells its measure itself; another's name is what follows `confidence-` in its folder's.
    """
    _refuse_twins([*named, *inverted])
    planes = []
    for folders, kind in ((named, "confidence"), (inverted, "uncertainty")):
        for name, path in folders.items():
            metadata = read_metadata(_find(path, key))
            own = kind if metadata is None else metadata.kind
            if own in {"confidence", "uncertainty"} and own != kind:
                given = setting(kind, f"{name}={path}")
                raise UsageError(f"{given}: its maps say that they hold {own}; name them with {setting(own)}")
            planes.append(PlaneFolder(name, path, full_scale, inverted=kind == "uncertainty"))
    if not planes:
        run = _read_run(folder)
        for path in sorted(path for path in folder.glob("confidence*") if path.is_dir()):
            metadata = read_metadata(_find(path, key))
            name = (metadata.measure if metadata else None) or path.name.removeprefix("confidence").lstrip("-_ ")
            name = (name or run.main or "confidence").encode("utf-8", "replace").decode()
            doubts = metadata is not None and metadata.kind == "uncertainty"
            planes.append(PlaneFolder(name, path, run.full_scale.get(name, full_scale), inverted=doubts))
    _refuse_twins([plane.name for plane in planes])
    order = [*MEASURES]
    planes.sort(key=lambda plane: order.index(plane.name) if plane.name in order else len(order))
    return tuple(planes)


def refuse_kind(path: Path, own: MapMetadata | None, *, as_ids: bool) -> None:
    """UsageError where a map says of itself that its values are no class ids.

    `as_ids`: other ids serve too, for they are translated, or clusters. What says nothing is taken for what is needed.
    """
    if own is None or own.kind == "labels" or (as_ids and own.kind == "prototypes"):
        return
    or_else = (
        f", translate these with {setting('prediction_map')}, or take them for clusters with {setting('match')}"
        if own.kind == "prototypes"
        else ""
    )
    raise UsageError(
        f"{path}: says of itself that it holds {own.kind}, whose values are no class ids; name the folder of label maps"
        f"{or_else}"
    )


def check_alike(maps: Iterable[Path], *, as_ids: bool | None = None) -> frozenset[str | None]:
    """DataError where maps of one folder say of themselves that their values mean different things.

    Of label maps, `as_ids` is that of `refuse_kind`, by which each is judged; None stands for planes.
    Maps that say nothing, as other tools' do, are taken for what the others are. What was the probabilities of any of
    the others made to follow comes back: None stands for nothing.
    """
    first: tuple[Path, MapMetadata] | None = None
    refined = set[str | None]()
    for path in maps:
        own = read_metadata(path)
        if own is None:
            continue
        if as_ids is not None:
            refuse_kind(path, own, as_ids=as_ids)
        if first is None:
            first = path, own
        for name, title in _DECISIVE.items():
            mine, other = getattr(first[1], name), getattr(own, name)
            if mine != other:
                raise DataError(
                    f"{first[0]} and {path}: say of themselves that they are of different kinds, {title}: "
                    f"{_apart(mine, other)}; maps of several networks or runs lie together: score each one's alone, or "
                    "predict all of them again"
                )
        refined.add(own.refine)
    return frozenset(refined)


def void_in(maps: Sequence[Path]) -> int | None:
    """The id by which label maps of hypseg's say where photographs have no data; None where none of them does.

    DataError where they have several. Where the first says nothing of itself, the others are not looked at.
    """
    if not maps or read_metadata(maps[0]) is None:
        return None
    found = {own.void: path for path in maps if (own := read_metadata(path)) is not None and own.void is not None}
    if len(found) > 1:
        (mine, path), (other, another) = list(found.items())[:2]
        raise DataError(
            f"{path} and {another}: say with other ids, {mine} and {other}, where there are no data; maps of several "
            "networks lie together: score each one's alone, or predict all of them again"
        )
    return next(iter(found), None)


def stored_files(folders: Sequence[Path], key: str) -> list[Path]:
    """The files that folders of planes or probabilities hold of an image; those without the one are passed over."""
    files = []
    for folder in folders:
        with contextlib.suppress(DataError):
            files.append(_find(folder, key))
    return files


def read_probabilities(
    folder: Path,
    key: str,
    shape: tuple[int, ...],
    *,
    classes: int,
    id_map: IdMap | None = None,
    ignore_index: int = -1,
    valid: NDArray[np.bool_] | None = None,
) -> NDArray[np.float32]:
    """(K, H, W) class probabilities, numbered and added up as `id_map` has the ids of label maps.

    Where the label map is not `valid`, for there are no data, the first class has all.
    DataError where they do not fit, or where the map leads to void what has some of a pixel's probability.
    """
    path = _find(folder, key)
    values = read_npy(path)
    planes = len(values) if values.ndim == 3 else 0
    order = classes_of_planes(planes, classes=classes, ignore_index=ignore_index, id_map=id_map)
    many = classes if order is None else planes
    if values.shape != (many, *shape) or not np.issubdtype(values.dtype, np.floating):
        raise DataError(
            f"{path}: holds {values.dtype} of shape {values.shape}; class probabilities have {(many, *shape)}, a plane "
            f"for each class, or, where there is {setting('prediction_map')}, for each id of the label maps from 0 on; "
            f"{_LEAVE_OUT}"
        )
    if valid is not None:
        values = np.where(valid, values, (np.arange(many) == 0)[:, None, None].astype(values.dtype))
    if not (values.min() >= 0 and values.max() <= 1 + _ROUNDING):  # NaN fails both
        raise DataError(
            f"{path}: holds values from {values.min():.4g} to {values.max():.4g}; class probabilities are in [0, 1], "
            "after the softmax"
        )
    probabilities = values.astype(np.float32)
    sums = probabilities.sum(axis=0)
    if np.abs(sums - 1).max() > _ROUNDING:
        raise DataError(
            f"{path}: the probabilities of a pixel sum to {sums.min():.4g} to {sums.max():.4g}; all classes together "
            "have 1, after the softmax; a sigmoid gives other sums"
        )
    return probabilities if order is None else _reorder(probabilities, *order, classes=classes, path=path)


def _reorder(
    planes: NDArray[np.float32],
    targets: NDArray[np.integer[Any]],
    unknown: NDArray[np.bool_],
    *,
    classes: int,
    path: Path,
) -> NDArray[np.float32]:
    """(K, H, W) the sums of planes whose targets are one class; without those of void, which must be as good as 0."""
    if unknown.any():
        raise DataError(
            f"{path}: plane {int(unknown.argmax())}, counted from 0, is of an id that {setting('prediction_map')} does "
            f"not lead to a class; list it there, or {_LEAVE_OUT}"
        )
    ordered = np.zeros((classes + 1, *planes.shape[1:]), np.float32)
    for target, plane in zip(targets.tolist(), planes, strict=True):
        ordered[target] += plane
    if (lost := float(ordered[classes].max())) > _ROUNDING:
        raise DataError(
            f"{path}: {setting('prediction_map')} leads to void what has up to {lost:.4g} of a pixel's probability, so "
            "that the classes alone have no 1 together, and NLL and Brier score would be of something else; divide by "
            f"what they have and leave those planes 0, or {_LEAVE_OUT}"
        )
    return ordered[:classes]


def proper_planes(probabilities: NDArray[np.float32], truth: NDArray[Any]) -> NDArray[np.float32]:
    """(2, H, W) probability of the true class, and sum of the squares of all; where truth is void, any number."""
    true = np.minimum(truth, len(probabilities) - 1).astype(np.int64)
    chosen = np.take_along_axis(probabilities, true[None], axis=0)[0]
    return np.stack([chosen, np.square(probabilities).sum(axis=0)])


def decide_among(probabilities: NDArray[np.float32], among: Sequence[int], dtype: type[np.integer]) -> NDArray[Any]:
    """(H, W) the most probable of some classes."""
    chosen = np.asarray(among)
    decided: NDArray[Any] = chosen[probabilities[chosen].argmax(axis=0)].astype(dtype)
    return decided


def _refuse_twins(names: Sequence[str]) -> None:
    if twice := sorted({name for name in names if names.count(name) > 1}):
        many = f"two folders of confidence planes are called {twice[0]}"
        raise UsageError(f"{many}; name them with {setting('confidence')}")


def _read_run(folder: Path) -> _RunOptions:
    """The run.json of `hypseg predict`; nothing known where there is none, or another tool's."""
    try:
        return _Run.model_validate_json(read_text(folder / _RUN)).options
    except (UnreadableTextError, ValidationError):
        return _RunOptions()


def _find(folder: Path, key: str) -> Path:
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


def _apart(mine: object, other: object) -> str:
    """`a and b`; of lists the first entries that differ."""
    if isinstance(mine, tuple) and isinstance(other, tuple):
        pairs = enumerate(zip_longest(mine, other, fillvalue="nothing"))
        index, (mine, other) = next((index, pair) for index, pair in pairs if pair[0] != pair[1])
        return f"{index} is {shorten(str(mine), _LETTERS)} and {shorten(str(other), _LETTERS)}"
    return f"{mine} and {other}"


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[1]} x {shape[0]} pixels" if len(shape) == 2 else f"of shape {shape}"
