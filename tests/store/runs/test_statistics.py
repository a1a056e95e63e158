from store.records import Outcome, Sampling


def test_statistics_separate_training_from_evaluation(filled, make):
    filled.iterations.schedule(1, problems=2, samples=2, sampling=Sampling())
    filled.evaluations.schedule(1, "heldout", sampling=Sampling(0.0), limit=3)
    for assignment in filled.assignments.lease("a", 100, 60):
        outcomes = (Outcome.ACCEPTED, Outcome.WRONG)
        filled.rollouts.add([make.attempt(assignment, i, outcomes[i]) for i in assignment.pending])
    filled.rollouts.add([make.demonstration("abc", "p0", "print(1)")])
    statistics = filled.run.statistics()
    assert statistics.problems == {"train": 20, "heldout": 10, "excluded": 0}
    assert statistics.train.by_outcome == {"accepted": 2, "wrong": 2}
    assert (statistics.train.total, statistics.train.accepted) == (4, 2)
    assert statistics.eval.by_outcome == {"accepted": 3}
    assert statistics.demonstrations.total == 1
    assert (statistics.executions, statistics.executions_total) == ({"ok": 8}, 8)
    assert [(i.number, i.done, i.scheduled) for i in statistics.iterations] == [(1, 4, 4)]
