"""Risk-coverage curves whose points are known."""

import numpy as np
import pytest

from hypsegcli.metrics.ranking import risk_coverage


def test_risk_and_coverage_are_read_where_levels_end() -> None:
    coverage, risk = risk_coverage(np.array([[1, 3], [0, 0], [3, 1], [2, 0]], np.int64))
    assert coverage.tolist() == [0.2, 0.6, 1.0]
    assert risk == pytest.approx([0, 1 / 6, 0.4], abs=1e-15)
    assert [len(part) for part in risk_coverage(np.zeros((4, 2), np.int64))] == [0, 0]
    coverage, _ = risk_coverage(np.ones((50, 2), np.int64), points=5)
    assert coverage.tolist() == [0.2, 0.4, 0.6, 0.8, 1.0]


def test_a_long_curve_is_thinned_evenly_by_coverage() -> None:
    random = np.random.default_rng(2)
    table = np.stack([random.integers(0, 9, 4096), random.integers(0, 3, 4096)], axis=1)
    table[7] = (3000, 200)
    full_coverage, full_risk = risk_coverage(table, points=4096)
    assert len(full_coverage) == (table.sum(1) > 0).sum()
    coverage, risk = risk_coverage(table, points=50)
    assert 40 < len(coverage) <= 50
    assert coverage[-1] == 1.0
    assert risk[-1] == table[:, 1].sum() / table.sum()
    wanted = [full_coverage[np.argmax(full_coverage >= step / 50 - 1e-12)] for step in range(1, 51)]
    assert coverage.tolist() == sorted(set(wanted))
    assert dict(zip(full_coverage, full_risk, strict=True)).items() >= dict(zip(coverage, risk, strict=True)).items()
