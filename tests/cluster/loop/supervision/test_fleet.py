"""The fleet of samplers: those that die, fail or fall silent are replaced, and what holds each up is said."""

import time
from types import SimpleNamespace
from typing import Any

import pytest
from ray.exceptions import RayActorError, RayTaskError
from ray.rllib.utils.actor_manager import ResultOrError

from actors.engine import EngineStartError
from cluster.config.run_config import RaySettings
from cluster.loop.supervision import fleet as fleet_module
from cluster.loop.supervision.fleet import Fleet, SamplersLostError

FAILURE = RayTaskError("sample", "a traceback", EngineStartError("vLLM did not start:\n max_model_len is too large"))
DEATH = RayActorError()


def reply(sampler: int, **changes: Any) -> dict[str, Any]:
    """The reply of a sampler at work."""
    told = {"name": f"sampler-{sampler}", "state": "sampling", "detail": None, "starts": 1, "held": 4, "progress": 10}
    return {**told, "ready": True, **changes}


def starting(sampler: int, starts: int = 1) -> dict[str, Any]:
    return reply(sampler, state="starting", ready=False, starts=starts, held=0, progress=0)


class Group:
    """RLlib's group, as far as a fleet uses it: each sampler replies to the requests with its answers in turn.

    As in RLlib, a sampler whose reply is an error is out of service until it is probed.
    """

    def __init__(self, answers: dict[int, list[Any]]) -> None:
        self.answers = answers
        self.healthy = set(answers)
        self.restarts = 0
        self.demand = None
        self._asked: set[int] = set()
        self._worker_manager = self

    def foreach_env_runner_async(self, _: str, **__: Any) -> None:
        self._asked |= self.healthy

    def fetch_ready_async_reqs(self, **_: Any) -> list[Any]:
        found = []
        for sampler in sorted(self._asked):
            if self.answers[sampler]:
                self._asked.discard(sampler)
                answer = self.answers[sampler].pop(0)
                failed = isinstance(answer, Exception)
                self.healthy -= {sampler} if failed else set()
                result = ResultOrError(error=answer) if failed else ResultOrError(result=answer)
                found.append(SimpleNamespace(actor_id=sampler, get=result.get))
        return found

    def probe_unhealthy_env_runners(self, **_: Any) -> list[int]:
        back = sorted(self.answers.keys() - self.healthy)
        self.healthy |= set(back)
        self.restarts += len(back)
        return back

    def add_workers(self, count: int) -> None:
        new = range(max(self.answers, default=0) + 1, max(self.answers, default=0) + 1 + count)
        self.answers |= {sampler: [] for sampler in new}
        self.healthy |= set(new)

    def remove_actor(self, sampler: int) -> int:
        del self.answers[sampler]
        self.healthy.discard(sampler)
        self._asked.discard(sampler)
        return sampler

    def actors(self) -> dict[int, int]:
        return {sampler: sampler for sampler in self.answers}

    def actor_ids(self) -> list[int]:
        return list(self.answers)

    def healthy_env_runner_ids(self) -> list[int]:
        return sorted(self.healthy)

    def num_healthy_remote_env_runners(self) -> int:
        return len(self.healthy)

    def num_remote_env_runners(self) -> int:
        return len(self.answers)

    def num_remote_worker_restarts(self) -> int:
        return self.restarts


