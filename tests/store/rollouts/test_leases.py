from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from store.errors import (
    IterationClosedError,
    IterationUnfinishedError,
    NothingToScheduleError,
    StoreError,
    UnknownPolicyError,
)
from store.records import Outcome, Policy, Purpose, Sampling, Split

GREEDY = Sampling(temperature=0.0)


def test_scheduling_gives_an_iteration_its_rollouts_once(filled):
    assert filled.iterations.schedule(1, problems=5, samples=4, sampling=Sampling()) == 20
    assert (
        filled.iterations.schedule(1, problems=9, samples=9, sampling=Sampling()) == 20
    )  # a resumed run goes on with it
    assert filled.iterations.progress(1) == (0, 20)


def test_scheduling_more_problems_than_there_are_takes_all(filled):
    assert filled.iterations.schedule(1, problems=1000, samples=2, sampling=Sampling()) == 40


def test_scheduling_takes_training_problems_alone(filled):
    filled.iterations.schedule(1, problems=1000, samples=1, sampling=Sampling())
    assert {a.problem.split for a in filled.assignments.lease("a", 100, 60)} == {Split.TRAIN}


def test_fewest_attempts_first_reaches_every_problem_before_any_twice(filled):
    seen = []
    for iteration in (1, 2):
        filled.iterations.open(iteration, policy_version=1)
        filled.iterations.schedule(iteration, problems=10, samples=2, sampling=Sampling(), seed=iteration)
        seen.append({a.problem.id for a in filled.assignments.lease("a", 100, 60)})
    assert len(seen[0]) == len(seen[1]) == 10
    assert not seen[0] & seen[1]


def test_the_uniform_rule_draws_by_its_seed(filled):
    drawn = []
    for iteration, seed in ((1, 7), (2, 7), (3, 8)):
        filled.iterations.open(iteration, policy_version=1)
        filled.iterations.schedule(iteration, 8, 1, Sampling(), rule="uniform", seed=seed)
        drawn.append([a.problem.id for a in filled.assignments.lease("a", 100, 60)])
    assert drawn[0] == drawn[1] != drawn[2]


def scheduled(store, iteration, problems, rule, seed=0):
    """The problems that an iteration was given."""
    store.iterations.open(iteration, policy_version=1)
    store.iterations.schedule(iteration, problems, 1, Sampling(), rule=rule, seed=seed)
    return [a.problem.id for a in store.assignments.lease(f"{rule} {iteration}", 100, 60)]


def solve(store, make, iteration, pass_rates):
    """Ten attempts at each of these problems, of which that many are accepted."""
    store.iterations.open(iteration, policy_version=1)
    store.iterations.schedule(iteration, 20, 10, Sampling())
    for assignment in store.assignments.lease("solver", 100, 60):
        accepted = pass_rates.get(assignment.problem.id, 0)
        outcomes = [Outcome.ACCEPTED if i < accepted else Outcome.WRONG for i in assignment.pending]
        store.rollouts.add(make.attempt(assignment, i, outcome) for i, outcome in enumerate(outcomes))


def test_fewest_accepted_first_goes_by_what_was_solved(filled, make):
    solve(filled, make, 1, {f"p{i}": 5 for i in range(15)})
    assert sorted(scheduled(filled, 2, 5, "fewest_accepted_first")) == [f"p{i}" for i in range(15, 20)]


def test_by_difficulty_spends_most_on_what_is_sometimes_solved_and_a_little_on_all(filled, make):
    solve(filled, make, 1, {f"p{i}": 10 for i in range(5)} | {f"p{i}": 5 for i in range(5, 10)})
    drawn = Counter(name for i in range(2, 42) for name in scheduled(filled, i, 5, "by_difficulty", seed=i))
    per_problem = {
        kind: sum(drawn[f"p{i}"] for i in numbers) / len(numbers)
        for kind, numbers in {"always": range(5), "sometimes": range(5, 10), "never": range(10, 20)}.items()
    }
    assert per_problem["sometimes"] > 2 * max(per_problem["always"], per_problem["never"])
    assert min(drawn[f"p{i}"] for i in range(20)) > 0


def test_an_iteration_is_not_closed_before_its_rollouts_are_there(filled, make):
    filled.iterations.schedule(1, problems=2, samples=2, sampling=Sampling())
    one, two = filled.assignments.lease("a", 10, 60)
    filled.rollouts.add([make.attempt(one, 0), make.attempt(one, 1), make.attempt(two, 0)])
    with pytest.raises(IterationUnfinishedError, match="iteration 1 lacks 1 rollouts of 1 assignments"):
        filled.iterations.close(1, {})
    filled.rollouts.add([make.attempt(two, 1)])
    filled.iterations.close(1, {})
    assert filled.iterations.all()[0].closed_at is not None


def test_an_unknown_rule_or_policy_is_refused(filled):
    with pytest.raises(StoreError, match=r"no scheduling rule 'luck': use one of fewest_attempts_first, .*, uniform"):
        filled.iterations.schedule(1, 1, 1, Sampling(), rule="luck")
    with pytest.raises(UnknownPolicyError, match="no policy version 5"):
        filled.iterations.open(2, policy_version=5)


