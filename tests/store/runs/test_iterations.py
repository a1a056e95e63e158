"""Iterations: what scheduling gives them, their progress, and when they can be closed."""

from dataclasses import replace

import pytest

from store.errors import (
    IterationClosedError,
    NothingToScheduleError,
    StoreError,
    UnknownPolicyError,
)
from store.records import Outcome, Policy, Purpose, Sampling, Split, Support
from store.runs.iterations import IterationState

GREEDY = Sampling(temperature=0.0)


def test_scheduling_gives_an_iteration_its_rollouts_once(filled):
    assert filled.iterations.schedule(1, problems=5, samples=4, sampling=Sampling()) == 20
    # A resumed run continues it.
    assert filled.iterations.schedule(1, problems=9, samples=9, sampling=Sampling()) == 20
    assert filled.iterations.progress(1) == (0, 20)


def test_scheduling_more_problems_than_there_are_takes_all(filled):
    assert filled.iterations.schedule(1, problems=1000, samples=2, sampling=Sampling()) == 40


def test_scheduling_selects_only_training_problems(filled):
    filled.iterations.schedule(1, problems=1000, samples=1, sampling=Sampling())
    assert {a.problem.split for a in filled.assignments.lease("a", 100, 60).assignments} == {Split.TRAIN}


def test_an_iteration_is_closed_at_its_quorum_and_its_stragglers_are_still_sampled(filled, make, clock):
    filled.iterations.schedule(1, problems=2, samples=2, sampling=Sampling())
    one, two = filled.assignments.lease("a", 10, 60).assignments
    filled.rollouts.add([make.attempt(one, 0), make.attempt(one, 1), make.attempt(two, 0)])
    filled.iterations.close(1, {})
    assert filled.iterations.all()[0].closed_at == clock.now_s
    clock.now_s += 61
    (straggler,) = filled.assignments.lease("b", 10, 60).assignments
    assert straggler.pending == (1,)
    assert filled.rollouts.add([make.attempt(straggler, 1)]) == 1
    assert filled.iterations.progress(1) == (4, 4)


def test_the_brief_counts_what_open_iterations_lack(filled, make):
    for number in (2, 3):
        filled.iterations.open(number, policy_version=1)
        filled.iterations.schedule(number, problems=3, samples=2, sampling=Sampling(), seed=number)
    filled.evaluations.schedule(1, "heldout", sampling=GREEDY)
    leased = filled.assignments.lease("a", 100, 60, purpose=Purpose.TRAIN).assignments
    filled.rollouts.add([make.attempt(assignment, 0) for assignment in leased[:4]])
    filled.iterations.close(2, {})
    assert filled.iterations.brief() == [
        IterationState(1, 1, scheduled=0, missing=0, is_closed=False),
        IterationState(2, 1, scheduled=0, missing=3, is_closed=True),
        IterationState(3, 1, scheduled=6, missing=5, is_closed=False),
    ]


def test_an_unknown_rule_or_policy_is_refused(filled):
    with pytest.raises(StoreError, match=r"no scheduling rule 'luck': use one of fewest_attempts_first, .*, uniform"):
        filled.iterations.schedule(1, 1, 1, Sampling(), rule="luck")
    with pytest.raises(UnknownPolicyError, match="no policy version 5"):
        filled.iterations.open(2, policy_version=5)


def test_scheduling_without_problems_is_an_error(store):
    store.policies.add(Policy(1, None, "policies/1"))
    store.iterations.open(1, policy_version=1)
    with pytest.raises(NothingToScheduleError, match="no training problems in the store"):
        store.iterations.schedule(1, 1, 1, Sampling())
    with pytest.raises(NothingToScheduleError, match="no problems in the store"):
        store.evaluations.schedule(1, "heldout", sampling=GREEDY)


def test_a_closed_iteration_is_not_opened_again(filled):
    filled.iterations.open(1, policy_version=1)
    filled.iterations.close(1, {"loss": 0.5, "norm": float("nan")})
    with pytest.raises(IterationClosedError, match="iteration 1 is closed"):
        filled.iterations.open(1, policy_version=1)
    assert filled.iterations.all()[0].metrics == {"loss": 0.5, "norm": None}


def test_outcomes_are_counted_by_iteration_without_evaluations(filled, make):
    filled.iterations.schedule(1, problems=3, samples=1, sampling=Sampling())
    filled.evaluations.schedule(1, "heldout", sampling=GREEDY)
    leased = filled.assignments.lease("a", 100, 60).assignments
    training = [a for a in leased if a.purpose is Purpose.TRAIN]
    filled.rollouts.add([make.attempt(a, 0, Outcome.ACCEPTED) for a in leased if a.purpose is Purpose.EVAL])
    filled.rollouts.add([make.attempt(a, 0, Outcome.ACCEPTED) for a in training[:2]])
    filled.rollouts.add([make.attempt(training[2], 0, Outcome.WRONG)])

    assert filled.iterations.outcomes() == {1: {"accepted": 2, "wrong": 1}}
    assert filled.iterations.outcomes(2) == {}
    assert (filled.iterations.blocks_run(1), filled.iterations.blocks_run(2)) == (3, 0)


def test_accepted_rollouts_are_counted_by_support(filled, make):
    filled.iterations.schedule(1, problems=1, samples=4, sampling=Sampling())
    (assignment,) = filled.assignments.lease("a", 10, 60).assignments
    verdicts = (Support.SUPPORTED, Support.SUPPORTED, Support.NO_CODE, None)
    filled.rollouts.add(replace(make.attempt(assignment, i), support=support) for i, support in enumerate(verdicts))
    assert filled.iterations.support(1) == {"supported": 2, "no_code": 1}
    assert filled.iterations.support(2) == {}
