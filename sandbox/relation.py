"""How algebra relates two expressions, as a child in the jail reports it."""

import re
from typing import NamedTuple

ALGEBRA = "sandbox.guest.answers.algebra"
"""The module of the child that relates them."""

_FLOAT = r"\?|-?(?:[0-9.]{1,30}(?:e[-+]?[0-9]{1,4})?|inf)|nan"
_SHOWN = re.compile(rf"'(?P<equal>True|False|\?)\|(?P<left>{_FLOAT})\|(?P<right>{_FLOAT})'")


class Relation(NamedTuple):
    """What algebra says of two expressions: whether they are equal, and their real values. None: it does not say."""

    equal: bool | None = None
    left: float | None = None
    right: float | None = None


def read_relation(shown: str) -> Relation:
    """The relation that a child returned. What an answer made of the child is not trusted: only this form is read."""
    found = _SHOWN.fullmatch(shown)
    if found is None:
        return Relation()
    equal = {"True": True, "False": False}.get(found["equal"])
    return Relation(equal, _number(found["left"]), _number(found["right"]))


def _number(shown: str) -> float | None:
    try:
        return float(shown)
    except ValueError:
        return None
