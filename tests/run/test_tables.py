"""Every table that the books tell of is one that a run writes, and the other way round."""

from __future__ import annotations

from hypsegcli.files.books import TABLES, is_of_all_images
from hypsegcli.run.ordering import Ordering
from hypsegcli.run.tables import writers


def test_each_table_has_what_writes_it() -> None:
    assert tuple(writers(Ordering())) == TABLES
    assert all(map(is_of_all_images, TABLES))
