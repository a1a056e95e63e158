from concurrent.futures import ThreadPoolExecutor

from store.records import Policy, Purpose, Sampling

GREEDY = Sampling(temperature=0.0)


def test_leased_work_is_not_leased_to_another_until_it_expires(filled, clock):
    filled.iterations.schedule(1, problems=3, samples=2, sampling=Sampling())
    first = filled.assignments.lease("a", 10, ttl_s=60).assignments
    assert len(first) == 3
    assert filled.assignments.lease("b", 10, ttl_s=60).assignments == ()
    clock.now_s += 59
    assert filled.assignments.lease("b", 10, ttl_s=60).assignments == ()
    clock.now_s += 1
    assert filled.assignments.lease("b", 10, ttl_s=60).assignments == first


def test_a_lease_is_counted_in_missing_attempts(filled, make):
    filled.iterations.schedule(1, problems=4, samples=4, sampling=Sampling())
    first = filled.assignments.lease("a", 6, ttl_s=60).assignments
    assert [len(assignment.pending) for assignment in first] == [4, 4], "an assignment is leased whole"
    filled.rollouts.add([make.attempt(first[0], 0), make.attempt(first[0], 1), make.attempt(first[0], 2)])
    filled.assignments.release("a")
    again = filled.assignments.lease("b", 5, ttl_s=60).assignments
    assert [assignment.pending for assignment in again] == [(3,), (0, 1, 2, 3)], "what is written does not count"


def test_the_least_that_is_leased_is_one_assignment(filled):
    filled.iterations.schedule(1, problems=2, samples=16, sampling=Sampling())
    assert len(filled.assignments.lease("a", 1, ttl_s=60).assignments) == 1


def test_an_extended_lease_holds(filled, clock):
    filled.iterations.schedule(1, problems=3, samples=2, sampling=Sampling())
    held = [assignment.id for assignment in filled.assignments.lease("a", 4, ttl_s=60).assignments]
    clock.now_s += 50
    assert filled.assignments.extend("a", held, ttl_s=60) == 2
    clock.now_s += 50
    assert len(filled.assignments.lease("b", 10, ttl_s=60).assignments) == 1


def test_a_lease_whose_reply_was_lost_expires(filled, clock):
    filled.iterations.schedule(1, problems=3, samples=2, sampling=Sampling())
    lost = filled.assignments.lease("a", 1, ttl_s=60).assignments  # the reply did not arrive
    (known,) = filled.assignments.lease("a", 1, ttl_s=60).assignments
    clock.now_s += 50
    assert filled.assignments.extend("a", [known.id], ttl_s=60) == 1
    clock.now_s += 50
    assert filled.assignments.lease("b", 1, ttl_s=60).assignments == lost


def test_a_lease_that_another_owner_holds_now_is_not_extended(filled, clock):
    filled.iterations.schedule(1, problems=1, samples=2, sampling=Sampling())
    (held,) = filled.assignments.lease("a", 1, ttl_s=60).assignments
    clock.now_s += 61
    assert filled.assignments.lease("b", 1, ttl_s=60).assignments
    assert filled.assignments.extend("a", [held.id], ttl_s=60) == 0


def test_released_work_is_leased_again_at_once(filled):
    filled.iterations.schedule(1, problems=3, samples=2, sampling=Sampling())
    filled.assignments.lease("a", 10, ttl_s=60)
    assert filled.assignments.release("a") == 3
    assert len(filled.assignments.lease("b", 10, ttl_s=60).assignments) == 3


def test_a_second_owner_gets_the_pending_samples_alone(filled, make, clock):
    filled.iterations.schedule(1, problems=1, samples=4, sampling=Sampling())
    (assignment,) = filled.assignments.lease("a", 1, ttl_s=60).assignments
    filled.rollouts.add([make.attempt(assignment, 1), make.attempt(assignment, 3)])
    clock.now_s += 61
    (again,) = filled.assignments.lease("b", 1, ttl_s=60).assignments
    assert again.pending == (0, 2)


def test_two_owners_of_an_expired_lease_write_each_sample_once(filled, make, clock):
    filled.iterations.schedule(1, problems=1, samples=4, sampling=Sampling())
    (slow,) = filled.assignments.lease("slow", 1, ttl_s=60).assignments
    clock.now_s += 61
    (quick,) = filled.assignments.lease("quick", 1, ttl_s=60).assignments
    assert filled.rollouts.add([make.attempt(quick, i) for i in (0, 1, 2)]) == 3
    assert filled.rollouts.add([make.attempt(slow, i, answer="another") for i in range(4)]) == 1
    assert filled.iterations.progress(1) == (4, 4)
    clock.now_s += 1000
    assert filled.assignments.lease("third", 1, ttl_s=60).assignments == ()


def test_evaluations_are_leased_before_training(filled):
    filled.iterations.schedule(1, problems=5, samples=1, sampling=Sampling())
    filled.evaluations.schedule(1, "heldout", sampling=GREEDY, limit=3)
    leased = filled.assignments.lease("a", 5, ttl_s=60).assignments
    assert [a.purpose for a in leased] == [Purpose.EVAL] * 3 + [Purpose.TRAIN] * 2
    assert leased[0].sampling == GREEDY


def test_an_evaluation_of_another_policy_is_left_to_its_own_samplers(filled):
    filled.evaluations.schedule(1, "heldout", sampling=GREEDY, limit=3)
    filled.policies.add(Policy(2, 1, "policies/2"))
    assert filled.assignments.lease("a", 5, ttl_s=60, held=2).assignments == ()
    assert len(filled.assignments.lease("a", 5, ttl_s=60, held=1).assignments) == 3


def test_work_leased_by_many_threads_is_shared_without_overlap(filled):
    filled.iterations.schedule(1, problems=20, samples=1, sampling=Sampling())

    def drain(owner: str) -> list[int]:
        mine: list[int] = []
        while leased := filled.assignments.lease(owner, 2, ttl_s=60).assignments:
            mine += [a.id for a in leased]
        return mine

    with ThreadPoolExecutor(6) as threads:
        taken = [i for ids in threads.map(drain, "abcdef") for i in ids]
    assert len(taken) == len(set(taken)) == 20


def test_a_lease_for_one_purpose_leaves_the_other_alone(filled):
    filled.iterations.schedule(1, problems=5, samples=1, sampling=Sampling())
    filled.evaluations.schedule(1, "heldout", sampling=GREEDY)

    evaluations = filled.assignments.lease("evaluator", 100, 60, 1, Purpose.EVAL).assignments

    assert [a.purpose for a in evaluations] == [Purpose.EVAL] * 10
    assert filled.assignments.lease("evaluator", 100, 60, 1, Purpose.EVAL).assignments == ()
    assert len(filled.assignments.lease("sampler", 100, 60, 1).assignments) == 5
