"""Which way to sample needs what."""

import pytest

from hypsegcli.errors import UsageError
from hypsegcli.sampling import choice


def test_scipy_is_asked_for_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    choice.refuse_without_scipy()
    monkeypatch.setattr(choice, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"SciPy is not installed; pip install 'hypseg\[sampling\]'"):
        choice.refuse_without_scipy()
