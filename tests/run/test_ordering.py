"""What run.json says of how a run ranks, whatever else it holds."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from hypsegcli.run.ordering import ORDERING, Ordering, ordering_in


@pytest.mark.parametrize(
    "ordering", [Ordering(), Ordering("expected", True, 0.5), Ordering(quota={"car": 0.25}), Ordering(quota=1.0)]
)
def test_an_ordering_is_read_as_it_was_written(ordering: Ordering) -> None:
    assert ordering_in({"options": {ORDERING: asdict(ordering)}}) == ordering


@pytest.mark.parametrize(
    "said", [None, [], {"rank": 7, "diverse": "yes", "quota": "0.5"}, {"quota": float("nan")}, {"quota": -1}]
)
def test_what_is_no_ordering_is_the_usual_one(said: object) -> None:
    assert ordering_in({"options": {ORDERING: said}}) == Ordering()
    assert ordering_in({"options": said}) == Ordering()
