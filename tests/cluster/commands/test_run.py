"""What `automathes run` says of what it waits for."""

import logging

from cluster.commands.run import _outages_told_to
from cluster.loop.progress import NullProgress


class Heard(NullProgress):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


def test_an_outage_of_the_database_is_told_once_in_a_while() -> None:
    heard, log = Heard(), logging.getLogger("store.database.retry")
    with _outages_told_to(heard):
        for delay_s in (0.1, 0.2, 0.4):
            log.warning("the store is away, trying again in %.1f s: %s", delay_s, "refused")
    log.warning("the store is away, trying again in 0.8 s: refused")
    assert heard.notes == ["the store is away, trying again in 0.1 s: refused"]
