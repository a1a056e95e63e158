"""Seeds the random number generators: forks copy the state of their parent's, so all sessions would draw the same.

Python's own generator reseeds itself after a fork, and generators that are created later take fresh entropy.
"""

import os
import struct
import sys


def reseed() -> None:
    """Seed the global generators of numpy and sympy, where they are loaded, from the kernel's entropy."""
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed(struct.unpack("4I", os.urandom(16)))  # without an argument this takes twenty times as long
    sympy_random = sys.modules.get("sympy.core.random")
    if sympy_random is not None:
        sympy_random.seed()
