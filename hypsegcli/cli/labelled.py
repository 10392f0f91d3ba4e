"""Images with masks by which a command makes one checkpoint of another: how they are found, what is said of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hypsegcli.cli.console import as_option, error, say, say_nothing, talk, talk_of
from hypsegcli.cli.doubts import void_alone, void_of_a_class
from hypsegcli.cli.options.scoring import Truth
from hypsegcli.errors import DataError, spell
from hypsegcli.files.words import count_of

if TYPE_CHECKING:
    from hypsegcli.checkpoint.format import Header
    from hypsegcli.cli.class_names import ClassNames
    from hypsegcli.scores.brief import BriefCounts
    from hypsegcli.truth.masks import IdMap
    from hypsegcli.truth.pairs import Pair

_MANY = 200  # masks, from which a look at all of them takes seconds


class Labelled(NamedTuple):
    """Images whose masks can be what they are taken for."""

    pairs: list[Pair]
    ignore_index: int
    id_map: IdMap | None
    void: frozenset[Path]  # masks without a labelled pixel
    doubts: Sequence[str]  # sentences on what is odd about masks, and no reason to refuse them


def find_labelled(images: str, masks: str, truth: Truth, header: Header, *, quiet: bool) -> Labelled:
    """Pair images with masks and look at all of these, for the classes of a checkpoint.

    Raises PlanError or UsageError where they do not pair, DataError or ImageError where masks cannot be right.
    """
    from hypsegcli.truth.check import examine_masks
    from hypsegcli.truth.pairs import pair_files

    pairs = pair_files(
        masks=masks,
        images=images,
        predictions=None,
        image_suffix=truth.image_suffix,
        mask_suffix=truth.mask_suffix,
        with_empty=bool(truth.unlabelled),
        tell=say_nothing if quiet else talk,
    )
    names = header.tree.names[: header.tree.classes]
    void = header.ignore_index if truth.ignore_index is None else truth.ignore_index
    pairs, id_map = translate(pairs, names, truth, quiet=quiet)
    survey = examine_masks(
        [pair.mask for pair in pairs], classes=len(names), ignore_index=void, id_map=id_map, names=names, by_data=True
    )
    of_a_class = void_of_a_class(header.tree, void, survey.pixels, asked=truth.ignore_index is not None)
    odd = odd_masks([pair.mask for pair in pairs])
    return Labelled(pairs, void, id_map, frozenset(survey.void), (*survey.doubts, *of_a_class, *odd))


def translate(
    pairs: Sequence[Pair], names: Sequence[str], truth: Truth, *, quiet: bool
) -> tuple[list[Pair], IdMap | None]:
    """Say which class is which in the masks of pairs; what leads from them to ids comes back."""
    from hypsegcli.truth.exports import translate_masks

    found = translate_masks(pairs, names, id_map=truth.id_map, colors=truth.mask_colors, unlabelled=truth.unlabelled)
    talk_of([spell(note, as_option) for note in found.notes], quiet=quiet)
    return found.pairs, found.id_map


def look_at_masks(
    pairs: Sequence[Pair], names: ClassNames, id_map: IdMap | None, *, asked: bool, quiet: bool
) -> list[str]:
    """Look at all masks before a network runs: DataError for those that cannot be what they are taken for.

    Sentences on what is odd about them otherwise; `asked` where the void id was named.
    """
    from hypsegcli.truth.check import examine_masks

    if len(pairs) > _MANY and not quiet:
        talk(f"looking at {len(pairs)} masks first")
    survey = examine_masks(
        [pair.mask for pair in pairs],
        classes=names.tree.classes,
        ignore_index=names.ignore_index,
        id_map=id_map,
        names=names.classes,
        by_data=True,
    )
    of_a_class = void_of_a_class(names.tree, names.ignore_index, survey.pixels, asked=asked)
    return [
        *survey.doubts,
        *of_a_class,
        *void_alone(len(survey.void), len(pairs)),
        *odd_masks([pair.mask for pair in pairs]),
    ]


def odd_masks(masks: Sequence[Path]) -> list[str]:
    """Sentences on where masks come from, if that is from a network."""
    from hypsegcli.truth.own_answers import answers_as_masks

    said = answers_as_masks(masks)
    return [] if said is None else [said]


def without_void(labelled: Labelled, *, quiet: bool) -> list[Pair]:
    """The pairs that have a labelled pixel; how many others are left out is told."""
    if labelled.void and not quiet:
        talk(f"{count_of(len(labelled.void), 'mask')} without a labelled pixel: left out, with their images")
    return [pair for pair in labelled.pairs if pair.mask not in labelled.void]


def refuse_mistakes(counts: BriefCounts, *, quiet: bool) -> None:
    """Say what became of the images on the way, and raise DataError where predictions contradict the masks."""
    talk_of(counts.notes, quiet=quiet)
    for mistake in counts.mistakes:
        raise DataError(mistake)


def warn(sentences: Iterable[str]) -> None:
    """`--quiet` or not: nobody is to take what was made for more than it is."""
    for sentence in sentences:
        error(spell(sentence, as_option))


def say_new_size(out: Path, before: Header, now: Header, *, why: str) -> None:
    """To what the new checkpoint has larger images shrunk, where that is not what the one that was read did."""
    size = now.input.longest_side
    if size != before.input.longest_side:
        larger = "are not shrunk" if size is None else f"are shrunk to {size} pixels"
        lost = "; the scores of its training are of another size, and left out" if before.provenance.scores else ""
        say(f"{out}: larger images {larger} with it, {why}{lost}")
