"""Texts of teachers and programs, in a form that databases accept."""

import re
from collections.abc import Mapping
from typing import Any

_REFUSED = re.compile("[\0\ud800-\udfff]")


def storable(value: Any) -> Any:
    """The value with a replacement for NUL and unpaired surrogates, in all its texts."""
    match value:
        case str():
            return _REFUSED.sub("\ufffd", value)
        case Mapping():
            return {str(storable(key)): storable(item) for key, item in value.items()}
        case list() | tuple():
            return [storable(item) for item in value]
        case _:
            return value
