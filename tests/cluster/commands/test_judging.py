"""What a resumed run takes for judged: a score alone does not say that its iteration was closed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.config.run_config import load_config
from cluster.loop.algorithm import SelfTraining
from eval.metrics import counted, figures
from learner.settings import Phase
from store.records import Outcome, Policy, Problem, Purpose, Rollout, Sampling, Split, rollout_id
from store.store import Store

DEMO = load_config("demo", None, [])


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[SelfTraining]:
    """The loop over a store with a base policy and a warm start, without samplers and learner."""
    loop: SelfTraining = object.__new__(SelfTraining)
    loop.run = DEMO
    with Store.open(f"sqlite:///{tmp_path / 'store.db'}") as loop.store:
        loop.store.problems.add(heldout(number) for number in range(10))
        loop.store.policies.add(Policy(0, None, "v0"))
        loop.store.policies.add(Policy(1, 0, "v1", config={"phase": Phase.WARM_START.value}))
        yield loop


def score(store: Store, version: int, solved: int) -> None:
    """Measures a policy, which solves so many of the held-out problems."""
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
    answers = store.evaluations.answers(evaluation)
    store.evaluations.finish(evaluation, figures(answers), counted(answers))


def heldout(number: int) -> Problem:
    return Problem(f"p{number}", f"What is {number}?", "1", "test", Split.HELDOUT, f"k{number}")


def test_a_first_policy_that_was_measured_is_judged_once_it_is_promoted(loop: SelfTraining) -> None:
    assert not loop._is_judged(loop.store.policies.get(1))
    score(loop.store, 1, 5)
    assert not loop._is_judged(loop.store.policies.get(1))
    loop.store.policies.promote(1)
    assert loop._is_judged(loop.store.policies.get(1))


def test_an_iterations_policy_is_judged_once_its_iteration_is_closed(loop: SelfTraining) -> None:
    score(loop.store, 1, 5)
    loop.store.policies.promote(1)
    loop.store.iterations.open(1, 1)
    loop.store.policies.add(Policy(2, 1, "v2", config={"phase": Phase.ITERATION.value}))
    score(loop.store, 2, 4)  # worse: it is never promoted
    assert not loop._is_judged(loop.store.policies.get(2))
    loop.store.iterations.close(1, {"policy_version": 2})
    assert loop._is_judged(loop.store.policies.get(2))


def test_a_policy_that_is_better_is_not_judged_before_it_is_promoted(loop: SelfTraining) -> None:
    score(loop.store, 0, 0)
    loop.store.policies.promote(0)
    score(loop.store, 1, 5)
    assert not loop._is_judged(loop.store.policies.get(1))


def test_a_warm_start_that_is_worse_than_the_base_is_judged(loop: SelfTraining) -> None:
    score(loop.store, 0, 5)
    loop.store.policies.promote(0)
    score(loop.store, 1, 1)
    assert loop._is_judged(loop.store.policies.get(1))


def test_policies_are_compared_on_the_problems_that_both_were_measured_on(loop: SelfTraining) -> None:
    score(loop.store, 0, 5)
    loop.store.policies.promote(0)
    loop.store.problems.add(heldout(number) for number in range(10, 30))  # harder ones, of which it solves none
    score(loop.store, 1, 0)
    assert loop._is_worse(loop.store.policies.get(1), loop.store.policies.get(0))
    answers = loop.store.evaluations.benchmark_answers(1, "heldout")
    assert len(answers) == 30
    assert len(loop.store.evaluations.benchmark_answers(0, "heldout")) == 10
