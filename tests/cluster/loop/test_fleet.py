"""The fleet of samplers: refusals and failures are recorded and restarted, and a pause or stop takes effect."""

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
from cluster.loop.progress import NullProgress
from cluster.loop.supervision.fleet import Fleet, SamplersLostError
from store.records import Policy

POLICY = Policy(3, None, "policies/3")
REFUSAL = RayTaskError("set_state", "a traceback", EngineStartError("vLLM did not start:\n max_model_len is too large"))
DEATH = RayActorError()


class Group:
    """RLlib's group, as far as a fleet uses it: each sampler replies to the requests of a tag with its answers in turn.

    As in RLlib, a sampler whose reply is an error is out of service until it is probed.
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
def killed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The samplers that the fleet killed."""
    killed: list[int] = []
    monkeypatch.setattr(fleet_module.ray, "kill", lambda actor, no_restart: killed.append(actor))
    monkeypatch.setattr(fleet_module, "_log_folder", lambda: "logs")
    return killed


def make_fleet(group: Group, notes: list[str], **settings: float) -> Fleet:
    return Fleet(group, RaySettings(**settings), notes.append)  # type: ignore[arg-type]


def test_a_policy_that_all_refuse_ends_the_run_at_once_with_the_reason() -> None:
    group = Group(swap={1: [REFUSAL], 2: [REFUSAL]})
    with pytest.raises(SamplersLostError, match=r"no sampler loaded policy 3: .*max_model_len is too large"):
        make_fleet(group, []).set_policy(POLICY)


def test_a_single_sampler_that_refuses_is_restarted_and_the_others_continue(killed: list[int]) -> None:
    group, notes = Group(swap={1: [3], 2: [REFUSAL, 3]}), list[str]()
    fleet = make_fleet(group, notes)
    fleet.set_policy(POLICY)
    assert killed == [2]
    assert notes == ["sampler 2 is restarted: vLLM did not start: max_model_len is too large"]
    fleet.supervise(POLICY, wait_s=0.0)
    assert group.healthy == {1, 2}


def test_a_sampler_that_refuses_a_later_policy_gets_it_once_more(
    killed: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet_module, "_PROBE_EVERY_S", 0.0)
    fleet = make_fleet(Group(swap={1: [2, REFUSAL, 3, REFUSAL, REFUSAL]}), [])
    fleet.set_policy(Policy(2, None, "policies/2"))
    fleet.set_policy(POLICY)
    assert killed == [1]
    with pytest.raises(SamplersLostError, match="no sampler loaded policy 4"):
        fleet.set_policy(Policy(4, None, "policies/4"))


def test_a_sampler_that_dies_is_waited_for_while_no_other_has_the_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleet_module, "_PROBE_EVERY_S", 0.0)
    notes = list[str]()
    make_fleet(Group(swap={1: [DEATH, 3]}), notes).set_policy(POLICY)
    assert notes == ["sampler 1 is restarted: its process died"]


def test_a_failure_of_a_sampler_is_notified_once_and_restarts_it(killed: list[int]) -> None:
    failure = RayTaskError("sample", "a traceback", OSError("the engine is dead"))
    group, notes = Group(sample={1: [failure, DEATH]}), list[str]()
    fleet = make_fleet(group, notes)
    assert fleet.poll(wait_s=0.0) == []
    group.healthy = {1}
    assert fleet.poll(wait_s=0.0) == []
    assert notes == ["sampler 1 is restarted: the engine is dead"]
    assert killed == [1]
    assert "sampler 1: the engine is dead" in fleet.describe()


def test_an_unresponsive_sampler_is_restarted(killed: list[int]) -> None:
    notes = list[str]()
    fleet = make_fleet(Group(sample={1: []}), notes, sampler_silence_s=0.05)
    fleet.poll(wait_s=0.0)
    time.sleep(0.1)
    fleet.poll(wait_s=0.0)
    assert killed == [1]
    assert "has not answered" in notes[0]


def test_a_sampler_that_was_not_polled_is_not_unresponsive(killed: list[int]) -> None:
    reply = {"ready": True}
    fleet = make_fleet(Group(sample={1: [reply]}), [], sampler_silence_s=0.05)
    fleet.poll(wait_s=0.0)
    time.sleep(0.1)
    fleet.poll(wait_s=0.0)
    assert killed == []


def test_samplers_that_stay_dead_end_the_run_with_the_last_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleet_module, "_PROBE_EVERY_S", 0.0)
    group = Group(swap={1: [DEATH]})
    group.probe_unhealthy_env_runners = lambda **_: []  # type: ignore[method-assign]
    with pytest.raises(SamplersLostError, match="its process died"):
        make_fleet(group, [], start_timeout_s=0.05).set_policy(POLICY)


def test_a_stop_takes_effect_while_rollouts_arrive() -> None:
    class StoppedError(Exception):
        pass

    def counts() -> Iterator[tuple[int, int]]:
        for done in range(100):
            yield done, 100

    def stop() -> bool:
        raise StoppedError

    count = counts()
    with pytest.raises(StoppedError):
        make_fleet(Group(), []).await_rollouts(POLICY, lambda: next(count), NullProgress(), wait_while_paused=stop)
    assert next(count) == (1, 100)
