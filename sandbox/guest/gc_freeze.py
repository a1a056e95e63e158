"""Makes what the warm parent holds immortal, so that sessions share its memory for longer.

A session shares the parent's pages until it writes to them, and merely looking at an object writes: its reference count
stands in its head. CPython leaves the counts of immortal objects alone (PEP 683), but has no call to make them so; here
their counts are set. What is immortal is never freed, which in a process that keeps what it imported changes nothing.
"""

import ctypes
import gc
import sys
from collections.abc import Iterable
from types import CodeType

# CPython's own mark on 64 bits, in the versions in which it is this one: the lower 32 bits are all set.
IMMORTAL_COUNT = 0xFFFF_FFFF
VERSIONS = ((3, 12), (3, 13))


def freeze_refcounts() -> int:
    """Make every object that the collector can reach immortal. Returns how many; 0 in other versions of Python."""
    if sys.implementation.name != "cpython" or sys.version_info[:2] not in VERSIONS or sys.maxsize < 1 << 32:
        return 0
    addresses = _addresses()
    for address in addresses:
        ctypes.c_ssize_t.from_address(address).value = IMMORTAL_COUNT
    return len(addresses)


def _addresses() -> set[int]:
    """Of the objects that the collector tracks and of all that they refer to: strings and numbers too."""
    seen: set[int] = set()
    found = gc.get_objects()
    while found:
        new = [item for item in found if id(item) not in seen]
        seen.update(map(id, new))
        found = gc.get_referents(*new)
        for item in new:
            found.extend(_unseen_by_the_collector(item))
    return seen


def _unseen_by_the_collector(item: object) -> Iterable[object]:
    """What can be in no cycle is not reported, and yet counted at every use: a function's constants above all."""
    if isinstance(item, CodeType):
        return (item.co_consts, *item.co_consts, *item.co_names, *item.co_varnames, item.co_qualname)
    return list(item) if type(item) is dict else ()
