"""Numbers of the report's records, in which None says that one is not defined."""

from __future__ import annotations

import math
from collections.abc import Iterable

from pydantic import BaseModel


def numbers(record: BaseModel, fields: Iterable[str]) -> list[float]:
    """The fields in the order asked for, NaN for what is not defined, which `pytest.approx` can compare."""
    return [math.nan if (value := getattr(record, field)) is None else value for field in fields]


def defined(value: float | None) -> float:
    """A number that has to be defined."""
    assert value is not None
    return value


def scores_of(record: BaseModel) -> list[float]:
    """All fields that are numbers or not defined, in their order."""
    values = {name: getattr(record, name) for name in type(record).model_fields}
    return numbers(record, [name for name, value in values.items() if value is None or isinstance(value, int | float)])
