"""Which mask judges which picture: every file has exactly one partner, or nothing is scored.

Half of a folder scored in silence is a wrong number that looks like a right one, so a file without a partner is
an error and not a warning.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import NamedTuple
from unicodedata import normalize

from hypsegcli.annotation.export import Export
from hypsegcli.errors import PlanError, UsageError, setting
from hypsegcli.files.place import locate
from hypsegcli.files.words import count_of, first_of
from hypsegcli.images.discover import Input, find_inputs
from hypsegcli.truth.export_pairs import export_at, keep, masks_of

_LISTED = 20
_TRIED = 20  # partners tried for one file when an ending is looked for
_SEPARATORS = "_-. "
_NO_LABELS = ("confidence", "probabilities")  # folders of planes that may lie beside label maps
_RULE = "files pair by their path below the folder named, without the suffix"


def _say_nothing(_: str) -> None:
    """Where nobody asks."""


class Pair(NamedTuple):
    """One mask and what it judges: a photograph to be segmented, or a label map that was written before.

    `key` is the path relative to the folder named, without suffix, with / between folders.
    """

    key: str
    mask: Path
    image: Path | None
    labels: Path | None


class _Side(NamedTuple):
    """The files of one argument."""

    kind: str  # plural, for messages
    suffix_setting: str  # the one that leaves an ending out; empty where none does
    ending: str
    files: dict[str, Path]  # by key
    single: bool  # one file, named by itself
    listed: bool = False  # by a list, which may be of some of those that there are


def pair_files(
    *,
    masks: str,
    images: str | None,
    predictions: Path | None,
    image_suffix: str = "",
    mask_suffix: str = "",
    with_empty: bool = False,
    tell: Callable[[str], None] = _say_nothing,
) -> list[Pair]:
    """Pair masks with images, with label maps, or with both, in the order of the masks.

    `masks` and `images` are each a file, a folder, a quoted pattern or @list.txt. `predictions` is a folder of
    label maps, or one with a folder `labels` in it; a single file will do. `image_suffix` and `mask_suffix` are
    endings of the stems that do not count: of images and masks only those are taken that have the ending. Label
    maps are named after their images, so they lose the image's ending where they have it. A single file pairs
    with a single file whatever the names. Names that differ only in how Unicode composes their letters are one.
    `tell` is given a line on what a folder of masks or images holds that is left out. Masks may be what a labelling
    tool exported, see masks_of, of which `with_empty` is; images that it does not know are left out then,
    and masks of images that a list does not name.

    Raises PlanError for two files of one key and for files without a partner; UsageError if there is nothing to
    judge.
    """
    if images is None and predictions is None:
        raise UsageError(
            f"there is nothing to judge; name the images, or a folder of label maps with {setting('predictions')}"
        )
    export = export_at(masks)
    truth = _find("masks", masks, "mask_suffix", mask_suffix, tell=tell) if export is None else None
    judged: dict[str, _Side] = {}
    if predictions is not None:
        judged["labels"] = _find(
            "label maps", str(labels_folder(predictions)), "image_suffix", image_suffix, everything=True
        )
    if images is not None:
        judged["images"] = _find("images", images, "image_suffix", image_suffix, tell=tell)
    if truth is None:
        assert export is not None
        truth, judged = _of_export(export, judged, mask_suffix, with_empty=with_empty, tell=tell)
    elif truth.single and all(side.single for side in judged.values()):
        (mask,) = truth.files.values()
        (key,) = next(reversed(judged.values())).files  # the image's where there is one
        truth = truth._replace(files={key: mask})
        judged = {
            name: side._replace(files=dict.fromkeys([key], *side.files.values())) for name, side in judged.items()
        }
    for side in judged.values():
        _check_partners(side, truth)

    def of(name: str, key: str) -> Path | None:
        return judged[name].files[key] if name in judged else None

    return [Pair(key, mask, of("images", key), of("labels", key)) for key, mask in truth.files.items()]


def pair_folders(
    *,
    masks: Path,
    images: Path,
    image_suffix: str = "",
    mask_suffix: str = "",
    with_empty: bool = False,
    tell: Callable[[str], None] = _say_nothing,
) -> list[Pair]:
    """As `pair_files` of two folders, in the order of their keys as texts: for training."""
    export = export_at(masks)
    truth = _find("masks", str(masks), "mask_suffix", mask_suffix, tell=tell) if export is None else None
    photographs = _find("images", str(images), "image_suffix", image_suffix, tell=tell)
    if truth is None:
        assert export is not None
        truth, judged = _of_export(export, {"images": photographs}, mask_suffix, with_empty=with_empty, tell=tell)
        photographs = judged["images"]
    _check_partners(photographs, truth)
    return [Pair(key, truth.files[key], photographs.files[key], None) for key in sorted(truth.files)]


def _of_export(
    export: Export, judged: Mapping[str, _Side], ending: str, *, with_empty: bool, tell: Callable[[str], None]
) -> tuple[_Side, dict[str, _Side]]:
    """The masks of an export, and of what they judge that of which there are any."""
    if ending:
        raise UsageError(f"{setting('mask_suffix', ending)}: {export.origin} knows whose its masks are; leave it out")
    main = judged.get("images") or judged["labels"]
    files = masks_of(export, main.files, single=main.single, listed=main.listed, with_empty=with_empty, tell=tell)
    kept = {name: side._replace(files=keep(side.files, files)) for name, side in judged.items()}
    return _Side("masks", "mask_suffix", "", files, main.single), kept


def pair_keys(*, masks: Mapping[str, Path], images: Mapping[str, Path]) -> list[Pair]:
    """Pair masks and images that have keys already, in the order of the keys as texts.

    Raises PlanError for files without a partner.
    """
    _check_partners(_Side("images", "", "", dict(images), False), _Side("masks", "", "", dict(masks), False))
    return [Pair(key, masks[key], images[key], None) for key in sorted(masks)]


def labels_folder(predictions: Path) -> Path:
    """Where the label maps of a folder of predictions lie: in `labels`, as `hypseg predict` has it, or in itself."""
    inside = predictions / "labels"
    return inside if inside.is_dir() else predictions


def _find(
    kind: str,
    argument: str,
    suffix_setting: str,
    ending: str,
    *,
    everything: bool = False,
    tell: Callable[[str], None] = _say_nothing,
) -> _Side:
    """Find the files of one argument; `everything` also takes files that lack the ending, and maps of a run."""
    found = find_inputs([argument], of_runs=everything)
    inputs, ending = found.images, normalize("NFC", ending)
    if left_out := str(found.skipped):
        tell(f"{argument}: left out: {left_out}")
    single = len(inputs) == 1 and inputs[0].path == locate(argument)
    if argument.startswith("@"):
        inputs = _below_common_folder(inputs)
    paths: dict[str, list[Path]] = {}
    for item in inputs:
        key, name = normalize("NFC", str(item.key)), normalize("NFC", item.key.name)
        if everything and len(item.key.parts) > 1 and item.key.parts[0].startswith(_NO_LABELS):
            continue
        if ending and name.endswith(ending) and name != ending:
            paths.setdefault(key[: -len(ending)], []).append(item.path)
        elif everything or single or not ending:
            paths.setdefault(key, []).append(item.path)
    if not paths:
        raise PlanError(
            f"{argument}: none of the {len(inputs)} {kind} ends in {ending}, such as {inputs[0].path.name}; "
            f"{setting(suffix_setting)} is the end of the name before the suffix"
        )
    if not everything and (lacking := len(inputs) - sum(map(len, paths.values()))):
        tell(f"{argument}: left out: {count_of(lacking, 'file')} whose name does not end in {ending}")
    doubled = [" and ".join(_told_apart(twins)) for twins in paths.values() if len(twins) > 1]
    if doubled:
        raise PlanError(
            f"{argument}: {len(doubled)} {kind} are there twice under one name: {first_of(doubled, _LISTED)}; "
            f"{_RULE}; keep one of each, or choose with a quoted pattern such as '**/*.png'"
        )
    return _Side(
        kind, suffix_setting, ending, {key: path for key, (path,) in paths.items()}, single, argument.startswith("@")
    )


def _told_apart(paths: Sequence[Path]) -> list[str]:
    """The paths as texts that look different, also where an accent is a character of its own in one of them."""
    texts = [str(path) for path in paths]
    return texts if len({normalize("NFC", text) for text in texts}) == len(texts) else [ascii(text) for text in texts]


def _below_common_folder(inputs: tuple[Input, ...]) -> tuple[Input, ...]:
    """The keys of a list's lines below the folder that all of them share, as those of a folder named itself."""
    parents = [item.key.parent.parts for item in inputs]
    shared = 0
    while all(len(parts) > shared and parts[shared] == parents[0][shared] for parts in parents):
        shared += 1
    return tuple(replace(item, key=PurePosixPath(*item.key.parts[shared:])) for item in inputs)


