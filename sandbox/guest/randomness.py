"""Seeds the random number generators: forks copy the state of their parent's, so all sessions would draw the same.

Generators that are created later take fresh entropy.
"""

import ctypes
import os
import random
import struct
import sys
from collections.abc import Callable
from functools import partial
from types import BuiltinMethodType, MethodType
from typing import Any

KEY_WORDS = 624  # of the Mersenne Twister
KEY_BYTES = 4 * KEY_WORDS
POSITION = struct.Struct("i")
ALL_DRAWN = POSITION.pack(KEY_WORDS)  # the next draw makes new words
STATE_BYTES = KEY_BYTES + POSITION.size


class Generators:
    """The global generators of Python, numpy and sympy, as far as they are loaded. Made in the warm parent."""

    def __init__(self) -> None:
        self._seeds: list[Callable[[], object]] = [_seed_of(random._inst)]
        sympy_random = sys.modules.get("sympy.core.random")
        if sympy_random is not None:
            self._seeds.append(_seed_of(_replaced(sympy_random.rng)))
        numpy_random = sys.modules.get("numpy.random")
        if numpy_random is not None:
            self._seeds.append(_seed_of_numpy(numpy_random))

    def reseed(self) -> None:
        """Seed them from the kernel's entropy, in a session's process."""
        for seed in self._seeds:
            seed()


def _replaced(generator: random.Random) -> random.Random:
    """A new generator in place of one that modules hold, or methods of it.

    Its state would lie in a huge page, which seeding would split in each session (see `sandbox.guest.memory.heap`).
    """
    new = random.Random()  # noqa: S311 - a block's own numbers
    for module in list(sys.modules.values()):
        for name, value in list(getattr(module, "__dict__", {}).items()):
            if value is generator:
                setattr(module, name, new)
            elif isinstance(value, MethodType | BuiltinMethodType) and value.__self__ is generator:
                setattr(module, name, getattr(new, value.__name__))
    return new


def _seed_of(generator: random.Random) -> Callable[[], object]:
    generator.seed()  # also drops a spare normal deviate
    return super(random.Random, generator).seed


def _seed_of_numpy(numpy_random: Any) -> Callable[[], object]:
    """Overwrite the state, if it lies as in numpy's mt19937.h: `numpy.random.seed` takes twenty times as long."""
    generator = numpy_random.MT19937(0)
    numpy_random.set_bit_generator(generator)
    address = generator.ctypes.state_address
    state = generator.state["state"]
    if ctypes.string_at(address, STATE_BYTES) != state["key"].tobytes() + POSITION.pack(state["pos"]):
        return partial(numpy_random.seed)
    return partial(_overwrite, address)


def _overwrite(address: int) -> None:
    ctypes.memmove(address, os.urandom(KEY_BYTES) + ALL_DRAWN, STATE_BYTES)
