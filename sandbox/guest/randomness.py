"""Random numbers of a session's own. A fork goes on with its parent's generators, so all sessions would draw the same.

Python's own generator sees to itself after a fork; generators that are made later take fresh entropy.
"""

import os
import struct
import sys


def reseed() -> None:
    """Give the shared generators of numpy and sympy, where they are loaded, a fresh state."""
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed(struct.unpack("4I", os.urandom(16)))  # without an argument it takes twenty times as long
    sympy_random = sys.modules.get("sympy.core.random")
    if sympy_random is not None:
        sympy_random.seed()
