"""A session's process, from the fork to its exit."""

import gc
import io
import os
import sys
from pathlib import Path

from sandbox.guest import wire
from sandbox.guest.confinement import Confinement
from sandbox.guest.notebook import Notebook

CHANNEL, STDIN, STDOUT, STDERR = 3, 0, 1, 2
FIRST_PID = 1  # of a session's own pid namespace
# Kept in the environment. A library that a block loads would start a thread for each processor, and on a large machine
# run into the limit on processes.
THREADS = {"OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"}
# Computed before the fork: a search of sys.modules would touch, and so copy, a page for each of a thousand names.
OWN_MODULES = {
    "sandbox",
    "sandbox.guest",
    *(f"sandbox.guest.{file.stem}" for file in Path(__file__).parent.glob("*.py")),
}


def serve(confinement: Confinement, keep: set[str], text_chars: int, descriptors: list[int]) -> None:
    """Confine this process, and run the blocks that arrive until the channel is closed.

    Raises OSError if the process cannot be confined.

    Args:
        confinement: Prepared in the warm parent.
        keep: Modules of this package that blocks may import.
        text_chars: The longest value and error.
        descriptors: The channel, stdout and stderr.
    """
    _take_descriptors(*descriptors)
    confinement.apply()
    _open_streams()
    _hide_own_modules(keep)
    wire.write(CHANNEL, {"ready": True})
    gc.enable()
    notebook = Notebook(text_chars)
    while (request := wire.read(CHANNEL)) is not None:
        report = notebook.run(request["source"])
        if os.getpid() != FIRST_PID:
            return  # a child that the block forked has reached the end of the block: only its parent reports
        wire.write(CHANNEL, {"block": request["block"], **report})


def _take_descriptors(channel: int, stdout: int, stderr: int) -> None:
    """Install the session's own four descriptors and close the parent's."""
    os.dup2(stdout, STDOUT)
    os.dup2(stderr, STDERR)
    os.dup2(channel, CHANNEL)
    os.set_inheritable(CHANNEL, False)
    os.dup2(os.open(os.devnull, os.O_RDONLY), STDIN)  # sessions would share the flags of an inherited one
    os.closerange(CHANNEL + 1, 65536)


def _open_streams() -> None:
    def text(fd: int, mode: str, *, line_buffering: bool) -> io.TextIOWrapper:
        raw = open(fd, mode, buffering=8192, closefd=False)  # noqa: SIM115 - open as long as the process
        return io.TextIOWrapper(raw, "utf-8", errors="backslashreplace", line_buffering=line_buffering)

    sys.stdin = sys.__stdin__ = text(STDIN, "rb", line_buffering=False)  # type: ignore[misc]
    sys.stdout = sys.__stdout__ = text(STDOUT, "wb", line_buffering=True)  # type: ignore[misc]
    sys.stderr = sys.__stderr__ = text(STDERR, "wb", line_buffering=True)  # type: ignore[misc]


def _hide_own_modules(keep: set[str]) -> None:
    """Show blocks a plain interpreter: no modules of this package, no arguments, no environment but THREADS."""
    for name in OWN_MODULES - keep:
        sys.modules.pop(name, None)
    sys.path[:] = [folder for folder in sys.path if not __file__.startswith(folder)]
    sys.argv[:] = [""]
    for name in os.environ.keys() - THREADS:
        del os.environ[name]
