"""The driver's heartbeat, sent from a thread of its own: the driver may be loading, publishing or waiting meanwhile."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from store.errors import StoreError
from store.runs.run import Run

log = logging.getLogger(__name__)

BEAT_S = 5.0
DEAD_AFTER_S = 60.0
"""A driver whose last heartbeat is older is dead. A dozen beats; the store waits as long for a restarting database."""


@contextmanager
def heartbeats(run: Run, beat_s: float = BEAT_S) -> Iterator[None]:
    """Write a heartbeat into the store every `beat_s` seconds, for the time of the context."""
    stop = threading.Event()
    thread = threading.Thread(target=_beat, args=(run, beat_s, stop), name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _beat(run: Run, beat_s: float, stop: threading.Event) -> None:
    while not stop.wait(beat_s):
        try:
            run.heartbeat()
        except StoreError as error:  # the driver's own calls wait for the store or fail
            log.warning("no heartbeat was written: %s", error)
