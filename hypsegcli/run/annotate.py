"""From the label maps of a run to a file that a labelling tool takes."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple

import numpy as np

from hypsegcli.annotation.coco import write_coco
from hypsegcli.annotation.cvat import label_constructor, write_cvat
from hypsegcli.annotation.label_studio import labelling_config, write_label_studio
from hypsegcli.annotation.labels import RGB, Annotated, Labels, plan_labels
from hypsegcli.errors import DataError, ImageError, PlanError, setting
from hypsegcli.files.atomic import already_there, replacing
from hypsegcli.files.books import MANIFEST, Books
from hypsegcli.files.digest import digest_file, digest_of, digest_shared
from hypsegcli.files.place import StorePath, is_taken
from hypsegcli.files.regular import is_there, open_regular
from hypsegcli.files.threads import ahead, default_workers
from hypsegcli.files.words import count_of, escaped, first_of
from hypsegcli.images.color_mask import read_palette
from hypsegcli.images.metadata import MapMetadata, read_metadata
from hypsegcli.pictures.palette import spread_colors
from hypsegcli.run.accounts import read_manifest, shards_of
from hypsegcli.run.chosen import choose
from hypsegcli.run.manifest import Line, input_of, outputs_of, part_of, source_of
from hypsegcli.truth.map_kinds import check_alike, refuse_kind
from hypsegcli.truth.masks import IdMap, read_mask

Tool = Literal["cvat", "coco", "label-studio"]

_LABELS = "labels"  # the kind of output
_NAMED = 5
_BESIDE: Mapping[Tool, str] = {
    "cvat": ".labels.json",
    "label-studio": ".labels.xml",
}  # endings of what tells the labels


@dataclass(frozen=True)
class Chosen:
    """What of a run is to be exported."""

    out: Path
    lines: Sequence[Line]  # of images that are done, and have label maps
    failed: Mapping[str, str]  # of those that were wanted and failed, by key, why
    notices: Sequence[str]  # sentences on what cannot be read of the tables that name them
    names: tuple[str, ...]  # of the classes, or nodes, by id
    ignore_index: int  # -1 where label maps have no void
    labels: Labels
    model: str  # what made the maps


class Written(NamedTuple):
    """What became of an export."""

    files: list[Path]
    notices: list[str]  # sentences on photographs that are others by now


def choose_maps(out: Path, wanted: Sequence[str]) -> Chosen:
    """The label maps of the images of a run that are wanted; see `choose`.

    Raises PlanError where there is no run, one in shards, or none that wrote label maps; DataError where these say
    of themselves that they are of different kinds.
    """
    if len(shards_of(out)) > 1:
        raise PlanError(f"{out}: the run is in shards; make one of them with hypseg merge first")
    if not Books(out).manifest.is_file():
        raise PlanError(f"{out}: holds no {MANIFEST}; name a folder that predict or uncertainty wrote")
    lines, notices = choose(read_manifest(out), wanted, out)
    failed = {line["key"]: line.get("reason", "it is still to be done") for line in lines if line["status"] != "done"}
    done = [line for line in lines if line["status"] == "done"]
    if not done:
        raise PlanError(f"{out}: none of these images is done; go on with {setting('resume')}")
    if lacking := [line["key"] for line in done if _LABELS not in outputs_of(line)]:
        raise PlanError(
            f"{out}: {len(lacking)} of {len(done)} images have no label map, such as {lacking[0]}; run it again with "
            f"{setting('save', _LABELS)} and {setting('resume')}"
        )
    if missing := [str(path) for line in done if not is_there(path := _map_of(out, line))]:
        raise PlanError(
            f"{len(missing)} of {len(done)} label maps are missing: {first_of(missing, _NAMED)}; the same run with "
            f"{setting('resume')} makes them again"
        )
    first = _map_of(out, done[0])
    own = read_metadata(first)
    refuse_kind(first, own, as_ids=False)
    if own is None or own.names is None:
        raise DataError(f"{first}: does not say what its ids mean; run it again with {setting('resume')}")
    return Chosen(
        out,
        done,
        failed,
        notices,
        own.names,
        _void_of(own, len(own.names)),
        plan_labels(own.names, _colors_of(first, len(own.names))),
        f"hypseg {(own.checkpoint or '')[:12]}".rstrip(),
    )


def write_export(
    chosen: Chosen,
    tool: Tool,
    file: Path,
    *,
    images_at: str,
    with_images: bool,
    replace: bool,
    advance: Callable[[], None],
) -> Written:
    """Write what a tool takes, whole or not at all, in the order of the lines; what was written comes back.

    `images_at` stands before the images' names in Label Studio's addresses. Images are decoded, and held, a few at a
    time. Raises ImageError or DataError for a label map, or a photograph that goes along, that is not what it was.
    Where photographs do not, those that have changed are told; those in stores are not fetched for that.
    """
    beside = file.with_suffix(_BESIDE[tool]) if tool in _BESIDE else None
    _refuse(chosen, [file, *([beside] if beside else [])], with_images=with_images, replace=replace)
    with ExitStack() as stack:
        texts = stack.enter_context(replacing(beside, replace=replace)) if beside else None
        stream = stack.enter_context(replacing(file, replace=replace))
        changed: dict[Path, None] = {}
        images = stack.enter_context(closing(_read(chosen, changed, with_images=with_images, advance=advance)))
        text = _write(chosen.labels, tool, stream, images, prefix=images_at, model=chosen.model)
        if texts is not None:
            texts.write(text.encode())
    return Written([file, *([beside] if beside else [])], _notices_on(list(changed)))


def _notices_on(changed: Sequence[Path]) -> list[str]:
    if not changed:
        return []
    one = len(changed) == 1
    since = (
        f"has changed since it was segmented, {changed[0]},"
        if one
        else (f"have changed since they were segmented, such as {changed[0]},")
    )
    return [
        f"{count_of(len(changed), 'photograph')} {since} so that {'its' if one else 'their'} labels may be of another "
        f"picture; segment {'it' if one else 'them'} again, with {setting('resume')}, and write this anew"
    ]


def _write(
    labels: Labels, tool: Tool, stream: BinaryIO, images: Iterator[Annotated], *, prefix: str, model: str
) -> str:
    """Write the file, and return what tells the tool its labels."""
    if tool == "cvat":
        return label_constructor(labels, holds_void=write_cvat(stream, images, labels))
    if tool == "label-studio":
        holds_void = write_label_studio(stream, images, labels, prefix=prefix, model=model)
        return labelling_config(labels, holds_void=holds_void)
    write_coco(stream, images, labels)
    return ""


def _refuse(chosen: Chosen, files: Sequence[Path], *, with_images: bool, replace: bool) -> None:
    for path in files:
        if not replace and is_taken(path):
            raise already_there(path)
    for key in (line["key"] for line in chosen.lines):
        if escaped(key) != key:
            raise PlanError(f"{escaped(key)}: a labelling tool cannot hold this name; rename the photograph")
    if not with_images:
        return
    if parts := [line["key"] for line in chosen.lines if part_of(line) is not None]:
        raise PlanError(
            f"{parts[0]}: frames of a video and pages of a stack are no files that could go along; leave the "
            "photographs out"
        )
    if gone := [str(path) for line in chosen.lines if not is_there(path := input_of(line))]:
        raise PlanError(
            f"{len(gone)} of {len(chosen.lines)} photographs are not where they were: {first_of(gone, _NAMED)}; bring "
            "them back, or leave the photographs out"
        )


def _read(
    chosen: Chosen, changed: dict[Path, None], *, with_images: bool, advance: Callable[[], None]
) -> Generator[Annotated, None, None]:
    """The images in order, whose photographs go into `changed` where they have."""

    def read(line: Line) -> tuple[Annotated, bool]:
        path = _map_of(chosen.out, line)
        check_alike([_map_of(chosen.out, chosen.lines[0]), path])
        own = read_metadata(path)
        no_data = None if own is None or own.void is None else IdMap(((own.void, None),))
        ids = read_mask(path, classes=len(chosen.names), ignore_index=chosen.ignore_index, id_map=no_data)
        if ids.shape != (line["height"], line["width"]):
            raise DataError(
                f"{path}: is {ids.shape[1]} x {ids.shape[0]} pixels, its image {line['width']} x {line['height']}; "
                f"make it again with {setting('resume')}"
            )
        photograph = _photograph(line) if with_images else None
        suffix = ".png" if part_of(line) is not None else input_of(line).suffix
        image = Annotated(line["key"], f"{line['key']}{suffix}", chosen.labels.of(ids), photograph)
        return image, not with_images and _has_changed(line)

    workers = default_workers()
    with closing(ahead(read, chosen.lines, workers=workers, pixels=lambda seen: seen[0].labels.size)) as images:
        for line, (image, is_another) in zip(chosen.lines, images, strict=True):
            if is_another:
                changed[input_of(line)] = None
            yield image
            advance()


def _has_changed(line: Line) -> bool:
    """Whether a photograph of this machine is there, and is not what was segmented."""
    path = input_of(line)
    if isinstance(path, StorePath):
        return False
    found = digest_file(path) if part_of(line) is None else digest_shared(path)
    return found is not None and found != source_of(line)


def _photograph(line: Line) -> bytes:
    with open_regular(input_of(line)) as file:
        data = file.read()
    if digest_of(data) != source_of(line):
        raise ImageError(
            f"{input_of(line)}: has changed since it was segmented, so that its labels may be of another picture; "
            "segment it again",
            "changed",
        )
    return data


def _map_of(out: Path, line: Line) -> Path:
    return out / outputs_of(line)[_LABELS][0]


def _void_of(own: MapMetadata, classes: int) -> int:
    """The id of void, unless a class has it: then what was predicted is that."""
    return own.ignore_index if own.ignore_index is not None and own.ignore_index >= classes else -1


def _colors_of(path: Path, classes: int) -> list[RGB]:
    palette = read_palette(path) if path.suffix == ".png" else None
    if palette is None or len(palette) < classes:
        return list(spread_colors(classes))
    return [(red, green, blue) for red, green, blue in np.asarray(palette[:classes], int).tolist()]
