"""What stands below the tables of an evaluation."""

from __future__ import annotations

import pytest
from support.reports import STREET, fake_report

from hypsegcli.cli.show.tables import print_report
from hypsegcli.metrics.records import Report


def report(auroc: dict[str, float], by_class: dict[str, dict[str, float]] | None = None) -> Report:
    """Of the measures and classes that are named, the rest as it is made up."""
    made = fake_report(STREET, ("distance", "norm", "entropy", "mc-entropy"))
    measures = []
    for measure in made.measures:
        mine = (by_class or {}).get(measure.name, {})
        rows = [row.model_copy(update={"auroc": mine.get(row.name, 0.9)}) for row in measure.classes]
        update = {"auroc": auroc.get(measure.name, 0.5), "classes": rows}
        measures.append(measure.model_copy(update=update))
    return made.model_copy(update={"measures": measures})


def printed(report: Report, capsys: pytest.CaptureFixture[str]) -> str:
    print_report(report)
    return capsys.readouterr().out


def test_the_measure_that_finds_wrong_pixels_clearly_better_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """But not one that costs many passes, nor where it is none or hardly better."""
    found = printed(report({"distance": 0.8, "norm": 0.82, "entropy": 0.9, "mc-entropy": 0.99}), capsys)
    sentence = (
        "entropy finds wrong pixels better here than distance (AUROC 0.900 against 0.800): draw it with --measure"
    )
    assert f"{sentence} entropy" in found
    for auroc in ({"distance": 0.9, "entropy": 0.91}, {"distance": float("nan"), "entropy": 0.9}, {"distance": 0.99}):
        assert "finds wrong pixels better" not in printed(report(auroc), capsys)


def test_classes_in_which_confidence_misleads_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    by_class = {
        "distance": {"car": 0.2, "pole": 0.4, "sky": 0.51, "tree": float("nan")},
        "entropy": {"car": 0.7, "pole": 0.3},
        "norm": {"car": 0.2, "pole": 0.3},
    }
    found = printed(report({"distance": 0.9}, by_class), capsys)
    assert (
        "distance misleads among pixels that are truly pole (AUROC 0.400), car (AUROC 0.200; entropy 0.700): " in found
    )
    assert "misleads" not in printed(report({"distance": 0.9}), capsys)
