"""Matches items that have no order."""

from collections.abc import Callable, Sequence


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
