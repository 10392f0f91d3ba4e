"""How the sets that training reads lie on disk: one file each; one line each in the registry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from hypsegcli.annotation.masks import is_export
from hypsegcli.errors import DataError, setting
from hypsegcli.hierarchy.tree import flat_tree, read_class_names, read_tree
from hypsegcli.training.layouts.ade20k import ADE20K
from hypsegcli.training.layouts.cityscapes import CITYSCAPES
from hypsegcli.training.layouts.coco_stuff import COCO_STUFF
from hypsegcli.training.layouts.hypseg import CLASSES, HYPSEG
from hypsegcli.training.layouts.hypseg import read as read_ours
from hypsegcli.training.layouts.pascal_context import PASCAL_CONTEXT
from hypsegcli.training.layouts.source import AS_OURS, Layout, Reading, Source, SplitName, say_nothing
from hypsegcli.training.layouts.voc import VOC

# Of two that one folder looks like, the first counts: Pascal Context lies in a folder of VOC, a classes.txt anywhere.
REGISTRY: tuple[Layout, ...] = (PASCAL_CONTEXT, VOC, ADE20K, CITYSCAPES, COCO_STUFF, HYPSEG)


def open_source(
    data: Path, layout: str, reading: Reading = AS_OURS, tell: Callable[[str], None] = say_nothing
) -> Source:
    """The set in a folder, of a layout by its name or, for `auto`, the one that the folder looks like.

    A hierarchy.json in the folder is the class tree, whatever the layout has; a classes.txt has its classes where they
    may be others. `reading` is for our own layout alone; `tell` is given lines on what its folders hold that is left
    out, when the pairs are asked for. Raises DataError for a folder that looks like none or several, or lists other
    classes than its layout has, and as the layouts do where a part is missing; TreeError for a tree, or a list of
    classes, that cannot be.
    """
    chosen, root = _recognise(data) if layout == "auto" else _named(data, layout)
    if chosen is HYPSEG:
        source = read_ours(root, reading, tell)
    elif reading == AS_OURS:
        source = _with_its_classes(data, chosen, root)
    else:
        raise DataError(
            f"{data}: is laid out as {chosen.name}, of which names and ids of the masks are known; leave "
            f"{setting('map')}, {setting('mask_colors')}, {setting('unlabelled')} and the endings out, or lay the "
            f"files out as {setting('layout', HYPSEG.name)} wants them"
        )
    hierarchy = data / "hierarchy.json"
    if hierarchy.exists():
        source = replace(source, tree=read_tree(hierarchy, source.tree.names[: source.tree.classes]))
    return source


def _with_its_classes(data: Path, layout: Layout, root: Path) -> Source:
    """A set that others lay out like themselves: whoever puts a list of classes there means these."""
    source = layout.read(root)
    listed = next((path for path in (root / CLASSES, data / CLASSES) if path.exists()), None)
    known = source.tree.names[: source.tree.classes]
    if listed is None or (names := read_class_names(listed)) == known:
        return source
    if not layout.others:
        raise DataError(
            f"{listed}: names {len(names)} classes, which are not the {len(known)} of {layout.name}, as which {data} "
            f"is laid out; take it away, or lay the files out as {setting('layout', HYPSEG.name)} wants them"
        )
    note = f"classes: those of {listed}, by the ids of the masks, and not the {len(known)} of {layout.name}"
    return replace(source, tree=flat_tree(names), notes=(*source.notes, note))


def _named(data: Path, name: str) -> tuple[Layout, Path]:
    (chosen,) = (layout for layout in REGISTRY if layout.name == name)
    return chosen, chosen.root(data) or data


def _recognise(data: Path) -> tuple[Layout, Path]:
    if not data.is_dir():
        raise DataError(f"{data}: there is no such folder; name the one that holds images and masks")
    if is_export(data):  # CVAT's, which VOC's looks like
        return HYPSEG, data
    found: dict[Path, Layout] = {}
    for layout in REGISTRY:
        if root := layout.root(data):
            found.setdefault(root, layout)
    if not found:
        looks = "; ".join(f"{layout.name} by {' or '.join(layout.marks)}" for layout in REGISTRY)
        raise DataError(f"{data}: holds no set of a layout that is known, which are recognised thus: {looks}")
    if len(found) > 1:
        several = " and ".join(f"{layout.name} in {root}" for root, layout in found.items())
        one = next(iter(found.values())).name
        raise DataError(f"{data}: holds {several}; name the one that is meant, such as {setting('layout', one)}")
    ((root, layout),) = found.items()
    return layout, root


__all__ = ["REGISTRY", "Layout", "Reading", "Source", "SplitName", "open_source"]
