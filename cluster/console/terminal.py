"""Keeps the screen for what a person should read: libraries' chatter goes to the run's log."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console


def open_console(descriptor: int = 1) -> Console:
    """A console on the standard output (1) or error (2) as it is now, whatever that is redirected to later."""
    return Console(file=os.fdopen(os.dup(descriptor), "w", encoding="utf-8"))


@contextmanager
def output_redirected_to(path: Path) -> Iterator[None]:
    """Sends all that this process and its children print from now on to a file, below Python too.

    Progress bars of libraries, warnings of C++ code and of Ray's daemons would otherwise tear the live view apart.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    kept = [os.dup(descriptor) for descriptor in (1, 2)]
    with path.open("ab") as log:
        for descriptor in (1, 2):
            os.dup2(log.fileno(), descriptor)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for descriptor, saved in zip((1, 2), kept, strict=True):
            os.dup2(saved, descriptor)
            os.close(saved)
