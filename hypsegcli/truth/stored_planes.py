"""Confidence planes that lie in folders, as 16-bit levels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field, ValidationError

from hypsegcli.confidence.measures import MEASURES
from hypsegcli.confidence.planes import Plane
from hypsegcli.errors import DataError, UsageError, setting
from hypsegcli.files.text import UnreadableTextError, read_text
from hypsegcli.images.grey_plane import decode_grey_plane
from hypsegcli.images.metadata import read_metadata
from hypsegcli.images.npy import read_npy
from hypsegcli.truth.stored import stored_file

Levels = NDArray[np.uint16]

_RUN = "run.json"  # what `hypseg predict` writes beside its maps


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
        path = stored_file(self.folder, key)
        levels = self._from_npy(path, valid) if path.suffix == ".npy" else decode_grey_plane(path)
        if levels.shape != shape:
            raise DataError(f"{path}: is {_size(levels.shape)}, its label map {_size(shape)}; planes are not resized")
        return np.uint16(65535) - levels if self.inverted else levels

    def _from_npy(self, path: Path, valid: NDArray[np.bool_] | None) -> Levels:
        values = read_npy(path)
        if valid is not None and valid.shape == values.shape:
            values = np.where(valid, values, values.dtype.type(0))
        if not values.size or not np.issubdtype(values.dtype, np.floating) or not np.isfinite(values).all():
            held = (
                "nothing"
                if not values.size
                else "NaN or infinite values"
                if np.issubdtype(values.dtype, np.floating)
                else f"{values.dtype} values"
            )
            raise DataError(f"{path}: holds {held}; confidence is finite floating-point numbers")
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
            metadata = read_metadata(stored_file(path, key))
            own = kind if metadata is None else metadata.kind
            if own in {"confidence", "uncertainty"} and own != kind:
                given = setting(kind, f"{name}={path}")
                raise UsageError(f"{given}: its maps say that they hold {own}; name them with {setting(own)}")
            planes.append(PlaneFolder(name, path, full_scale, inverted=kind == "uncertainty"))
    if not planes:
        run = _read_run(folder)
        for path in sorted(path for path in folder.glob("confidence*") if path.is_dir()):
            metadata = read_metadata(stored_file(path, key))
            name = (metadata.measure if metadata else None) or path.name.removeprefix("confidence").lstrip("-_ ")
            name = (name or run.main or "confidence").encode("utf-8", "replace").decode()
            doubts = metadata is not None and metadata.kind == "uncertainty"
            planes.append(PlaneFolder(name, path, run.full_scale.get(name, full_scale), inverted=doubts))
    _refuse_twins([plane.name for plane in planes])
    order = [*MEASURES]
    planes.sort(key=lambda plane: order.index(plane.name) if plane.name in order else len(order))
    return tuple(planes)


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


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[1]} x {shape[0]} pixels" if len(shape) == 2 else f"of shape {shape}"
