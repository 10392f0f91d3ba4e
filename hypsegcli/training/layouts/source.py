"""What every layout gives, and what several of them need to give it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hypsegcli.errors import DataError, PlanError
from hypsegcli.files.text import UnreadableTextError, read_text
from hypsegcli.files.words import first_of
from hypsegcli.hierarchy.tree import ClassTree, build_tree
from hypsegcli.truth.masks import IdMap
from hypsegcli.truth.pairs import Pair

if TYPE_CHECKING:
    from hypsegcli.training.config import TrainConfig

_NAMED = 5  # files in a message

SplitName = Literal["train", "val"]


@dataclass(frozen=True)
class Source:
    """A set of images and masks as training reads it."""

    tree: ClassTree
    pairs: Callable[[SplitName], tuple[Pair, ...]]  # in the order of their keys; raises where files are missing
    id_map: IdMap | None = None  # from the masks' values to class ids; None: they are class ids
    notes: tuple[str, ...] = ()  # what was left out or added
    folders: tuple[Path, ...] = ()  # that are searched, so that whatever lies below them is an image or a mask
    translation: str | None = None  # the setting whose file translates the masks' ids; None: none does


@dataclass(frozen=True)
class Reading:
    """How files of the project's own layout pair, and what their masks mean; other layouts know that of theirs."""

    id_map: Path | None = None
    mask_colors: Path | None = None
    unlabelled: str = ""  # of masks that a labelling tool exported: what pixels are that nobody labelled
    image_suffix: str = ""
    mask_suffix: str = ""

    @classmethod
    def of(cls, config: TrainConfig) -> Reading:
        """As the settings of a training say, whose paths are meant from here."""
        return cls(
            id_map=Path(config.map) if config.map else None,
            mask_colors=Path(config.mask_colors) if config.mask_colors else None,
            unlabelled=config.unlabelled,
            image_suffix=config.image_suffix,
            mask_suffix=config.mask_suffix,
        )


AS_OURS = Reading()


def say_nothing(_: str) -> None:
    """Where nobody asks what was left out."""


@dataclass(frozen=True)
class Layout:
    """How the files of a set lie."""

    name: str
    roots: tuple[str, ...]  # below the folder that is named; the first that holds a mark counts
    marks: tuple[str, ...]  # paths below a root, any of which is found in this layout alone
    read: Callable[[Path], Source]  # from the root; it and `pairs` raise DataError or PlanError where a part is missing
    others: bool = False  # whether a classes.txt in the root may name other classes, by the ids of the masks

    def root(self, data: Path) -> Path | None:
        """Where the set begins in a folder; None where it is not this one."""
        roots = (data / root for root in self.roots)
        return next((root for root in roots if any((root / mark).exists() for mark in self.marks)), None)


def group_classes(names: Sequence[str], groups: Mapping[str, Iterable[str]]) -> ClassTree:
    """The tree of classes by the inner nodes above them, from the root down with / between; empty for none."""
    nested: dict[str, Any] = {}
    for path, members in groups.items():
        at = nested
        for node in filter(None, path.split("/")):
            at = at.setdefault(node, {})
        at.update({name: {} for name in members})
    return build_tree(nested, names, origin="the class tree")


def shift_ids(classes: int) -> IdMap:
    """Of masks in which 0 is void and 1 to K are the classes 0 to K - 1."""
    return IdMap(((0, None), *((value, value - 1) for value in range(1, classes + 1))))


def find_part(root: Path, *candidates: str, get: str) -> Path:
    """The first of some files or folders that is there; DataError, with how to get it, where none is."""
    for candidate in candidates:
        if (root / candidate).exists():
            return root / candidate
    others = f" (nor {', '.join(candidates[1:])})" if len(candidates) > 1 else ""
    raise DataError(f"{root / candidates[0]}: is missing{others}; {get}")


def list_files(folder: Path, ending: str, *, get: str) -> dict[str, Path]:
    """The files of a folder whose names end so, by the names without it; DataError, with how to get them, for none."""
    paths = folder.iterdir() if folder.is_dir() else ()
    named = {path.name.removesuffix(ending): path for path in paths if path.name.endswith(ending)}
    files = {name: path for name, path in named.items() if not name.startswith(".")}
    if not files:
        raise DataError(f"{folder}: holds no *{ending}; {get}")
    return files


def read_list(path: Path) -> list[str]:
    """The names in a list, one a line; of a line such as `/JPEGImages/a.jpg /Masks/a.png` that of the first file."""
    try:
        lines = read_text(path).splitlines()
    except UnreadableTextError as error:
        raise DataError(f"{path}: the list cannot be read ({error}); it holds the name of an image a line") from error
    names = [Path(line.split()[0]).stem for line in lines if line.strip()]
    if not names:
        raise DataError(f"{path}: the list names no image")
    return names


def pair_listed(masks: Mapping[str, Path], images: Path, *, get: str) -> tuple[Pair, ...]:
    """Pair listed masks, by name, with the JPEGs of a folder; PlanError names what is not there, and how to get it."""
    pairs = [Pair(name, masks[name], images / f"{name}.jpg", None) for name in sorted(masks)]
    wanted = [path for pair in pairs for path in (pair.image, pair.mask) if path is not None]
    if lacking := [str(path) for path in wanted if not path.exists()]:
        raise PlanError(f"{len(lacking)} of {len(wanted)} listed files are missing: {first_of(lacking, _NAMED)}; {get}")
    return tuple(pairs)
