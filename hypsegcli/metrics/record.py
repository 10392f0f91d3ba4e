"""Record: what every part of the report is, and the numbers in it."""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict


def _defined(value: Any) -> Any:
    """None for NaN, in which JSON has no number."""
    return None if isinstance(value, float) and math.isnan(value) else value


Number = Annotated[float | None, BeforeValidator(_defined)]


class Record(BaseModel):
    """Frozen, and without fields that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")
