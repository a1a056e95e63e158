"""The driver's heartbeat, sent from a thread of its own: the driver may be loading, publishing or waiting meanwhile."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from cluster.loop.supervision.activity import Activity
from store.errors import StoreError
from store.runs.run import Run

log = logging.getLogger(__name__)

BEAT_S = 5.0
_SHORTEST_S = 0.5  # between two heartbeats, however often the activity changes
DEAD_AFTER_S = 60.0
"""A driver whose last heartbeat is older is dead, or cannot write. A dozen beats; the store waits as long for a
restarting database."""


@contextmanager
def heartbeats(run: Run, activity: Activity, beat_s: float = BEAT_S) -> Iterator[None]:
    """Write a heartbeat every `beat_s` seconds for the time of the context, and at once when the activity changes."""
    stop = threading.Event()
    thread = threading.Thread(target=_beat, args=(run, activity, beat_s, stop), name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        activity.wake()
        thread.join()


def _beat(run: Run, activity: Activity, beat_s: float, stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            run.heartbeat(activity.text)
        except StoreError as error:  # the driver's own calls wait for the store or fail
            log.warning("no heartbeat was written: %s", error)
        stop.wait(_SHORTEST_S)
        activity.wait_for_change(beat_s - _SHORTEST_S)
