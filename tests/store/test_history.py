from store.records import Outcome, Policy, Purpose, Sampling

GREEDY = Sampling(temperature=0.0)


def test_a_lease_for_one_purpose_leaves_the_other_alone(filled):
    filled.schedule_training(1, problems=5, samples=1, sampling=Sampling())
    filled.schedule_evaluation(1, "heldout", sampling=GREEDY)

    evaluations = filled.lease("evaluator", 100, 60, 1, Purpose.EVAL)

    assert [a.purpose for a in evaluations] == [Purpose.EVAL] * 10
    assert filled.lease("evaluator", 100, 60, 1, Purpose.EVAL) == []
    assert len(filled.lease("sampler", 100, 60, 1)) == 5


def test_promotions_are_remembered_in_their_order(filled):
    filled.add_policy(Policy(filled.next_version(), 1, "policies/2"))
    assert filled.promotions() == []

    for version in (1, 2, 2, 1):
        filled.promote(version)

    assert filled.promotions() == [1, 2, 1]
    assert filled.promoted().version == 1


def test_outcomes_are_counted_by_iteration_without_evaluations(filled, make):
    filled.schedule_training(1, problems=3, samples=1, sampling=Sampling())
    filled.schedule_evaluation(1, "heldout", sampling=GREEDY)
    leased = filled.lease("a", 100, 60)
    training = [a for a in leased if a.purpose is Purpose.TRAIN]
    filled.add_rollouts([make.attempt(a, 0, Outcome.ACCEPTED) for a in leased if a.purpose is Purpose.EVAL])
    filled.add_rollouts([make.attempt(a, 0, Outcome.ACCEPTED) for a in training[:2]])
    filled.add_rollouts([make.attempt(training[2], 0, Outcome.WRONG)])

    assert filled.outcomes_by_iteration() == {1: {"accepted": 2, "wrong": 1}}
    assert filled.outcomes_by_iteration(2) == {}
    assert (filled.blocks_run(1), filled.blocks_run(2)) == (3, 0)
