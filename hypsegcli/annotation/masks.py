"""The door for what labelling tools export: told by what it holds, each image's labels where a mask's file would be."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile, ZipFile

import numpy as np
from numpy.typing import NDArray

from hypsegcli.annotation.coco import CocoExport, is_coco
from hypsegcli.annotation.cvat import LABEL_MAP, MASKS, CvatExport, is_cvat
from hypsegcli.annotation.export import Export
from hypsegcli.annotation.json_file import parse_json, read_json
from hypsegcli.annotation.label_studio import LabelStudioExport, is_label_studio
from hypsegcli.annotation.labels import UNLABELLED
from hypsegcli.budget import LARGEST_EXPORT
from hypsegcli.errors import DataError
from hypsegcli.files.regular import state_of
from hypsegcli.images.upright_size import upright_size

if TYPE_CHECKING:
    from pathlib import Path as _Base
else:
    from pathlib import PurePosixPath as _Base  # nothing of the operating system takes it for a file

_REMEMBERED = 8  # exports
_READ = "hypseg reads CVAT's segmentation masks 1.1, COCO's JSON for objects and Label Studio's JSON"


class AnnotatedMask(_Base):
    """The mask of an image in what a tool exported, where others are files."""

    export: Export
    key: str
    ids: tuple[int, ...] | None = None  # of pixels nobody labelled, and of each label; None: nobody has said yet
    picture: Path | None = None  # what it is the mask of

    @classmethod
    def of(
        cls, export: Export, key: str, ids: tuple[int, ...] | None = None, *, picture: Path | None = None
    ) -> AnnotatedMask:
        """That of an image, by its key; without the `picture` it has no size where the export has but its name."""
        mask = cls(f"{export.origin}/{key}")
        mask.export, mask.key, mask.ids, mask.picture = export, key, ids, picture
        return mask

    def named(self, ids: tuple[int, ...]) -> AnnotatedMask:
        """The same, by other ids."""
        return self.of(self.export, self.key, ids, picture=self.picture)

    @property
    def is_blank(self) -> bool:
        """Whether the export has but its name."""
        return self.key in self.export.blank

    def decode(self) -> NDArray[np.uint16]:
        """(H, W) ids; ImageError for what is damaged, ValueError where nobody has said what it takes."""
        if self.ids is None:
            raise ValueError(f"{self}: its labels are no ids yet")
        if not self.is_blank:
            return np.take(np.asarray(self.ids, np.uint16), self.export.decode(self.key))
        if self.picture is None:
            raise ValueError(f"{self}: nobody has said what it is the mask of")
        return np.full(upright_size(self.picture), self.ids[UNLABELLED], np.uint16)

    @property
    def file(self) -> Path:
        """The file that it is in."""
        return self.export.file_of(self.key)

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        """That of the file that it is in."""
        return self.file.stat()

    def __reduce__(self) -> tuple[Callable[..., AnnotatedMask], tuple[Any, ...]]:
        return _again, (str(self.export.origin), self.key, self.ids, self.picture)


def _again(origin: str, key: str, ids: tuple[int, ...] | None, picture: Path | None) -> AnnotatedMask:
    return AnnotatedMask.of(open_export(Path(origin)), key, ids, picture=picture)


def is_export(path: Path) -> bool:
    """Whether a path is that of what a tool exported, as it seems: nothing else here is a zip, or JSON."""
    if path.is_dir():
        return (path / LABEL_MAP).is_file() and (path / MASKS).is_dir()
    return path.suffix.lower() in (".zip", ".json") and path.is_file()


def open_export(path: Path) -> Export:
    """What a tool exported, a file or a folder that `is_export`; it is read once as long as it stays the same.

    Raises DataError for what no tool here wrote, and what contradicts itself; TreeError for lines of a labelmap.txt.
    """
    return _open(path, state_of(path.stat()))


@lru_cache(maxsize=_REMEMBERED)
def _open(path: Path, _: tuple[int, ...]) -> Export:
    if path.is_dir():
        return CvatExport(path)
    if path.suffix.lower() == ".zip":
        return _open_zip(path)
    return _from_json(read_json(path), path)


def _open_zip(path: Path) -> Export:
    """CVAT's masks; or what else tools put into a zip, of which COCO's JSON can be read."""
    try:
        with ZipFile(path) as archive:
            names = archive.namelist()
            texts = [name for name in names if name.lower().endswith(".json")]
            alone = len(texts) == 1 and not is_cvat(names) and archive.getinfo(texts[0]).file_size <= LARGEST_EXPORT
            data = archive.read(texts[0]) if alone else None
    except (OSError, BadZipFile, RuntimeError, NotImplementedError) as error:
        raise DataError(f"{path}: is no zip that can be read ({error}); export it again") from error
    if is_cvat(names):
        return CvatExport(path)
    if data is not None:
        return _from_json(parse_json(data, f"{path}, {texts[0]}"), path)
    if any(name.startswith("task-") and "-annotation-" in name for name in names):
        raise DataError(
            f"{path}: holds Label Studio's PNGs, whose names tell tasks and not images; export it as JSON instead"
        )
    raise DataError(f"{path}: holds nothing that is known, such as {MASKS} with {LABEL_MAP}; {_READ}")


def _from_json(found: object, path: Path) -> Export:
    if is_coco(found):
        assert isinstance(found, dict)
        return CocoExport(path, found)
    if is_label_studio(found):
        assert isinstance(found, list)
        return LabelStudioExport(path, found)
    raise DataError(f"{path}: is JSON of a kind that is not known; {_READ}, exported as JSON, not as JSON-MIN")
