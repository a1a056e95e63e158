"""Starting a Ray of one's own, again where a node of it did not start within Ray's own limit."""

from collections.abc import Callable
from typing import Any

import psutil

_ATTEMPTS = 3
_TIMED_OUT = "timed out during startup"  # of ray._private.node; its limit of 30 s is no setting


def start_ray(notify: Callable[[str], None] = lambda _: None, **options: Any) -> Any:
    """Start a Ray on this machine with the options of `ray.init`, and return what that returns.

    On a busy machine the processes of a node may need longer than Ray waits for them. They are ended then, and the
    start is tried again, three times in all.

    Raises:
        Exception: what `ray.init` raised.
    """
    import ray

    own = psutil.Process()
    for attempt in range(1, _ATTEMPTS + 1):
        before = {child.pid for child in own.children(recursive=True)}
        try:
            return ray.init(address="local", **options)
        except Exception as error:  # Ray raises this very class
            if attempt == _ATTEMPTS or _TIMED_OUT not in str(error):
                raise
            _end([child for child in own.children(recursive=True) if child.pid not in before])
            notify(f"Ray did not start within its own limit, on a busy machine: attempt {attempt + 1} of {_ATTEMPTS}")
    raise AssertionError("the last attempt returns or raises")


def _end(processes: list[psutil.Process]) -> None:
    """Kill what a start has left: nothing else would end it before this process ends."""
    for process in processes:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(processes, timeout=10.0)