def _check_partners(side: _Side, truth: _Side) -> None:
    problems = []
    for here, there in ((side, truth), (truth, side)):
        lonely = [str(path) for key, path in here.files.items() if key not in there.files]
        if lonely:
            problems.append(
                f"{len(lonely)} of {len(here.files)} {here.kind} without {there.kind}: {first_of(lonely, _LISTED)}"
            )
    if problems:
        raise PlanError(f"{'; '.join(problems)}; {_RULE}; {_advice(side, truth)}")


def _advice(side: _Side, truth: _Side) -> str:
    masks = {*truth.files.values()}
    if others := [path for path in side.files.values() if path not in masks] if masks & {*side.files.values()} else []:
        pattern = f"*{others[0].suffix}"
        is_apart = not any(path.match(pattern) for path in masks)
        way = f"choose these alone by a quoted pattern such as '{pattern}'" if is_apart else "put them apart"
        return f"masks lie among the {side.kind}: {way}"
    fits, fitting = _fitting_endings(sorted(side.files), sorted(truth.files))
    if not fitting:
        return "rename the files or remove those that are not wanted"
    ways = []
    for ending, mask_ending in fitting:
        cuts = [(one, cut + one.ending) for one, cut in ((side, ending), (truth, mask_ending)) if cut]
        if not side.suffix_setting:
            ways.append(" and ".join(f"{cut} cut from the names of the {one.kind}" for one, cut in cuts))
        else:
            ways.append(" ".join(setting(one.suffix_setting, cut) for one, cut in cuts))
    return f"{fits} of {len(side.files)} {side.kind} would find their masks with {' or with '.join(ways)}"


