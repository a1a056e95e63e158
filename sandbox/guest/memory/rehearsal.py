"""Runs blocks in the warm parent as a session would, so that what the first use of code writes is written before forks.

CPython specialises bytecode in place when it runs, versions types and dictionaries at their first use, and fills its
caches. In a session each such write would copy a page of the parent's, or split one of its huge pages.
"""

import gc
import linecache
import os
import socket
import sys
from types import FunctionType

from sandbox.guest import wire
from sandbox.guest.notebook import Notebook
from sandbox.guest.session import answer, text_stream

TEXT_CHARS = 1000
RUN_BY_EVERY_SESSION = ("sandbox.guest.", "json")
ROUNDS = 4  # bytecode is specialised at its second run, and checked again at later ones
BLOCKS = (
    """
from fractions import Fraction
def mean(values, *more, scale=1.0):
    total = 0
    for index, value in enumerate([*values, *more]):
        if value > 2 and not index % 2:
            total += value * scale
        elif value <= 1 or value is None:
            continue
        else:
            total -= -value
    return total / len(values)
class Point:
    def __init__(self, x, y=0): self.x, self.y = x, y
    def norm(self): return (self.x ** 2 + self.y ** 2) ** 0.5
try:
    print(mean([1, 2, 3, 4]), Point(3, 4).norm(), f"{mean([5.5, 2]):.3f}", 7 // 2, sep=", ")
except ZeroDivisionError as error:
    raise ValueError("no values") from error
finally:
    squares = {n: n * n for n in range(5)}
    odd = sorted({n for n in squares.values() if n & 1}, key=lambda n: -n)
""",
    """
import math
while odd and len(odd) > 1:
    odd.pop()
names = {"low": 1, "high": math.sqrt(4)}
names["low"] += round(names["high"] - 0.5, 1)
while True:
    if names: break
with open("/dev/null") as file: lines = file.read().split()
text = "".join(str(n) + ", " for n in range(3))[:-2]
assert text == "0, 1, 2", text
print(text, *map(int, "12"), max(squares.items(), key=lambda pair: pair[1]))
Fraction(1, 3) + sum(squares.values())
""",
    "mean([])",
    "squares[",
    "undefined",
)


def rehearse() -> None:
    """Run BLOCKS as in a session. Their variables, streams and output are dropped."""
    kept = sys.modules["__main__"], sys.stdout, sys.stderr
    null = os.open(os.devnull, os.O_WRONLY)
    for _ in range(ROUNDS):
        sys.stdout = text_stream(null, "wb", line_buffering=True)
        sys.stderr = text_stream(null, "wb", line_buffering=True)
        _rehearse_session()
        gc.collect()  # so that the next one takes no further memory
    sys.modules["__main__"], sys.stdout, sys.stderr = kept
    os.close(null)
    linecache.cache = {}  # the next entries are written elsewhere


def copy_code() -> None:
    """Copy the bytecode that every session runs, and so writes its counters to, out of the huge pages."""
    modules = [module for name, module in sys.modules.items() if name.startswith(RUN_BY_EVERY_SESSION)]
    for holder in [*modules, *(item for module in modules for item in vars(module).values() if isinstance(item, type))]:
        for member in vars(holder).values():
            item = getattr(member, "__func__", member)
            if isinstance(item, FunctionType) and item.__module__.startswith(RUN_BY_EVERY_SESSION):
                item.__code__ = item.__code__.replace()


def _rehearse_session() -> None:
    host, session = socket.socketpair()
    with host, session:
        for number, block in enumerate(BLOCKS):
            wire.write(host.fileno(), {"block": number, "source": block})
        host.shutdown(socket.SHUT_WR)
        answer(session.fileno(), Notebook(TEXT_CHARS), os.getpid())
