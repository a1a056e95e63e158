"""Which work is open to which policy, which policy a sampler is to load, and how samplers share what is left."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from store.records import Decision, Policy, Purpose, Sampling
from store.rollouts.work import ACTIVE_S, NOT_SAMPLING
from store.runs.run_state import DesiredState
from store.runs.samplers import SamplerState

GREEDY = Sampling(temperature=0.0)
TTL_S = 60
WAIT_S = 300.0


@pytest.fixture
def three(filled):
    """Policies 1 to 3. Iteration 1 was opened with policy 1, iteration 2 with policy 2; two problems each, once."""
    filled.policies.add(Policy(2, 1, "policies/2", iteration=1, checksum="sum"))
    filled.policies.add(Policy(3, 2, "policies/3", iteration=2))
    for number in (1, 2):
        filled.iterations.open(number, policy_version=number)
        filled.iterations.schedule(number, problems=2, samples=1, sampling=Sampling(), seed=number)
    return filled


def evaluate(store, version, problems=2):
    return store.evaluations.schedule(version, "heldout", sampling=GREEDY, limit=problems)


def lease(store, held, attempts=100, owner="me", **terms):
    terms = {"swap_wait_s": WAIT_S} | terms
    return store.assignments.lease(owner, attempts, TTL_S, held, **terms)


def named(store, held, **terms):
    """The version that a lease names to an owner without a free slot."""
    policy = lease(store, held, attempts=0, **terms).policy
    return None if policy is None else policy.version


def take_all(store, held, owner="other"):
    """Another owner leases everything that is open to a policy."""
    return store.assignments.lease(owner, 1000, TTL_S, held).assignments


def iterations_of(store, assignments):
    """Which iterations these assignments are of, by the progress that a rollout of each would make."""
    numbers = {a.id: (a.id - 1) // 2 + 1 for a in assignments if a.purpose is Purpose.TRAIN}
    return sorted(numbers.values())


# ---------------------------------------------------------------- the gate


@pytest.mark.parametrize(("held", "iterations"), [(1, [1, 1]), (2, [1, 1, 2, 2]), (3, [1, 1, 2, 2])])
def test_training_work_is_open_to_policies_as_new_as_that_of_its_iteration(three, held, iterations):
    assert iterations_of(three, lease(three, held).assignments) == iterations


@pytest.mark.parametrize("held", [1, 2, 3])
def test_an_evaluation_is_open_to_the_evaluated_policy_alone(three, held):
    for version in (1, 2, 3):
        evaluate(three, version)
    leased = three.assignments.lease("me", 100, TTL_S, held, Purpose.EVAL, pinned=held).assignments
    assert [a.policy_version for a in leased] == [held, held]


def test_an_owner_without_a_policy_gets_work_of_any(three):
    evaluate(three, 1)
    assert len(lease(three, None).assignments) == 6


def test_no_evaluation_is_begun_with_a_policy_that_is_to_be_replaced(three, clock):
    evaluate(three, 1)
    clock.now_s += WAIT_S
    answer = lease(three, 1)
    assert answer.policy.version == 3
    assert {a.purpose for a in answer.assignments} == {Purpose.TRAIN}, "its own training work goes on meanwhile"


@pytest.mark.parametrize("desired", [DesiredState.PAUSED, DesiredState.STOPPED])
def test_a_run_that_is_held_leases_nothing_but_a_sampler_with_a_purpose_of_its_own_does(three, desired):
    evaluate(three, 3)
    three.run.set_desired(desired)
    assert lease(three, 3).assignments == ()
    assert len(lease(three, 3, purpose=Purpose.EVAL).assignments) == 2
    three.run.set_desired(DesiredState.RUNNING)
    assert len(lease(three, 3).assignments) == 4


# ---------------------------------------------------------------- the policy to load


def test_before_the_first_policy_there_is_nothing_to_load_or_to_do(store):
    answer = store.assignments.lease("me", 10, TTL_S, None)
    assert (answer.policy, answer.assignments) == (None, ())
    assert store.assignments.policy_to_load("me") is None


def test_the_latest_policy_is_named_with_its_folder_and_checksum(filled):
    filled.policies.add(Policy(2, 1, "policies/2", checksum="sum"))
    assert lease(filled, 1).policy == filled.policies.get(2).pointer
    assert filled.assignments.policy_to_load("me") == filled.policies.get(2).pointer


def test_whether_a_policy_is_promoted_does_not_matter(three):
    three.policies.decide(1, Decision.PROMOTED, {}, "it is better")
    three.policies.decide(3, Decision.NOT_PROMOTED, {}, "it is worse")
    assert named(three, 1) == 3


def test_an_unfinished_evaluation_keeps_its_policy_for_a_limited_time(three, clock):
    evaluate(three, 1)
    clock.now_s += WAIT_S - 1
    assert named(three, 1) == 1
    clock.now_s += 1
    assert named(three, 1) == 3


def test_attempts_of_an_evaluation_that_the_owner_makes_keep_its_policy_but_not_those_of_others(three):
    evaluate(three, 1)
    assert [a.policy_version for a in lease(three, 1, attempts=2).assignments] == [1, 1]
    assert named(three, 1) == 1
    assert named(three, 1, owner="another") == 3


def test_a_finished_evaluation_keeps_no_policy(three, make):
    evaluate(three, 1)
    three.rollouts.add(make.attempt(a, 0) for a in lease(three, 1, attempts=2).assignments)
    assert named(three, 1) == 3


def test_where_the_latest_policy_has_no_work_an_evaluation_keeps_its_policy_for_as_long_as_it_takes(three, clock):
    evaluate(three, 1)
    take_all(three, held=3)
    clock.now_s += 0.5 * TTL_S
    assert named(three, 1, swap_wait_s=0.0) == 1


def test_an_idle_owner_goes_back_to_the_oldest_policy_that_is_not_measured(three):
    for version in (2, 1):
        evaluate(three, version)
    assert named(three, 3) == 3, "there is work for the latest"
    take_all(three, held=3)
    assert named(three, 3) == 1
    assert named(three, None) == 1
    three.assignments.lease("another", 100, TTL_S, 1)
    assert named(three, 3) == 2
    three.assignments.lease("another", 100, TTL_S, 2)
    assert named(three, 3) == 3


def test_going_back_ends_in_a_stable_choice(three, clock):
    """An owner is never sent to and fro: it stays until the evaluation is leased, and the latest has no work."""
    evaluate(three, 1)
    take_all(three, held=3)
    held, seen = 3, []
    for _ in range(6):
        held = named(three, held)
        seen.append(held)
        clock.now_s += 1
    assert seen == [1] * 6


def test_an_owner_does_not_go_back_before_it_has_finished_what_the_older_policy_may_not_sample(three, make):
    evaluate(three, 1)
    mine = [a for a in lease(three, 3).assignments if a.purpose is Purpose.TRAIN]
    assert len(mine) == 4
    assert named(three, 3) == 3
    three.rollouts.add(make.attempt(a, 0, version=3) for a in mine[2:])
    assert named(three, 3) == 1, "those of iteration 1 are open to policy 1"


def test_a_held_run_sends_no_owner_back(three):
    evaluate(three, 1)
    three.run.set_desired(DesiredState.PAUSED)
    assert named(three, 3) == 3


def test_an_owner_that_makes_no_evaluations_is_not_sent_back_for_one(three):
    evaluate(three, 1)
    take_all(three, held=3)
    assert named(three, 3, purpose=Purpose.TRAIN) == 3


def test_a_policy_whose_folder_was_removed_is_not_loaded_again(three):
    evaluate(three, 1)
    take_all(three, held=3)
    with three._database.write() as session:
        session.connection().exec_driver_sql("UPDATE policies SET pruned_at = 1.0 WHERE version = 1")
    assert named(three, 3) == 3


def test_a_pinned_owner_is_named_its_policy_alone(three):
    evaluate(three, 2)
    assert named(three, None, pinned=1) == named(three, 1, pinned=1) == 1
    assert three.assignments.policy_to_load("me", Purpose.EVAL, pinned=2).version == 2
    assert named(three, None, pinned=99) is None


# ---------------------------------------------------------------- sharing


def active(store, *names, state=SamplerState.SAMPLING):
    for name in names:
        store.samplers.register(name, "host")
        store.samplers.report(name, state, 1, progressed=True)


def held_by(leased):
    return sum(len(a.pending) for a in leased)


def test_the_states_that_lease_nothing_are_states_of_samplers():
    assert {SamplerState(state) for state in NOT_SAMPLING} == {SamplerState.STARTING, SamplerState.ENDED}


def test_a_lone_sampler_gets_all_that_it_asks_for(filled):
    filled.iterations.schedule(1, 20, 1, Sampling())
    active(filled, "a")
    assert held_by(lease(filled, 1, 18, owner="a").assignments) == 18


def test_while_there_is_enough_for_all_each_gets_what_it_asks_for(filled):
    filled.iterations.schedule(1, 20, 4, Sampling())
    active(filled, "a", "b")
    assert held_by(lease(filled, 1, 40, owner="a").assignments) == 40


def test_two_samplers_share_what_is_left_however_often_one_of_them_asks(filled):
    filled.iterations.schedule(1, 20, 1, Sampling())
    active(filled, "a", "b")
    first = [held_by(lease(filled, 1, 100, owner="a").assignments) for _ in range(5)]
    assert first == [10, 0, 0, 0, 0]
    assert held_by(lease(filled, 1, 100, owner="b").assignments) == 10


def test_what_is_left_goes_to_those_that_hold_less(filled, make):
    filled.iterations.schedule(1, 20, 1, Sampling())
    active(filled, "a", "b")
    mine = lease(filled, 1, 100, owner="a").assignments
    filled.rollouts.add(make.attempt(a, 0) for a in mine[:6])  # "a" is quick, and "b" has not asked yet
    assert held_by(lease(filled, 1, 100, owner="a").assignments) == 3  # of the 14 left, it holds 4, and may hold 7


def test_the_last_attempts_are_leased_though_there_are_more_samplers(filled):
    filled.iterations.schedule(1, 3, 1, Sampling())
    active(filled, *"abcdef")
    got = [held_by(lease(filled, 1, 100, owner=name).assignments) for name in "abcdef"]
    assert got == [1, 1, 1, 0, 0, 0]


def test_samplers_that_start_that_ended_or_that_are_silent_get_no_part(filled, clock):
    filled.iterations.schedule(1, 20, 1, Sampling())
    active(filled, "silent")
    clock.now_s += ACTIVE_S + 1
    active(filled, "me")
    active(filled, "starting", state=SamplerState.STARTING)
    active(filled, "ended", state=SamplerState.ENDED)
    assert held_by(lease(filled, 1, 100).assignments) == 20


def test_a_sampler_whose_clock_was_ahead_counts_no_longer_than_another(filled, clock):
    filled.iterations.schedule(1, 20, 1, Sampling())
    clock.now_s += 86_400
    active(filled, "ahead")
    clock.now_s -= 86_400
    active(filled, "me")
    assert held_by(lease(filled, 1, 100).assignments) == 20


def test_evaluations_and_training_are_shared_each_for_itself(filled):
    filled.iterations.schedule(1, 10, 1, Sampling())
    evaluate(filled, 1, problems=4)
    active(filled, "a", "b")
    purposes = [a.purpose for a in lease(filled, 1, 100, owner="a").assignments]
    assert purposes == [Purpose.EVAL] * 2 + [Purpose.TRAIN] * 5


def test_many_samplers_that_ask_at_once_get_everything_once(filled, make):
    filled.iterations.schedule(1, 20, 3, Sampling())
    names = [f"sampler-{i}" for i in range(8)]  # as many as one store has connections for
    active(filled, *names)
    failed = threading.Event()  # what a thread that failed has leased is never done

    def work(name):
        done = []
        try:
            while filled.iterations.progress(1)[0] < 60 and not failed.is_set():
                for assignment in lease(filled, 1, 8, owner=name).assignments:
                    filled.rollouts.add(make.attempt(assignment, i) for i in assignment.pending)
                    done += [(assignment.id, i) for i in assignment.pending]
        except BaseException:
            failed.set()
            raise
        return done

    with ThreadPoolExecutor(len(names)) as threads:
        done = [one for some in threads.map(work, names) for one in some]
    assert len(done) == len(set(done)) == 60


# ---------------------------------------------------------------- samplers for evaluations alone


@pytest.fixture
def divided(three):
    """Three samplers of a run; both purposes have work for policy 3."""
    evaluate(three, 3, problems=6)
    active(three, "sampler-1", "sampler-2", "sampler-10")
    return three


def purposes_of(store, owner, held=3, attempts=1, evaluators=1):
    leased = lease(store, held, attempts, owner=owner, evaluators=evaluators).assignments
    return {assignment.purpose for assignment in leased}


@pytest.mark.parametrize(
    ("evaluators", "evaluate_alone"), [(1, ["sampler-1"]), (2, ["sampler-1", "sampler-2"])], ids=str
)
def test_the_first_samplers_are_for_evaluations_and_the_others_are_not(divided, evaluators, evaluate_alone):
    for owner in ("sampler-1", "sampler-2", "sampler-10"):
        purpose = Purpose.EVAL if owner in evaluate_alone else Purpose.TRAIN
        assert purposes_of(divided, owner, evaluators=evaluators) == {purpose}


def test_the_next_sampler_evaluates_when_the_first_is_lost(divided, clock):
    clock.now_s += ACTIVE_S / 2
    for name in ("sampler-2", "sampler-10"):
        divided.samplers.report(name, SamplerState.SAMPLING, 3, progressed=True)
    assert purposes_of(divided, "sampler-2") == {Purpose.TRAIN}
    clock.now_s += ACTIVE_S / 2 + 1
    assert purposes_of(divided, "sampler-2") == {Purpose.EVAL}


def test_where_no_more_samplers_are_left_than_are_to_evaluate_each_does_both(divided, clock):
    clock.now_s += ACTIVE_S + 1
    assert purposes_of(divided, "sampler-10", attempts=100) == {Purpose.EVAL, Purpose.TRAIN}


def test_an_evaluation_is_not_shared_with_samplers_that_make_none(divided):
    assert len(lease(divided, 3, owner="sampler-1", evaluators=1).assignments) == 6
    assert len(lease(divided, 3, owner="sampler-2", evaluators=1).assignments) == 2


def test_a_sampler_for_training_does_not_stay_on_an_older_policy_for_its_evaluation(divided):
    evaluate(divided, 2)
    assert named(divided, 2, owner="sampler-2", evaluators=1) == 3
    assert named(divided, 2, owner="sampler-1", evaluators=1) == 2


def test_an_idle_sampler_for_evaluations_goes_back_for_one_although_there_is_training_work(divided):
    evaluate(divided, 2)
    for number in range(6):  # each takes a part
        lease(divided, 3, owner=f"other-{number}", purpose=Purpose.EVAL)
    assert named(divided, 3, owner="sampler-1", evaluators=1) == 2


def test_the_division_leaves_a_sampler_with_a_purpose_of_its_own_alone(divided):
    assert len(lease(divided, 3, owner="sampler-10", purpose=Purpose.EVAL, evaluators=1).assignments) >= 1


def test_a_paused_run_pauses_both_kinds(divided):
    divided.run.set_desired(DesiredState.PAUSED)
    assert purposes_of(divided, "sampler-1") == purposes_of(divided, "sampler-2") == set()
