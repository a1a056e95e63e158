"""The position of a run: what comes next, by what its store holds. A score alone does not settle a policy."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cluster.config.loading import load_config
from cluster.loop.position import NextStep, Position, iteration_of, read_position
from eval.metrics import compute_figures
from learner.settings import Phase
from store.records import Decision, Outcome, Policy, Problem, Purpose, Rollout, Sampling, Split, rollout_id
from store.runs.iterations import Iteration
from store.store import Store

DEMO = load_config("demo", None, [])


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """The store of a run with a base policy and a warm start."""
    with Store.open(f"sqlite:///{tmp_path / 'store.db'}") as store:
        store.problems.add(heldout(number) for number in range(10))
        store.policies.add(Policy(0, None, "v0"))
        store.policies.add(Policy(1, 0, "v1", config={"phase": Phase.WARM_START.value}))
        yield store


def position(store: Store) -> Position:
    return read_position(store, DEMO)


def score(store: Store, version: int, solved: int) -> None:
    """Measure a policy that solves so many of the held-out problems."""
    evaluation = store.evaluations.schedule(version, "heldout", sampling=Sampling(0.0))
    for position, assignment in enumerate(store.assignments.lease("test", 100, 60, version)):
        outcome = Outcome.ACCEPTED if position < solved else Outcome.WRONG
        store.rollouts.add(
            [
                Rollout(
                    rollout_id(assignment.id, 0), assignment.problem.id, Purpose.EVAL, outcome, "tir", (1,), (2,),
                    (True,), answer="1", assignment_id=assignment.id
                )
            ]
        )  # fmt: skip
    store.evaluations.finish(evaluation, compute_figures(store.evaluations.answers(evaluation), 1))


def heldout(number: int) -> Problem:
    return Problem(f"p{number}", f"What is {number}?", "1", "test", Split.HELDOUT, f"k{number}")


def test_a_first_policy_that_was_measured_is_settled_once_it_is_promoted(store: Store) -> None:
    assert position(store).next_step is NextStep.MEASURE
    score(store, 1, 5)
    assert position(store).next_step is NextStep.MEASURE
    store.policies.promote(1)
    assert position(store).next_step is NextStep.ITERATE


def test_an_iterations_policy_is_settled_once_its_iteration_is_closed(store: Store) -> None:
    score(store, 1, 5)
    store.policies.promote(1)
    store.iterations.open(1, 1)
    store.policies.add(Policy(2, 1, "v2", config={"phase": Phase.ITERATION.value}))
    score(store, 2, 4)  # worse: it is never promoted
    store.policies.decide(2, Decision.NOT_PROMOTED, {}, "it is worse")
    assert position(store).next_step is NextStep.MEASURE
    store.iterations.close(1, {"policy_version": 2})
    assert position(store).next_step is NextStep.ITERATE


def test_a_policy_that_is_better_is_not_settled_before_it_is_promoted(store: Store) -> None:
    score(store, 0, 0)
    store.policies.promote(0)
    score(store, 1, 5)
    assert position(store).next_step is NextStep.MEASURE


def test_a_warm_start_that_is_worse_than_the_base_is_settled(store: Store) -> None:
    score(store, 0, 5)
    store.policies.promote(0)
    score(store, 1, 1)
    store.policies.decide(1, Decision.NOT_PROMOTED, {}, "it is worse")
    assert position(store).next_step is NextStep.ITERATE


def record(number: int, policy_version: int, *, closed: bool, made: int | None = None) -> Iteration:
    metrics = {"policy_version": made} if made is not None else {}
    return Iteration(number, policy_version, 10, 10, 0.0, 1.0 if closed else None, metrics=metrics)


def make_position(latest: Policy, promoted: Policy | None = None, **changes: Any) -> Position:
    facts: dict[str, Any] = {
        "iterations": (),
        "measured": frozenset(),
        "latest_is_worse": False,
        "measures_base": True,
        "has_teacher": True,
    }
    return Position(latest=latest, promoted=promoted, **(facts | changes))


BASE = Policy(0, None, "v0")
WARM = Policy(1, 0, "v1", config={"phase": Phase.WARM_START.value})
FIRST = Policy(2, 1, "v2", config={"phase": Phase.ITERATION.value})


def test_a_base_is_measured_before_the_warm_start_unless_it_is_not_to_be() -> None:
    assert make_position(BASE).next_step is NextStep.MEASURE
    assert make_position(BASE, measures_base=False).next_step is NextStep.WARM_START
    assert make_position(BASE, BASE, measured=frozenset({0})).next_step is NextStep.WARM_START


def test_without_a_teacher_the_base_is_iterated_on() -> None:
    position = make_position(BASE, BASE, measured=frozenset({0}), has_teacher=False)
    assert position.next_step is NextStep.ITERATE
    assert not position.is_behind
    assert position.current_iteration == 1


def test_iterations_are_counted_by_those_that_are_closed() -> None:
    iterations = (record(1, 1, closed=True, made=2), record(2, 2, closed=False))
    position = make_position(FIRST, FIRST, iterations=iterations, measured=frozenset({1, 2}))
    assert (position.iterations_done, position.current_iteration) == (1, 2)
    assert position.next_step is NextStep.ITERATE


def test_the_open_iteration_is_the_one_that_published_a_policy() -> None:
    iterations = (record(1, 1, closed=False),)
    assert iteration_of(FIRST, iterations) == 1
    assert iteration_of(WARM, iterations) == 0
