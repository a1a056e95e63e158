"""The driver's heartbeat: at its interval, and at once when what the driver does has changed."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cluster.loop.progress import NullProgress
from cluster.loop.supervision.activity import Activity
from cluster.loop.supervision.heartbeat import heartbeats
from store.store import Store

LIMIT_S = 30.0
NEVER_S = 3600.0


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path / 'store.db'}") as store:
        yield store


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_it_beats_again_and_again(store: Store) -> None:
    with heartbeats(store.run, Activity(), beat_s=0.01):
        wait_for(lambda: store.run.state().heartbeat_at is not None)
        first = store.run.state().heartbeat_at
        wait_for(lambda: store.run.state().heartbeat_at != first)


def test_a_change_of_the_activity_is_written_at_once(store: Store) -> None:
    activity = Activity()
    with heartbeats(store.run, activity, beat_s=NEVER_S):
        for text in ("sampling (1 of 9)", "learning"):
            activity.report([text], [], NullProgress())
            wait_for(lambda text=text: store.run.state().activity == text)  # type: ignore[misc]


def test_the_time_of_the_activity_is_that_of_its_beginning(store: Store) -> None:
    activity = Activity()
    activity.report(["learning"], [], NullProgress())
    with heartbeats(store.run, activity, beat_s=0.01):
        wait_for(lambda: store.run.state().activity == "learning")
        since, beat = store.run.state().activity_since, store.run.state().heartbeat_at
        wait_for(lambda: store.run.state().heartbeat_at != beat)
    assert store.run.state().activity_since == since


def test_it_ends_at_once_with_its_context(store: Store) -> None:
    began = time.monotonic()
    with heartbeats(store.run, Activity(), beat_s=NEVER_S):
        pass
    assert time.monotonic() - began < LIMIT_S