@pytest.fixture(autouse=True)
def killed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The samplers that the fleet killed."""
    killed: list[int] = []
    monkeypatch.setattr(fleet_module.ray, "kill", lambda actor, no_restart=True: killed.append(actor))
    monkeypatch.setattr(fleet_module, "_log_folder", lambda: "logs")
    monkeypatch.setattr(fleet_module, "_PROBE_EVERY_S", 0.0)
    return killed


def make_fleet(answers: dict[int, list[Any]], notes: list[str] | None = None, **settings: float) -> Fleet:
    group: Any = Group(answers)
    return Fleet(group, RaySettings(**settings), (notes if notes is not None else []).append)


def poll(fleet: Fleet, times: int) -> None:
    for _ in range(times):
        fleet.poll(wait_s=0.0)


# ---------------------------------------------------------------- dead samplers


def test_a_sampler_that_dies_between_two_polls_is_polled_again_and_so_started_again() -> None:
    fleet = make_fleet({1: [reply(1), DEATH, starting(1, starts=2), reply(1, starts=2)], 2: [reply(2)] * 4})
    poll(fleet, 2)
    assert fleet.num_working == 1
    assert fleet.holdups() == ["sampler-1 is down: its process died"]
    poll(fleet, 2)
    assert fleet.num_working == 2
    assert fleet.reports[1].starts == 2
    assert fleet.holdups() == []


def test_a_sampler_whose_process_ray_has_replaced_between_two_polls_starts_at_the_next() -> None:
    fleet = make_fleet({1: [reply(1), starting(1, starts=2), reply(1, starts=2)]})
    before = fleet.signs
    poll(fleet, 2)
    assert fleet.num_working == 0
    poll(fleet, 1)
    assert fleet.num_working == 1
    assert fleet.signs != before


def test_a_failure_of_a_sampler_is_notified_once_and_restarts_it(killed: list[int]) -> None:
    failure = RayTaskError("sample", "a traceback", OSError("the engine is dead"))
    notes = list[str]()
    fleet = make_fleet({1: [reply(1), failure, DEATH]}, notes)
    poll(fleet, 3)
    assert notes == ["sampler-1 is restarted: the engine is dead"]
    assert killed == [1]
    assert "sampler-1: the engine is dead" in fleet.describe()


def test_each_death_of_a_new_process_is_notified() -> None:
    notes = list[str]()
    poll(make_fleet({1: [reply(1), DEATH, starting(1, 2), DEATH, starting(1, 3), DEATH]}, notes), 6)
    assert notes == ["sampler-1 is restarted: its process died"] * 3


def test_a_run_in_which_no_sampler_ever_starts_ends_with_the_reason() -> None:
    answers = [starting(1), FAILURE]
    fleet = make_fleet({1: answers * 3, 2: answers * 3})
    with pytest.raises(SamplersLostError, match=r"no sampler starts: sampler-1: .*max_model_len is too large"):
        poll(fleet, 6)


def test_a_run_in_which_every_process_dies_while_it_starts_ends_too() -> None:
    fleet = make_fleet({1: [starting(1), DEATH] * 3})
    with pytest.raises(SamplersLostError, match="no sampler starts: sampler-1: its process died"):
        poll(fleet, 6)


def test_one_sampler_that_never_starts_does_not_end_a_run_in_which_another_works() -> None:
    fleet = make_fleet({1: [starting(1), FAILURE] * 4, 2: [reply(2)] * 8})
    poll(fleet, 8)
    assert fleet.num_working == 1


def test_failures_after_a_sampler_has_worked_do_not_end_the_run() -> None:
    poll(make_fleet({1: [reply(1), *[starting(1), FAILURE] * 4]}), 9)


def test_samplers_that_stay_dead_end_the_run_with_the_last_reason() -> None:
    fleet = make_fleet({1: [reply(1), DEATH]}, samplers_lost_s=0.05)
    fleet._group.probe_unhealthy_env_runners = lambda **_: []
    poll(fleet, 3)
    time.sleep(0.1)
    with pytest.raises(SamplersLostError, match="its process died"):
        poll(fleet, 1)


# ---------------------------------------------------------------- silent samplers


def test_an_unresponsive_sampler_is_restarted(killed: list[int]) -> None:
    notes = list[str]()
    fleet = make_fleet({1: []}, notes, sampler_silence_s=0.05)
    poll(fleet, 1)
    time.sleep(0.1)
    poll(fleet, 1)
    assert killed == [1]
    assert "sampler-1 has not answered" in notes[0]


def test_a_sampler_that_was_not_polled_is_not_unresponsive(killed: list[int]) -> None:
    fleet = make_fleet({1: [reply(1), reply(1)]}, sampler_silence_s=0.05)
    poll(fleet, 1)
    time.sleep(0.1)
    poll(fleet, 1)
    assert killed == []


def test_a_hung_sampler_delays_the_replies_of_no_other() -> None:
    fleet = make_fleet({1: [], 2: [reply(2), reply(2)]})
    assert [stats["name"] for _ in range(2) for stats in fleet.poll(wait_s=5.0)] == ["sampler-2"] * 2


@pytest.mark.parametrize(
    ("missing", "said"), [("1 GPU on one host", "1 GPU on one host"), (None, "its process to start")]
)
def test_a_sampler_that_ray_has_not_placed_says_what_is_missing_and_is_left_alone(
    missing: str | None, said: str, killed: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet_module, "_PLACED_WITHIN_S", 0.0)
    monkeypatch.setattr(fleet_module, "is_pending", lambda actor: actor == 2)
    monkeypatch.setattr(fleet_module, "missing_now", lambda demand: missing)
    fleet = make_fleet({1: [reply(1)] * 2, 2: []}, sampler_silence_s=0.5)
    poll(fleet, 1)
    time.sleep(0.1)
    assert fleet.holdups() == [f"sampler-2 waits for {said}"]
    poll(fleet, 1)
    assert killed == []


# ---------------------------------------------------------------- what they report


def test_statistics_are_those_of_samplers_that_have_started() -> None:
    fleet = make_fleet({1: [reply(1)], 2: [starting(2)]})
    assert [stats["name"] for stats in fleet.poll(wait_s=0.0)] == ["sampler-1"]


def test_what_samplers_hold_is_added_up_without_those_that_are_down() -> None:
    fleet = make_fleet({1: [reply(1, held=3), reply(1, held=3)], 2: [reply(2, held=5), DEATH]})
    poll(fleet, 1)
    assert fleet.held == 8
    poll(fleet, 1)
    assert fleet.held == 3


def test_what_holds_a_sampler_up_is_reported_with_its_name() -> None:
    fleet = make_fleet({1: [reply(1, state="waiting", detail="waits for the store: it is away"), reply(1)]})
    poll(fleet, 1)
    assert fleet.holdups() == ["sampler-1 waiting: waits for the store: it is away"]
    poll(fleet, 1)
    assert fleet.holdups() == []


def test_tokens_and_changes_of_state_are_signs_of_progress_and_silence_is_none() -> None:
    fleet = make_fleet({1: [reply(1), reply(1), reply(1, progress=11), reply(1, progress=11, state="idle")]})
    signs = []
    for _ in range(4):
        poll(fleet, 1)
        signs.append(fleet.signs)
    assert signs[0] == signs[1]
    assert signs[1] != signs[2] != signs[3]


# ---------------------------------------------------------------- size


def test_samplers_can_be_added(killed: list[int]) -> None:
    notes = list[str]()
    fleet = make_fleet({1: [reply(1)]}, notes)
    assert fleet.resize(3) == []
    assert fleet.size == 3
    assert notes == ["2 samplers are added"]
    assert killed == []


def test_the_last_samplers_are_removed_and_named_so_that_their_leases_can_be_released(killed: list[int]) -> None:
    fleet = make_fleet({1: [reply(1)] * 2, 2: [reply(2)], 3: [DEATH]})
    poll(fleet, 1)
    assert fleet.resize(1) == ["sampler-2", "sampler-3"]
    assert killed == [2, 3]
    assert (fleet.size, fleet.held, fleet.holdups()) == (1, 4, [])
    poll(fleet, 1)
    assert fleet.num_working == 1


def test_a_fleet_of_the_right_size_stays_as_it_is(killed: list[int]) -> None:
    notes = list[str]()
    assert make_fleet({1: [], 2: []}, notes).resize(2) == []
    assert (notes, killed) == ([], [])
