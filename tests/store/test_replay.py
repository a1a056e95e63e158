from dataclasses import replace

import pytest

from store.errors import InvalidRolloutError
from store.records import ExecutionRecord, Outcome, PolicySpan, Purpose, Sampling, Segment, SegmentKind


@pytest.fixture
def assignment(filled):
    filled.schedule_training(1, problems=1, samples=4, sampling=Sampling(0.7, 0.9))
    (leased,) = filled.lease("a", 1, ttl_s=60)
    return leased


def test_a_rollout_is_read_back_as_it_was_written(filled, make, assignment):
    written = replace(
        make.attempt(assignment, 0),
        spans=(PolicySpan(1, 0, 2), PolicySpan(3, 2, 5)),
        model_mask=(True, False, True, True, False),
        executions=(ExecutionRecord("ok", "x", "out", "err", "42", 0.5), ExecutionRecord("timeout", "y", seconds=10.0)),
        segments=(Segment(SegmentKind.TEXT, "half a pair \ud83d and a NUL \0"), Segment(SegmentKind.CODE, "x = 1")),
    )
    filled.add_rollouts([written])
    assert list(filled.rollouts()) == [written]


def test_a_rollout_without_tokens_is_read_back_too(filled, make, assignment):
    empty = replace(make.attempt(assignment, 0), token_ids=(), model_mask=(), spans=(), segments=(), executions=())
    empty = replace(empty, outcome=Outcome.FAULT, answer=None)
    filled.add_rollouts([empty])
    assert list(filled.rollouts(outcome=Outcome.FAULT)) == [empty]


def test_an_answer_with_characters_that_are_no_text_is_kept_legible(filled, make, assignment):
    filled.add_rollouts([replace(make.attempt(assignment, 0), answer="4\0 \ud83d")])
    (read,) = filled.rollouts()
    assert read.answer == "4\ufffd ?"


def test_writing_again_changes_nothing(filled, make, assignment):
    rollouts = [make.attempt(assignment, i) for i in range(3)]
    assert filled.add_rollouts(rollouts) == 3
    assert filled.add_rollouts(rollouts + rollouts[:1]) == 0
    assert filled.progress(1) == (3, 4)
    assert filled.stats().executions == {"ok": 3}


def test_a_rollout_twice_in_one_batch_is_written_once(filled, make, assignment):
    assert filled.add_rollouts([make.attempt(assignment, 0)] * 3) == 1
    assert filled.progress(1) == (1, 4)


def test_one_bad_rollout_keeps_the_whole_batch_out(filled, make, assignment):
    good = make.attempt(assignment, 0)
    with pytest.raises(InvalidRolloutError):
        filled.add_rollouts([good, replace(make.attempt(assignment, 1), model_mask=(True,))])
    assert filled.progress(1) == (0, 4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model_mask": (True,)}, "1 mask flags for 5 tokens"),
        ({"spans": (PolicySpan(1, 0, 9),)}, "span 0:9 is not in its 5 tokens"),
        ({"id": "999-0"}, "the ids of assignment"),
        ({"assignment_id": 999, "id": "999-0"}, "no assignment 999"),
        ({"problem_id": "p29"}, "is for problem"),
        ({"purpose": Purpose.EVAL}, "is for problem"),
        ({"assignment_id": None}, "must be a demonstration"),
    ],
)
def test_a_rollout_that_contradicts_its_assignment_is_refused(filled, make, assignment, change, message):
    with pytest.raises(InvalidRolloutError, match=message):
        filled.add_rollouts([replace(make.attempt(assignment, 0), **change)])


def test_a_sample_beyond_the_assignment_is_refused(filled, make, assignment):
    with pytest.raises(InvalidRolloutError, match=rf"end with {assignment.id}-3"):
        filled.add_rollouts([make.attempt(assignment, 4)])


def test_demonstrations_need_no_assignment_and_are_written_once(filled, make):
    demonstration = make.demonstration("abc", "p0", "print(1)")
    assert filled.add_rollouts([demonstration]) == 1
    assert filled.add_rollouts([demonstration]) == 0
    assert list(filled.rollouts(purpose=Purpose.DEMONSTRATION)) == [demonstration]


def test_a_demonstration_of_a_held_out_or_unknown_problem_is_refused(filled, make):
    with pytest.raises(InvalidRolloutError, match="'p20' is held out"):
        filled.add_rollouts([make.demonstration("abc", "p20", "print(1)")])
    with pytest.raises(InvalidRolloutError, match="no problem 'nowhere'"):
        filled.add_rollouts([make.demonstration("abc", "nowhere", "print(1)")])


def test_more_rollouts_than_a_statement_takes_are_written_in_one_go(filled, make):
    filled.schedule_training(1, problems=20, samples=60, sampling=Sampling())
    rollouts = [make.attempt(a, i) for a in filled.lease("a", 100, 60) for i in a.pending]
    assert filled.add_rollouts(rollouts) == 1200
    assert filled.progress(1) == (1200, 1200)
    assert len(list(filled.rollouts(iteration=1))) == 1200


def test_stats_tell_training_from_evaluation(filled, make):
    filled.schedule_training(1, problems=2, samples=2, sampling=Sampling())
    filled.schedule_evaluation(1, "heldout", sampling=Sampling(0.0), limit=3)
    for assignment in filled.lease("a", 100, 60):
        outcomes = (Outcome.ACCEPTED, Outcome.WRONG)
        filled.add_rollouts([make.attempt(assignment, i, outcomes[i]) for i in assignment.pending])
    filled.add_rollouts([make.demonstration("abc", "p0", "print(1)")])
    stats = filled.stats()
    assert stats.problems == {"train": 20, "heldout": 10, "excluded": 0}
    assert stats.train.by_outcome == {"accepted": 2, "wrong": 2}
    assert (stats.train.total, stats.train.accepted) == (4, 2)
    assert stats.eval.by_outcome == {"accepted": 3}
    assert stats.demonstrations.total == 1
    assert (stats.executions, stats.executions_total) == ({"ok": 8}, 8)
    assert [(i.number, i.done, i.scheduled) for i in stats.iterations] == [(1, 4, 4)]


def test_a_few_solutions_come_with_their_problems(filled, make, assignment):
    filled.add_rollouts([make.attempt(assignment, 0, Outcome.WRONG), make.attempt(assignment, 1)])
    ((problem, rollout),) = filled.sample_rollouts(5, outcome=Outcome.ACCEPTED)
    assert problem == assignment.problem
    assert rollout == make.attempt(assignment, 1)