def _fitting_endings(ours: list[str], masks: list[str]) -> tuple[int, list[tuple[str, str]]]:
    """Return how many keys find a partner without the best endings, and all pairs of endings that reach this.

    No pair is returned that helps less than half of the files: a wrong ending pairs what does not belong together.
    """
    tried: dict[tuple[str, str], int] = {}
    for one in {ours[0], ours[len(ours) // 2], ours[-1]}:
        for other in sorted(masks, key=lambda mask: -_common(one, mask))[:_TRIED]:
            for ending, mask_ending in _endings(one, other):
                tried[ending, mask_ending] = len(_stripped(ours, ending) & _stripped(masks, mask_ending))
    most = max(tried.values(), default=0)
    if most < 2 or 2 * most <= min(len(ours), len(masks)) or most <= len({*ours} & {*masks}):
        return 0, []
    best = [endings for endings, fits in tried.items() if fits == most]
    # An ending cut within a word fits as well as one cut at a separator, and reads badly.
    whole = [pair for pair in best if all(not ending or ending[0] in _SEPARATORS for ending in pair)]
    return most, sorted(whole or best)


def _endings(one: str, other: str) -> list[tuple[str, str]]:
    """Return what is left of two keys behind their common beginning, cut as it is and at a separator before."""
    common = _common(one, other)
    cuts = (common, max(one.rfind(sign, 0, common) for sign in _SEPARATORS))
    pairs = [(one[cut:], other[cut:]) for cut in cuts if cut > one.rfind("/") + 1]
    # A number at the end counts pictures: frame_1 and frame_2 have no ending that could be left out.
    return [pair for pair in pairs if all(_is_ending(ending) for ending in pair)]


def _is_ending(text: str) -> bool:
    return not text or ("/" not in text and any(sign.isalpha() for sign in text))


def _common(one: str, other: str) -> int:
    """Count the characters that two names begin with in common."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _stripped(keys: list[str], ending: str) -> set[str]:
    return {key.removesuffix(ending) for key in keys if key.endswith(ending)}
