"""A session's process, from the fork to its exit."""

import gc
import io
import os
import sys
from pathlib import Path

from sandbox.guest import wire
from sandbox.guest.confinement import Confinement
from sandbox.guest.notebook import Notebook
from sandbox.guest.randomness import Generators

CHANNEL, STDIN, STDOUT, STDERR = 3, 0, 1, 2
FIRST_PID = 1  # of a session's own pid namespace
# Kept in the environment. A library that a block loads would start a thread for each processor, and on a large machine
# run into the limit on processes.
THREADS = {"OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"}
READY = wire.encode({"ready": True})


def serve(confinement: Confinement, generators: Generators, notebook: Notebook, descriptors: list[int]) -> None:
    """Confine this process, and run the blocks that arrive until the channel is closed.

    Everything that it needs was made in the warm parent, so that each session does it no more. Raises OSError if the
    process cannot be confined.

    Args:
        confinement: What this process is subject to.
        generators: The random number generators.
        notebook: The notebook in which no block has run.
        descriptors: The channel, stdout and stderr.
    """
    _take_descriptors(*descriptors)
    confinement.apply()
    generators.reseed()
    os.write(CHANNEL, READY)
    gc.enable()
    answer(CHANNEL, notebook, FIRST_PID)


def answer(channel: int, notebook: Notebook, pid: int) -> None:
    """Run the blocks that arrive from `channel`, until it is closed or in a process other than `pid`."""
    while (request := wire.read(channel)) is not None:
        report = notebook.run(request["source"])
        if os.getpid() != pid:
            return  # a child that the block forked has reached the end of the block: only its parent reports
        wire.write(channel, {"block": request["block"], **report})


def _take_descriptors(channel: int, stdout: int, stderr: int) -> None:
    """Install the session's own four descriptors and close the parent's."""
    os.dup2(stdout, STDOUT)
    os.dup2(stderr, STDERR)
    os.dup2(channel, CHANNEL)
    os.set_inheritable(CHANNEL, False)
    os.dup2(os.open(os.devnull, os.O_RDONLY), STDIN)  # sessions would share the flags of an inherited one
    os.closerange(CHANNEL + 1, 65536)


def open_streams() -> None:
    """Make the standard streams of a session, on the descriptors that it will have."""
    sys.stdin = sys.__stdin__ = text_stream(STDIN, "rb", line_buffering=False)  # type: ignore[misc]
    sys.stdout = sys.__stdout__ = text_stream(STDOUT, "wb", line_buffering=True)  # type: ignore[misc]
    sys.stderr = sys.__stderr__ = text_stream(STDERR, "wb", line_buffering=True)  # type: ignore[misc]


def text_stream(fd: int, mode: str, *, line_buffering: bool) -> io.TextIOWrapper:
    """A text stream on `fd` that does not close it."""
    raw = open(fd, mode, buffering=8192, closefd=False)  # noqa: SIM115 - open as long as the process
    return io.TextIOWrapper(raw, "utf-8", errors="backslashreplace", line_buffering=line_buffering)


def hide_own_modules(keep: set[str]) -> None:
    """Show blocks a plain interpreter: of this package the modules `keep`, no arguments, of the environment THREADS."""
    folder = Path(__file__).parent
    files = [file.relative_to(folder).with_suffix("") for file in (*folder.glob("*.py"), *folder.glob("memory/*.py"))]
    names = {"sandbox", "sandbox.guest", "sandbox.guest.memory", *("sandbox.guest." + ".".join(f.parts) for f in files)}
    for name in names - keep:
        sys.modules.pop(name, None)
    sys.path[:] = [folder for folder in sys.path if not __file__.startswith(folder)]
    sys.argv[:] = [""]
    for name in os.environ.keys() - THREADS:
        del os.environ[name]
