"""What is known of some images of an evaluation, or of all of them; parts of one evaluation add up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hypsegcli.report.asked import Asked
from hypsegcli.scores.evaluation import Evaluation, ImageRow
from hypsegcli.truth.contradicted import Witness
from hypsegcli.truth.plane_order import Agreement


@dataclass(eq=False)
class Part:
    """Counts, rows, strips, and what there is to doubt, of images that were scored as they were asked for."""

    asked: Asked
    evaluation: Evaluation
    rows: list[ImageRow]  # in the order of the images
    witness: Witness  # of what predictions say of the masks
    agreement: Agreement  # of stored labels and probabilities
    known: NDArray[np.int64]  # (kinds,) images of each kind that `asked.known` tells of
    doubts: list[str] = field(default_factory=list)  # sentences on files, from before the first image
    changed: list[str] = field(default_factory=list)  # and from after the last

    @classmethod
    def of(cls, asked: Asked, evaluation: Evaluation) -> Part:
        """With the counts of an evaluation, and nothing else yet."""
        classes, kinds = asked.tree.classes, len(asked.known)
        return cls(asked, evaluation, [], Witness(classes), Agreement(), np.zeros(kinds, np.int64))

    def merge(self, other: Part) -> None:
        """Take in other images of the same evaluation; rows stay behind, whose places this does not know."""
        self.evaluation.merge(other.evaluation)
        self.witness.counts += other.witness.counts
        self.agreement.counts += other.agreement.counts
        self.known += other.known
        self.doubts = _each_once((*self.doubts, *other.doubts))
        self.changed = _each_once((*self.changed, *other.changed))


def _each_once(sentences: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(sentences))
