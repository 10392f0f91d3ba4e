"""Evaluations of the same images by two sides, paired: replicate by replicate all saw the same images equally often."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from hypsegcli.errors import DataError, setting
from hypsegcli.metrics.catalogue import Place, metric_of
from hypsegcli.metrics.records import Report
from hypsegcli.metrics.report_file import read_report
from hypsegcli.report.replicates import read_replicates
from hypsegcli.scores.bootstrap import FEW_IMAGES, REPLICATES, Interval, Values
from hypsegcli.scores.paired import Runs, joint_intervals

Verdict = Literal["better", "worse", "the same", "not shown", "no interval", "not comparable"]

_COMMON_OPTIONS = ("mean_over", "tolerance", "background")  # that decide what a score means
_OF_TREE: tuple[Place, ...] = ("hierarchy", "answers")  # scores that the class tree decides


class Difference(NamedTuple):
    """One score of B against A's, each the mean over the side's evaluations."""

    name: str
    first: float | None
    second: float | None
    difference: float | None
    low: float | None  # of an interval of the difference; all intervals together hold at 95 %
    high: float | None
    verdict: Verdict


class Side(NamedTuple):
    """Whose scores they are."""

    reports: tuple[str, ...]
    made_by: tuple[str, ...]  # checkpoints, or folders of label maps
    options: dict[str, str | int | float | bool | None]  # that differ from the other side's, or within this one


class Comparison(NamedTuple):
    """All scores that both have, and how the two differ in what they are."""

    images: int
    at_least: float  # a difference that matters
    first: Side
    second: Side
    differences: tuple[Difference, ...]
    notes: tuple[str, ...]


class _Evaluation(NamedTuple):
    path: Path
    report: Report
    replicates: dict[str, Values]


def compare_reports(
    first: Sequence[Path], second: Sequence[Path], *, at_least: float = 0.0, single_classes: bool = False
) -> Comparison:
    """Compare B with A; each is one evaluation or several, of trainings that differ in their seeds.

    An evaluation is a report.json or the folder in which it lies. Verdicts are about differences of more than
    `at_least`. Intervals hold together for all scores, those of `single_classes` included where they are asked for.

    Raises DataError where they are not about the same images and masks, where one training is named twice on a side, or
    where replicates.npz is missing.
    """
    a, b = [_read(path) for path in first], [_read(path) for path in second]
    for other in (*a[1:], *b):
        _check_same(a[0], other)
    for side in (a, b):
        for one, other in combinations(side, 2):
            _check_apart(one, other)
    names = [
        name
        for name in a[0].report.summary
        if all(name in one.report.summary for one in (*a, *b)) and (single_classes or _place(name) != "class")
    ]
    told_apart = _by_other_trees(names, [*a, *b])
    paired = [name for name in names if name not in told_apart and all(name in one.replicates for one in (*a, *b))]
    # The first replicates are the same, however many there are.
    count = min((len(one.replicates[name]) for one in (*a, *b) for name in paired), default=0)
    pairs = {name: (_runs(a, name, count), _runs(b, name, count)) for name in paired}
    intervals = joint_intervals(pairs, images=a[0].report.images)
    differences = []
    for name in names:
        mine, theirs = _mean(a, name), _mean(b, name)
        shift = None if mine is None or theirs is None else theirs - mine
        interval = intervals.get(name)
        better = a[0].report.summary[name].better
        low, high = interval or (None, None)
        verdict = "not comparable" if name in told_apart else _verdict(interval, better, at_least)
        differences.append(Difference(name, mine, theirs, shift, low, high, verdict))
    notes = list(_notes(a, b))
    if 1 < count < REPLICATES:
        notes.append(
            f"of so few replicates ({count}) intervals are wider than need be; evaluate with {REPLICATES}, as it does "
            "unasked"
        )
    if told_apart:
        notes.append(
            f"the class trees differ, so that these do not mean the same, and are not compared: {', '.join(told_apart)}"
        )
    return Comparison(a[0].report.images, at_least, _side(a, b), _side(b, a), tuple(differences), tuple(notes))


def _by_other_trees(names: Sequence[str], evaluations: Sequence[_Evaluation]) -> list[str]:
    """Those of the scores that speak of nodes of the class tree, where the trees are not one."""
    trees = {tuple(map(tuple, told)) for one in evaluations if (told := one.report.hierarchy.families) is not None}
    return [name for name in names if len(trees) > 1 and _place(name) in _OF_TREE]


def _place(name: str) -> Place | None:
    metric = metric_of(name)
    return None if metric is None else metric.place


def _read(path: Path) -> _Evaluation:
    file = path / "report.json" if path.is_dir() else path
    report = read_report(file)
    return _Evaluation(path, report, read_replicates(file, report.summary, report.replicates_sha256))


def _runs(side: Sequence[_Evaluation], name: str, count: int) -> Runs:
    scores = [one.report.summary[name].value for one in side]
    return Runs(
        np.array([np.nan if score is None else score for score in scores]),
        np.stack([one.replicates[name][:count] for one in side]),
    )


def _mean(side: Sequence[_Evaluation], name: str) -> float | None:
    """None where one of them has no such score."""
    scores = [one.report.summary[name].value for one in side]
    defined = [score for score in scores if score is not None]
    return sum(defined) / len(defined) if len(defined) == len(scores) else None


def _side(side: Sequence[_Evaluation], other: Sequence[_Evaluation]) -> Side:
    subjects = [one.report.subject for one in side]
    made_by = [
        f"{subject.checkpoint.path} ({subject.checkpoint.sha256[:12]})"
        if subject.checkpoint is not None
        else str(subject.predictions)
        for subject in subjects
    ]
    known = dict.fromkeys(name for subject in subjects for name in subject.options)
    theirs = [one.report.subject.options for one in other]
    options = {}
    for name in known:
        mine = dict.fromkeys(subject.options.get(name) for subject in subjects)
        if mine.keys() != {told.get(name) for told in theirs} or len(mine) > 1:
            options[name] = " or ".join(map(str, mine)) if len(mine) > 1 else next(iter(mine))
    return Side(tuple(str(one.path) for one in side), tuple(dict.fromkeys(made_by)), options)


def _check_same(first: _Evaluation, second: _Evaluation) -> None:
    a, b, both = first.report, second.report, f"{first.path} and {second.path}"
    if a.subject.keys_sha256 != b.subject.keys_sha256:
        raise DataError(f"{both}: not about the same images ({a.images} and {b.images}); evaluate both on the same")
    if a.classes != b.classes:
        raise DataError(f"{both}: not about the same classes; evaluate both with the same {setting('classes')}")
    if a.subject.masks_sha256 != b.subject.masks_sha256:
        raise DataError(
            f"{both}: the masks differ, or {setting('map')}, {setting('ignore_index')} or {setting('unseen')} did; "
            "evaluate both alike"
        )


def _check_apart(first: _Evaluation, second: _Evaluation) -> None:
    """One training that counts as several would make an interval of how trainings scatter that is too narrow.

    Copies of a report, a checkpoint and its calibrated copy are one too; they answer every pixel alike.
    """
    a, b, both = first.report, second.report, f"{first.path} and {second.path}"
    advice = "several on a side are trainings that differ in their seeds; name each once"
    if a.subject.checkpoint and b.subject.checkpoint and a.subject.checkpoint.sha256 == b.subject.checkpoint.sha256:
        raise DataError(f"{both}: of one checkpoint ({a.subject.checkpoint.sha256[:12]}); {advice}")
    if a.segmentation.confusion == b.segmentation.confusion:
        raise DataError(f"{both}: of the same labels, for they have one confusion matrix; {advice}")


def _notes(a: Sequence[_Evaluation], b: Sequence[_Evaluation]) -> Iterator[str]:
    images = a[0].report.images
    single = [name for name, side in (("A", a), ("B", b)) if len(side) == 1]
    if single:
        yield (
            f"intervals are over images; how another training of {' or '.join(single)}, of another seed, would score "
            "is not in them: name several, A1,A2,A3 B1,B2,B3"
        )
    if len({e.report.subject.images_sha256 for e in (*a, *b)} - {None}) > 1:
        yield (
            "the image files differ under the same names, so that differences are of the images too, not of what "
            "answered alone"
        )
    if images < FEW_IMAGES:
        yield f"intervals over so few images ({images}) are rough"
    for name, side in (("A", a), ("B", b)):
        yield from dict.fromkeys(f"{name}: {warning}" for each in side for warning in each.report.warnings)
    measures = dict.fromkeys(measure.name for each in (*a, *b) for measure in each.report.measures)
    alone: dict[str, list[str]] = {}
    for measure in measures:
        has = [[any(m.name == measure for m in each.report.measures) for each in side] for side in (a, b)]
        if not all(map(all, has)):
            alone.setdefault(_named(a, b, has), []).append(measure)
    for owners, theirs in alone.items():
        yield f"measures of {owners} alone, not compared: {', '.join(theirs)}"
    deep = [[each.report.hierarchy.answers is not None for each in side] for side in (a, b)]
    if any(map(any, deep)) and not all(map(all, deep)):
        yield f"answers by the class tree of {_named(a, b, deep)} alone, not compared"
    if told := _told_apart(a, b, [[each.report.convention for each in side] for side in (a, b)]):
        yield f"means over classes differ in convention: {told}"
    for name in _COMMON_OPTIONS:
        if told := _told_apart(a, b, [[each.report.subject.options.get(name) for each in side] for side in (a, b)]):
            yield f"{name} differs, so that scores do not mean the same: {told}"
    if told := _told_apart(a, b, [[each.report.subject.options.get("device") for each in side] for side in (a, b)]):
        yield f"what they ran on, or in, differs, and how that rounds is in the differences too: {told}"


def _named(a: Sequence[_Evaluation], b: Sequence[_Evaluation], chosen: Sequence[Sequence[bool]]) -> str:
    """Those of the evaluations that are chosen, in words: a side by its letter where it is all of it."""
    words = []
    for letter, side, which in zip("AB", (a, b), chosen, strict=True):
        words += [letter] if all(which) else [str(each.path) for each, one in zip(side, which, strict=True) if one]
    return ", ".join(words)


def _told_apart(a: Sequence[_Evaluation], b: Sequence[_Evaluation], values: Sequence[Sequence[object]]) -> str | None:
    """What evaluations have that should be alike, `A all, B present`, each by its path within a side that differs.

    None where all have the same.
    """
    if len({value for side in values for value in side}) == 1:
        return None
    words = []
    for letter, side, told in zip("AB", (a, b), values, strict=True):
        names = [letter] if len(set(told)) == 1 else [str(each.path) for each in side]
        words += [f"{name} {value}" for name, value in zip(names, told, strict=False)]
    return ", ".join(words)


def _verdict(interval: Interval | None, better: Literal["higher", "lower"], at_least: float) -> Verdict:
    if interval is None:
        return "no interval"
    low, high = interval if better == "higher" else (-interval.high, -interval.low)
    if low > at_least:
        return "better"
    if high < -at_least:
        return "worse"
    return "the same" if at_least and -at_least <= low and high <= at_least else "not shown"
