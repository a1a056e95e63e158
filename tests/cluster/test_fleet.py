"""Waiting for rollouts: what is asked of a run is heeded at every look."""

from collections.abc import Iterator
from typing import Any

import pytest

from cluster.config import RaySettings
from cluster.fleet import Fleet
from cluster.progress import Silence
from store.records import Policy


class NoSamplers:
    """RLlib's group, as far as a wait asks it, with nobody in it."""

    def foreach_env_runner_async(self, *_: Any, **__: Any) -> int:
        return 0

    def fetch_ready_async_reqs(self, **_: Any) -> list[Any]:
        return []

    def healthy_env_runner_ids(self) -> list[int]:
        return []

    def num_healthy_remote_env_runners(self) -> int:
        return 0

    def num_remote_env_runners(self) -> int:
        return 0


def test_a_request_is_heeded_while_rollouts_come_in() -> None:
    class StoppedError(Exception):
        pass

    def counts() -> Iterator[tuple[int, int]]:
        for done in range(100):
            yield done, 100

    def stop() -> bool:
        raise StoppedError

    count = counts()
    fleet = Fleet(NoSamplers(), RaySettings())  # type: ignore[arg-type]
    with pytest.raises(StoppedError):
        fleet.await_rollouts(Policy(0, None, ""), lambda: next(count), Silence(), has_paused=stop)
    assert next(count) == (1, 100)