def test_scheduling_without_problems_says_so(store):
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


def test_leased_work_is_not_leased_to_another_until_it_expires(filled, clock):
    filled.iterations.schedule(1, problems=3, samples=2, sampling=Sampling())
    first = filled.assignments.lease("a", 10, ttl_s=60)
    assert len(first) == 3
    assert filled.assignments.lease("b", 10, ttl_s=60) == []
    clock.now_s += 59
    assert filled.assignments.lease("b", 10, ttl_s=60) == []
    clock.now_s += 1
    assert filled.assignments.lease("b", 10, ttl_s=60) == first


def test_an_extended_lease_holds(filled, clock):
    filled.iterations.schedule(1, problems=3, samples=2, sampling=Sampling())
    held = [assignment.id for assignment in filled.assignments.lease("a", 2, ttl_s=60)]
    clock.now_s += 50
    assert filled.assignments.extend("a", held, ttl_s=60) == 2
    clock.now_s += 50
    assert len(filled.assignments.lease("b", 10, ttl_s=60)) == 1


def test_a_lease_that_its_owner_never_heard_of_ends(filled, clock):
    filled.iterations.schedule(1, problems=3, samples=2, sampling=Sampling())
    lost = filled.assignments.lease("a", 1, ttl_s=60)  # the answer did not arrive
    (known,) = filled.assignments.lease("a", 1, ttl_s=60)
    clock.now_s += 50
    assert filled.assignments.extend("a", [known.id], ttl_s=60) == 1
    clock.now_s += 50
    assert filled.assignments.lease("b", 1, ttl_s=60) == lost


def test_what_another_holds_by_now_is_not_extended(filled, clock):
    filled.iterations.schedule(1, problems=1, samples=2, sampling=Sampling())
    (held,) = filled.assignments.lease("a", 1, ttl_s=60)
    clock.now_s += 61
    assert filled.assignments.lease("b", 1, ttl_s=60)
    assert filled.assignments.extend("a", [held.id], ttl_s=60) == 0


def test_released_work_is_leased_again_at_once(filled):
    filled.iterations.schedule(1, problems=3, samples=2, sampling=Sampling())
    filled.assignments.lease("a", 10, ttl_s=60)
    assert filled.assignments.release("a") == 3
    assert len(filled.assignments.lease("b", 10, ttl_s=60)) == 3


def test_a_second_owner_gets_the_pending_samples_alone(filled, make, clock):
    filled.iterations.schedule(1, problems=1, samples=4, sampling=Sampling())
    (assignment,) = filled.assignments.lease("a", 1, ttl_s=60)
    filled.rollouts.add([make.attempt(assignment, 1), make.attempt(assignment, 3)])
    clock.now_s += 61
    (again,) = filled.assignments.lease("b", 1, ttl_s=60)
    assert again.pending == (0, 2)


def test_two_owners_of_an_expired_lease_write_each_sample_once(filled, make, clock):
    filled.iterations.schedule(1, problems=1, samples=4, sampling=Sampling())
    (slow,) = filled.assignments.lease("slow", 1, ttl_s=60)
    clock.now_s += 61
    (quick,) = filled.assignments.lease("quick", 1, ttl_s=60)
    assert filled.rollouts.add([make.attempt(quick, i) for i in (0, 1, 2)]) == 3
    assert filled.rollouts.add([make.attempt(slow, i, answer="another") for i in range(4)]) == 1
    assert filled.iterations.progress(1) == (4, 4)
    clock.now_s += 1000
    assert filled.assignments.lease("third", 1, ttl_s=60) == []


def test_evaluations_are_leased_before_training(filled):
    filled.iterations.schedule(1, problems=5, samples=1, sampling=Sampling())
    filled.evaluations.schedule(1, "heldout", sampling=GREEDY, limit=3)
    leased = filled.assignments.lease("a", 5, ttl_s=60)
    assert [a.purpose for a in leased] == [Purpose.EVAL] * 3 + [Purpose.TRAIN] * 2
    assert leased[0].sampling == GREEDY


def test_an_evaluation_of_another_policy_is_left_to_its_own_samplers(filled):
    filled.evaluations.schedule(1, "heldout", sampling=GREEDY, limit=3)
    assert filled.assignments.lease("a", 5, ttl_s=60, policy_version=2) == []
    assert len(filled.assignments.lease("a", 5, ttl_s=60, policy_version=1)) == 3


def test_work_leased_by_many_threads_is_shared_without_overlap(filled):
    filled.iterations.schedule(1, problems=20, samples=1, sampling=Sampling())

    def drain(owner: str) -> list[int]:
        mine: list[int] = []
        while leased := filled.assignments.lease(owner, 2, ttl_s=60):
            mine += [a.id for a in leased]
        return mine

    with ThreadPoolExecutor(6) as threads:
        taken = [i for ids in threads.map(drain, "abcdef") for i in ids]
    assert len(taken) == len(set(taken)) == 20
