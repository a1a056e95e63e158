"""Freezes the reference counts of the warm parent's objects, so that sessions share its memory for longer.

A session shares the parent's pages until it writes to them, and merely using an object writes to it: the reference
count is part of its header. CPython does not change the counts of immortal objects (PEP 683) but has no call to make an
object immortal, so their counts are set here. Immortal objects are never freed, which makes no difference to a process
that keeps all that it has imported.
"""

import ctypes
import gc
import sys
from collections.abc import Iterable
from types import CodeType

# The reference count of immortal objects in 64-bit CPython of these versions: the lower 32 bits are all set.
IMMORTAL_COUNT = 0xFFFF_FFFF
VERSIONS = ((3, 12), (3, 13))


def freeze_refcounts() -> int:
    """Make every object that the garbage collector can reach immortal. Returns how many; 0 in other Python versions."""
    if sys.implementation.name != "cpython" or sys.version_info[:2] not in VERSIONS or sys.maxsize < 1 << 32:
        return 0
    objects = _objects()
    for item in objects.values():  # all alive here: the place of one that had been freed may hold anything
        ctypes.c_ssize_t.from_address(id(item)).value = IMMORTAL_COUNT
    return len(objects)


def _objects() -> dict[int, object]:
    """The objects that the collector tracks and all that they refer to, strings and numbers too, by their addresses."""
    seen: dict[int, object] = {}
    found = gc.get_objects()
    while found:
        new = [item for item in found if id(item) not in seen]
        seen.update(zip(map(id, new), new, strict=True))
        found = gc.get_referents(*new)
        for item in new:
            found.extend(_untracked_referents(item))
    return seen


def _untracked_referents(item: object) -> Iterable[object]:
    """Objects that `gc.get_referents` leaves out, as they can be in no cycle: a function's constants above all."""
    if isinstance(item, CodeType):
        return (item.co_consts, *item.co_consts, *item.co_names, *item.co_varnames, item.co_qualname)
    return list(item) if type(item) is dict else ()
