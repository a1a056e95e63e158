"""Child processes that end with this process, however that ends."""

import ctypes
import signal
import subprocess
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1  # of linux/prctl.h
_LIBC = ctypes.CDLL(None)  # loaded before a process is forked


def ended_with_parent(by: signal.Signals) -> Callable[[], None]:
    """What a child calls before its program begins (`preexec_fn`), to get a signal when its parent ends."""
    return lambda: _LIBC.prctl(_PR_SET_PDEATHSIG, by)


def end_child(process: subprocess.Popen[bytes], by: signal.Signals, within_s: float) -> None:
    """Ask a child to end with a signal, and kill it if it has not after `within_s` seconds."""
    process.send_signal(by)
    try:
        process.wait(timeout=within_s)
    except BaseException as error:
        process.kill()
        process.wait()
        if not isinstance(error, subprocess.TimeoutExpired):
            raise
