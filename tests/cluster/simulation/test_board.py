"""The board follows the store's rules: both lease the same attempts and name the same policies, whatever happened."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from cluster.simulation.case import Shape
from cluster.simulation.parts.board import Board, Leased, Work
from store.records import Outcome, Policy, PolicySpan, Problem, Purpose, Rollout, Sampling, Split, rollout_id
from store.runs.samplers import SamplerState
from store.store import Store

SAMPLERS = ("a", "b", "c")
WAIT_S, TTL_S = 40.0, 1e6
PROBLEMS, SAMPLES, HELDOUT = 12, 3, 7


class Both:
    """The same run on a real store and on a board, by the same clock."""

    def __init__(self, store: Store) -> None:
        self.now = 1_000.0
        self.store, self.board = store, Board()
        self.board.published = [(0, self.now)]
        self.board.num_active = len(SAMPLERS)
        self.held = dict.fromkeys(SAMPLERS, 0)
        self.leased: dict[str, list[tuple[Leased, str, str]]] = {name: [] for name in SAMPLERS}
        self._works: list[tuple[Work, int]] = []  # of each assignment of the store: its work and first rollout
        self.store.problems.add(problem(i) for i in range(60))
        self.store.policies.add(Policy(0, None, "policies/0"))
        for name in SAMPLERS:
            self.store.samplers.register(name, "host")
        self.num_iterations = 0

    def publish(self) -> None:
        version = self.board.latest + 1
        self.store.policies.add(Policy(version, version - 1, f"policies/{version}", iteration=version))
        self.board.published.append((version, self.now))

    def open_iteration(self) -> None:
        self.num_iterations += 1
        number, shapes = self.num_iterations, [Shape(0, (1,))] * (PROBLEMS * SAMPLES)
        self.store.iterations.open(number, self.board.latest)
        self.store.iterations.schedule(number, PROBLEMS, SAMPLES, Sampling(), seed=number)
        work = self.board.schedule(Purpose.TRAIN, number, self.board.latest, shapes, SAMPLES)
        self._works += [(work, first) for first in range(0, len(shapes), SAMPLES)]

    def evaluate(self) -> None:
        version = self.board.latest
        self.store.evaluations.schedule(version, "heldout", sampling=Sampling(0.0), split=Split.HELDOUT, limit=HELDOUT)
        work = self.board.schedule(Purpose.EVAL, version, version, [Shape(0, (1,))] * HELDOUT, 1)
        self._works += [(work, first) for first in range(HELDOUT)]

    def lease(self, name: str, attempts: int) -> int:
        """Lease from both, assert that they agree, load the policy that they name if that is possible."""
        for sampler in SAMPLERS:
            self.store.samplers.report(sampler, SamplerState.SAMPLING, self.held[sampler], progressed=True)
        owner, held = SAMPLERS.index(name), self.held[name]
        lease = self.store.assignments.lease(name, attempts, TTL_S, held, swap_wait_s=WAIT_S)
        to_hold = self.board.to_hold(owner, held, self.now, WAIT_S)
        assert lease.policy is not None
        assert lease.policy.version == to_hold
        from_store = [
            (self._attempt(one.id, sample), rollout_id(one.id, sample), one.problem.id)
            for one in lease.assignments
            for sample in one.pending
        ]
        from_board = self.board.lease(owner, attempts, held, to_hold)
        assert [attempt for attempt, _, _ in from_store] == from_board
        self.leased[name] += from_store
        if all(attempt.work.purpose is Purpose.TRAIN for attempt, _, _ in self.leased[name]):
            self.held[name] = to_hold
        return len(from_board)

    def _attempt(self, assignment: int, sample: int) -> Leased:
        work, first = self._works[assignment - 1]
        return Leased(work, first + sample)

    def complete(self, name: str, position: int) -> None:
        attempt, rollout, problem_id = self.leased[name].pop(position)
        self.store.rollouts.add([wrong(rollout, problem_id, attempt.work.purpose, self.held[name])])
        self.board.complete(SAMPLERS.index(name), attempt)


def problem(number: int) -> Problem:
    split = Split.TRAIN if number < 40 else Split.HELDOUT
    return Problem(f"p{number}", f"What is {number} + 1?", str(number + 1), "test", split, f"key {number}")


def wrong(name: str, problem_id: str, purpose: Purpose, version: int) -> Rollout:
    return Rollout(
        id=name,
        problem_id=problem_id,
        purpose=purpose,
        outcome=Outcome.WRONG,
        solution_format="tir",
        prompt_ids=(1,),
        token_ids=(2,),
        model_mask=(True,),
        spans=(PolicySpan(version, 0, 1),),
        answer="0",
        assignment_id=int(name.split("-")[0]),
    )


@contextmanager
def both_at(path: Path) -> Iterator[Both]:
    clock: list[Both] = []
    with Store.open(f"sqlite:///{path}", clock=lambda: clock[0].now if clock else 1_000.0) as store:
        both = Both(store)
        clock.append(both)
        yield both


@pytest.mark.parametrize("seed", [0, 1, 5])
def test_board_and_store_agree(tmp_path: Path, seed: int) -> None:
    rng, leased = Random(seed), 0
    with both_at(tmp_path / "store.db") as both:
        for step in range(160):
            both.now += rng.choice((0.0, 1.0, 15.0))
            if step % 40 == 0 or (rng.random() < 0.03 and both.num_iterations < 6):
                both.open_iteration()
            if step % 40 == 20:
                both.publish()
                both.evaluate()
            name = rng.choice(SAMPLERS)
            if rng.random() < 0.5:
                leased += both.lease(name, rng.randint(0, 9))
            for _ in range(rng.randint(0, 5)):
                if both.leased[name]:
                    both.complete(name, rng.randrange(len(both.leased[name])))

        assert leased > 100
        states = both.store.iterations.brief()
        assert [(one.number, one.policy_version, one.scheduled, one.missing) for one in states] == [
            (one.number, one.policy_version, one.scheduled, one.missing) for one in both.board.iterations()
        ]


def test_attempts_whose_leases_expired_are_leased_again_and_before_others(tmp_path: Path) -> None:
    with both_at(tmp_path / "store.db") as both:
        both.open_iteration()
        lost = both.board.lease(0, 6, 0, 0)
        both.board.complete(0, lost[0])
        both.board.abandon(0, lost[1:])

        again = both.board.lease(1, 5, 0, 0)

        assert {one.rollout for one in again} == {one.rollout for one in lost[1:]}


def test_a_rollout_is_completed_once(tmp_path: Path) -> None:
    with both_at(tmp_path / "store.db") as both:
        both.open_iteration()
        (one, *_) = both.board.lease(0, 1, 0, 0)
        both.board.complete(0, one)

        with pytest.raises(AssertionError, match="completed before"):
            both.board.complete(0, one)
