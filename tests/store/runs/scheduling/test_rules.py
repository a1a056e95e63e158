"""Scheduling rules: which problems an iteration attempts."""

import random
from collections import Counter
from hashlib import sha256

import pytest

from store.errors import UnknownRecordError
from store.records import Outcome, Sampling


def test_fewest_attempts_first_reaches_every_problem_before_any_twice(filled):
    seen = []
    for iteration in (1, 2):
        filled.iterations.open(iteration, policy_version=1)
        filled.iterations.schedule(iteration, problems=10, samples=2, sampling=Sampling(), seed=iteration)
        seen.append({a.problem.id for a in filled.assignments.lease("a", 100, 60).assignments})
    assert len(seen[0]) == len(seen[1]) == 10
    assert not seen[0] & seen[1]


def test_the_uniform_rule_draws_by_its_seed(filled):
    drawn = []
    for iteration, seed in ((1, 7), (2, 7), (3, 8)):
        filled.iterations.open(iteration, policy_version=1)
        filled.iterations.schedule(iteration, 8, 1, Sampling(), rule="uniform", seed=seed)
        drawn.append([a.problem.id for a in filled.assignments.lease("a", 100, 60).assignments])
    assert drawn[0] == drawn[1] != drawn[2]


def scheduled(store, iteration, problems, rule, seed=0):
    """The problems that an iteration attempts."""
    store.iterations.open(iteration, policy_version=1)
    store.iterations.schedule(iteration, problems, 1, Sampling(), rule=rule, seed=seed)
    return [a.problem.id for a in store.assignments.lease(f"{rule} {iteration}", 100, 60).assignments]


def permuted(problem_id, seed):
    """The place of a problem in the permutation of a seed."""
    prime, rng = 2**31 - 1, random.Random(f"order-{seed}")
    factor, shift = rng.randrange(1, prime), rng.randrange(prime)
    return (int.from_bytes(sha256(problem_id.encode()).digest()[:8]) % prime * factor + shift) % prime


def solve(store, make, iteration, pass_rates, **solution):
    """Ten attempts at each of twenty problems, of which that many are accepted."""
    store.iterations.open(iteration, policy_version=1)
    store.iterations.schedule(iteration, 20, 10, Sampling())
    for assignment in store.assignments.lease("solver", 1000, 60).assignments:
        accepted = pass_rates.get(assignment.problem.id, 0)
        outcomes = [Outcome.ACCEPTED if i < accepted else Outcome.WRONG for i in assignment.pending]
        store.rollouts.add(make.attempt(assignment, i, outcome, **solution) for i, outcome in enumerate(outcomes))


def test_fewest_accepted_first_prefers_unsolved_problems(filled, make):
    solve(filled, make, 1, {f"p{i}": 5 for i in range(15)})
    assert sorted(scheduled(filled, 2, 5, "fewest_accepted_first")) == [f"p{i}" for i in range(15, 20)]


def test_by_difficulty_makes_as_many_attempts_and_keeps_its_reasons(filled, make):
    solve(filled, make, 1, {f"p{i}": 5 for i in range(10)})
    filled.iterations.open(2, policy_version=1)
    assert filled.iterations.schedule(2, 5, 4, Sampling(), rule="by_difficulty") == 20
    decisions = [filled.iterations.effort(f"p{i}").decisions[1:] for i in range(20)]
    chosen = [decision for of_problem in decisions for decision in of_problem]
    assert sum(decision.samples for decision in chosen) == 20
    assert all(0 < decision.pass_rate < 1 and decision.weight > 0 for decision in chosen)


def test_by_difficulty_attempts_all_problems_of_a_small_store(filled):
    filled.iterations.open(2, policy_version=1)
    assert filled.iterations.schedule(2, 100, 4, Sampling(), rule="by_difficulty") == 80


def test_the_schedule_of_the_default_rule_is_as_ever(filled):
    """The order of the first version: fewest attempts, then a permutation of the problems by the seed."""
    names, attempts = [f"p{i}" for i in range(20)], Counter()
    for iteration, problems in ((1, 7), (2, 12), (3, 12)):
        order = {name: (attempts[name], permuted(name, iteration), name) for name in names}
        expected = sorted(names, key=order.__getitem__)
        chosen = scheduled(filled, iteration, problems, "fewest_attempts_first", seed=iteration)
        assert chosen == expected[:problems]
        attempts += Counter(chosen)


def test_rollouts_without_a_verdict_make_no_problem_difficult(filled, make):
    solve(filled, make, 1, {f"p{i}": 10 for i in range(20)})
    before = filled.iterations.effort("p3")
    filled.iterations.open(2, policy_version=1)
    filled.iterations.schedule(2, 20, 3, Sampling())
    for assignment in filled.assignments.lease("other", 1000, 60).assignments:
        outcomes = (Outcome.FAULT, Outcome.UNDECIDED, Outcome.UNVERIFIABLE)
        filled.rollouts.add(make.attempt(assignment, i, outcomes[i]) for i in assignment.pending)
    after = filled.iterations.effort("p3")
    assert (after.judged, after.accepted, after.judged_tokens) == (before.judged, before.accepted, before.judged_tokens)


def test_the_effort_on_a_problem_tells_what_came_of_each_decision(filled, make):
    solve(filled, make, 1, {"p3": 4}, code="print(1)")
    filled.iterations.open(2, policy_version=1)
    filled.iterations.schedule(2, 20, 2, Sampling(), rule="by_difficulty")
    effort = filled.iterations.effort("p3")
    first = effort.decisions[0]
    assert (first.iteration, first.samples, first.outcomes, first.solutions) == (1, 10, {"accepted": 4, "wrong": 6}, 1)
    assert (first.pass_rate, first.weight) == (None, None)
    assert (effort.attempts - 10, effort.judged, effort.accepted, effort.solutions) == (
        sum(decision.samples for decision in effort.decisions[1:]), 10, 4, 1
    )  # fmt: skip
    assert effort.judged_tokens == 50
    assert all(decision.outcomes == {} and decision.weight for decision in effort.decisions[1:])
    assert effort.next_iteration == 3
    assert effort.worth.known == 1
    assert effort.mean_weight > 0


def test_the_effort_on_a_held_out_problem_has_no_worth(filled):
    effort = filled.iterations.effort("p25")
    assert (effort.worth, effort.decisions) == (None, ())


def test_the_effort_on_an_unknown_problem_is_an_error(filled):
    with pytest.raises(UnknownRecordError, match="no problem 'nobody'"):
        filled.iterations.effort("nobody")
