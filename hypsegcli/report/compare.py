"""Two evaluations of the same images, paired: replicate by replicate both saw the same images equally often."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Literal, NamedTuple
from zipfile import BadZipFile

import numpy as np

from hypsegcli.errors import DataError, setting
from hypsegcli.metrics.records import Report, read_report
from hypsegcli.scores.bootstrap import FEW_IMAGES, Values, interval

Verdict = Literal["better", "worse", "no difference shown", "not defined"]


class Difference(NamedTuple):
    """One score of B against A's."""

    name: str
    first: float | None
    second: float | None
    low: float | None  # 95 % interval of B - A, where there are replicates
    high: float | None
    verdict: Verdict


class Comparison(NamedTuple):
    """All scores that both have, and how the two differ in what they are."""

    images: int
    differences: tuple[Difference, ...]
    notes: tuple[str, ...]


def compare_reports(first: Path, second: Path) -> Comparison:
    """Compare B with A; each is a report.json or the folder in which it lies.

    Raises DataError where they are not about the same images and masks, or replicates.npz is missing.
    """
    a_path, b_path = (path / "report.json" if path.is_dir() else path for path in (first, second))
    a, b = read_report(a_path), read_report(b_path)
    _check_same(a, b, a_path, b_path)
    a_values, b_values = _replicates(a_path), _replicates(b_path)
    differences = []
    for name, score in a.summary.items():
        if name not in b.summary:
            continue
        other = b.summary[name]
        low = high = None
        if name in a_values and name in b_values:
            # The first replicates are the same, however many there are.
            count = min(len(a_values[name]), len(b_values[name]))
            if count:
                low, high = interval(b_values[name][:count] - a_values[name][:count])
        differences.append(Difference(name, score.value, other.value, low, high, _verdict(low, high, score.better)))
    return Comparison(a.images, tuple(differences), tuple(_notes(a, b)))


def _check_same(a: Report, b: Report, a_path: Path, b_path: Path) -> None:
    if a.subject.keys_sha256 != b.subject.keys_sha256:
        raise DataError(
            f"{a_path} and {b_path}: not about the same images ({a.images} and {b.images}); evaluate both on the same"
        )
    if a.classes != b.classes:
        raise DataError(
            f"{a_path} and {b_path}: not about the same classes; evaluate both with the same {setting('classes')}"
        )
    if a.subject.masks_sha256 != b.subject.masks_sha256:
        raise DataError(
            f"{a_path} and {b_path}: the masks differ, or {setting('map')}, {setting('ignore_index')} or "
            f"{setting('unseen')} did; evaluate both alike"
        )


def _notes(a: Report, b: Report) -> list[str]:
    notes = []
    if a.images < FEW_IMAGES:
        notes.append(f"intervals over so few images ({a.images}) are rough")
    for one, other, name in ((a, b, "A"), (b, a, "B")):
        if alone := [m.name for m in one.measures if m.name not in {mine.name for mine in other.measures}]:
            notes.append(f"measures of {name} alone, not compared: {', '.join(alone)}")
    if a.convention != b.convention:
        notes.append(f"means over classes differ in convention: A {a.convention}, B {b.convention}")
    for name, mine in a.subject.options.items():
        if name in {"mean_over", "tolerance", "background"} and mine != b.subject.options.get(name):
            notes.append(f"{name} differs: A {mine}, B {b.subject.options.get(name)}")
    return notes


def _replicates(report: Path) -> dict[str, Values]:
    path = report.parent / "replicates.npz"
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (OSError, ValueError, BadZipFile, KeyError) as error:
        raise DataError(f"{path}: cannot be read ({error}); it belongs beside {report.name}: evaluate again") from error


def _verdict(low: float | None, high: float | None, better: Literal["higher", "lower"]) -> Verdict:
    if low is None or high is None or np.isnan(low) or np.isnan(high):
        return "not defined"
    if low <= 0 <= high:
        return "no difference shown"
    return "better" if (low > 0) == (better == "higher") else "worse"
