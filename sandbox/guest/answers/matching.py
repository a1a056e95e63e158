"""Combines the verdicts on the parts of two answers: True, False, or None where a part is undecided."""

from collections.abc import Callable, Iterable, Sequence

Comparison = Callable[[str, str], bool | None]


def match[T](left: Sequence[T], right: Sequence[T], equal: Callable[[T, T], bool | None]) -> bool | None:
    """Whether the items can be matched one to one as equals; None if that depends on an undecided pair."""
    if len(left) != len(right):
        return False
    free, undecided = list(right), False
    for item in left:
        verdicts = []
        for candidate in free:
            verdicts.append(equal(item, candidate))
            if verdicts[-1]:
                free.pop(len(verdicts) - 1)
                break
        else:
            if None not in verdicts:
                return False
            undecided = True
    return None if undecided else True


def all_equal(verdicts: Iterable[bool | None]) -> bool | None:
    """Whether all verdicts are True; None if that depends on an undecided one."""
    unknown = False
    for verdict in verdicts:
        if verdict is False:
            return False
        unknown = unknown or verdict is None
    return None if unknown else True
