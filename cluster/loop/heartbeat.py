"""The driver's sign of life, which it gives whatever it is at: loading models, writing a policy, waiting."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from store.errors import StoreError
from store.store import Store

log = logging.getLogger(__name__)

BEAT_S = 5.0
SILENCE_S = 60.0
"""A driver that was silent for longer is dead: this many seconds are a dozen beats, and as long as a database server
that restarts is waited for.
"""


@contextmanager
def beating(store: Store, beat_s: float = BEAT_S) -> Iterator[None]:
    """Gives a sign of life every `beat_s` seconds, from a thread of its own, for the time of the context."""
    over = threading.Event()
    thread = threading.Thread(target=_beat, args=(store, beat_s, over), name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _beat(store: Store, beat_s: float, over: threading.Event) -> None:
    while not over.wait(beat_s):
        try:
            store.run.heartbeat()
        except StoreError as error:  # the driver, which needs the store for more than this, fails of it or waits
            log.warning("no heartbeat: %s", error)
