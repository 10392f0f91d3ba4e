"""Why scores, or what is made by them, may not be of what was meant, in sentences that stand last and in reports."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from hypsegcli.errors import setting
from hypsegcli.files.words import count_of

if TYPE_CHECKING:
    from hypsegcli.checkpoint.format import Header
    from hypsegcli.hierarchy.rule import Rule
    from hypsegcli.hierarchy.tree import ClassTree
    from hypsegcli.report.part import Part

_FEW = 20  # images for a calibration, or to score what is to be kept
_UNASKED = 255  # what means void where nobody says


def doubts_of(part: Part) -> list[str]:
    """Sentences on all that makes the scores of an evaluation doubtful, once it has scored its images."""
    asked, marked = part.asked, len(part.evaluation.marks)
    mapped = asked.prediction_map is not None and asked.prediction_map.colors is None
    mistake = part.agreement.mistake(mapped=mapped)
    return [
        *part.doubts,
        *([] if mistake is None else [mistake]),
        *part.changed,
        *_contradictions_of(part),
        *(_told(known, marked, kind) for known, kind in zip(part.known.tolist(), asked.known, strict=True) if known),
        *nodes_in_maps(asked.maps_of_nodes),
    ]


def _contradictions_of(part: Part) -> list[str]:
    """Sentences on what only a look at all predictions shows of the masks."""
    from hypsegcli.truth.contradicted import contradictions, oddities

    asked = part.asked
    if asked.unseen is not None or asked.maps_of_nodes is not None:
        return []  # answers among classes that the network never saw, and nodes, are seldom right as they are
    confusion, stored = part.evaluation.tally.confusion, asked.predictions is not None
    found = contradictions(confusion, part.witness, asked.id_map, stored=stored, label_map=asked.prediction_map)
    return found or oddities(confusion, part.witness, asked.id_map)


def void_of_a_class(tree: ClassTree, void: int, pixels: Mapping[int, int], *, asked: bool) -> list[str]:
    """A sentence where the void id is that of a class too, which nobody asked for, and masks have pixels of it.

    Another one than 255 was asked for when the checkpoint was trained.
    """
    if asked or void != _UNASKED or void >= tree.classes or not pixels.get(void):
        return []
    return [
        f"the id {void} means void unless something else is said, and is that of the class '{tree.names[void]}' too: "
        f"its pixels ({pixels[void]:,}) count for nothing; say what means void with {setting('ignore_index')}, "
        f"{setting('ignore_index', void)} where it is this id"
    ]


def void_alone(void: int, masks: int) -> list[str]:
    """A sentence where so many of the masks have no labelled pixel: their images count among those that are scored."""
    if not void:
        return []
    return [
        f"{void} of {count_of(masks, 'mask')} {'has' if void == 1 else 'have'} no labelled pixel, as of images that "
        "nobody labelled yet: scores are of the others alone"
    ]


def kinds_of_known(header: Header | None, measures: Collection[str]) -> dict[str, Collection[str]]:
    """By what is told of them, the images that a checkpoint was made with, which do not test it.

    `measures` are those that are scored: a calibration that gives none of them spoils no score.
    """
    if header is None:
        return {}
    made, calibration = header.provenance, header.calibration
    kinds: dict[str, Collection[str]] = {
        "it, or what it started from, was trained on: all scores are too good here": made.trained_images,
        "its best epoch, or that of what it started from, was chosen on: scores are rather too good here": (
            made.validated_images
        ),
    }
    if calibration is not None and "calibrated" in measures:
        told = f"the calibration was fitted on ({calibration.fitted_on}): the ECE of 'calibrated' is too good here"
        kinds[told] = calibration.images
    return {f"{told}; score it on others": images for told, images in kinds.items()}


def unfit_for_calibration(header: Header, marks: Sequence[str]) -> list[str]:
    """Sentences on what a calibration is fitted on: images that the network was trained on, or too few."""
    made = header.provenance
    found = [
        *_among(
            made.trained_images,
            marks,
            "the network was trained on, where it is oftener right than elsewhere: the calibration promises too much; "
            "fit it on others",
        ),
        *_among(
            made.validated_images,
            marks,
            "its best epoch, or that of what it started from, was chosen on, where it is rather better than elsewhere; "
            "others are a better test of it",
        ),
    ]
    if len(marks) < _FEW:
        found.append(
            f"a calibration on so few images ({len(marks)}) is rough, and knows no kinds of images that are not among "
            f"them; take {_FEW} or more"
        )
    return found


def unfit_for_int8(header: Header, marks: Sequence[str]) -> list[str]:
    """Sentences on what int8 is scored on: images that the network was trained on, or too few.

    Those that its best epoch was chosen on flatter fp32 and int8 alike, which are the same weights.
    """
    found = _among(
        header.provenance.trained_images,
        marks,
        "the network was trained on, where int8 may lose less than elsewhere; take others",
        noun="scored image",
    )
    if len(marks) < _FEW:
        found.append(
            f"so few images ({len(marks)}) show a small loss only roughly, and none on kinds of images that are not "
            f"among them; give {2 * _FEW} or more, of which half are scored"
        )
    return found


def _among(images: Collection[str], marks: Sequence[str], told: str, *, noun: str = "image") -> list[str]:
    """A sentence where some of the images with these marks are among those `told` of, which a checkpoint keeps."""
    known = count_known(images, marks)
    return [_told(known, len(marks), told, noun=noun)] if known else []


def _told(known: int, images: int, told: str, *, noun: str = "image") -> str:
    are = "is one" if known == 1 else "are"
    return f"{known} of {count_of(images, noun)} {are} of those that {told}"


def count_known(images: Collection[str], marks: Sequence[str]) -> int:
    """How many of some images are among those that were kept."""
    kept = frozenset(images)
    return sum(mark in kept for mark in marks)


def mixed_refinements(refined: Collection[str | None]) -> str | None:
    """A sentence on label maps of which some were refined and others not, or by something else; see `check_alike`."""
    if len(refined) < 2:
        return None
    ways = " and ".join(sorted(each or "nothing" for each in refined))
    return (
        f"these label maps were made to follow {ways}, and are scored as if they were of one run; predict all of them "
        f"with the same {setting('refine')}, and evaluate again"
    )


def nodes_in_maps(rule: Rule | None) -> list[str]:
    """A sentence on label maps that hold nodes of the class tree, by a rule."""
    if rule is None:
        return []
    return [
        f"these label maps hold nodes of the class tree ({rule}): scores of classes and edges take an inner node for "
        "no class; how good the nodes are, is told by the scores of answers"
    ]
