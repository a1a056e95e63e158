"""Keep the screen for the live view: the output of libraries goes to the run's log."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console


def open_console(descriptor: int = 1) -> Console:
    """A console on the current standard output (1) or error (2), unaffected by later redirection."""
    return Console(file=os.fdopen(os.dup(descriptor), "w", encoding="utf-8"))


@contextmanager
def output_redirected_to(path: Path) -> Iterator[None]:
    """Redirect the output of this process and its children to a file, at the level of file descriptors.

    Otherwise progress bars of libraries and warnings of C++ code and Ray's daemons would break the live view.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    saved = [os.dup(descriptor) for descriptor in (1, 2)]
    with path.open("ab") as log:
        for descriptor in (1, 2):
            os.dup2(log.fileno(), descriptor)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for descriptor, original in zip((1, 2), saved, strict=True):
            os.dup2(original, descriptor)
            os.close(original)
