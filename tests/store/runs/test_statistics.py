from dataclasses import replace

import pytest

from store.records import FaultKind, Outcome, Sampling
from store.settings import RetentionSettings


def test_statistics_separate_training_from_evaluation(filled, make):
    filled.iterations.schedule(1, problems=2, samples=2, sampling=Sampling())
    filled.evaluations.schedule(1, "heldout", sampling=Sampling(0.0), limit=3)
    for assignment in filled.assignments.lease("a", 100, 60).assignments:
        outcomes = (Outcome.ACCEPTED, Outcome.WRONG)
        filled.rollouts.add([make.attempt(assignment, i, outcomes[i]) for i in assignment.pending])
    filled.rollouts.add([make.demonstration("abc", "p0", "print(1)")])
    statistics = filled.run.statistics()
    assert statistics.problems == {"train": 20, "heldout": 10, "excluded": 0}
    assert statistics.train.by_outcome == {"accepted": 2, "wrong": 2}
    assert (statistics.train.total, statistics.train.accepted, statistics.acceptance_rate) == (4, 2, 0.5)
    assert statistics.eval.by_outcome == {"accepted": 3}
    assert statistics.demonstrations.total == 1
    assert (statistics.executions, statistics.executions_total) == ({"ok": 8}, 8)
    assert [(i.number, i.done, i.scheduled) for i in statistics.iterations] == [(1, 4, 4)]


@pytest.mark.parametrize("outcome", [Outcome.FAULT, Outcome.UNDECIDED, Outcome.UNVERIFIABLE])
def test_the_acceptance_rate_is_that_of_the_rollouts_that_count(filled, make, outcome):
    filled.iterations.schedule(1, problems=1, samples=8, sampling=Sampling())
    (assignment,) = filled.assignments.lease("a", 1, 60).assignments
    counted = [Outcome.ACCEPTED, Outcome.WRONG, Outcome.NO_ANSWER, Outcome.TRUNCATED]
    filled.rollouts.add(make.attempt(assignment, i, one) for i, one in enumerate(counted))
    before = filled.run.statistics().acceptance_rate
    filled.rollouts.add(make.attempt(assignment, i, outcome) for i in range(4, 8))
    assert filled.run.statistics().acceptance_rate == before == 0.25
    filled.rollouts.prune(RetentionSettings(keep=0))
    assert filled.run.statistics().acceptance_rate == before


def test_faults_are_counted_by_kind(filled, make):
    filled.iterations.schedule(1, problems=1, samples=5, sampling=Sampling())
    (assignment,) = filled.assignments.lease("a", 1, 60).assignments
    kinds = [FaultKind.CHECKER, FaultKind.CHECKER, FaultKind.ENGINE, None]  # the last as older versions stored it
    filled.rollouts.add(replace(make.attempt(assignment, i, Outcome.FAULT), fault=kind) for i, kind in enumerate(kinds))
    filled.rollouts.add([make.attempt(assignment, 4)])
    expected = {"checker": 2, "engine": 1, "unknown": 1}
    assert filled.run.statistics().train.faults == filled.iterations.faults(1) == expected
    assert filled.run.statistics().eval.faults == {}
