"""Notes on the screen about outages that the driver waits for."""

import logging

from cluster.console.driver_log import outages_noted
from cluster.loop.progress import NullProgress


class RecordedNotes(NullProgress):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


def test_an_outage_of_the_database_is_noted_once_per_interval() -> None:
    progress, log = RecordedNotes(), logging.getLogger("store.database.retry")
    with outages_noted(progress):
        for delay_s in (0.1, 0.2, 0.4):
            log.warning("the store is away, trying again in %.1f s: %s", delay_s, "refused")
    log.warning("the store is away, trying again in 0.8 s: refused")
    assert progress.notes == ["the store is away, trying again in 0.1 s: refused"]
