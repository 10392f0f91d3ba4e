"""Scores of answers that may be inner nodes of the class tree, all from counts of true class by answer.

The counts are int64 (K, M + 1): rows are true classes, void pixels left out; columns are nodes, the last one pixels
that got none. An answer is right where it is the true class or above it. Its nodes, and those of the class, are all
from just below the root down to it, itself included. Hierarchical precision and recall compare these two sets, summed
over all pixels (Kiritchenko, Matwin, Nock and Famili, "Learning and Evaluation in the Presence of Class Hierarchies",
2006).
The information that answers keep is the reward of Deng, Krause, Berg and Fei-Fei ("Hedging Your Bets", 2012) as a share
of what always the right class would earn.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from hypsegcli.hierarchy.rule import Rule
from hypsegcli.hierarchy.tree import ClassTree
from hypsegcli.metrics.classes import Counts, LabelMap
from hypsegcli.metrics.ratio import ratio
from hypsegcli.metrics.records import AnsweredNode, AnswerRow, Answers, MeasureReport

SUMS = 8  # of counts, from which every score follows
INFORMATION = 2**20  # the unit of summed information, so that sums are whole numbers

Values = NDArray[np.float64]


def answer_matrix(truth: LabelMap, answers: NDArray[np.integer], tree: ClassTree) -> Counts:
    """Int64 (K, M + 1) from true classes (H, W), K where void, and node ids (H, W), M where undecided."""
    columns = tree.nodes + 1
    cell = truth.astype(np.intp) * columns + answers
    counts = np.bincount(cell.ravel(), minlength=(tree.classes + 1) * columns)
    return counts.reshape(tree.classes + 1, columns)[: tree.classes].astype(np.int64)


def right_answers(tree: ClassTree) -> NDArray[np.bool_]:
    """(K + 1, M + 1): whether an answer, a column, is right for a true class, a row; void and undecided never are."""
    return np.pad(tree.ancestors()[: tree.classes], ((0, 1), (0, 1)))


def answer_sums(counts: Counts, tree: ClassTree) -> Counts:
    """(..., SUMS) from (..., K, M + 1) counts; sums of images are added.

    Pixels, answered ones, right ones, those that got a class, sizes of the sets of ancestors of all answers, of what
    they share with the truth, and of all truths, and the information of right answers.
    """
    K, M = tree.classes, tree.nodes
    ancestors = tree.ancestors().astype(np.int64)
    depth = np.append(ancestors.sum(1), 0)
    shared = np.pad(ancestors[:K] @ ancestors.T, ((0, 0), (0, 1)))
    classes = np.append(tree.leaves_below().sum(1), K)
    kept = np.rint(INFORMATION * (1.0 - np.log(classes) / math.log(max(K, 2)))).astype(np.int64)
    right = np.where(right_answers(tree)[:K], counts, 0)
    columns = counts.sum(-2)
    return np.stack(
        [
            columns.sum(-1),
            columns[..., :M].sum(-1),
            right.sum((-2, -1)),
            columns[..., :K].sum(-1),
            (columns * depth).sum(-1),
            (counts * shared).sum((-2, -1)),
            (counts.sum(-1) * depth[:K]).sum(-1),
            (right.sum(-2) * kept).sum(-1),
        ],
        axis=-1,
    )


def scores_of_sums(sums: NDArray[np.int64] | Values) -> dict[str, Values]:
    """Score to (...) values from (..., SUMS) sums; NaN where there is nothing to divide by."""
    pixels, answered, right, classes, depths, shared, true_depths, information = np.moveaxis(sums, -1, 0)
    return {
        "answered": ratio(answered, pixels),
        "answer_accuracy": ratio(right, answered),
        "class_share": ratio(classes, pixels),
        "answer_depth": ratio(depths, answered),
        "hierarchical_precision": ratio(shared, depths),
        "hierarchical_recall": ratio(shared, true_depths),
        "hierarchical_f1": ratio(2 * shared, depths + true_depths),
        "information": ratio(information, pixels) / INFORMATION,
    }


def answers_report(
    counts: Mapping[Rule, Counts],
    classes: Counts | None,
    tree: ClassTree,
    *,
    background: int | None,
    measures: Sequence[MeasureReport],
) -> Answers:
    """What answers by some rules are worth, from their (K, M + 1) counts; the first rule is the one asked for.

    `classes` (K, K + 1) is the confusion matrix of answers that are classes, where there are such beside. `background`
    is the class of which nothing can be said by halves. `measures` judge the confidence of the first rule's answers.
    """
    chosen, of_chosen = next(iter(counts.items()))
    rows = {rule: counts[rule] for rule in sorted(counts, key=_order)}
    named = {str(rule): (rule.threshold, table) for rule, table in rows.items()}
    if classes is not None:
        spread = np.zeros_like(of_chosen)
        spread[:, : tree.classes], spread[:, -1] = classes[:, :-1], classes[:, -1]
        named = {"class": (None, spread), **named}
    others = np.arange(tree.classes) != background
    nodes = _nodes(of_chosen, tree)
    return Answers(
        rule=str(chosen),
        chosen=_row(str(chosen), chosen.threshold, of_chosen, tree),
        rows=[_row(name, threshold, table, tree) for name, (threshold, table) in named.items()],
        foreground=[]
        if others.all()
        else [_row(name, threshold, table * others[:, None], tree) for name, (threshold, table) in named.items()],
        background=None if background is None else tree.names[background],
        nodes=nodes,
        measures=list(measures),
    )


def _order(rule: Rule) -> tuple[bool, float]:
    """Levels before thresholds, each from deep answers to coarse ones."""
    return (True, rule.threshold or 0.0) if rule.level == "auto" else (False, -rule.level)


def _row(name: str, threshold: float | None, counts: Counts, tree: ClassTree) -> AnswerRow:
    scores = {score: float(value) for score, value in scores_of_sums(answer_sums(counts, tree)).items()}
    return AnswerRow(name=name, threshold=threshold, **scores)


def _nodes(counts: Counts, tree: ClassTree) -> list[AnsweredNode]:
    """The nodes that are answered, those with the most pixels first."""
    columns = counts.sum(0)[: tree.nodes]
    right = np.where(right_answers(tree)[: tree.classes], counts, 0).sum(0)
    return [
        AnsweredNode(
            name=tree.names[node],
            depth=tree.depth(node),
            is_class=node < tree.classes,
            pixels=int(columns[node]),
            right=int(right[node]) / int(columns[node]),
        )
        for node in np.argsort(-columns, kind="stable").tolist()
        if columns[node]
    ]
