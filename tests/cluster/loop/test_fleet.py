"""The driver's view of its samplers: what they refuse and fail of is heard, and what is asked of a run is heeded."""

import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from ray.exceptions import RayActorError, RayTaskError
from ray.rllib.utils.actor_manager import ResultOrError

from actors.engine import EngineStartError
from cluster.config.run_config import RaySettings
from cluster.loop import fleet as fleet_module
from cluster.loop.fleet import Fleet, SamplersLostError
from cluster.loop.progress import Silence
from store.records import Policy

POLICY = Policy(3, None, "policies/3")
REFUSAL = RayTaskError("set_state", "a traceback", EngineStartError("vLLM did not start:\n max_model_len is too large"))
DEATH = RayActorError()


class Group:
    """RLlib's group, as far as a fleet asks it: each sampler answers the requests of a tag with what is left in turn.

    As in RLlib, a sampler whose answer is an error is out of service until it is probed.
    """

    def __init__(self, **answers: dict[int, list[Any]]) -> None:
        self.answers = answers
        self.samplers = {sampler for by_sampler in answers.values() for sampler in by_sampler}
        self.healthy = set(self.samplers)
        self.restarts = 0
        self._asked: list[tuple[str, int]] = []
        self._worker_manager = self

    def foreach_env_runner_async(self, _: str, *, tag: str, remote_worker_ids: Any = None, **__: Any) -> None:
        wanted = self.healthy if remote_worker_ids is None else set(remote_worker_ids)
        self._asked += [(tag, sampler) for sampler in sorted(wanted)]

    def fetch_ready_async_reqs(self, *, tags: str, **_: Any) -> list[Any]:
        mine = [sampler for tag, sampler in self._asked if tag == tags]
        self._asked = [(tag, sampler) for tag, sampler in self._asked if tag != tags]
        found = []
        for sampler in mine:
            left = self.answers.get(tags.partition("-")[0], {}).get(sampler, [])
            if left:
                answer = left.pop(0)
                failed = isinstance(answer, Exception)
                self.healthy -= {sampler} if failed else set()
                result = ResultOrError(error=answer) if failed else ResultOrError(result=answer)
                found.append(SimpleNamespace(actor_id=sampler, get=result.get))
        return found

    def probe_unhealthy_env_runners(self, **_: Any) -> list[int]:
        back = sorted(self.samplers - self.healthy)
        self.healthy |= set(back)
        self.restarts += len(back)
        return back

    def actors(self) -> dict[int, int]:
        return {sampler: sampler for sampler in self.samplers}

    def healthy_env_runner_ids(self) -> list[int]:
        return sorted(self.healthy)

    def num_healthy_remote_env_runners(self) -> int:
        return len(self.healthy)

    def num_remote_env_runners(self) -> int:
        return len(self.samplers)

    def num_remote_worker_restarts(self) -> int:
        return self.restarts


@pytest.fixture(autouse=True)
def ended(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The samplers that the fleet ended."""
    ended: list[int] = []
    monkeypatch.setattr(fleet_module.ray, "kill", lambda actor, no_restart: ended.append(actor))
    monkeypatch.setattr(fleet_module, "_logs", lambda: "logs")
    return ended


def make_fleet(group: Group, said: list[str], **settings: float) -> Fleet:
    return Fleet(group, RaySettings(**settings), said.append)  # type: ignore[arg-type]


def test_a_policy_that_all_refuse_ends_the_run_at_once_with_the_reason() -> None:
    group = Group(swap={1: [REFUSAL], 2: [REFUSAL]})
    with pytest.raises(SamplersLostError, match=r"no sampler takes policy 3: .*max_model_len is too large"):
        make_fleet(group, []).hand_out(POLICY)


def test_a_sampler_that_refuses_alone_is_started_again_and_the_others_go_on(ended: list[int]) -> None:
    group, said = Group(swap={1: [3], 2: [REFUSAL, 3]}), list[str]()
    fleet = make_fleet(group, said)
    fleet.hand_out(POLICY)
    assert ended == [2]
    assert said == ["sampler 2 is started again: vLLM did not start: max_model_len is too large"]
    fleet.attend(POLICY, wait_s=0.0)
    assert group.healthy == {1, 2}


def test_a_sampler_that_does_not_take_a_further_policy_gets_it_once_more(
    ended: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet_module, "_PROBE_EVERY_S", 0.0)
    fleet = make_fleet(Group(swap={1: [2, REFUSAL, 3, REFUSAL, REFUSAL]}), [])
    fleet.hand_out(Policy(2, None, "policies/2"))
    fleet.hand_out(POLICY)
    assert ended == [1]
    with pytest.raises(SamplersLostError, match="no sampler takes policy 4"):
        fleet.hand_out(Policy(4, None, "policies/4"))


def test_a_sampler_that_dies_is_waited_for_while_no_other_has_the_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleet_module, "_PROBE_EVERY_S", 0.0)
    said = list[str]()
    make_fleet(Group(swap={1: [DEATH, 3]}), said).hand_out(POLICY)
    assert said == ["sampler 1 is started again: its process died"]


def test_what_a_sampler_failed_of_is_told_once_and_it_starts_again(ended: list[int]) -> None:
    failure = RayTaskError("sample", "a traceback", OSError("the engine is dead"))
    group, said = Group(sample={1: [failure, DEATH]}), list[str]()
    fleet = make_fleet(group, said)
    assert fleet.poll(wait_s=0.0) == []
    group.healthy = {1}
    assert fleet.poll(wait_s=0.0) == []
    assert said == ["sampler 1 is started again: the engine is dead"]
    assert ended == [1]
    assert "sampler 1: the engine is dead" in fleet.describe()


def test_a_sampler_that_is_silent_for_too_long_is_started_again(ended: list[int]) -> None:
    said = list[str]()
    fleet = make_fleet(Group(sample={1: []}), said, sampler_silence_s=0.05)
    fleet.poll(wait_s=0.0)
    time.sleep(0.1)
    fleet.poll(wait_s=0.0)
    assert ended == [1]
    assert "has not answered" in said[0]


def test_a_sampler_that_was_not_asked_for_long_is_not_silent(ended: list[int]) -> None:
    heard = {"ready": True}
    fleet = make_fleet(Group(sample={1: [heard]}), [], sampler_silence_s=0.05)
    fleet.poll(wait_s=0.0)
    time.sleep(0.1)
    fleet.poll(wait_s=0.0)
    assert ended == []


def test_samplers_that_stay_dead_end_the_run_with_the_last_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleet_module, "_PROBE_EVERY_S", 0.0)
    group = Group(swap={1: [DEATH]})
    group.probe_unhealthy_env_runners = lambda **_: []  # type: ignore[method-assign]
    with pytest.raises(SamplersLostError, match="its process died"):
        make_fleet(group, [], start_timeout_s=0.05).hand_out(POLICY)


def test_a_request_is_heeded_while_rollouts_come_in() -> None:
    class StoppedError(Exception):
        pass

    def counts() -> Iterator[tuple[int, int]]:
        for done in range(100):
            yield done, 100

    def stop() -> bool:
        raise StoppedError

    count = counts()
    with pytest.raises(StoppedError):
        make_fleet(Group(), []).await_rollouts(POLICY, lambda: next(count), Silence(), has_paused=stop)
    assert next(count) == (1, 100)
