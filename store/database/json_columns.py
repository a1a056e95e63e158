"""Values for JSON columns, in a form that both databases accept."""

import math
from collections.abc import Mapping
from typing import Any


def finite_json(values: Mapping[str, Any]) -> dict[str, Any]:
    """A copy in which NaN and infinities, which JSON does not have, are null."""
    return {str(key): _finite(value) for key, value in values.items()}


def _finite(value: Any) -> Any:
    match value:
        case float():
            return value if math.isfinite(value) else None
        case Mapping():
            return finite_json(value)
        case list() | tuple():
            return [_finite(item) for item in value]
        case _:
            return value
