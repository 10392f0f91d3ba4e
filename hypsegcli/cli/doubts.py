"""Why the scores of an evaluation may not be of what was meant, in sentences that stand last and in its report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hypsegcli.cli.class_names import ClassNames
from hypsegcli.files.words import count_of

if TYPE_CHECKING:
    from hypsegcli.confidence.calibration import Calibration
    from hypsegcli.hierarchy.rule import Rule
    from hypsegcli.scores.evaluation import Evaluation
    from hypsegcli.scores.sources import Source
    from hypsegcli.truth.masks import IdMap


def contradictions_of(
    evaluation: Evaluation, source: Source, names: ClassNames, id_map: IdMap | None, *, stored: bool
) -> list[str]:
    """Sentences on what only a look at all predictions shows of the masks."""
    from hypsegcli.truth.contradicted import contradictions

    if names.unseen is not None or names.rule is not None:
        return []  # answers among classes that the network never saw, and nodes, are seldom right as they are
    return contradictions(evaluation.tally.confusion, source.turns(), id_map, stored=stored)


def known_images(calibration: Calibration | None, marks: Sequence[str]) -> list[str]:
    """A sentence where images are among those that the calibration was fitted on, which does not test it."""
    if calibration is None:
        return []
    fitted = frozenset(calibration.images)
    if not (known := sum(mark in fitted for mark in marks)):
        return []
    are = "is one" if known == 1 else "are"
    return [
        f"{known} of {count_of(len(marks), 'image')} {are} of those that the calibration was fitted on "
        f"({calibration.fitted_on}): the ECE of 'calibrated' is too good here; score it on others"
    ]


def nodes_in_maps(rule: Rule | None) -> list[str]:
    """A sentence on label maps that hold nodes of the class tree, by a rule."""
    if rule is None:
        return []
    return [
        f"these label maps hold nodes of the class tree ({rule}): scores of classes and edges take an inner node for "
        "no class; how good the nodes are, is told by the scores of answers"
    ]
