from concurrent.futures import ThreadPoolExecutor

import pytest

from store.errors import IterationClosedError, NothingToScheduleError, StoreError, UnknownPolicyError
from store.records import Policy, Purpose, Sampling, Split

GREEDY = Sampling(temperature=0.0)


def test_scheduling_gives_an_iteration_its_rollouts_once(filled):
    assert filled.schedule_training(1, problems=5, samples=4, sampling=Sampling()) == 20
    assert (
        filled.schedule_training(1, problems=9, samples=9, sampling=Sampling()) == 20
    )  # a resumed run goes on with it
    assert filled.progress(1) == (0, 20)


def test_scheduling_more_problems_than_there_are_takes_all(filled):
    assert filled.schedule_training(1, problems=1000, samples=2, sampling=Sampling()) == 40


def test_scheduling_takes_training_problems_alone(filled):
    filled.schedule_training(1, problems=1000, samples=1, sampling=Sampling())
    assert {a.problem.split for a in filled.lease("a", 100, 60)} == {Split.TRAIN}


def test_fewest_attempts_first_reaches_every_problem_before_any_twice(filled):
    seen = []
    for iteration in (1, 2):
        filled.open_iteration(iteration, policy_version=1)
        filled.schedule_training(iteration, problems=10, samples=2, sampling=Sampling(), seed=iteration)
        seen.append({a.problem.id for a in filled.lease("a", 100, 60)})
    assert len(seen[0]) == len(seen[1]) == 10
    assert not seen[0] & seen[1]


def test_the_uniform_rule_draws_by_its_seed(filled):
    drawn = []
    for iteration, seed in ((1, 7), (2, 7), (3, 8)):
        filled.open_iteration(iteration, policy_version=1)
        filled.schedule_training(iteration, 8, 1, Sampling(), rule="uniform", seed=seed)
        drawn.append([a.problem.id for a in filled.lease("a", 100, 60)])
    assert drawn[0] == drawn[1] != drawn[2]


def test_an_unknown_rule_or_policy_is_refused(filled):
    with pytest.raises(StoreError, match="no scheduling rule 'luck': use one of fewest_attempts_first, uniform"):
        filled.schedule_training(1, 1, 1, Sampling(), rule="luck")
    with pytest.raises(UnknownPolicyError, match="no policy version 5"):
        filled.open_iteration(2, policy_version=5)


def test_scheduling_without_problems_says_so(store):
    store.add_policy(Policy(1, None, "policies/1"))
    store.open_iteration(1, policy_version=1)
    with pytest.raises(NothingToScheduleError, match="no training problems in the store"):
        store.schedule_training(1, 1, 1, Sampling())
    with pytest.raises(NothingToScheduleError, match="no problems in the store"):
        store.schedule_evaluation(1, "heldout", sampling=GREEDY)


def test_a_closed_iteration_is_not_opened_again(filled):
    filled.open_iteration(1, policy_version=1)
    filled.close_iteration(1, {"loss": 0.5, "norm": float("nan")})
    with pytest.raises(IterationClosedError, match="iteration 1 is closed"):
        filled.open_iteration(1, policy_version=1)
    assert filled.iterations()[0].metrics == {"loss": 0.5, "norm": None}


def test_leased_work_is_not_leased_to_another_until_it_expires(filled, clock):
    filled.schedule_training(1, problems=3, samples=2, sampling=Sampling())
    first = filled.lease("a", 10, ttl_s=60)
    assert len(first) == 3
    assert filled.lease("b", 10, ttl_s=60) == []
    clock.now_s += 61
    assert filled.lease("b", 10, ttl_s=60) == first


def test_an_extended_lease_holds(filled, clock):
    filled.schedule_training(1, problems=3, samples=2, sampling=Sampling())
    filled.lease("a", 2, ttl_s=60)
    clock.now_s += 50
    assert filled.extend_leases("a", ttl_s=60) == 2
    clock.now_s += 50
    assert len(filled.lease("b", 10, ttl_s=60)) == 1


def test_released_work_is_leased_again_at_once(filled):
    filled.schedule_training(1, problems=3, samples=2, sampling=Sampling())
    filled.lease("a", 10, ttl_s=60)
    assert filled.release_leases("a") == 3
    assert len(filled.lease("b", 10, ttl_s=60)) == 3


def test_a_second_owner_gets_the_pending_samples_alone(filled, make, clock):
    filled.schedule_training(1, problems=1, samples=4, sampling=Sampling())
    (assignment,) = filled.lease("a", 1, ttl_s=60)
    filled.add_rollouts([make.attempt(assignment, 1), make.attempt(assignment, 3)])
    clock.now_s += 61
    (again,) = filled.lease("b", 1, ttl_s=60)
    assert again.pending == (0, 2)


def test_two_owners_of_an_expired_lease_write_each_sample_once(filled, make, clock):
    filled.schedule_training(1, problems=1, samples=4, sampling=Sampling())
    (slow,) = filled.lease("slow", 1, ttl_s=60)
    clock.now_s += 61
    (quick,) = filled.lease("quick", 1, ttl_s=60)
    assert filled.add_rollouts([make.attempt(quick, i) for i in (0, 1, 2)]) == 3
    assert filled.add_rollouts([make.attempt(slow, i, answer="another") for i in range(4)]) == 1
    assert filled.progress(1) == (4, 4)
    clock.now_s += 1000
    assert filled.lease("third", 1, ttl_s=60) == []


def test_evaluations_are_leased_before_training(filled):
    filled.schedule_training(1, problems=5, samples=1, sampling=Sampling())
    filled.schedule_evaluation(1, "heldout", sampling=GREEDY, limit=3)
    leased = filled.lease("a", 5, ttl_s=60)
    assert [a.purpose for a in leased] == [Purpose.EVAL] * 3 + [Purpose.TRAIN] * 2
    assert leased[0].sampling == GREEDY


def test_an_evaluation_of_another_policy_is_left_to_its_own_samplers(filled):
    filled.schedule_evaluation(1, "heldout", sampling=GREEDY, limit=3)
    assert filled.lease("a", 5, ttl_s=60, policy_version=2) == []
    assert len(filled.lease("a", 5, ttl_s=60, policy_version=1)) == 3


def test_work_leased_by_many_threads_is_shared_without_overlap(filled):
    filled.schedule_training(1, problems=20, samples=1, sampling=Sampling())

    def drain(owner: str) -> list[int]:
        mine: list[int] = []
        while leased := filled.lease(owner, 2, ttl_s=60):
            mine += [a.id for a in leased]
        return mine

    with ThreadPoolExecutor(6) as threads:
        taken = [i for ids in threads.map(drain, "abcdef") for i in ids]
    assert len(taken) == len(set(taken)) == 20
