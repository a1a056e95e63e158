from store.records import Outcome, Policy, Purpose, Sampling

GREEDY = Sampling(temperature=0.0)


def test_a_lease_for_one_purpose_leaves_the_other_alone(filled):
    filled.iterations.schedule(1, problems=5, samples=1, sampling=Sampling())
    filled.evaluations.schedule(1, "heldout", sampling=GREEDY)

    evaluations = filled.assignments.lease("evaluator", 100, 60, 1, Purpose.EVAL)

    assert [a.purpose for a in evaluations] == [Purpose.EVAL] * 10
    assert filled.assignments.lease("evaluator", 100, 60, 1, Purpose.EVAL) == []
    assert len(filled.assignments.lease("sampler", 100, 60, 1)) == 5


def test_promotions_are_remembered_in_their_order(filled):
    filled.policies.add(Policy(filled.policies.next_version(), 1, "policies/2"))
    assert filled.policies.promotions() == []

    for version in (1, 2, 2, 1):
        filled.policies.promote(version)

    assert filled.policies.promotions() == [1, 2, 1]
    assert filled.policies.promoted().version == 1


def test_outcomes_are_counted_by_iteration_without_evaluations(filled, make):
    filled.iterations.schedule(1, problems=3, samples=1, sampling=Sampling())
    filled.evaluations.schedule(1, "heldout", sampling=GREEDY)
    leased = filled.assignments.lease("a", 100, 60)
    training = [a for a in leased if a.purpose is Purpose.TRAIN]
    filled.rollouts.add([make.attempt(a, 0, Outcome.ACCEPTED) for a in leased if a.purpose is Purpose.EVAL])
    filled.rollouts.add([make.attempt(a, 0, Outcome.ACCEPTED) for a in training[:2]])
    filled.rollouts.add([make.attempt(training[2], 0, Outcome.WRONG)])

    assert filled.iterations.outcomes() == {1: {"accepted": 2, "wrong": 1}}
    assert filled.iterations.outcomes(2) == {}
    assert (filled.iterations.blocks_run(1), filled.iterations.blocks_run(2)) == (3, 0)
